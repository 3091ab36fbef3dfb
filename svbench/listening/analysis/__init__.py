"""The analysis of ratings: which of them count, how conditions were rated, and which differences are certain.

`pipeline` runs the steps: the ratings that count (`panel`), assessors and ratings that the standard excludes
(`screening`), assessors who behaved oddly (`conduct`), numbers of each condition (`describe`), tests of all
conditions (`omnibus`) and of every two (`pairs`), and the reliability of assessors (`reliability`).
Preferences and ABX tests have no scale and a module of their own (`comparisons`).
docs/listening-analysis.md has every formula.
"""
