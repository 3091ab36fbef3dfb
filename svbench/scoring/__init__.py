"""Score estimates against references by a protocol: one track, arrays, or folders."""
