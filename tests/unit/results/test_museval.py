"""museval's files: what they say is kept, what they do not say is called unknown."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import re
import shutil
import statistics
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.report.layouts.default import paper_table
from svbench.report.pages.site import write_report
from svbench.results.aggregate import Summary, summarise
from svbench.results.museval_files import export_museval, find_sources
from svbench.results.museval_import import ImportRequest, import_museval, scored_sets
from svbench.results.record import Quantity, collect
from svbench.results.scores import TrackResult, series, without_value
from svbench.results.store import Run, find_runs, load_run
from svbench.specs.protocol import TargetSet, load_protocol
from svbench.specs.report import load_report

NAN, INF = math.nan, math.inf
STEMS = ("vocals", "drums", "other", "bass")
FIVE = ("drums", "other", "bass", "vocals", "accompaniment")
QUANTITIES = tuple(
    Quantity(name=n, unit="dB", higher_is_better=True, metric="bss-eval-v4")
    for n in ("SDR", "ISR", "SIR", "SAR")
)
Values = Mapping[str, Sequence[float]]


def alike(targets: Sequence[str], values: Sequence[float]) -> Values:
    return dict.fromkeys(targets, values)


def frame(i: int, sdr: float, duration_s: float = 1.0) -> dict[str, Any]:
    metrics = {"SDR": sdr, "SIR": sdr + 10, "SAR": sdr + 20, "ISR": sdr + 30}
    return {"time": i * 1.0, "duration": duration_s, "metrics": metrics}


def write(path: Path, targets: Values, **more: Any) -> Path:
    """Write a file as museval does: SDR as given, SIR 10, SAR 20 and ISR 30 dB above it."""
    rows = [{"name": n, "frames": [frame(i, v) for i, v in enumerate(vs)]} for n, vs in targets.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"targets": rows, "museval_version": "0.4.1", **more}, indent=2))
    return path


def plan(folder: Path, protocol: str = "sisec18", **more: Any) -> ImportRequest:
    return ImportRequest(
        folder=folder, out=folder.parent / "runs", protocol=load_protocol(protocol), quantities=QUANTITIES,
        provenance=collect(["svbench", "import", "museval", "in"], {}), **more,
    )  # fmt: skip


def imported(folder: Path, **more: Any) -> dict[str, Run]:
    found = import_museval(plan(folder, **more))
    assert found.findings == ()
    runs = [load_run(p) for p in found.folders]
    return {r.record.system.id: r for r in runs}


def numbers(run: Run, metric: str = "SDR") -> dict[tuple[str, str], Summary]:
    return {(s.target_set, s.target): s for s in summarise(run) if s.metric == metric}


def frames(run: Run, track: str, target_set: str, target: str, metric: str = "SDR") -> list[Any]:
    result = next(r for r in run.results if r.track == track)
    row = next(s for s in result.series if (s.target_set, s.target, s.metric) == (target_set, target, metric))
    return [v if s == "ok" else s for v, s in zip(row.score, row.status, strict=True)]


@pytest.fixture
def museval(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """museval's stores, without the rest of its package, which wants ffmpeg."""
    spec = importlib.util.find_spec("museval")
    assert spec is not None
    package = types.ModuleType("museval")
    package.__path__ = list(spec.submodule_search_locations or ())
    monkeypatch.setitem(sys.modules, "museval", package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of what the stores do
        yield importlib.import_module("museval.aggregate")
    sys.modules.pop("museval.aggregate", None)
    sys.modules.pop("museval.version", None)


def test_four_stems_aggregate_to_the_median_of_medians(tmp_path: Path) -> None:
    tracks = {"a": [1.0, 2.0, 30.0], "b": [4.0, 6.0], "c": [10.0]}
    for track, values in tracks.items():
        write(tmp_path / f"NET/test/{track}.json", alike(STEMS, values))
    run = imported(tmp_path / "NET")["NET"]
    found = numbers(run)
    assert {s for s, _ in found} == {"4-stems"}, "no accompaniment, so no two-target problem"
    assert found["4-stems", "vocals"].score == 5.0  # of 2, 5, 10
    assert found["4-stems", "mean"].score == 5.0
    assert numbers(run, "ISR")["4-stems", "bass"].score == 35.0
    assert [r.subset for r in run.results] == ["test"] * 3
    assert run.results[0].duration_s == 3.0


def test_with_accompaniment_the_stems_vocals_are_unknown(tmp_path: Path) -> None:
    write(tmp_path / "NET/a.json", {n: [float(i)] for i, n in enumerate(FIVE)})
    run = imported(tmp_path / "NET")["NET"]
    found = {key: (s.score, s.status) for key, s in numbers(run).items()}
    assert found == {
        ("4-stems", "vocals"): (None, "unknown"),
        ("4-stems", "drums"): (0.0, "ok"),
        ("4-stems", "bass"): (2.0, "ok"),
        ("4-stems", "other"): (1.0, "ok"),
        ("4-stems", "mean"): (None, "unknown"),
        ("vocals-accompaniment", "vocals"): (3.0, "ok"),
        ("vocals-accompaniment", "accompaniment"): (4.0, "ok"),
        ("vocals-accompaniment", "mean"): (3.5, "ok"),
    }
    assert "4-stems: vocals unknown, since museval keeps one row" in run.results[0].notes[1]


def test_rows_of_a_problem_the_protocol_lacks_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "NET/a.json", {"drums": [1.0], "vocals": [2.0], "accompaniment": [3.0]})
    run = imported(tmp_path / "NET")["NET"]
    assert run.results[0].target_sets == ("vocals-accompaniment",)
    assert "drums left out: scored among drums, vocals, which is no target set" in run.results[0].notes[1]
    with pytest.raises(
        DataError, match="scores of drums, vocals; the target sets of sisec18 are vocals, drums"
    ):
        scored_sets(frozenset({"drums", "vocals"}), load_protocol("sisec18"))


def test_values_without_a_number_become_status(tmp_path: Path) -> None:
    write(tmp_path / "NET/a.json", alike(STEMS, [1.5, NAN, INF, -INF, 3.0]))
    run = imported(tmp_path / "NET")["NET"]
    assert frames(run, "a", "4-stems", "drums") == [1.5, "undefined", "perfect", "undefined", 3.0]
    summary = numbers(run)["4-stems", "drums"]
    assert (summary.score, summary.n_frames, summary.n_dropped) == (2.25, 2, 3)


def test_bare_words_are_read_wherever_json_puts_them(tmp_path: Path) -> None:
    """Compact and indented files hold the same; a word inside a name stays what it is."""
    path = write(tmp_path / "NET/NaN: NaN.json", alike(STEMS, [NAN, 1.0]))
    path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":")))
    assert frames(imported(tmp_path / "NET")["NET"], "NaN: NaN", "4-stems", "bass") == ["undefined", 1.0]


def test_a_folder_of_systems_is_imported_at_once(tmp_path: Path) -> None:
    for system, value in (("TAK1", 5.0), ("IBM1", 9.0)):
        for track in ("a", "b"):
            write(tmp_path / f"in/{system}/test/{track}.json", alike(STEMS, [value]))
            write(tmp_path / f"in/{system}/train/{track} 2.json", alike(STEMS, [99.0]))
    (tmp_path / "in/TAK1/test/._a.json").write_bytes(b"\0")
    (tmp_path / "in/TAK1/test/b.json").unlink()
    runs = imported(tmp_path / "in", subset="test", oracles=("IBM1",))
    assert runs["IBM1"].record.data.digest == runs["TAK1"].record.data.digest
    assert (runs["IBM1"].missing, runs["TAK1"].missing) == ((), ("b",))
    assert [r.record.system.kind for r in runs.values()] == ["oracle", "system"]
    table = paper_table(list(runs.values()), metrics=["SDR"])
    assert "| TAK1 (imported) |" in table
    assert "| IBM1 (oracle, imported) |" in table
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == sorted(r.path.name for r in runs.values())


def test_importing_again_replaces_and_other_files_make_another_run(tmp_path: Path) -> None:
    path = write(tmp_path / "NET/a.json", alike(STEMS, [1.0]))
    import_museval(plan(tmp_path / "NET"))
    (first,) = import_museval(plan(tmp_path / "NET")).folders
    assert find_runs([tmp_path / "runs"]) == [first]
    write(path, alike(STEMS, [2.0]))
    (second,) = import_museval(plan(tmp_path / "NET")).folders
    assert second != first
    assert load_run(first).results[0].key != load_run(second).results[0].key


def test_a_refused_import_leaves_no_run(tmp_path: Path) -> None:
    write(tmp_path / "in/A/a.json", alike(STEMS, [1.0]))
    (tmp_path / "in/B").mkdir()
    (tmp_path / "in/B/a.json").write_text("{")
    (tmp_path / "in/A/a.json").write_text("[]")
    with pytest.raises(DataError, match=r"expected `object`, got `array`.* \(and 1 more system\)"):
        import_museval(plan(tmp_path / "in"))
    assert not list((tmp_path / "runs").iterdir())


def test_one_bad_file_is_one_sentence_and_a_failed_track(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for system in ("A", "B"):
        for track in ("a", "b", "c"):
            write(tmp_path / f"in/{system}/{track}.json", alike(STEMS, [1.0]))
    bad = tmp_path / "in/B/b.json"
    bad.write_text("{")
    words = ["import", "museval", str(tmp_path / "in"), "--out", str(tmp_path / "runs")]
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.err.count("not imported: ") == 1
    assert f"not imported: {bad}: cannot be read as JSON" in told.err
    assert "Tracks that failed: B 1 of 3." in told.out
    runs = {r.record.system.id: r for r in map(load_run, find_runs([tmp_path / "runs"]))}
    assert [r.status for r in runs["B"].results] == ["ok", "failed", "ok"]
    assert runs["B"].results[1].reason.startswith("b.json: cannot be read as JSON")  # and not where it lay
    assert not runs["A"].failed
    assert "B lacks b (failed: b.json: cannot be read as JSON" in paper_table(list(runs.values()))
    assert main([*words, "--json"]) == 1
    shutil.rmtree(tmp_path / "in/B")
    write(tmp_path / "in/B/a.json", alike(("vocals", "drums"), [1.0]))
    assert main(words) == 1
    told = capsys.readouterr()
    assert "B/a.json: targets: scores of drums, vocals; the target sets of sisec18" in told.err
    assert "B" not in {line.split()[1] for line in told.out.splitlines() if line[:1].isdigit()}


def test_a_file_with_other_targets_than_most_is_the_odd_one(tmp_path: Path) -> None:
    for track in ("b", "c"):
        write(tmp_path / f"NET/{track}.json", alike(STEMS, [1.0]))
    write(tmp_path / "NET/a.json", alike(("vocals", "drums", "accompaniment"), [1.0]))
    found = import_museval(plan(tmp_path / "NET"))
    assert found.findings == (
        f"{tmp_path / 'NET/a.json'}: targets: lacks bass, other, which most files of NET have; has "
        "accompaniment, which most files of NET have not",
    )
    (run,) = map(load_run, found.folders)
    assert [r.status for r in run.results] == ["failed", "ok", "ok"]


def test_null_is_nan_and_a_byte_order_mark_and_other_line_ends_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "NET/a.json", alike(STEMS, [1.5, 7.0]))
    text = path.read_text().replace(": 7.0", ": null").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    run = imported(tmp_path / "NET")["NET"]
    assert frames(run, "a", "4-stems", "drums") == [1.5, "undefined"]
    assert (numbers(run)["4-stems", "drums"].n_dropped, numbers(run)["4-stems", "drums"].score) == (1, 1.5)


def test_frames_that_one_submission_lacks_are_told_in_every_table(tmp_path: Path) -> None:
    for system, n in (("A", 5), ("B", 4), ("C", 5)):
        write(tmp_path / f"in/{system}/a.json", alike(STEMS, [1.0] * n))
        write(tmp_path / f"in/{system}/b.json", alike(STEMS, [1.0] * 3))
    runs = list(imported(tmp_path / "in").values())
    sentence = "Frames that some systems lack: a (4 in B; 5 in A, C)."
    assert sentence in paper_table(runs)
    index = write_report(runs, load_report("default"), tmp_path / "report")
    assert sentence in index.read_text(encoding="utf-8")
    assert "Frames that some" not in paper_table([runs[0], runs[2]])


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p: p.write_text("{"), r"a\.json: cannot be read as JSON"),
        (lambda p: p.write_bytes(p.read_bytes().replace(b"bass", b"b\xffss")), r"a\.json: cannot be read as JSON"),
        (lambda p: p.write_text("[]"), r"a\.json: the whole file: expected `object`, got `array`"),
        (lambda p: p.write_text("{}"), r"a\.json: the whole file: object missing required field `targets`"),
        (lambda p: p.write_text('{"targets": []}'), r"a\.json: targets: has no frames"),
        (lambda p: p.write_text(p.read_text().replace("SAR", "SAX")),
         r"a\.json: targets\[0\]\.frames\[0\]\.metrics: object missing required field `SAR`"),
        (lambda p: p.write_text(p.read_text().replace('"SDR": 1.0', '"SDR": true')),
         r"metrics\.SDR: expected `float \| str \| null`, got `bool`"),
        (lambda p: p.write_text(p.read_text().replace('"SDR": 1.0', '"SDR": "high"')),
         r"metrics\.SDR: invalid enum value 'high'"),
        (lambda p: p.write_text(p.read_text().replace('"drums"', '"bass"')), r"targets\[3\]\.name: 'bass' stands"),
        (lambda p: write(p, {**alike(STEMS, [1.0]), "bass": [1.0, 2.0]}),
         "targets: bass has 2 frames, vocals has 1"),
        (lambda p: write(p, alike(("vocals", "drums", "bass"), [1.0])), r"a\.json: targets: scores of bass, d"),
        (lambda p: p.write_text(p.read_text().replace('"duration": 1.0', '"duration": 2.0')),
         r"a\.json: vocals\.frames\[0\]: 2 s at 0 s, expected 1 s at 0 s by sisec18"),
        (lambda p: write(p.parent / "deep/a.json", {}), r"a\.json lies beside the folder deep"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(spoil: Spoil, sentence: str, tmp_path: Path) -> None:
    spoil(write(tmp_path / "NET/test/a.json", alike(STEMS, [1.0])))
    with pytest.raises(DataError, match=sentence):
        import_museval(plan(tmp_path / "NET/test"))


@pytest.mark.parametrize(
    ("files", "options", "sentence"),
    [
        ([], {}, "no .json file in it or below"),
        (["test/a", "train/b"], {}, "holds test, train; choose one with --subset"),
        (["test/a"], {"subset": "train"}, "no folder 'train' in it; there is test"),
        (["test/a", "test/x/a"], {}, "track 'a' stands also in"),
        (["test/a", "NET/a"], {}, "holds the subset test and also NET"),
        (["A/a", "B/a"], {"system": "C"}, "holds 2 systems, so they cannot all be called 'C'"),
        (["A/test/a", "B/train/a"], {}, "subsets differ .A test, B train.; choose one with --subset"),
    ],
)
def test_folders_that_do_not_fit(
    files: list[str], options: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    for name in files:
        write(tmp_path / f"{name}.json", alike(STEMS, [1.0]))
    with pytest.raises(DataError, match=sentence):
        find_sources(tmp_path, **options)


def test_no_such_folder_and_wrong_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_sources(tmp_path / "none")
    write(tmp_path / "two words/a.json", alike(STEMS, [1.0]))
    with pytest.raises(DataError, match="'two words' can be no system id"):
        import_museval(plan(tmp_path / "two words"))
    with pytest.raises(DataError, match="'a--b' can be no system id"):
        import_museval(plan(tmp_path / "two words", system="a--b"))
    with pytest.raises(DataError, match=r"no system 'IBM': known: two words"):
        import_museval(plan(tmp_path / "two words", oracles=("IBM",)))


def test_protocols_that_the_files_cannot_tell(tmp_path: Path) -> None:
    write(tmp_path / "NET/a.json", alike(STEMS, [1.0]))
    with pytest.raises(DataError, match="protocol mdx21: scores sdr; museval's files hold bss-eval-v4 only"):
        import_museval(plan(tmp_path / "NET", protocol="mdx21"))
    asked = plan(tmp_path / "NET")
    use = asked.protocol.metrics[0]
    keeping = msgspec.structs.replace(use, reduce=msgspec.structs.replace(use.reduce, infinite="keep"))
    protocol = msgspec.structs.replace(asked.protocol, metrics=(keeping,))
    with pytest.raises(DataError, match="keeps infinite frames"):
        import_museval(msgspec.structs.replace(asked, protocol=protocol))


def made(tmp_path: Path, tracks: Mapping[str, Values], subset: str = "") -> Run:
    """A run with given SDR frames; vocals of the two sets differ by 1 dB."""
    folder = tmp_path / "made/REAL"
    for track in tracks:
        write(folder / f"{track}.json", alike(STEMS, [0.0]))
    run = imported(folder)["REAL"]
    results = []
    for result in run.results:
        rows = []
        for target_set in run.record.protocol.target_sets:
            for quantity in QUANTITIES:
                for target in target_set.targets:
                    shift = (target_set.id == "vocals-accompaniment") + 10.0 * (quantity.name == "SIR")
                    values = tracks[result.track].get(target)
                    if values is None:
                        rows.append(without_value(target_set.id, target, quantity.name, 1.0, "no target"))
                        continue
                    time_s = [float(i) for i in range(len(values))]
                    rows.append(series(target_set.id, target, quantity.name, time_s, [1.0] * len(values),
                                       [v + shift for v in values]))  # fmt: skip
        sets = tuple(s.id for s in run.record.protocol.target_sets)
        results.append(
            msgspec.structs.replace(
                result, subset=subset, series=tuple(rows), target_sets=sets, duration_s=9.0
            )
        )
    spec = msgspec.structs.replace(run.record.system, adapter="python", id="real")
    return Run(run.path, msgspec.structs.replace(run.record, system=spec), tuple(results))


PI: Values = alike(FIVE, [math.pi, NAN, -1e-7, 1e3 / 3])
TRACKS: dict[str, Values] = {"Ä – “x”": PI, "b.c": {**PI, "drums": [1.0, 2.0, 3.0, INF]}}


def same(a: TrackResult, b: TrackResult, target_sets: Sequence[str]) -> None:
    """Assert equal series to 1e-5 dB; perfect frames are undefined in museval's files."""
    mine = [s for s in a.series if s.target_set in target_sets]
    theirs = {(s.target_set, s.target, s.metric): s for s in b.series}
    assert mine
    for row in mine:
        other = theirs[row.target_set, row.target, row.metric]
        if row.target == "vocals" and row.target_set == "4-stems" and len(target_sets) > 1:
            assert set(other.status) == {"unknown"}
            continue
        assert [s.replace("perfect", "undefined") for s in row.status] == list(other.status)
        assert row.score == pytest.approx(other.score, abs=1e-5)
        assert other.status[0] == "no target" or row.time_s == other.time_s


def test_round_trip_keeps_every_number(tmp_path: Path) -> None:
    run = made(tmp_path, TRACKS)
    told = export_museval(run, tmp_path / "all")
    assert told[0] == "4 infinite values are NaN, as museval writes them"
    assert told[1].startswith("vocals of 4-stems is left out")
    assert export_museval(run, tmp_path / "stems", target_set="4-stems")[1:] == []
    for folder, sets in (("all", ("4-stems", "vocals-accompaniment")), ("stems", ("4-stems",))):
        back = imported(tmp_path / folder)[folder]
        assert len(back.results) == 2
        for a, b in zip(run.results, back.results, strict=True):
            assert a.track == b.track
            same(a, b, sets)
        again = export_museval(back, tmp_path / f"{folder} again")
        assert [t for t in again if "infinite" in t] == []
        for path in (tmp_path / folder / "test").iterdir():
            assert path.read_text() == (tmp_path / f"{folder} again/test" / path.name).read_text()


def test_a_target_the_track_lacks_survives_the_round_trip(tmp_path: Path) -> None:
    run = made(tmp_path, {"a": PI, "b": {n: v for n, v in PI.items() if n != "bass"}})
    export_museval(run, tmp_path / "out", target_set="4-stems")
    back = imported(tmp_path / "out")["out"]
    same(run.results[1], back.results[1], ("4-stems",))
    assert back.results[1].absent_targets == ("bass",)


def test_museval_reads_what_is_written_and_agrees(museval: Any, tmp_path: Path) -> None:
    run = made(tmp_path, {**TRACKS, "no bass": {n: v for n, v in PI.items() if n != "bass"}})
    export_museval(run, tmp_path / "NET")
    for path in (tmp_path / "NET/test").iterdir():
        store = museval.TrackStore("t")
        store.scores = json.loads(path.read_text())
        store.validate()
    methods = museval.MethodStore()
    methods.add_eval_dir(tmp_path / "NET")
    assert set(methods.df["method"]) == {"NET"}
    store = museval.EvalStore()
    store.add_eval_dir(tmp_path / "NET")
    theirs = store.agg_frames_tracks_scores()
    ours = {m: numbers(imported(tmp_path / "NET")["NET"], m) for m in ("SDR", "SIR")}
    for metric, found in ours.items():
        for (target_set, target), summary in found.items():
            pair = target_set == "vocals-accompaniment"
            if target != "mean" and pair == (target in ("vocals", "accompaniment")):
                assert summary.score == pytest.approx(theirs[target][metric], abs=1e-9)
    assert theirs["vocals"]["SDR"] == pytest.approx(statistics.median([math.pi, 0, 1e3 / 3]) + 1, abs=1e-5)


def test_what_museval_writes_is_read(museval: Any, tmp_path: Path) -> None:
    store = museval.TrackStore("a")
    for name in STEMS:
        store.add_target(name, {m: [1.23456789, NAN, INF] for m in ("SDR", "SIR", "SAR", "ISR")})
    (tmp_path / "NET").mkdir()
    store.save(tmp_path / "NET/a.json")
    run = imported(tmp_path / "NET")["NET"]
    assert frames(run, "a", "4-stems", "other", "SAR") == [1.23457, "undefined", "undefined"]
    assert f"museval files ({store.scores['museval_version']})" in run.results[0].notes[0]


def test_exports_that_one_file_cannot_hold(tmp_path: Path) -> None:
    run = made(tmp_path, TRACKS)
    with pytest.raises(DataError, match="no target set 'stems': did you mean '4-stems'"):
        export_museval(run, tmp_path / "out", target_set="stems")
    export_museval(run, tmp_path / "out")
    with pytest.raises(DataError, match=r"holds \.json files already"):
        export_museval(run, tmp_path / "out")
    back = imported(tmp_path / "out")["out"]
    with pytest.raises(DataError, match="vocals of 4-stems is unknown"):
        export_museval(back, tmp_path / "stems", target_set="4-stems")
    assert not (tmp_path / "stems").exists()
    slashed = msgspec.structs.replace(run.results[0], track="a/b")
    with pytest.raises(DataError, match="'a/b' can be no file name"):
        export_museval(Run(run.path, run.record, (slashed,)), tmp_path / "new")
    with pytest.raises(DataError, match="no track has scores"):
        export_museval(Run(run.path, run.record, ()), tmp_path / "new")
    with pytest.raises(DataError, match="no track has scores"):
        export_museval(
            Run(run.path, run.record, (msgspec.structs.replace(run.results[0], status="failed"),)),
            tmp_path / "new",
        )


def test_imported_runs_share_a_board_with_a_run_on_the_same_recordings(tmp_path: Path) -> None:
    run = made(tmp_path, TRACKS)
    export_museval(run, tmp_path / "NET")
    back = imported(tmp_path / "NET", data=run)["NET"]
    assert back.record.data == run.record.data
    assert [r.duration_s for r in back.results] == [9.0, 9.0]
    table = paper_table([run, back], target_set="vocals-accompaniment", metrics=["SDR"])
    assert "| NET (imported) | " in table
    assert "| real | " in table
    rows = json.loads(paper_table([run, back], format="json", metrics=["SDR"]))[1]["rows"]
    assert {r["system"]: r["imported"] for r in rows} == {"real": False, "NET": True}
    index = write_report([run, back], load_report("default"), tmp_path / "report")
    page = index.read_text(encoding="utf-8")
    assert '<span class="badge">imported</span>' in page
    assert "recordings, estimates and settings unknown" in page
    write(tmp_path / "NET/test/b.c.json", alike(FIVE, [1.0]))
    (finding,) = import_museval(plan(tmp_path / "NET", data=run)).findings
    assert "b.c.json: targets: has 1 frames where" in finding
    assert finding.endswith("has 4, so these are other recordings")
    write(tmp_path / "NET/test/other.json", alike(FIVE, [1.0]))
    (tmp_path / "NET/test/b.c.json").unlink()
    found = import_museval(plan(tmp_path / "NET", data=run))
    assert re.search(r"other\.json: no track of .*: known: b\.c", found.findings[0])
    assert [r.track for r in load_run(found.folders[0]).results] == ["Ä – “x”"]


def test_sets_that_one_file_of_museval_cannot_hold(tmp_path: Path) -> None:
    run = made(tmp_path, TRACKS)

    def with_sets(*sets: tuple[str, ...]) -> Run:
        found = tuple(TargetSet(id=f"set {i}", targets=s) for i, s in enumerate(sets))
        results = tuple(
            msgspec.structs.replace(r, target_sets=tuple(s.id for s in found)) for r in run.results
        )
        protocol = msgspec.structs.replace(run.record.protocol, target_sets=found)
        return Run(run.path, msgspec.structs.replace(run.record, protocol=protocol), results)

    for sets in ((STEMS, STEMS), (FIVE, ("vocals", "accompaniment")), (STEMS, STEMS[1:], FIVE)):
        with pytest.raises(DataError, match="one file of museval cannot hold set 0, set 1"):
            export_museval(with_sets(*sets), tmp_path / "out")
    with pytest.raises(DataError, match="museval scores vocals and accompaniment apart, not within set 0"):
        export_museval(with_sets(FIVE), tmp_path / "out")
