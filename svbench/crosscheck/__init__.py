"""Compare scores of svbench with those of other tools."""
