"""Scores with a status, the run store, provenance, and the reducers behind every printed number."""
