"""Five patterns that fool separators, laid over music: clips, where they go, the seven sets."""
