"""Layouts: how the files of known data sets are arranged on disk."""
