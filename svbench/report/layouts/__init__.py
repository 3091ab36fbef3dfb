"""Paper tables by layout: a grid of cells from runs, written as LaTeX, Markdown, HTML, CSV or JSON."""
