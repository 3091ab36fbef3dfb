"""`svbench run generalisation` from music to the report, with systems whose scores are known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio, write_audio
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.probes.patterns.sets import SETS
from svbench.probes.tracks import probed
from svbench.results.store import find_runs, load_run, track_file
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol

RATE_HZ = 16000
# On the first lie vocal chops, horns and wah guitar, on the second sirens, up-filters and horns.
TRACKS = ("one", "track 0")
COUNTS = {"wah-guitar": 1, "horns": 2, "sirens": 1, "up-filters": 1, "vocal-chops": 1, "all": 2}
INTERFERENCE = ("wah-guitar", "horns", "sirens", "up-filters")
SYSTEMS = ("mixture", "irm1", "nine-tenths")
Scores = dict[tuple[str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("music")
    write_folder(root, {n: synthetic_track(i, duration_s=30, rate_hz=RATE_HZ) for i, n in enumerate(TRACKS)})
    return root


@pytest.fixture(scope="module")
def system(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine tenths of the recorded vocals, whatever is laid over the track: 20 dB."""
    folder = tmp_path_factory.mktemp("system")
    for name in TRACKS:
        vocals = open_dataset(load_manifest("folder"), music, tracks=[name]).tracks[0].reference("vocals")
        assert vocals is not None
        (folder / "estimates" / name).mkdir(parents=True)
        write_audio(folder / "estimates" / name / "vocals.wav", Audio(0.9 * vocals.samples, RATE_HZ))
    path = folder / "nine-tenths.toml"
    path.write_text(
        'schema = 1\nid = "nine-tenths"\ntitle = "t"\nadapter = "folder"\ntraining_data = []\n'
        f'parameters = {{ root = "{(folder / "estimates").as_posix()}" }}\n'
    )
    return path


@pytest.fixture(scope="module")
def runs(music: Path, system: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    assert main(run_words("generalisation", music, system, out)) == 0
    return out


def run_words(protocol: str, music: Path, system: Path, out: Path) -> list[str]:
    systems = ["mixture", "irm1", str(system)]
    return ["run", protocol, "--data", f"folder={music}", "--out", str(out), "--system", *systems]


def table(runs: Path, capsys: pytest.CaptureFixture[str]) -> Scores:
    assert main(["table", str(runs), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {(r["system"], r["variant"], r["metric"]): r for r in rows}


def test_every_system_is_run_on_seven_sets(runs: Path) -> None:
    found = [load_run(p).record for p in find_runs([runs])]
    assert {(r.system.id, r.data.variant) for r in found} == {(s, v) for s in SYSTEMS for v in SETS}
    assert all(r.data.variants == SETS for r in found)


def test_scores_of_known_systems(runs: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = table(runs, capsys)
    sets = {
        d.variant: d
        for d in probed(open_dataset(load_manifest("folder"), music), load_protocol("generalisation"))
    }
    for name in SETS:
        # The mixture as estimate: vocals against everything else.
        expected = []
        for track in sets[name].tracks:
            vocals, mixture = track.reference("vocals"), track.mixture().samples
            assert vocals is not None
            rest = mixture - vocals.samples
            expected.append(10 * math.log10(np.sum(vocals.samples**2) / np.sum(rest**2)))
        assert scores["mixture", name, "uSDR"]["score"] == pytest.approx(np.mean(expected), abs=1e-9)
    for name in INTERFERENCE:
        mine = scores["nine-tenths", name, "uSDR"]
        # To 16 bit: the recorded vocals are what the system gives, and what it is measured against.
        assert mine["score"] == pytest.approx(20, abs=1e-3)
        assert (mine["change"], mine["change_low"], mine["change_high"]) == pytest.approx((0, 0, 0), abs=1e-9)
        assert scores["nine-tenths", name, "SDR"]["score"] == pytest.approx(20, abs=1e-3)
    # Chops belong to the vocals: leaving them out costs, taking everything keeps them.
    for name in ("vocal-chops", "all"):
        assert scores["nine-tenths", name, "uSDR"]["change"] < -3


def test_energy_of_the_pattern(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = table(runs, capsys)
    for name, n_tracks in COUNTS.items():
        found = {s: scores[s, name, "pattern"] for s in SYSTEMS}
        assert {r["n_tracks"] for r in found.values()} == {n_tracks}
        assert found["mixture"]["score"] == pytest.approx(0, abs=1e-6)
        assert found["nine-tenths"]["score"] < -80
    for name in INTERFERENCE:
        assert scores["irm1", name, "pattern"]["score"] < -10
    assert scores["irm1", "vocal-chops", "pattern"]["score"] > -1
    assert scores["mixture", "original", "pattern"]["status"] == "undefined"


def test_a_run_goes_on_where_it_stopped(
    runs: Path, music: Path, system: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = table(runs, capsys)
    gone = next(p for p in find_runs([runs]) if load_run(p).record.data.variant == "sirens")
    others = {p: track_file(p, "one").stat().st_mtime_ns for p in find_runs([runs]) if p != gone}
    track_file(gone, "one").unlink()
    assert main(run_words("generalisation", music, system, runs)) == 0
    err = capsys.readouterr().err
    assert err.count("(kept)") == len(SYSTEMS) * len(SETS) * len(TRACKS) - 1
    assert {p: track_file(p, "one").stat().st_mtime_ns for p in others} == others
    assert table(runs, capsys) == before


def test_tables_and_report(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lies = "Tracks with clips, of 2: wah-guitar 1, horns 2, sirens 1, up-filters 1, vocal-chops 1, all 2"
    for format in ("markdown", "latex", "html"):
        assert main(["table", str(runs), "--format", format, "--metric", "uSDR"]) == 0
        text = capsys.readouterr().out
        assert lies in text.replace("\\", "")
        assert text.count("mixture (baseline)") == 1
    assert main(["report", str(runs), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "uSDR of vocals, on each variant" in page
    assert "pattern in the estimate of vocals, on each variant" in page
    assert page.count(lies) == 3
    assert "Every track (vocals, sirens)" in page
    assert page.count("<small>Δ 0.00</small>") >= len(INTERFERENCE)


def test_chops_as_interference(
    music: Path, system: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = run_words("generalisation-nvc", music, system, tmp_path)
    assert main([*words[:-3], str(system)]) == 0
    capsys.readouterr()
    scores = table(tmp_path, capsys)
    for name in SETS[1:]:
        assert scores["nine-tenths", name, "uSDR"]["change"] == pytest.approx(0, abs=1e-9)
