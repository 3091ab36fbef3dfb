"""Write a report: one folder with its pages, style and scripts, and the excerpts to hear."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from svbench.errors import DataError
from svbench.printing.pages import templates
from svbench.report.pages.pages import Page, pages
from svbench.results.folders import replaced
from svbench.results.store import Run
from svbench.specs.report import ReportSpec

TEMPLATES = Path(__file__).parents[1] / "templates"
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
        The first page, ``index.html``.

    Raises
    ------
    DataError
        No runs, two runs of one system on the same protocol and data, or a folder with other things in it.
    """
    runs = sorted(runs, key=lambda r: (r.record.protocol.id, r.record.system.id))
    _check(runs)
    with replaced(out, MARK, "report") as new:
        _write(runs, spec, new)
    return out / "index.html"


def _write(runs: Sequence[Run], spec: ReportSpec, out: Path) -> None:
    (out / "assets").mkdir()
    for asset in sorted((TEMPLATES / "assets").iterdir()):
        shutil.copyfile(asset, out / "assets" / asset.name)
    renderer = Renderer()
    for place, template, page in pages(runs, spec, out):
        path = out / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renderer.render(template, page), encoding="utf-8")


class Renderer:
    """Fills templates; an undefined name is an error and markup from a run is escaped."""

    def __init__(self) -> None:
        self.environment = templates(TEMPLATES)
        self.environment.filters["json"] = _json

    def render(self, template: str, page: Page) -> str:
        """Return a page's text."""
        return self.environment.get_template(template).render(page=page)


def _json(value: Any) -> Any:
    """Write a dataclass as JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = msgspec.json.encode(value).decode()
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _check(runs: Sequence[Run]) -> None:
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
