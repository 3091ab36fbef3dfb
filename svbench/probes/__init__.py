"""Probes: pure, seeded changes of a track that show what a system cannot bear."""
