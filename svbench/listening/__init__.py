"""Listening tests: built from runs, served to listeners, analysed like any other scores."""
