"""How well objective scores follow the ratings of listeners: pure statistics, and the page that shows them.

Whatever computed the scores is of no concern here: they come in as a table. `svbench.agreement.excerpts`
makes that table from runs.
"""
