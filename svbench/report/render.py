"""Write a report: one folder with a page, its style and script, and the excerpts to hear."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from svbench import __version__
from svbench.errors import DataError
from svbench.report.boards import comparable
from svbench.report.build import groups
from svbench.report.context import Listen, ReportPage
from svbench.report.origins import failures, origins
from svbench.report.players import write_players
from svbench.results.store import Run
from svbench.specs.protocol import ORIGINAL
from svbench.specs.records import digest
from svbench.specs.report import ReportSpec

TEMPLATES = Path(__file__).with_name("templates")
ASSETS = ("report.css", "report.js")
MARK = ".svbench-report"


def write_report(runs: Sequence[Run], spec: ReportSpec, out: Path) -> Path:
    """Write a report that opens from file:// without a network.

    Parameters
    ----------
    runs : sequence of Run
        Any mixture of protocols; only comparable ones share a table.
    spec : ReportSpec
    out : Path
        A folder: new, empty, or an earlier report, which is replaced.

    Returns
    -------
    Path
        The page, ``index.html``.

    Raises
    ------
    DataError
        No runs, two runs of one system on the same protocol and data, or a folder with other things in it.
    """
    runs = sorted(runs, key=lambda r: (r.record.protocol.id, r.record.system.id))
    _check(runs, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Made beside it, so that an earlier report stays until there is a whole new one.
    new = out.resolve().with_name(f".{out.resolve().name}-{os.getpid()}")
    new.mkdir()
    try:
        _write(runs, spec, new)
        shutil.rmtree(out, ignore_errors=True)
        new.rename(out)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return out / "index.html"


def _write(runs: Sequence[Run], spec: ReportSpec, out: Path) -> None:
    (out / MARK).touch()
    listens: list[Listen] = []
    note = ""
    if "listen" in spec.sections:
        listens, note = write_players(_most_heard(runs), spec.listen, out)
    page = ReportPage(
        title=spec.title,
        summary=_summary(runs),
        sections=spec.sections,
        groups=tuple(groups(runs)),
        listens=tuple(listens),
        listen_note=note,
        failures=tuple(failures(runs)),
        origins=tuple(origins(runs)),
        version=__version__,
    )
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, out / name)
    (out / "index.html").write_text(render(page), encoding="utf-8")


def render(page: ReportPage) -> str:
    """Fill the template; an undefined name is an error and markup from a run is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(page=page)


def _check(runs: Sequence[Run], out: Path) -> None:
    if not runs:
        raise DataError("no runs to report on")
    seen: dict[tuple[str, str, str], Run] = {}
    for run in runs:
        key = (run.record.system.id, run.record.protocol_digest, run.record.data.digest)
        if key in seen:
            raise DataError(
                f"{seen[key].path} and {run.path} are both runs of {key[0]!r} on the same protocol and data; "
                "report one of them"
            )
        seen[key] = run
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise DataError(f"{out}: holds other files; give an empty folder or one of an earlier report")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, expected a folder")


def _most_heard(runs: Sequence[Run]) -> list[Run]:
    """Return the comparable runs on unchanged tracks with most kept estimates; ties go to the first."""
    heard = [r for r in runs if r.record.data.variant in ("", ORIGINAL)] or runs
    return max(comparable(heard), key=lambda g: sum(bool(t.estimates) for r in g for t in r.results))


def _measured(run: Run) -> str:
    """Name what a run measured on; the variants of a probe are one data set."""
    data = run.record.data
    return digest([data.id, data.version, data.subset, data.tracks]) if data.variant else data.digest


def _summary(runs: Sequence[Run]) -> str:
    def count(names: set[str], word: str) -> str:
        return f"{len(names)} {word}{'' if len(names) == 1 else 's'}"

    systems = count({r.record.system.id for r in runs}, "system")
    protocols = count({r.record.protocol_digest for r in runs}, "protocol")
    return f"{systems}, {protocols}, {count({_measured(r) for r in runs}, 'data set')}"
