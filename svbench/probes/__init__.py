"""Probes: pure, seeded changes of a track that show where a system fails."""
