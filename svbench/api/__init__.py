"""The use cases of svbench as plain functions; `svbench.evaluate` and its neighbours lead here.

The command line parses arguments, calls these functions and prints. Nothing here prints. Functions that take
long accept ``progress``, called with a `Step` for each piece of work that is done, and ``provenance``,
which is stored with the result.
"""
