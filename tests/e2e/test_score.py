"""`svbench score` and its Python twin, on files as they are met in practice."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import svbench
from svbench.audio import Audio, write_audio
from svbench.cli.main import main
from svbench.errors import AudioError, DataError

RATE = 8000
STEMS = ("vocals", "drums", "bass", "other")
RANDOM = np.random.default_rng(3)
TRACKS = {
    name: {s: np.round(RANDOM.uniform(-0.2, 0.2, (3 * RATE, 2)) * 2**15) / 2**15 for s in STEMS}
    for name in ("one", "two - ünïcode [x]")
}


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(samples, rate_hz), subtype="PCM_16" if path.suffix == ".wav" else None)


def estimate(track: str, target: str) -> np.ndarray:
    """Give nine tenths of the reference: 20 dB."""
    return 0.9 * TRACKS[track][target]


@pytest.fixture
def references(tmp_path: Path) -> Path:
    root = tmp_path / "references"
    for track, stems in TRACKS.items():
        for stem, samples in stems.items():
            write(root / track / f"{stem}.wav", samples)
    return root


def nested(root: Path) -> None:
    for track in TRACKS:
        for stem in STEMS:
            write_audio(_made(root / "test" / track / f"{stem}.wav"), Audio(estimate(track, stem), RATE))


def flat(root: Path) -> None:
    for track in TRACKS:
        for stem in STEMS:
            write_audio(_made(root / f"{track}_{stem}.wav"), Audio(estimate(track, stem), RATE))


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def scored(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    capsys.readouterr()
    code = main(["score", *map(str, words), "--json", "--workers", "1"])
    printed = capsys.readouterr()
    assert code in (0, 3), printed.err
    found: dict[str, object] = json.loads(printed.out)
    return {**found, "code": code, "stderr": printed.err}


@pytest.mark.parametrize("layout", [nested, flat])
@pytest.mark.parametrize("protocol", ["sisec18", "mdx21"])
def test_layouts(
    tmp_path: Path,
    references: Path,
    capsys: pytest.CaptureFixture[str],
    layout: Callable[[Path], None],
    protocol: str,
) -> None:
    layout(tmp_path / "mine")
    found = scored(capsys, references, tmp_path / "mine", "--protocol", protocol)
    assert (found["system"], found["code"], found["n_tracks"]) == ("mine", 0, 2)
    headline = {"sisec18": "SDR", "mdx21": "uSDR"}[protocol]
    rows = [r for r in found["tracks"] if r["metric"] == headline]
    assert {(r["track"], r["target_set"]) for r in rows} == {
        (t, s) for t in TRACKS for s in ("4-stems", "vocals-accompaniment")
    }
    assert [r["score"] for r in rows] == pytest.approx([20] * 12, abs=1e-4)


def test_one_track_without_track_folders(
    tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat(tmp_path / "mine")
    nested(tmp_path / "also")
    found = scored(capsys, references / "one", tmp_path / "also/test/one")
    assert found["n_tracks"] == 1
    assert found["summaries"][0]["score"] == pytest.approx(20, abs=1e-4)


def test_same_numbers_as_run_and_as_arrays(
    tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nested(tmp_path / "mine")
    by_folder = scored(capsys, references, tmp_path / "mine")
    toml = tmp_path / "mine.toml"
    toml.write_text(
        'schema = 1\nid = "mine"\ntitle = "t"\nadapter = "folder"\ntraining_data = ["unknown"]\n'
        f'parameters = {{ root = "{tmp_path / "mine"}" }}\n'
    )
    words = [
        "--data",
        f"folder={references}",
        "--system",
        str(toml),
        "--out",
        str(tmp_path / "runs"),
        "--json",
    ]
    assert main(["run", "sisec18", *words]) == 0
    by_run = json.loads(capsys.readouterr().out)[0]
    assert by_folder["summaries"] == by_run["summaries"]
    given = {s: estimate("one", s) for s in STEMS}
    by_array = svbench.score_arrays(TRACKS["one"], given, rate_hz=RATE, protocol="sisec18")
    rows = {
        (r["target"], r["metric"]): r["score"]
        for r in by_folder["tracks"]
        if r["track"] == "one" and r["target_set"] == "4-stems"
    }
    assert {(r.target, r.metric): r.score for r in by_array} == pytest.approx(rows)


def test_kept_scores_are_a_run(tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nested(tmp_path / "mine")
    scored(capsys, references, tmp_path / "mine", "--out", tmp_path / "runs", "--name", "My system 2")
    assert main(["table", str(tmp_path / "runs")]) == 0
    assert "| My-system-2 |" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "runs"), "--out", str(tmp_path / "page")]) == 0


def test_tracks_and_targets_that_lack(
    tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nested(tmp_path / "mine")
    shutil.rmtree(tmp_path / "mine/test/one")
    shutil.copytree(tmp_path / "mine/test/two - ünïcode [x]", tmp_path / "mine/test/three")
    found = scored(capsys, references, tmp_path / "mine")
    assert found["code"] == 3
    assert found["failed"] == {
        "one": "no estimate of vocals, drums, bass, other, accompaniment; found nothing"
    }
    assert "left out: three: no reference has this name" in str(found["stderr"])


def test_length_that_differs_fails_the_track_alone(
    tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nested(tmp_path / "mine")
    write(tmp_path / "mine/test/one/drums.wav", estimate("one", "drums")[:-1])
    found = scored(capsys, references, tmp_path / "mine")
    assert found["failed"] == {"one": "estimate of drums has 23999 samples, expected 24000 (refused)"}


def test_sets_without_estimates_are_left_out(
    tmp_path: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for track in TRACKS:
        rest = sum(estimate(track, s) for s in STEMS[1:])
        write_audio(_made(tmp_path / f"mine/{track}/vocals.wav"), Audio(estimate(track, "vocals"), RATE))
        write_audio(tmp_path / f"mine/{track}/accompaniment.wav", Audio(np.asarray(rest), RATE))
    found = scored(capsys, references, tmp_path / "mine")
    assert "target set 4-stems: no estimate of drums, bass, other" in str(found["stderr"])
    assert {s["target_set"] for s in found["summaries"]} == {"vocals-accompaniment"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda mine: None, "mine: no such folder"),
        (lambda mine: mine.mkdir(), "no estimate is named after a track of .* found no audio at all"),
        (lambda mine: write(mine / "uno/vocals.wav", TRACKS["one"]["vocals"]), "such as 'one'.* found 'uno'"),
        (
            lambda mine: write(mine / "one/voice.wav", TRACKS["one"]["vocals"]),
            "nothing to score under sisec18",
        ),
    ],
)
def test_folders_that_cannot_be_paired(
    tmp_path: Path,
    references: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], None],
    sentence: str,
) -> None:
    import re

    make(tmp_path / "mine")
    assert main(["score", str(references), str(tmp_path / "mine")]) == 2
    error = capsys.readouterr().err
    assert re.search(sentence, error)
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "protocol", ["sisec18", "mdx21", "si-sdr", "dttnet-csdr", "kuielab", "msst-community"]
)
@pytest.mark.parametrize("side", ["reference", "estimate"])
def test_bad_samples_are_told_by_target_channel_and_sample(
    side: str, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for role in ("reference", "estimate"):
        for stem, samples in TRACKS["one"].items():
            bad = samples.copy()
            if (role, stem) == (side, "bass"):
                bad[1777, 1] = np.nan
            path = tmp_path / role / "one" / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, bad, RATE, subtype="DOUBLE")
    words = ["score", str(tmp_path / "reference"), str(tmp_path / "estimate"), "--protocol", protocol]
    assert main(words) == 3
    told = capsys.readouterr().err
    assert re.search(
        f"one FAILED: .*({side} of bass|{side}/one/bass.wav).*nan.* at sample 1777 of channel 1, both counted",
        told,
    )


def test_arrays_that_cannot_be_scored() -> None:
    one = TRACKS["one"]
    with pytest.raises(DataError, match="references and estimates have no target in common"):
        svbench.score_arrays(one, {"voice": one["vocals"]}, rate_hz=RATE, protocol="mdx21")
    bad = {**one, "bass": np.full_like(one["bass"], np.nan)}
    with pytest.raises(AudioError, match="estimate of bass: NaN or infinite values"):
        svbench.score_arrays(one, bad, rate_hz=RATE, protocol="mdx21")
    short = {s: x[:-5] for s, x in one.items()}
    with pytest.raises(AudioError, match=r"estimate of vocals has shape .*, the reference of vocals"):
        svbench.score_arrays(one, short, rate_hz=RATE, protocol="mdx21")
