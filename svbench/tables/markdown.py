"""Write tables as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from svbench.printing.visible import visible
from svbench.tables.model import LEAK, TIE, Grid, GridCell, GridRow

# Characters that Markdown takes for markup, or an interval, which is longer and left alone.
MARKED = re.compile(r"\[[−+]?[\d.∞]+, [−+]?[\d.∞]+\](?![\[(:])|[\\`*_{}\[\]|~]")


def markdown_text(text: str) -> str:
    """Escape text for Markdown and HTML, so that nothing of it is taken for markup.

    Intervals stay as they are: two numbers in square brackets are not a link.

    Examples
    --------
    >>> print(markdown_text("a|b <i>*c*</i> [−0.50, 1.25]"))
    a\\|b &lt;i&gt;\\*c\\*&lt;/i&gt; [−0.50, 1.25]
    """
    plain = html.escape(visible(" ".join(text.split())), quote=False)
    return MARKED.sub(lambda found: found[0] if len(found[0]) > 1 else f"\\{found[0]}", plain)


def markdown(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write tables with bold and underlined numbers, quoted ones in italics; notes go below."""
    parts = []
    for grid in grids:
        heads = [grid.first, *(" ".join(p for p in (c.group, c.head) if p) for c in grid.columns)]
        lines = [
            [markdown_text(h) for h in heads],
            ["---", *("---" if c.is_text else "---:" for c in grid.columns)],
            *([_markdown_name(row), *(_markdown_cell(c, row) for c in row.cells)] for row in grid.rows),
        ]
        title = [f"**{markdown_text(grid.title)}**", ""] if len(grids) > 1 else []
        parts.append("\n".join([*title, *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join([*parts, *([markdown_text(" ".join(notes))] if notes else [])])


def _markdown_name(row: GridRow) -> str:
    name = markdown_text(row.name)
    if row.quoted:
        return rf"*{name}* \[{row.quoted}\]"
    return f"{name} 🔴 {LEAK}" if row.leaked else name


def _markdown_cell(cell: GridCell, row: GridRow) -> str:
    text = markdown_text(cell.text)
    if row.quoted and not cell.measured:
        return f"*{text}*"
    text = f"**{text}**" if cell.best else f"<ins>{text}</ins>" if cell.second else text
    behind = f" {cell.interval}" if cell.interval else ""  # as it is: two numbers are no link
    return text + (TIE if cell.tied else "") + cell.extra + behind
