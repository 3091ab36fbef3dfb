"""From runs to the metric that agrees best: systems of known noise, ratings that follow one metric."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated.listeners import Listener, running_server

from svbench.audio import Audio, read_audio, write_audio
from svbench.cli.main import main
from svbench.datasets.synthetic import STEMS, synthetic_track, write_folder
from svbench.listening.listening_test import ListeningTest, load_test
from svbench.listening.ratings import ratings_table
from svbench.results.store import slug
from svbench.tables.spreadsheet import frame_csv

N_TRACKS, RATE_HZ = 5, 16000
Samples = NDArray[np.float64]
PROTOCOL = """
schema = 1
id = "short"
title = "Short"
version = "1"
description = "For tests"
citation = "none"
targets = ["vocals"]
anchors = ["lowpass-3500", "mixture"]

[excerpts]
n = 5
length_s = 1.5
active = 0.2
training = 0
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of four systems and a test built from them.

    Each estimate is the reference with noise, a to d less and less, and with a gain, a to d further and
    further from 1. SI-SDR hears the noise only, uSDR mostly the gain.
    """
    root = tmp_path_factory.mktemp("agree")
    tracks = {f"track {i}": synthetic_track(i, duration_s=3.0, rate_hz=RATE_HZ) for i in range(N_TRACKS)}
    write_folder(root / "data", tracks)
    rng = np.random.default_rng(1)
    words = ["run", "mdx21", "--data", f"folder={root / 'data'}", "--out", str(root / "runs")]
    words.append("--keep-estimates")
    for number, name in enumerate("abcd"):
        for track, stems in tracks.items():
            parts = {
                "vocals": stems["vocals"].samples,
                "accompaniment": np.sum([stems[s].samples for s in STEMS if s != "vocals"], axis=0),
            }
            for target, reference in parts.items():
                level = 10 ** ((-4 * number - rng.uniform(4, 12)) / 20) * np.sqrt(np.mean(reference**2))
                gain = 1.0 - 0.2 * number
                heard = gain * (reference + level * rng.standard_normal(reference.shape))
                path = root / "estimates" / name / track / f"{target}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_audio(path, Audio(heard, RATE_HZ))
        system = root / f"{name}.toml"
        system.write_text(
            f'schema = 1\nid = "{name}"\ntitle = "System {name}"\nadapter = "folder"\ntraining_data = []\n'
            f'parameters = {{ root = "estimates/{name}" }}\n'
        )
        words += ["--system", str(system)]
    assert main([*words, "--workers", "1"]) == 0
    (root / "short.toml").write_text(PROTOCOL)
    words = ["listen", "build", str(root / "runs"), "--protocol", str(root / "short.toml"), "--seed", "1"]
    assert main([*words, "--out", str(root / "test")]) == 0
    write_ratings(root)
    return root


def cut(root: Path, test: ListeningTest, trial: int, name: str) -> tuple[Samples, Samples]:
    """Read reference and estimate of the vocals of one excerpt."""
    one = test.trials[trial]
    start = round(one.start_s * RATE_HZ)
    paths = root / "data" / one.track / "vocals.wav", root / "estimates" / name / one.track / "vocals.wav"
    reference, estimate = (read_audio(p).samples[start : start + one.n_samples] for p in paths)
    return reference, estimate


def si_sdr(reference: Samples, estimate: Samples) -> float:
    scaled = np.sum(reference * estimate) / np.sum(reference**2) * reference
    return float(10 * np.log10(np.sum(scaled**2) / np.sum((estimate - scaled) ** 2)))


def write_ratings(root: Path) -> None:
    """Rate by a curve of SI-SDR and some noise; one assessor hears no hidden reference."""
    test = load_test(root / "test")
    rng = np.random.default_rng(2)
    roles = {c.id: c.role for c in test.conditions}
    fixed = {"reference": 97.0, "anchor35": 20.0, "mixture": 10.0}
    rows: list[dict[str, object]] = []
    for assessor in ("a1", "a2", "a3", "a4", "a5", "deaf"):
        for number, trial in enumerate(test.trials):
            for stimulus in trial.stimuli:
                name = stimulus.condition
                worth = fixed.get(name)
                if worth is None:
                    worth = 90 / (1 + np.exp(-(si_sdr(*cut(root, test, number, name)) - 14) / 5))
                heard = 50.0 if assessor == "deaf" else np.clip(worth + rng.uniform(-3, 3), 0, 100)
                rows.append(
                    {"test": test.id, "assessor": assessor, "session": assessor, "trial": trial.id,
                     "track": trial.track, "target": trial.target, "condition": name, "role": roles[name],
                     "rating": float(heard), "screen": number}
                )  # fmt: skip
    (root / "ratings.csv").write_text(frame_csv(ratings_table(rows)))


def agree(root: Path, *words: str) -> int:
    arguments = ["listen", "agree", str(root / "test"), str(root / "runs"), "--workers", "1", *words]
    if "--ratings" not in words:
        arguments += ["--ratings", str(root / "ratings.csv")]
    return main(arguments)


def test_the_metric_that_ratings_follow_comes_out_best(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "agreement"
    assert agree(bench, "--out", str(out), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (target,) = found["targets"]
    best, *others = target["measures"]
    assert best["measure"]["metric"] in ("SI-SDR", "SI-SAR")  # noise is their only difference here
    assert best["stimuli"]["spearman"]["value"] > 0.95
    usdr = next(m for m in others if m["measure"]["metric"] == "uSDR")
    assert usdr["is_tied"] is False
    assert usdr["behind"]["low"] > 0
    assert (best["n_stimuli"], best["n_tracks"], best["n_systems"]) == (20, 5, 4)
    assert [e["assessor"] for e in found["excluded"]] == ["deaf"]
    assert found["n_assessors"] == 5
    assert found["conditions"] == ["a", "b", "c", "d"]
    assert {m["measure"]["protocol"] for m in target["measures"]} >= {"si-sdr", "mdx21", "sisec18"}
    assert 0.9 < target["ceiling"]["reachable"] <= 1
    assert json.loads((out / "agreement.json").read_text()) == found
    with (out / "agreement.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 * len(target["measures"])
    page = (out / "index.html").read_text()
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#|agreement\.|stimuli\.)', page)
    assert page.count("<svg") == len(target["measures"])
    assert "Studies disagree" in page


def test_scores_are_those_of_the_excerpt(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "agreement"
    assert agree(bench, "--out", str(out), "--protocol", "mdx21", "--with-anchors") == 0
    found = json.loads((out / "agreement.json").read_text())
    test = load_test(bench / "test")
    scores = {(s["trial"], s["condition"]): s["score"] for s in found["stimuli"]}
    for number, trial in enumerate(test.trials):
        for name in "abcd":
            reference, estimate = cut(bench, test, number, name)
            wanted = 10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2))
            assert scores[trial.id, name] == pytest.approx(wanted, abs=1e-4)
        stems = [read_audio(bench / "data" / trial.track / f"{s}.wav").samples for s in STEMS]
        start = round(trial.start_s * RATE_HZ)
        mixture = np.sum(stems, axis=0)[start : start + trial.n_samples]
        reference = stems[0][start : start + trial.n_samples]
        wanted = 10 * np.log10(np.sum(reference**2) / np.sum((mixture - reference) ** 2))
        assert scores[trial.id, "mixture"] == pytest.approx(wanted, abs=1e-4)
        assert (trial.id, "anchor35") in scores
        assert (trial.id, "reference") not in scores
    assert found["conditions"] == ["anchor35", "mixture", "a", "b", "c", "d"]


def test_what_does_not_fit_is_refused_in_words(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    out = ["--out", str(tmp_path / "out")]

    def told(root: Path, *words: str) -> str:
        capsys.readouterr()
        assert agree(root, *out, *words) == 2
        lines = capsys.readouterr().err.splitlines()
        return lines[-1]

    runs = sorted((bench / "runs").iterdir())
    words = ["listen", "agree", str(bench / "test"), str(runs[0]), *out]
    assert main([*words, "--ratings", str(bench / "ratings.csv")]) == 2
    assert "runs of 1 of the test's 4 systems were given (a)" in capsys.readouterr().err
    assert main(["listen", "agree", str(bench / "test"), str(bench / "runs"), *out]) == 2
    assert "nobody has rated yet" in capsys.readouterr().err
    assert "name another protocol" in told(bench, "--protocol", "robustness")
    assert "does not score vocals without estimates of" in told(bench, "--protocol", "demucs-sdr")

    other = tmp_path / "other"
    shutil.copytree(bench, other)
    first = load_test(bench / "test").trials[0]
    ratings = (bench / "ratings.csv").read_text()
    (other / "ratings.csv").write_text(ratings.replace(first.id, "0" * 16))
    assert "give the ratings of this test" in told(other)
    (other / "ratings.csv").write_text(ratings)
    name = slug(first.track)
    (estimate,) = (other / "runs").glob(f"b--*/estimates/{name}/vocals.wav")
    kept = estimate.read_bytes()
    sound = read_audio(estimate)
    write_audio(estimate, Audio(np.ascontiguousarray(sound.samples[::-1]), RATE_HZ))
    assert "is not what was heard as b in the test" in told(other)
    estimate.unlink()
    assert "the estimate is gone" in told(other)
    estimate.write_bytes(kept)
    next((other / "runs").glob(f"c--*/tracks/{name}.json")).unlink()
    assert f"c has nothing of track {first.track!r}" in told(other)
    shutil.rmtree(other / "runs")
    words = ["run", "mdx21", "--data", f"folder={bench / 'data'}", "--out", str(other / "runs")]
    assert main([*words, "--system", str(bench / "a.toml"), str(bench / "b.toml")]) == 0
    assert "no estimates were kept" in told(other)
    assert main([*words, "--system", "mixture"]) == 0
    assert "no estimates were kept" in told(other)  # of a; that of the mixture, an anchor, is not needed
    assert main([*words, "--system", "silence"]) == 0
    assert "system 'silence' is not in the test" in told(other)


def test_ratings_of_a_served_test_are_read_from_its_database(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    folder = tmp_path / "test"
    shutil.copytree(bench / "test", folder)
    test = load_test(folder)
    worth = {"reference": 100.0, "anchor35": 20.0, "mixture": 5.0, "a": 30.0, "b": 50.0, "c": 70.0, "d": 85.0}
    heard = {s.sha256: worth[s.condition] for t in test.trials for s in t.stimuli}

    def rate(sound: bytes, screen: Mapping[str, Any], slot: int) -> float:
        return heard[hashlib.sha256(sound).hexdigest()]

    with running_server(folder) as server:
        for _ in range(2):
            Listener(server.address, rate=rate).take_part()
    out = tmp_path / "agreement"
    words = ["listen", "agree", str(folder), str(bench / "runs"), "--protocol", "si-sdr", "--out", str(out)]
    assert main([*words, "--workers", "1"]) == 0
    found = json.loads((out / "agreement.json").read_text())
    assert found["n_assessors"] == 2
    assert {s["condition"]: s["mean"] for s in found["stimuli"]} == {
        name: value for name, value in worth.items() if name != "reference"
    }
    best = found["targets"][0]["measures"][0]
    assert best["systems"]["spearman"]["value"] == 1.0
    assert found["targets"][0]["ceiling"]["reliability"] is None
