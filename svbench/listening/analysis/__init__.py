"""Ratings analysed: who counts, what they gave, and what of it is more than chance.

From the long table to the ratings that count (`panel`), to whom the standard excludes (`screening`) and who
behaved oddly (`conduct`), single odd ratings (`outliers`), numbers of conditions (`describe`), tests of all
conditions (`omnibus`) and of every two (`pairs`), how reliable assessors are (`reliability`), and
comparisons, which have no scale (`comparisons`). `whole` puts them together. docs/listening-analysis.md has
every formula.
"""
