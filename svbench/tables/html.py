"""Write tables as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

from svbench.printing.visible import visible
from svbench.tables.model import LEAK, TIE, Grid, GridCell, GridRow

GREY = "#6b6b6b"  # dark enough to be read on white


def html_text(text: str) -> str:
    """Escape text for HTML, and make characters visible that would control a terminal.

    Examples
    --------
    >>> html_text("<i>\\x07")
    '&lt;i&gt;\\\\x07'
    """
    return html.escape(visible(text))


def html_tables(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write tables with captions and scoped heads, which need no style sheet; notes go below."""
    parts = []
    for grid in grids:
        body = "\n".join(
            f"<tr{f' style={chr(34)}color:{GREY}{chr(34)}' if row.quoted else ''}>"
            f"{_html_name(row)}{''.join(_html_cell(c, row) for c in row.cells)}</tr>"
            for row in grid.rows
        )
        caption = html_text(grid.title)
        parts.append(
            f"<table>\n<caption>{caption}</caption>\n<thead>\n{_html_heads(grid)}\n</thead>\n"
            f"<tbody>\n{body}\n</tbody>\n</table>"
        )
    below = f"<p><small>{html_text(' '.join(notes))}</small></p>"
    return "\n".join([*parts, *([below] if notes else [])])


def _html_heads(grid: Grid) -> str:
    first = html_text(grid.first)
    heads = "".join(f'<th scope="col">{html_text(c.head)}</th>' for c in grid.columns)
    if not any(c.group for c in grid.columns):
        return f'<tr><th scope="col">{first}</th>{heads}</tr>'
    spans = [(group, len(list(same))) for group, same in groupby(grid.columns, key=lambda c: c.group)]
    groups = "".join(
        f'<th scope="colgroup" colspan="{n}">{html_text(group)}</th>' if group else f'<td colspan="{n}"></td>'
        for group, n in spans
    )
    return f'<tr><td></td>{groups}</tr>\n<tr><th scope="col">{first}</th>{heads}</tr>'


def _html_name(row: GridRow) -> str:
    leak = f' <b style="color:#b00020">{LEAK}</b>' if row.leaked else ""
    source = f" [{row.quoted}]" if row.quoted else ""
    return f'<th scope="row">{html_text(row.name)}{source}{leak}</th>'


def _html_cell(cell: GridCell, row: GridRow) -> str:
    text = html_text(cell.text)
    text = f"<b>{text}</b>" if cell.best else f"<u>{text}</u>" if cell.second else text
    ink = ' style="color:CanvasText"' if row.quoted and cell.measured else ""
    tie = f"<sup>{TIE}</sup>" if cell.tied else ""
    below = f'<br><small style="color:{GREY}">{html_text(cell.interval)}</small>' if cell.interval else ""
    return f"<td{ink}>{text}{tie}{html_text(cell.extra)}{below}</td>"
