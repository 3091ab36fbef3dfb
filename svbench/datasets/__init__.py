"""From a manifest and a folder to tracks: layouts, the embedded demo, verification."""
