"""A run that is not what it claims to be is refused in one sentence, whoever reads it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.datasets.api import Recorded
from svbench.errors import DataError
from svbench.results.folders import inside
from svbench.results.record import manifest_of
from svbench.results.store import find_runs, load_run
from svbench.specs.protocol import Protocol
from svbench.specs.records import convert, digest
from svbench.specs.system import SystemSpec

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def run(small_runs: Path, tmp_path: Path) -> Path:
    """A copy of one run, to be edited."""
    folder = tmp_path / "runs" / "hpss"
    shutil.copytree(next(small_runs.glob("hpss--mdx21--*")), folder)
    return folder


def edited(path: Path, edit: Edit) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def first(run: Path) -> Path:
    return sorted((run / "tracks").iterdir())[0]


def set_in(*keys: str | int, value: Any) -> Edit:
    def edit(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return edit


def consistent_protocol(content: dict[str, Any]) -> None:
    """Edit the protocol and its digest alike: the results are still those of another one."""
    content["protocol"]["metrics"][0]["reduce"]["tracks"] = "median"
    content["protocol_digest"] = convert(content["protocol"], Protocol, "run.json").digest


def consistent_system(content: dict[str, Any]) -> None:
    content["system"]["id"] = "mine"
    content["system_digest"] = convert(content["system"], SystemSpec, "run.json").digest


RECORDS: list[tuple[Edit, str]] = [
    (set_in("protocol", "metrics", 0, "reduce", "tracks", value="median"), "protocol_digest: is"),
    (set_in("system", "id", value="mine"), "system_digest: is"),
    (consistent_protocol, "key: is .*of another run"),
    (consistent_system, "key: is .*of another run"),
    (set_in("quantities", value=[]), "quantities: is empty"),
    (lambda c: c["quantities"].append(c["quantities"][0]), "quantities: 'uSDR' is listed twice"),
    (set_in("quantities", 0, "higher_is_better", value=False), "higher values being better"),
    (set_in("quantities", 0, "name", value="SDR"), "quantities: lacks 'uSDR'"),
    (set_in("provenance", value=[]), "provenance: is empty"),
    (set_in("data", "tracks", value=[]), "data.tracks: is empty"),
    (lambda c: c["data"]["tracks"].append("track 0"), "data.tracks: 'track 0' is listed twice"),
    (lambda c: c["data"]["tracks"].pop(), "data.digest: is"),
]


@pytest.mark.parametrize(("edit", "sentence"), RECORDS)
def test_records_that_contradict_themselves(run: Path, edit: Edit, sentence: str) -> None:
    edited(run / "run.json", edit)
    with pytest.raises(DataError, match=sentence):
        load_run(run)


RESULTS: list[tuple[Edit, str]] = [
    (lambda c: c["series"].append(c["series"][0]), "series: .*is listed twice"),
    (lambda c: c["series"].pop(), "series: lacks"),
    (set_in("series", 0, "metric", value="SIR"), "series: has .*SIR"),
    (set_in("series", 0, "score", value=[1e9]), "has a score of 1e.09; expected -2000 to 2000"),
    (set_in("series", 0, "score", value=[None]), "no score with status 'ok'"),
    (set_in("series", 0, "status", value=["failed"]), "with status 'failed'; only 'ok' carries a number"),
    (set_in("series", 0, "status", value=["wonderful"]), "Invalid enum value 'wonderful'"),
    (set_in("series", 0, "status", value=["ok", "ok"]), "expected equal numbers"),
    (set_in("series", 0, "time_s", value=[-1.0]), "starts before the track"),
    (set_in("series", 0, "duration_s", value=[1e6]), "its track ends at 2.5 s"),
    (set_in("track", value="track 1"), "is of track 'track 1'; this is the file of 'track 0'"),
    (set_in("track_digest", value="0" * 64), "key: is"),
    (set_in("made_from", "metrics", "sdr", value="2"), "key: is"),
    (set_in("status", value="failed"), "status: is 'failed', but there are series of other statuses"),
    (set_in("target_sets", value=["5-stems"]), "target_sets: names '5-stems'"),
    (set_in("estimates", "vocals", value="../../other/vocals.wav"), "does not lie inside the run folder"),
    (set_in("estimates", "vocals", value="/etc/passwd"), "does not lie inside the run folder"),
    (set_in("resources", "wall_s", value=-1.0), "a cost cannot be negative"),
]


@pytest.mark.parametrize(("edit", "sentence"), RESULTS)
def test_results_that_cannot_be(run: Path, edit: Edit, sentence: str) -> None:
    edited(first(run), edit)
    with pytest.raises(DataError, match=sentence):
        load_run(run)


def test_frames_keep_their_order(small_runs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(next(small_runs.glob("hpss--sisec18--*")), run)
    edited(first(run), lambda c: c["series"][0]["time_s"].reverse())
    with pytest.raises(DataError, match="not in the order of their times"):
        load_run(run)


def test_a_result_of_another_run_is_refused(run: Path, small_runs: Path) -> None:
    shutil.copy(first(next(small_runs.glob("irm1--mdx21--*"))), first(run))
    with pytest.raises(DataError, match=r"key: is .* the result is of another run"):
        load_run(run)


def test_a_result_without_a_track_is_refused(run: Path) -> None:
    shutil.copy(first(run), run / "tracks/more.json")
    with pytest.raises(DataError, match=r"more.json: is of no track of the data set"):
        load_run(run)


def test_runs_of_before_are_read_where_they_are_honest(run: Path) -> None:
    edited(run / "run.json", lambda c: c["data"].pop("manifest_digest"))
    for path in (run / "tracks").iterdir():
        edited(path, lambda c: c.pop("made_from"))
    assert len(load_run(run).results) == 3


def test_every_reader_refuses(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(run / "run.json", set_in("protocol", "metrics", 0, "parameters", "delta", value=1e3))
    out = str(tmp_path / "out")
    for words in (
        ["table", str(run)],
        ["compare", str(run)],
        ["board", str(run), "--out", out],
        ["report", str(run), "--out", out],
        ["gate", "--baseline", str(run), "--candidate", str(run)],
        ["diff", str(run), str(run)],
        ["show", str(run)],
        ["export", "museval", str(run), "--out", out],
        ["rerun", str(run), "--trust"],
        ["seal", str(run), "--key", "none"],
    ):
        assert main(words) == 2, words
        assert "protocol_digest: is" in capsys.readouterr().err, words
    assert not Path(out).exists()


def test_links_out_of_the_folder_and_pipes_are_not_followed(run: Path, small_runs: Path) -> None:
    path = first(run)
    path.unlink()
    path.symlink_to(first(next(small_runs.glob("hpss--mdx21--*"))))
    with pytest.raises(DataError, match="leads out of the run folder"):
        load_run(run)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="no plain file"):
        load_run(run)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        load_run(run)


def test_deep_json_is_refused_in_words(run: Path) -> None:
    (run / "run.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError, match="too many levels"):
        load_run(run)


def test_deep_parameters_are_refused_in_words(run: Path) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    edited(run / "run.json", set_in("system", "parameters", "deep", value=deep))
    with pytest.raises(DataError, match="deeper than 50 levels"):
        load_run(run)


def test_imported_files_are_known_by_the_system(small_runs: Path, tmp_path: Path) -> None:
    source = next(small_runs.glob("irm1--sisec18--*"))
    assert main(["export", "museval", str(source), "--out", str(tmp_path / "mus/irm1")]) == 0
    assert main(["import", "museval", str(tmp_path / "mus"), "--out", str(tmp_path / "imported")]) == 0
    (imported,) = find_runs([tmp_path / "imported"])
    assert len(load_run(imported).results) == 3
    first(imported).unlink()
    with pytest.raises(DataError, match="is not that of the imported files"):
        load_run(imported)


def test_a_run_without_results_is_named(
    run: Path, small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "tracks")
    other = tmp_path / "runs/irm1"
    shutil.copytree(next(small_runs.glob("irm1--mdx21--*")), other)
    for format in ("markdown", "csv", "json", "latex", "html"):
        assert main(["table", str(run.parent), "--format", format]) == 0
        assert "hpss" in capsys.readouterr().out, format
    assert main(["compare", str(run.parent)]) == 0
    assert "hpss" in capsys.readouterr().out
    assert main(["table", str(run.parent), "--cost"]) == 0
    assert "hpss has no result of any track" in capsys.readouterr().err
    assert main(["board", str(run.parent), "--out", str(tmp_path / "site")]) == 0
    assert "hpss" in (tmp_path / "site/index.html").read_text()
    assert main(["report", str(run.parent), "--out", str(tmp_path / "report")]) == 0
    assert "hpss" in (tmp_path / "report/index.html").read_text()
    capsys.readouterr()
    assert main(["diff", str(run), str(run)]) == 2
    assert "has no result of any track" in capsys.readouterr().err


def test_the_key_is_that_of_earlier_versions(run: Path) -> None:
    """Keys of results must not move, or all runs would be made again."""
    found = load_run(run)
    result, record = found.results[0], found.record
    assert result.made_from is not None
    parts = [
        record.protocol_digest,
        {"sdr": "1"},
        record.system_digest,
        {},
        result.track,
        result.track_digest,
    ]
    assert result.key == digest(parts)


def test_files_outside_count_by_their_digest_only(run: Path, tmp_path: Path) -> None:
    found = load_run(run)
    data = found.record.data
    other = tmp_path / "manifest.toml"
    other.write_text(Path(data.manifest).read_text().replace('"folder"', '"theirs"', 1))
    assert manifest_of(msgspec.structs.replace(data, manifest=str(other))).path != other
    recorded = Recorded(manifest_of(data), data.root)
    assert recorded.track("track 0", [found.results[0].track_digest]).name == "track 0"
    with pytest.raises(DataError, match="no run says which recordings"):
        recorded.track("track 0", [""])
    with pytest.raises(DataError, match="have changed since"):
        recorded.track("track 0", ["0" * 64])


def test_estimates_are_not_followed_out_of_the_folder(run: Path) -> None:
    path = run / load_run(run).results[0].estimates["vocals"]
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="leads out of the run folder"):
        inside(run, path.relative_to(run).as_posix())
    assert main(["diff", str(run), str(run)]) == 2
