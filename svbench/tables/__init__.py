"""Tables of ready texts, and one writer for each format."""
