"""The command line: it parses arguments, calls `svbench.api` and prints."""
