"""Runs of an edited system file: the newest complete one is read everywhere, and the other is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.results.store import Run, latest, load_run, write_run

STEMS = ("vocals", "drums", "bass", "other")
TRACKS = tuple(f"t{i}" for i in range(6))


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(STEMS, value)


def edited(make: Any, file: str, value: float, day: int, n_tracks: int = 6, **more: Any) -> Run:
    """A run of system net by a file with a parameter of that value, made on a day of January."""
    scores = {t: even(value + i / 10) for i, t in enumerate(TRACKS[:n_tracks])}
    run: Run = make("net", scores, data_tracks=TRACKS, **more)
    spec = msgspec.structs.replace(run.record.system, parameters={"file": file})
    made = msgspec.structs.replace(run.record.provenance[-1], created=f"2026-01-{day:02}T00:00:00+00:00")
    record = msgspec.structs.replace(run.record, provenance=(made,), system=spec, system_digest=spec.digest)
    return Run(Path(f"runs/net--mdx21--{file * 8}"), record, run.results)


def files_of(runs: list[Run]) -> list[str]:
    return [r.record.system.parameters["file"] for r in runs]


def named(folder: Path, file: str) -> str:
    """The name of the run of a file where both are shown."""
    return f"net ({load_run(folder / f'net--mdx21--{file * 8}').record.system_digest[:8]})"


def test_the_newest_file_is_read_and_the_older_named(make: Any) -> None:
    other = make("other", {t: even(1) for t in TRACKS})
    (kept, same) = latest([edited(make, "a", 5, day=2), edited(make, "b", 4, day=3), other])
    assert files_of([kept]) == ["b"]
    assert kept.left_out == ("older run of net by another system file left out (net--mdx21--aaaaaaaa)",)
    assert same is other


def test_a_complete_run_stands_before_a_newer_unfinished_one(make: Any) -> None:
    (kept,) = latest([edited(make, "a", 5, day=2), edited(make, "b", 4, day=3, n_tracks=2)])
    assert files_of([kept]) == ["a"]
    assert kept.left_out[0].startswith("newer, unfinished run of net")
    (kept,) = latest([edited(make, "a", 5, day=2, n_tracks=1), edited(make, "b", 4, day=3, n_tracks=2)])
    assert files_of([kept]) == ["b"]


def test_repeats_imports_and_other_protocols_are_no_edits(make: Any) -> None:
    one = edited(make, "a", 5, day=2)
    assert len(latest([one, edited(make, "a", 5.1, day=3)])) == 2
    elsewhere = edited(make, "b", 5, day=3, protocol_digest="f" * 64)
    assert len(latest([one, elsewhere])) == 2
    files = edited(make, "c", 5, day=3)
    spec = msgspec.structs.replace(files.record.system, adapter="imported")
    imported = msgspec.structs.replace(files, record=msgspec.structs.replace(files.record, system=spec))
    assert files_of(latest([one, imported])) == ["a", "c"]


def test_variants_of_a_probe_are_all_of_one_file(make: Any) -> None:
    def variant(name: str, file: str, day: int) -> Run:
        run = edited(make, file, 5, day=day)
        data = msgspec.structs.replace(
            run.record.data, variant=name, variants=("original", "horns"), digest=name[0] * 64
        )
        return msgspec.structs.replace(run, record=msgspec.structs.replace(run.record, data=data))

    old = [variant("original", "a", 2), variant("horns", "a", 2)]
    assert files_of(latest([*old, variant("original", "b", 3)])) == ["a", "a"]  # horns is still to be run
    assert files_of(latest([*old, variant("original", "b", 3), variant("horns", "b", 3)])) == ["b", "b"]


@pytest.fixture
def folder(make: Any, tmp_path: Path) -> Path:
    runs = [edited(make, "a", 5, day=2), edited(make, "b", 4, day=3)]
    for run in (*runs, make("other", {t: even(1) for t in TRACKS}, data_tracks=TRACKS)):
        write_run(tmp_path / "runs" / run.path.name, run.record, run.results)
    return tmp_path / "runs"


SENTENCE = "Older run of net by another system file left out (net--mdx21--aaaaaaaa); --all shows both."


def test_every_reader_of_runs_takes_it_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for format in ("markdown", "html", "json"):
        assert main(["table", str(folder), "--format", format]) == 0
        out = capsys.readouterr().out
        assert SENTENCE in out.replace("\\", "")
        assert "4.25" in out
        assert "5.25" not in out
    assert main(["table", str(folder), "--format", "csv"]) == 0
    assert SENTENCE in capsys.readouterr().err
    assert main(["table", str(folder), "--layout", "challenge"]) == 0
    assert SENTENCE in capsys.readouterr().out
    assert main(["compare", str(folder), "--resamples", "200"]) == 0
    assert SENTENCE in capsys.readouterr().out
    assert main(["report", str(folder), "--out", str(tmp_path / "report")]) == 0
    assert SENTENCE in (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert main(["board", f"lab={folder}", "--out", str(tmp_path / "site")]) == 0
    assert SENTENCE in (tmp_path / "site/index.html").read_text(encoding="utf-8")
    words = ["gate", "--baseline", str(folder / "other--mdx21--00000000"), "--candidate"]
    assert main([*words, str(folder / "net--mdx21--aaaaaaaa")]) == 0
    assert "Not judged" not in capsys.readouterr().out
    (folder / "other--mdx21--00000000").rename(tmp_path / "other")
    assert main(["gate", "--baseline", str(tmp_path / "other"), "--candidate", str(folder)]) == 0
    assert "Not judged: older run of net by another system file" in capsys.readouterr().out


def test_all_shows_both_under_names_of_their_own(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", str(folder), "--all", "--layout", "challenge"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first, second = named(folder, "a"), named(folder, "b")
    assert {line.split(" | ")[0] for line in lines[2:5]} == {f"| {first}", f"| {second}", "| other"}
    assert main(["compare", str(folder), "--all", "--json", "--resamples", "200"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert [s["system"] for s in found["systems"]] == [first, second, "other"]
    assert main(["board", str(folder), "--all", "--out", str(tmp_path / "site")]) == 0
    assert second in (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert main(["report", str(folder), "--all", "--out", str(tmp_path / "report")]) == 0
    assert first in (tmp_path / "report/index.html").read_text(encoding="utf-8")
