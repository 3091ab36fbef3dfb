"""The flow from a protocol, a data set and systems to scored runs; only the command line imports it."""
