"""Excerpts, players and spectrograms of a report."""
