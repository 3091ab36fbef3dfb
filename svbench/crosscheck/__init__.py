"""Compare scores of svbench with those of the original tools."""
