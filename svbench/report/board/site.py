"""Write a board's site: a folder that opens from disk, with a page for each row's provenance."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from svbench.printing.pages import templates
from svbench.report.board.build import board_page, page_name, system_page
from svbench.report.board.merge import Entry
from svbench.report.view.intervals import Intervals
from svbench.results.folders import replaced

TEMPLATES = Path(__file__).parents[1] / "templates"
# report.css imports the next three.
ASSETS = ("report.css", "tables.css", "player.css", "curves.css", "sort.js", "board.css")
MARK = ".svbench-board"


def write_board(every: Sequence[Sequence[Entry]], title: str, out: Path) -> Path:
    """Write the site.

    Parameters
    ----------
    every : sequence of sequence of Entry
        As `svbench.report.board.merge.merge` returns them.
    title : str
    out : Path
        A folder: new, empty, or an earlier board, which is replaced.

    Returns
    -------
    Path
        The first page, ``index.html``.

    Raises
    ------
    DataError
        The folder holds other things.
    """
    intervals = Intervals()
    with replaced(out, MARK, "board") as new:
        (new / "assets").mkdir()
        for name in ASSETS:
            shutil.copyfile(TEMPLATES / "assets" / name, new / "assets" / name)
        (new / "index.html").write_text(
            _render("board.html", page=board_page(every, title, intervals)), encoding="utf-8"
        )
        (new / "systems").mkdir()
        for entry in (e for entries in every for e in entries):
            text = _render("board_system.html", page=system_page(entry, intervals), board=title)
            (new / page_name(entry.run)).write_text(text, encoding="utf-8")
    return out / "index.html"


def _render(template: str, **values: object) -> str:
    """Fill a template; an undefined name is an error and markup from a run is escaped."""
    return templates(TEMPLATES).get_template(template).render(**values)
