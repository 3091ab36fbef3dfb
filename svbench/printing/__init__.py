"""What reports of all kinds share: the style of drawings, markup as text, folders replaced as a whole."""
