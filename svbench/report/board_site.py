"""Write a board's site: a folder that opens from disk, with a page for each row's provenance."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from svbench.errors import DataError
from svbench.report.board_build import board_page, page_name, system_page
from svbench.report.board_merge import Entry

TEMPLATES = Path(__file__).with_name("templates")
# report.css imports the next three.
ASSETS = ("report.css", "tables.css", "player.css", "curves.css", "sort.js", "board.css")
MARK = ".svbench-board"


def write_board(every: Sequence[Sequence[Entry]], title: str, out: Path) -> Path:
    """Write the site.

    Parameters
    ----------
    every : sequence of sequence of Entry
        As `svbench.report.board_merge.merge` returns them.
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
    with _replaced(out) as new:
        (new / "assets").mkdir()
        for name in ASSETS:
            shutil.copyfile(TEMPLATES / "assets" / name, new / "assets" / name)
        (new / "index.html").write_text(
            _render("board.html", page=board_page(every, title)), encoding="utf-8"
        )
        (new / "systems").mkdir()
        for entry in (e for entries in every for e in entries):
            text = _render("board_system.html", page=system_page(entry), board=title)
            (new / page_name(entry.run)).write_text(text, encoding="utf-8")
    return out / "index.html"


@contextmanager
def _replaced(out: Path) -> Iterator[Path]:
    """Give a folder to write to that becomes ``out`` once all of it is written."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, expected a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise DataError(f"{out}: holds other files; give an empty folder or one of an earlier board")
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.resolve().with_name(f".{out.resolve().name}-{os.getpid()}")
    new.mkdir()
    try:
        (new / MARK).touch()
        yield new
        shutil.rmtree(out, ignore_errors=True)
        new.rename(out)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _render(template: str, **values: object) -> str:
    """Fill a template; an undefined name is an error and markup from a run is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
