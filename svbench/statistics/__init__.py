"""How sure a printed number is: intervals, paired comparisons, ranks, and the gate of a pull request.

From runs to values by track (`material`), to resampled numbers (`draws`, `samples`), to their intervals
(`intervals`). `headline`, `comparison` and `gate` are what tables, reports and commands ask for.
"""
