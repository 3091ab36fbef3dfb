"""Write a report: a folder with all pages, their style and scripts, and the audio excerpts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from svbench import __version__
from svbench.errors import DataError
from svbench.printing.numbers import counted
from svbench.printing.pages import templates
from svbench.report.listen.excerpts import Heard, write_excerpts
from svbench.report.pages.frames import Playlist, Window, framed_quantity, playlists
from svbench.report.pages.groups import Group, group_name, groups, track_folder, track_page
from svbench.report.pages.origins import Failure, Origin, Rule, failures, origins, rules
from svbench.report.pages.tracks import SCRIPTS as TRACK_SCRIPTS
from svbench.report.pages.tracks import TrackPage, track_pages, view_id
from svbench.report.view.boards import by_rank, comparable
from svbench.report.view.content import Head, Link
from svbench.results.folders import replaced
from svbench.results.store import Run
from svbench.specs.protocol import ORIGINAL
from svbench.specs.records import digest
from svbench.specs.report import ReportSpec


@dataclass(frozen=True)
class WorstPage:
    """The worst frames of every system."""

    head: Head
    playlists: tuple[Playlist, ...]
    note: str


@dataclass(frozen=True)
class GroupsPage:
    """Groups of runs with their tables and plots: the first page, and one for each further topic."""

    head: Head
    sections: tuple[str, ...]
    groups: tuple[Group, ...]
    listens: tuple[Link, ...]
    listen_note: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class ResourcesPage:
    """What systems cost, for runs of which there are profiles."""

    head: Head
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class ProvenancePage:
    """Where all numbers come from."""

    head: Head
    rules: tuple[Rule, ...]
    origins: tuple[Origin, ...]


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
        No runs, two runs of one system on the same protocol and data, or a folder that holds other files.
    """
    runs = sorted(runs, key=lambda r: (r.record.protocol.id, r.record.system.id))
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
    """Write a dataclass as JSON in which nothing can end the script element around it."""
    from markupsafe import Markup

    text = msgspec.json.encode(value).decode()
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


Page = GroupsPage | TrackPage | WorstPage | ResourcesPage | ProvenancePage
TO_ROOT = "../../"  # from tracks/GROUP/
WORST, RESOURCES, PROVENANCE = "pages/worst.html", "pages/resources.html", "pages/provenance.html"


def pages(runs: Sequence[Run], spec: ReportSpec, out: Path) -> Iterator[tuple[str, str, Page]]:
    """Yield the path, template and content of each page, and write the audio excerpts.

    Parameters
    ----------
    runs : sequence of Run
        In the order of protocols and systems.
    spec : ReportSpec
    out : Path
        The report's folder.
    """
    topics = by_topic(runs)
    places = {name: "index.html" if i == 0 else f"pages/{name}.html" for i, name in enumerate(topics)}
    # Only recorded tracks have pages; variants of a probe are generated on demand and may be hundreds.
    recorded = [by_rank(g) for g in comparable([r for r in runs if r.record.data.variant in ("", ORIGINAL)])]
    most = max(recorded, key=lambda g: (_n_estimates(g), framed_quantity(g) is not None), default=[])
    heard: dict[str, Heard] = {}
    hearing, note, spent = group_name(most) if most else "", "", 0
    if most and "listen" in spec.sections:
        heard, note, spent = write_excerpts(most, spec.listen, out, TO_ROOT)
    worst = _worst(recorded, spec, out, spec.listen.budget_mb * 1e6 - spent)

    links = [Link(TOPICS[name], place) for name, place in places.items() if place != "index.html"]
    groups_of = {
        name: groups(topic_runs, root="../" * (i > 0), sections=spec.sections)
        for i, (name, topic_runs) in enumerate(topics.items())
    }
    all_groups = tuple(group for topic_groups in groups_of.values() for group in topic_groups)
    profiled = any(group.profiles for group in all_groups)
    links += [Link("Worst frames", WORST)] if worst else []
    links += [Link("Resources", RESOURCES)] if profiled else []
    links += [Link("Provenance", PROVENANCE)] if "provenance" in spec.sections else []

    def head(title: str, summary: str, place: str, *scripts: str) -> Head:
        root = "../" * place.count("/")
        others = (replace(link, href=root + link.href) for link in links if link.href != place)
        return Head(title, summary, root, tuple(others), scripts, __version__)

    for name, topic_runs in topics.items():
        first = places[name] == "index.html"
        title, summary = (spec.title, _summary(runs)) if first else (TOPICS[name], _summary(topic_runs))
        page = GroupsPage(
            head(title, summary, places[name], "sort.js", "print.js"),
            spec.sections,
            tuple(groups_of[name]),
            tuple(Link(t, track_page(hearing, t), h.why) for t, h in heard.items() if first),
            note if first else "",
            tuple(failures(topic_runs)),
        )
        yield places[name], "index.html", page
    for group in recorded:
        name = group_name(group)
        here = heard if name == hearing else {}
        same_data = group[0].record.data.digest == most[0].record.data.digest
        yield from (
            (track_page(name, track), "track.html", page)
            for track, page in track_pages(
                group,
                here,
                tracks=group[0].record.data.tracks if "tracks" in spec.sections else tuple(here),
                elsewhere={t: TO_ROOT + track_page(hearing, t) for t in heard} if same_data else {},
                head=head("", "", track_folder(name), *TRACK_SCRIPTS),
            )
        )
    if profiled:
        summary = "What the systems cost, and how well they score for it."
        top = head("Resources", summary, RESOURCES, "sort.js", "print.js")
        yield RESOURCES, "resources.html", ResourcesPage(top, all_groups)
    if worst:
        lists, explanation, summary = worst
        top = head("Worst frames", summary, WORST, "sort.js", "print.js", "player.js", "playlist.js")
        yield WORST, "worst.html", WorstPage(top, tuple(lists), explanation)
    if "provenance" in spec.sections:
        summary = "What was computed, with which software, on which data, and by which command."
        top = head("Provenance", summary, PROVENANCE, "print.js")
        yield PROVENANCE, "provenance.html", ProvenancePage(top, tuple(rules(runs)), tuple(origins(runs)))


def _worst(
    plain: Sequence[Sequence[Run]], spec: ReportSpec, out: Path, budget: float
) -> tuple[list[Playlist], str, str] | None:
    """Build playlists for the group with the most estimates among those whose scores have frames."""
    framed = [g for g in plain if framed_quantity(g)]
    if "worst" not in spec.sections or not framed:
        return None
    group = max(framed, key=_n_estimates)
    name = group_name(group)

    def page_of(window: Window) -> str:
        if "tracks" not in spec.sections:
            return ""
        place = f"../{track_page(name, window.track)}"
        return f"{place}#{view_id(window.target_set, window.target)}@{window.start_s:g}"

    lists, note = playlists(group, spec.listen, out, page_of=page_of, budget=budget)
    record = group[0].record
    summary = f"{record.protocol.id} version {record.protocol.version} · {record.data.title}"
    return (lists, note, summary) if lists else None


def _n_estimates(runs: Sequence[Run]) -> int:
    return sum(bool(t.estimates) for r in runs for t in r.results)


def _measured(run: Run) -> str:
    """Identify the data set of a run; the variants of a probe count as one."""
    data = run.record.data
    return digest([data.id, data.version, data.subset, data.tracks]) if data.variant else data.digest


def _summary(runs: Sequence[Run]) -> str:
    systems = counted(len({r.record.system.id for r in runs}), "system")
    protocols = counted(len({r.record.protocol_digest for r in runs}), "protocol")
    return f"{systems}, {protocols}, {counted(len({_measured(r) for r in runs}), 'data set')}"


TOPICS = {
    "scores": "Scores",
    "stereo": "Stereo",
    "generalisation": "Generalisation",
    "robustness": "Robustness",
    "probes": "Probes",
}
BY_PROBE = {"patterns": "generalisation", "robustness": "robustness"}
STEREO = "ssa"  # a protocol whose headline is this metric belongs to the topic "stereo"


def topic(run: Run) -> str:
    """Return the topic of a run, a key of `TOPICS`."""
    protocol = run.record.protocol
    if protocol.probes:
        return BY_PROBE.get(protocol.probes[0].id, "probes")
    headline = next((q.metric for q in run.record.quantities if q.name == protocol.headline), "")
    return "stereo" if headline == STEREO else "scores"


def by_topic(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Split runs by topic in the order of `TOPICS`; the first one becomes the first page of the report."""
    runs_of = {name: [run for run in runs if topic(run) == name] for name in TOPICS}
    return {name: chosen for name, chosen in runs_of.items() if chosen}
