"""What reports of all kinds share: the style of drawings, markup and numbers as text, safe cells."""
