"""Write tables as JSON and CSV with unrounded values, a record for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from svbench.printing.visible import json_text
from svbench.tables.model import Grid, GridCell, GridColumn
from svbench.tables.spreadsheet import records_csv


def grids_json(grids: Sequence[Grid], notes: Sequence[str], layout: str) -> str:
    """Write tables and notes as JSON, unrounded."""
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
    return json_text(content)


def grids_csv(grids: Sequence[Grid]) -> str:
    """Write tables as CSV, one line for each cell, unrounded."""
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
