from __future__ import annotations

import dataclasses
import json
import re
import resource
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from svbench.errors import DataError, WriteError
from svbench.report.pages.site import TEMPLATES, Page, Renderer, write_report
from svbench.results.store import Run, find_runs, load_run
from svbench.specs.report import Listening, ReportSpec, load_report

VOID = {"meta", "link", "input", "br", "img"}


class Parsed(HTMLParser):
    """The page as tables of texts, its ids, and its elements in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._table = ""
        self._in_cell = False
        self.feed(text)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = found["id"] or ""
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append("")
            self._in_cell = True

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [v or "" for k, v in attrs if k == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            row = self.tables[self._table][-1]
            row[-1] = f"{row[-1]}{data}".strip()


def page_of(runs: list[Run], out: Path, **changes: Any) -> tuple[str, Parsed]:
    spec = msgspec.structs.replace(load_report("default"), **changes)
    text = write_report(runs, spec, out).read_text()
    return text, Parsed(text)


def test_the_leaderboard_has_known_numbers(three: list[Run], tmp_path: Path) -> None:
    text, page = page_of(three, tmp_path)
    board = next(rows for name, rows in page.tables.items() if "-board-" in name)
    assert board[0] == [
        "rank",
        "system",
        "vocals",
        "drums",
        "bass",
        "other",
        "mean",
        "tracks",
        "frames dropped",
    ]
    # Of the means of three draws from 5, 7 and 9 all 5 or all 9 are more frequent than 1 in 40.
    assert board[1][2] == "7.00[5.00, 9.00]"
    plain = [[cell.partition("[")[0] for cell in row] for row in board]
    assert plain[1] == ["1", "net", "7.00", "7.00", "6.00", "7.00", "6.00", "3 of 3", "0 of 11"]
    assert plain[2][:4] == ["2", "floorbaseline", "−0.67", "−0.67"]
    assert plain[3][:3] == ["", "idealoracle", "20.00"]
    assert "mdx21 version 1, " + three[0].record.protocol_digest[:8] in text
    assert "mean/mean" in text
    assert "n = 3 tracks" in text
    assert "Tracks, where not all 3: bass: 2; mean: over the 2 tracks with all targets." in text
    assert "No bass in c:" in text


def test_every_quantity_has_its_interval_and_systems_are_compared(three: list[Run], tmp_path: Path) -> None:
    text, page = page_of(three, tmp_path)
    contest = next(rows for name, rows in page.tables.items() if name.endswith("-contest"))
    assert contest[0] == [
        "system",
        "rank interval",
        "difference",
        "paired",
        "win/tie/loss",
        "p (Holm)",
        "effect",
    ]
    assert [row[0] for row in contest[1:]] == ["net", "floorbaseline"]
    assert contest[2][4] == "0/0/22 tracks"  # cell and the line below it
    assert "Detectable: the true difference that these tracks would reveal" in text
    cost = next(rows for name, rows in page.tables.items() if name.endswith("-resources"))
    assert {row[0]: row[1] for row in cost}["net"] == "6.00[5.00, 7.00]"


def test_every_track_is_listed_and_a_missing_target_is_named(three: list[Run], tmp_path: Path) -> None:
    text, page = page_of(three, tmp_path)
    maps = {name.rsplit("-", 1)[1]: rows for name, rows in page.tables.items() if "-tracks-" in name}
    assert list(maps) == ["vocals", "drums", "bass", "other"]
    assert maps["bass"][3] == ["c", "no target", "no target", "no target"]
    assert maps["vocals"][2] == ["b", "7.00", "1.00", "20.00"]
    # The lowest score is the coldest, the three equal highest ones the warmest.
    heats = re.findall(r'class="heat h(\d)">([^<]+)<', text[text.index("-tracks-4-stems-vocals") :])
    assert ("0", "−4.00") in heats
    assert ("8", "20.00") in heats


def test_the_page_of_a_track_has_its_scores_and_links_to_the_next_one(
    three: list[Run], tmp_path: Path
) -> None:
    text, _page = page_of(three, tmp_path)
    places = re.findall(r'href="(tracks/[^"]+/b.html)"', text)
    assert places
    track = (tmp_path / places[0]).read_text()
    assert Parsed(track).tables["scores"][1] == ["net", "7.00", "7.00", "7.00", "7.00"]
    links = [a["href"] or "" for t, a in Parsed(track).tags if t == "a" and a["href"] != "#main"]
    assert {"a.html", "c.html", "../../index.html", "../../pages/provenance.html"} == set(links)
    values = json.loads(re.findall(r'class="values">(.+?)</script>', track)[0])
    assert [line["score"] for line in values["strips"][0]["lines"]] == [[7], [1.004], [20]]


def test_every_link_and_file_of_every_page_is_there(heard: list[Run], tmp_path: Path) -> None:
    page_of(heard, tmp_path)
    pages = {p: Parsed(p.read_text()) for p in tmp_path.rglob("*.html")}
    assert len(pages) == 1 + 3 + 1
    for path, page in pages.items():
        for tag, found in page.tags:
            for key in ("href", "src", "data-src", "data-spectrogram", "data-difference"):
                address = found.get(key) or ""
                place, _, anchor = address.partition("#")
                if address.startswith(("data:", "#:")) or tag == "use":
                    continue
                to = (path.parent / place).resolve() if place else path
                assert to.is_file(), (path, address)
                if anchor:
                    assert anchor.partition("@")[0] in pages[to].ids


def test_a_failure_is_listed_with_its_reason_and_marked(make: Any, tmp_path: Path) -> None:
    stems = dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)
    runs = [
        make("whole", {"a": stems, "b": stems}),
        make("part", {"a": stems}, failed={"b": "the output holds NaN"}, data_tracks=("a", "b")),
        make("late", {"a": stems}, data_tracks=("a", "b")),
    ]
    text, page = page_of(runs, tmp_path)
    assert "2 tracks without scores" in text
    assert "the output holds NaN" in text
    assert "not run yet" in text
    assert '<a href="#failures">failed</a>' in text
    board = next(rows for name, rows in page.tables.items() if "-board-" in name)
    part = next(row for row in board if row[1] == "part")
    assert part[0] == ""
    assert part[2] == "3.00†"
    assert "† Not on all tracks that others in the column were scored on: late on 1; part on 1." in text
    assert "Not ranked, since not scored on all of the 2 tracks" in text


def test_ids_are_unique_and_references_resolve(three: list[Run], tmp_path: Path) -> None:
    other = [
        msgspec.structs.replace(
            r,
            record=msgspec.structs.replace(
                r.record, data=msgspec.structs.replace(r.record.data, digest="e" * 64)
            ),
        )
        for r in three
    ]
    text, page = page_of([*three, *other], tmp_path)
    assert len(page.ids) == len(set(page.ids))
    wanted = re.findall(r'(?:href="#|url\(#|aria-labelledby=")([^")]+)', text)
    assert set(wanted) <= set(page.ids)
    assert len(wanted) > 20


def test_markup_in_names_is_text(make: Any, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    stems = dict.fromkeys(("vocals", "drums", "bass", "other"), 3.0)
    run = make("net", {evil: stems}, failed={'"><b>bold': f"because {evil}"})
    text, page = page_of([run], tmp_path)
    assert evil not in text
    assert not [t for t, a in page.tags if t == "img" or "onerror" in a]
    assert "&lt;script&gt;" in text
    for path in tmp_path.rglob("*.html"):
        tags = Parsed(path.read_text()).tags
        scripts = [a for t, a in tags if t == "script"]
        assert scripts
        assert all(a.get("type") == "application/json" or "/assets/" in f"/{a['src']}" for a in scripts)
        assert evil not in path.read_text()


def test_the_same_runs_give_the_same_bytes(three: list[Run], tmp_path: Path) -> None:
    page_of(three, tmp_path / "one")
    page_of(three[::-1], tmp_path / "two")
    files = {p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()}
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_sections_are_those_of_the_definition(three: list[Run], tmp_path: Path) -> None:
    text, page = page_of(three, tmp_path, sections=("leaderboard",))
    assert [p.name for p in tmp_path.rglob("*.html")] == ["index.html"]
    assert not any("-tracks-" in name for name in page.tables)
    assert "Provenance" not in text
    assert 'id="listen"' not in text


def test_provenance_says_what_is_needed_to_repeat(three: list[Run], tmp_path: Path) -> None:
    page_of(three, tmp_path)
    text = (tmp_path / "pages/provenance.html").read_text()
    assert three[0].record.protocol.title in text
    assert "svbench run mdx21 --data &#39;folder=my music&#39;" in text
    assert "commit 0123456789ab with changes" in text
    assert three[0].record.protocol_digest in text
    assert "none: not trained" in text
    assert "<dt>metrics[0].reduce.frames</dt><dd>mean</dd>" in text


def test_without_estimates_the_page_says_how_to_get_them(three: list[Run], tmp_path: Path) -> None:
    text, _ = page_of(three, tmp_path)
    assert "No estimates were kept. Run again with --keep-estimates" in text


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="head"):
        Renderer().render("index.html", object())  # type: ignore[arg-type]


def test_the_template_uses_every_field_of_its_context() -> None:
    texts = [p.read_text() for p in TEMPLATES.rglob("*") if p.suffix in (".html", ".js")]
    # Scripts take some fields apart: const { start, duration } = …
    taken = " ".join(re.findall(r"const \{([^}]+)\}", "".join(texts)))
    used = {*re.findall(r"\.(\w+)", "".join(texts)), *re.findall(r"\w+", taken)}
    kinds = page_classes()
    assert len(kinds) == 24
    for kind in kinds:
        unused = {f.name for f in dataclasses.fields(kind)} - used
        assert not unused, f"{kind.__name__}: {unused}"


def page_classes() -> set[Any]:
    """Return every dataclass that a template of the report is given, on any page."""
    kinds: set[Any] = set()
    left: list[Any] = [Page]
    while left:
        kind = left.pop()
        left += get_args(kind)
        if dataclasses.is_dataclass(kind) and kind not in kinds:
            kinds.add(kind)
            left += get_type_hints(kind).values()
    return kinds


def test_refusals(three: list[Run], tmp_path: Path) -> None:
    spec = load_report("default")
    with pytest.raises(DataError, match="no runs to report on"):
        write_report([], spec, tmp_path / "r")
    with pytest.raises(DataError, match="both runs of 'net' on the same protocol"):
        write_report([three[0], three[0]], spec, tmp_path / "r")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(DataError, match="holds other files"):
        write_report(three, spec, tmp_path / "full")
    assert (tmp_path / "full" / "thesis.tex").exists()
    with pytest.raises(DataError, match="is a file"):
        write_report(three, spec, tmp_path / "full" / "thesis.tex")


@pytest.fixture
def heard(small_runs: Path) -> list[Run]:
    return [load_run(p) for p in find_runs([small_runs]) if "mdx21" in p.name]


def listening(**rule: Any) -> ReportSpec:
    return msgspec.structs.replace(load_report("default"), listen=Listening(**rule))


def test_excerpts_are_what_the_run_kept(heard: list[Run], tmp_path: Path) -> None:
    import numpy as np

    from svbench.audio import read_audio

    index = write_report(heard, listening(count=1, excerpt_s=60), tmp_path).read_text()
    run = next(r for r in heard if r.record.system.id == "hpss")
    ((place, track),) = re.findall(r'<li><a href="(tracks/[^"]+)">([^<]+)</a> <span', index)
    text = (tmp_path / place).read_text()
    path = next(t.estimates["vocals"] for t in run.results if t.track == track)
    kept = read_audio(run.path / path).samples
    source = re.search(r'data-src="../../(audio/[^"]+/vocals/baseline-hpss.flac)"', text)
    assert source is not None
    written = read_audio(tmp_path / source[1]).samples
    lowered = re.search(r"lowered by ([\d.]+) dB", text)
    gain = 10 ** (-float(lowered[1]) / 20) if lowered else 1.0
    np.testing.assert_allclose(written, kept * gain, atol=2 / 32768 + 0.001 * np.abs(kept).max())


def test_the_audio_budget_holds_and_left_out_tracks_are_listed(heard: list[Run], tmp_path: Path) -> None:
    text = write_report(heard, listening(budget_mb=0.001), tmp_path).read_text()
    assert "would exceed the 0.001 MB for audio" in text
    assert not list(tmp_path.rglob("*.flac"))


def test_a_small_budget_makes_excerpts_shorter(
    heard: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svbench.report.listen.excerpts.SHORTEST_S", 1.0)

    def audio_mb(out: Path) -> float:
        return sum(p.stat().st_size for p in (out / "audio").rglob("*") if p.is_file()) / 1e6

    whole = write_report(heard, listening(count=2), tmp_path / "whole")
    budget = 1.5 * 0.7 * audio_mb(whole.parent)  # two thirds of it are for the tracks
    text = write_report(heard, listening(count=2, budget_mb=budget), tmp_path / "short").read_text()
    assert audio_mb(tmp_path / "short") <= budget * 2 / 3
    assert "is left out" not in text
    lengths = [
        float(d)
        for p in tmp_path.glob("short/tracks/*/*")
        for d in re.findall(r'data-duration="([^"]+)"', p.read_text())
    ]
    assert min(lengths) < 2.5
    assert min(lengths) >= 1.0


def test_a_missing_estimate_removes_only_the_player_of_its_track(heard: list[Run], tmp_path: Path) -> None:
    lost = [
        msgspec.structs.replace(
            r,
            results=tuple(
                msgspec.structs.replace(t, estimates=dict.fromkeys(t.estimates, "gone.wav")) if i == 0 else t
                for i, t in enumerate(r.results)
            ),
        )
        for r in heard
    ]
    text = write_report(lost, listening(), tmp_path).read_text()
    assert f"{heard[0].results[0].track} is left out" in text
    assert len(re.findall(r'<li><a href="tracks/[^"]+">[^<]+</a> <span', text)) == 2


def test_an_earlier_report_stays_if_the_disk_is_full(heard: list[Run], tmp_path: Path) -> None:
    index = write_report(heard, listening(count=1), tmp_path / "report")
    before = index.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(WriteError, match=r"cannot be written .* free some disk space"):
            write_report(heard, listening(count=2), tmp_path / "report")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert index.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report"]


def test_a_track_that_the_data_set_lacks_is_refused(heard: list[Run], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names track 'trak 1'; did you mean 'track"):
        write_report(heard, listening(tracks=("trak 1",)), tmp_path)


def test_without_the_recordings_the_page_says_so(heard: list[Run], tmp_path: Path) -> None:
    gone = [
        msgspec.structs.replace(
            r,
            record=msgspec.structs.replace(
                r.record, data=msgspec.structs.replace(r.record.data, root=str(tmp_path / "moved"))
            ),
        )
        for r in heard
    ]
    text = write_report(gone, listening(), tmp_path / "report").read_text()
    assert "The recordings are not where the run found them" in text
