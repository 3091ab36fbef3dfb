"""Values that measure rounding are called unstable, and are a number in no output."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from svbench import score_arrays
from svbench.api.results import long_table
from svbench.cli.main import main
from svbench.report.pages.frames import curves
from svbench.results.aggregate import summarise
from svbench.results.differences import compare_runs
from svbench.results.store import Run, find_runs, load_run

STEMS = ("vocals", "drums", "bass", "other")
RATE_HZ = 8000
NUMBER = re.compile(r"−?\d+\.\d\d")


def stems(seed: int, *, lossy: bool) -> dict[str, Any]:
    """Noise of 4 s: as files of 16 bits, or without any energy above 2.8 kHz, as a decoder to float gives."""
    rng = np.random.default_rng(seed)
    found = {}
    for name in STEMS:
        samples = 0.1 * rng.standard_normal((4 * RATE_HZ, 1))
        spectrum = np.fft.rfft(samples, axis=0)
        spectrum[round(0.7 * len(spectrum)) :] = 0
        samples = np.fft.irfft(spectrum, axis=0)
        found[name] = samples if lossy else np.round(samples * 32768) / 32768
    return found


def estimates_of(references: dict[str, Any], noise: float) -> dict[str, Any]:
    rng = np.random.default_rng(9)
    total = sum(references.values())
    return {t: s + 0.1 * total + noise * rng.standard_normal(s.shape) for t, s in references.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems on two sound tracks and a lossy one, which comes last."""
    folder = tmp_path_factory.mktemp("unstable")
    for track, lossy in (("one", False), ("two", False), ("lossy", True)):
        references = stems(len(track), lossy=lossy)
        for system, noise in (("better", 1e-3), ("worse", 3e-3)):
            found = estimates_of(references, noise)
            for kind, signals in (("references", references), (system, found)):
                place = folder / kind / track
                place.mkdir(parents=True, exist_ok=True)
                for target, samples in signals.items():
                    soundfile.write(place / f"{target}.wav", samples, RATE_HZ, subtype="DOUBLE")
    for system in ("better", "worse"):
        out = ["--out", str(folder / "runs")]
        assert main(["score", str(folder / "references"), str(folder / system), *out]) == 0
    return folder / "runs"


@pytest.fixture
def better(runs: Path) -> Run:
    return named(runs, "better")


def named(runs: Path, system: str) -> Run:
    return next(r for p in find_runs([runs]) if (r := load_run(p)).record.system.id == system)


def test_only_what_rests_on_filters_of_the_lossy_track(better: Run) -> None:
    table = long_table([better])
    unstable = table[table["status"] == "unstable"]
    assert set(unstable["track"]) == {"lossy"}
    assert set(unstable["metric"]) == {"ISR", "SIR", "SAR"}
    assert unstable["score"].isna().all()
    assert set(table[table["metric"] == "SDR"]["status"]) == {"ok"}


def test_the_number_over_tracks_is_that_of_the_others(better: Run) -> None:
    rows = {(s.target_set, s.target, s.metric): s for s in summarise(better)}
    (vocals,) = [s for k, s in rows.items() if k == ("4-stems", "vocals", "SIR")]
    values = [
        np.median(s.score)
        for result in better.results
        for s in result.series
        if (s.target_set, s.target, s.metric) == ("4-stems", "vocals", "SIR") and s.status[0] == "ok"
    ]
    assert len(values) == vocals.n_tracks == 2
    assert vocals.score == pytest.approx(np.median(values), abs=1e-5)
    assert rows["4-stems", "vocals", "SDR"].n_tracks == 3


def test_notes_name_targets_and_the_remedy(better: Run) -> None:
    (lossy,) = [r for r in better.results if r.track == "lossy"]
    told = [n for n in lossy.notes if "unstable" in n]
    assert any("ISR, SIR, SAR of vocals, drums, bass, other are unstable" in n for n in told)
    assert all("16 bits" in n and "SDR is not affected" in n for n in told)


FOOTNOTE = "ISR, SIR, SAR of vocals, drums, bass, other in 4-stems on lossy"


@pytest.mark.parametrize("format", ["markdown", "latex", "html", "csv", "json"])
def test_tables_of_all_formats(runs: Path, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(runs), "--format", format, "--target-set", "4-stems"]) == 0
    text = capsys.readouterr().out
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {(r["n_tracks"], r["n_unstable"]) for r in rows if r["metric"] == "SIR"} == {("2", "1")}
        assert {(r["n_tracks"], r["n_unstable"]) for r in rows if r["metric"] == "SDR"} == {("3", "0")}
    else:
        assert FOOTNOTE in text
        assert "16 bits" in text


def only_lossy(runs: Path, tmp_path: Path) -> Path:
    """The runs again, of the lossy track alone."""
    out = tmp_path / "runs"
    for name in ("references", "better", "worse"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "lossy").symlink_to(runs.parent / name / "lossy")
    for system in ("better", "worse"):
        assert main(["score", str(tmp_path / "references"), str(tmp_path / system), "--out", str(out)]) == 0
    return out


def test_where_all_tracks_are_unstable_the_word_stands_for_the_number(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = only_lossy(runs, tmp_path)
    printed = capsys.readouterr().out
    for name in ("ISR", "SIR", "SAR"):
        lines = [line for line in printed.splitlines() if line.startswith(f"{name} [dB]")]
        assert len(lines) == 4  # two systems, two target sets
        assert all(NUMBER.search(line) is None and "unstable" in line for line in lines)
    assert "Unstable, and left out of every number: " in printed
    one = named(alone, "better")
    assert main(["show", str(one.path)]) == 0
    assert "unstable" in capsys.readouterr().out
    assert main(["show", str(one.path), "--json"]) == 0
    scores = [s for s in json.loads(capsys.readouterr().out)["scores"] if s["metric"] != "SDR"]
    assert {(s["status"], s["score"], s["low"]) for s in scores} == {("unstable", None, None)}
    for format in ("markdown", "csv", "latex", "html", "json"):
        assert main(["table", str(alone), "--format", format, "--metric", "SIR"]) == 0
        text = capsys.readouterr().out
        rows = [line for line in text.splitlines() if "better" in line or "worse" in line]
        assert rows
        assert "unstable" in text
        assert "**" not in text
        assert "textbf" not in text
    assert main(["compare", str(alone), "--metric", "SIR"]) in (0, 1)
    text = capsys.readouterr().out
    assert "unstable" in text
    plots = curves([one], "lossy", "4-stems", "vocals")
    assert plots is not None
    assert [strip.label for strip in plots.strips] == ["SDR"]


def test_score_as_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = runs.parent
    assert main(["score", str(folder / "references"), str(folder / "better"), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert FOOTNOTE in content["unstable"][0]
    states = {(t["track"], t["metric"], t["status"], t["score"] is None) for t in content["tracks"]}
    assert ("lossy", "SIR", "unstable", True) in states
    assert not any(track == "lossy" and metric != "SDR" and not empty for track, metric, _, empty in states)


def test_a_gate_says_why_it_cannot_decide(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = named(runs, "better"), named(runs, "worse")
    options = ["--baseline", str(worse.path), "--candidate", str(better.path), "--max-drop", "1"]
    options += ["--target", "vocals"]
    assert main(["gate", *options]) == 0  # SDR
    capsys.readouterr()
    assert main(["gate", *options, "--metric", "SIR"]) == 1
    assert "cannot be decided: SIR of the baseline is unstable on lossy" in capsys.readouterr().out


def test_diff_tells_a_status_from_a_number(better: Run) -> None:
    assert compare_runs(better, better).verdict == "bit-equal"
    (lossy,) = [r for r in better.results if r.track == "lossy"]
    rows = tuple(
        replace(s, score=[1.0] * len(s.score), status=["ok"] * len(s.score)) if s.metric == "SIR" else s
        for s in lossy.series
    )
    others = tuple(r for r in better.results if r.track != "lossy")
    as_before = Run(better.path, better.record, (*others, replace(lossy, series=rows)))
    found = compare_runs(better, as_before)
    assert (found.verdict, found.first and found.first.first) == ("different", "unstable")


def test_export_for_museval(better: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "museval", str(better.path), "--out", str(tmp_path / "out")]) == 0
    assert "unstable values, which measure rounding, are NaN: " in capsys.readouterr().err
    content = json.loads((tmp_path / "out/test/lossy.json").read_text().replace("NaN", "null"))
    for target in content["targets"]:
        for frame in target["frames"]:
            assert frame["metrics"]["SIR"] is None
            assert isinstance(frame["metrics"]["SDR"], float)


def test_board_and_report(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", f"lab={runs}", "--out", str(tmp_path / "board")]) == 0
    pages = [p.read_text(encoding="utf-8") for p in (tmp_path / "board").rglob("*.html")]
    assert any(FOOTNOTE in page for page in pages)
    assert main(["report", str(runs), "--out", str(tmp_path / "report")]) == 0
    pages = [p.read_text(encoding="utf-8") for p in (tmp_path / "report").rglob("*.html")]
    assert any(FOOTNOTE in page for page in pages)
    (of_track,) = (tmp_path / "report").rglob("lossy.html")
    assert "Unstable, and left out of every number: ISR, SIR, SAR of vocals" in of_track.read_text()
    (of_another,) = (tmp_path / "report").rglob("one.html")
    assert "Unstable" not in of_another.read_text()


def test_arrays() -> None:
    references = stems(5, lossy=True)
    rows = score_arrays(references, estimates_of(references, 1e-3), rate_hz=RATE_HZ, protocol="sisec18")
    assert {(r.metric, r.status, r.score is None) for r in rows} == {
        ("SDR", "ok", False), ("ISR", "unstable", True), ("SIR", "unstable", True), ("SAR", "unstable", True),
    }  # fmt: skip
