"""Intervals, paired comparisons, ranks, and the gate of a pull request.

`track_values` reads the values of each track from runs, `resampling` resamples them and computes intervals,
`samples` does so once for each system. `pairs` and `ranks` compare systems; `comparison` and `gate` put it
together for tables, reports and commands.
"""
