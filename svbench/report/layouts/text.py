"""Grids as Markdown, HTML, CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from svbench.printing import visible
from svbench.report.layouts.grid import TIE, Grid, GridCell, GridColumn, GridRow
from svbench.report.view.caveats import LEAK
from svbench.tables.markup import html_text, markdown_text
from svbench.tables.spreadsheet import records_csv

GREY = "#6b6b6b"  # dark enough to be read on white


def markdown(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write tables with bold, underlined and, for what is quoted, slanted numbers."""
    parts = []
    for grid in grids:
        heads = [grid.first, *(" ".join(p for p in (c.group, c.head) if p) for c in grid.columns)]
        lines = [
            [markdown_text(h) for h in heads],
            ["---", *("---:" if c.is_numeric else "---" for c in grid.columns)],
            *([_markdown_name(row), *(_markdown_cell(c, row) for c in row.cells)] for row in grid.rows),
        ]
        title = [f"**{markdown_text(grid.title)}**", ""] if len(grids) > 1 else []
        parts.append("\n".join([*title, *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join([*parts, markdown_text(" ".join(notes))])


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


def html_tables(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write real tables: captions, heads with their scope, no style sheet needed."""
    parts = []
    for grid in grids:
        body = "\n".join(
            f"<tr{f' style={chr(34)}color:{GREY}{chr(34)}' if row.quoted else ''}>"
            f"{_html_name(row)}{''.join(_html_cell(c, row) for c in row.cells)}</tr>"
            for row in grid.rows
        )
        title = html_text(grid.title)
        parts.append(
            f"<table>\n<caption>{title}</caption>\n<thead>\n{_html_heads(grid)}\n</thead>\n"
            f"<tbody>\n{body}\n</tbody>\n</table>"
        )
    return "\n".join([*parts, f"<p><small>{html_text(' '.join(notes))}</small></p>"])


def _html_heads(grid: Grid) -> str:
    first = html_text(grid.first)
    heads = "".join(f'<th scope="col">{html_text(c.head)}</th>' for c in grid.columns)
    if not any(c.group for c in grid.columns):
        return f'<tr><th scope="col">{first}</th>{heads}</tr>'
    spans = [(group, len(list(same))) for group, same in groupby(grid.columns, key=_group)]
    groups = "".join(
        f'<th scope="colgroup" colspan="{n}">{html_text(group)}</th>' if group else f'<td colspan="{n}"></td>'
        for group, n in spans
    )
    return f'<tr><td></td>{groups}</tr>\n<tr><th scope="col">{first}</th>{heads}</tr>'


def _group(column: GridColumn) -> str:
    return column.group


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


def json_text(grids: Sequence[Grid], notes: Sequence[str], layout: str) -> str:
    """Write everything, unrounded."""
    content = {
        "layout": layout,
        "tables": [
            {
                "title": grid.title,
                "rows": [
                    {
                        grid.first: row.name,
                        "kind": row.kind,
                        "imported": row.imported,
                        "leaked": row.leaked,
                        "quoted": row.quoted,
                        "cells": [_plain(c, h) for c, h in zip(row.cells, grid.columns, strict=True)],
                    }
                    for row in grid.rows
                ],
            }
            for grid in grids
        ],
        "notes": list(notes),
    }
    return visible.json_text(content)


def csv_text(grids: Sequence[Grid]) -> str:
    """Write one line for each cell, unrounded."""
    rows = [
        {"table": grid.title, "row": row.name, "kind": row.kind, "quoted": row.quoted, **_plain(cell, head)}
        for grid in grids
        for row in grid.rows
        for cell, head in zip(row.cells, grid.columns, strict=True)
    ]
    return records_csv(rows).rstrip("\n")


def _plain(cell: GridCell, head: GridColumn) -> dict[str, Any]:
    return {
        "group": head.group,
        "column": head.head,
        "text": cell.text,
        "best": cell.best,
        "second": cell.second,
        "tied": cell.tied,
        "partial": cell.partial,
        **cell.detail,
    }
