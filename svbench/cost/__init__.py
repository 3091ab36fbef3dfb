"""Measure what a system costs: time, memory, size, look-ahead, streaming, repeatability."""
