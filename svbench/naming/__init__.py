"""Names of stems, targets and tracks, as files and folders of music spell them."""
