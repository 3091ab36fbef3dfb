"""Runs of several labs merged: agreement, conflict, other protocols, other recordings, hostile names."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.report.board.entries import Entry, Sourced, merge, of_one_protocol, read_sources
from svbench.report.board.site import write_board
from svbench.results.store import Run

TOLERANCE = 0.005


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


def at(run: Run, place: str) -> Run:
    return msgspec.structs.replace(run, path=Path(place) / run.path.name)


def merged(*pairs: tuple[str, Run]) -> list[Entry]:
    sourced = [Sourced(lab, at(run, lab)) for lab, run in pairs]
    (entries,) = merge(sourced, tolerance=TOLERANCE)
    return entries


def with_digests(run: Run, digest: str) -> Run:
    results = tuple(msgspec.structs.replace(r, track_digest=digest) for r in run.results)
    return msgspec.structs.replace(run, results=results)


def test_runs_that_agree_are_one_row(make: Any) -> None:
    one = make("net", {"a": even(5), "b": even(7)})
    near = make("net", {"a": even(5.004), "b": even(7)})
    (entry,) = merged(("tokyo", one), ("paris", near))
    assert [s.source for s in entry.sources] == ["tokyo", "paris"]
    assert entry.conflict == ""
    assert entry.run.path == Path("tokyo") / one.path.name


def test_the_most_complete_run_stands_for_those_that_agree(make: Any) -> None:
    part = make("net", {"a": even(5)}, data_tracks=("a", "b"))
    broken = make("net", {"a": even(5)}, data_tracks=("a", "b"), failed={"b": "out of memory"})
    whole = make("net", {"a": even(5), "b": even(7)})
    (entry,) = merged(("part", part), ("broken", broken), ("whole", whole))
    assert [s.source for s in entry.sources] == ["whole", "part", "broken"]


def test_other_scores_are_a_conflict_told_with_the_first_place(make: Any) -> None:
    one = make("net", {"a": even(5), "b": even(7)})
    other = make("net", {"a": even(5), "b": {**even(7), "drums": 7.5}})
    rows = merged(
        ("tokyo", one), ("paris", other), ("rome", one), ("oslo", make("flat", {"a": even(1), "b": even(1)}))
    )
    assert [(e.run.record.system.id, [s.source for s in e.sources]) for e in rows] == [
        ("net", ["tokyo", "rome"]),
        ("net", ["paris"]),
        ("flat", ["oslo"]),
    ]
    told = "net: tokyo and paris have other scores (the same system file); 1 of 8 values, first at "
    assert (
        rows[0].conflict == rows[1].conflict == told + "b, 4-stems, drums, uSDR, frame 0: 7.0000 and 7.5000"
    )
    assert rows[2].conflict == ""


def test_imported_scores_confirm_computed_ones(make: Any) -> None:
    computed = make("net", {"a": even(5), "b": even(7)})
    spec = msgspec.structs.replace(computed.record.system, adapter="imported")
    record = msgspec.structs.replace(computed.record, system=spec, system_digest="6" * 64)
    imported = msgspec.structs.replace(computed, record=record)
    unknown = msgspec.structs.replace(imported.results[0].series[0], score=[None], status=["unknown"])
    first = msgspec.structs.replace(imported.results[0], series=(unknown, *imported.results[0].series[1:]))
    partly = msgspec.structs.replace(imported, results=(first, *imported.results[1:]))
    (entry,) = merged(("files", partly), ("lab", computed))
    assert [s.source for s in entry.sources] == ["lab", "files"]


def test_protocols_are_never_mixed(make: Any) -> None:
    one = make("net", {"a": even(5)})
    changed = msgspec.structs.replace(one.record.protocol, version="1-mine")
    other = make("net", {"a": even(5)}, protocol=changed)
    pair = [Sourced("tokyo", one), Sourced("paris", other)]
    with pytest.raises(DataError, match=r"2 protocols, .* mdx21 .* \(1 run, such as .*; a board takes one"):
        of_one_protocol(pair)
    with pytest.raises(DataError, match="2 protocols"):
        of_one_protocol(pair, "mdx21")
    assert of_one_protocol(pair, changed.digest[:8]) == [pair[1]]
    with pytest.raises(DataError, match="no run of protocol 'sisec18'; there are mdx21"):
        of_one_protocol(pair, "sisec18")
    with pytest.raises(DataError, match="no runs for a board"):
        of_one_protocol([])


def test_other_recordings_of_the_same_name_are_refused(make: Any) -> None:
    one = with_digests(make("net", {"a": even(5)}), "1" * 64)
    other = with_digests(make("flat", {"a": even(5)}), "2" * 64)
    with pytest.raises(DataError, match="recordings of track 'a' are not the same"):
        merged(("tokyo", one), ("paris", other))
    assert len(merged(("tokyo", one), ("paris", with_digests(other, "")))) == 2  # imported: unknown


def test_the_site_tells_sources_ranks_and_conflicts(make: Any, tmp_path: Path) -> None:
    net = make("net", {"a": even(5), "b": even(7)})
    rows = merged(
        ("tokyo", net),
        ("paris", make("net", {"a": even(5), "b": even(9)})),
        ("rome", make("best", {"a": even(8), "b": even(8)})),
        ("oslo", make("best", {"a": even(8), "b": even(8)})),
        ("rome", make("ideal", {"a": even(20), "b": even(20)}, kind="oracle")),
        ("rome", make("flat", {"a": even(1), "b": even(1)}, kind="baseline")),
    )
    index = write_board([rows], "All labs", tmp_path / "site")
    text = index.read_text(encoding="utf-8")
    ranks = {
        (name, rank)
        for rank, _, name in re.findall(
            r'<td class="rank">(\d*)</td>\s*<th[^>]*><a href="([^"]+)">(\w+)</a>', text
        )
    }
    assert ranks == {("best", "1"), ("flat", "2"), ("net", ""), ("ideal", "")}
    assert "net: tokyo and paris have other scores" in text
    assert "best: rome, confirmed by oslo" in text
    pages = set(re.findall(r'href="(systems/[^"]+)"', text))
    assert len(pages) == 5
    for page in pages:
        told = (index.parent / page).read_text(encoding="utf-8")
        assert "system digest" in told
        assert "svbench run mdx21" in told
    assert not re.findall(r"https?://", text)
    assert ">8.00<br><small>[8.00, 8.00]</small></td>" in text
    assert "In square brackets: 95 % intervals over tracks" in text
    before = {p.name: p.read_bytes() for p in index.parent.rglob("*") if p.is_file()}
    write_board([rows], "All labs", tmp_path / "site")
    assert before == {p.name: p.read_bytes() for p in index.parent.rglob("*") if p.is_file()}


def test_a_folder_with_other_things_is_left_alone(make: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").touch()
    rows = merged(("tokyo", make("net", {"a": even(5)})))
    with pytest.raises(DataError, match="holds other files"):
        write_board([rows], "t", tmp_path / "mine")
    with pytest.raises(DataError, match="is a file, expected a folder"):
        write_board([rows], "t", tmp_path / "mine/thesis.tex")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_markup_from_a_run_never_becomes_markup(make: Any, tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>🎸\\input{a}'
    run = make("net", {evil: even(5)}, failed={f"{evil}2": evil})
    data = msgspec.structs.replace(run.record.data, title=evil, id=evil)
    run = msgspec.structs.replace(run, record=msgspec.structs.replace(run.record, data=data))
    index = write_board([merged((evil, run))], evil, tmp_path / "site")
    for page in index.parent.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "🎸" in text


def test_a_system_without_any_score_and_one_track_alone(make: Any, tmp_path: Path) -> None:
    none = make("none", {}, failed={"a": "crashed"})
    index = write_board([merged(("lab", none), ("lab", make("net", {"a": even(5)})))], "t", tmp_path / "site")
    text = index.read_text(encoding="utf-8")
    assert "failed" in text
    assert re.search(r"n = 1 track\b", text)
    assert "<small>" not in text  # one track has no interval
    assert "One track has no interval." in text


def test_two_hundred_systems(make: Any, tmp_path: Path) -> None:
    tracks = [f"t{i}" for i in range(20)]
    runs = [make(f"net-{i:03}", {t: even(i / 50) for t in tracks}) for i in range(200)]
    start = time.monotonic()
    index = write_board([merged(*(("lab", r) for r in runs))], "t", tmp_path / "site")
    assert time.monotonic() - start < 60
    assert index.read_text(encoding="utf-8").count('<td class="rank">') == 200
    assert len(list((index.parent / "systems").iterdir())) == 200


def test_sources_are_named_and_read_once(small_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "lab").symlink_to(small_runs)
    found = read_sources([f"tokyo={small_runs}", str(tmp_path / "lab")])
    assert {s.source for s in found} == {"tokyo"}
    assert len(found) == 6
    with pytest.raises(DataError, match=r"no run\.json in it"):
        read_sources([f"tokyo={tmp_path / 'nothing'}"])


def test_newer_runs_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/run.json").write_text('{"schema": 2}')
    with pytest.raises(DataError, match="written by a newer svbench; update"):
        read_sources([str(tmp_path)])


def test_the_command_line(small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "site")]
    assert main(["board", f"tokyo={small_runs}", *out]) == 2
    assert "these runs are of 2 protocols" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
    assert main(["board", f"tokyo={small_runs}", "--protocol", "mdx21", *out]) == 0
    assert capsys.readouterr().out == f"board: {tmp_path / 'site/index.html'}\n"
