"""How files and folders of music are called: the names of stems, targets and tracks that are understood."""
