"""svbench lookahead, sweep and repeat as a user types them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from svbench.scoring.arrays import score_arrays
from svbench.scoring.bound import bind
from svbench.specs.protocol import load_protocol

CODE = Path(__file__).resolve().parents[1] / "streaming_systems" / "systems.py"


def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "svbench", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


def system(folder: Path, name: str, parameters: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\nid = "{name}"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f"parameters = {{ {parameters} }}\n"
    )
    return path


@pytest.fixture
def delay(tmp_path: Path) -> Path:
    return system(tmp_path, "delay", f'factory = "{CODE}:fir_delay", targets = ["vocals"], n_samples = 441')


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return system(tmp_path, "live", f'factory = "{CODE}:Streaming", n_ahead = 100, gain = 0.5')


def test_lookahead_prints_a_row_per_system(delay: Path, tmp_path: Path) -> None:
    whole = system(tmp_path, "whole", f'factory = "{CODE}:normaliser", targets = ["vocals"]')
    out = run("lookahead", delay, whole, "silence", "--duration-s", 3).stdout.splitlines()
    assert out[0].split("  ")[0] == "system"
    assert out[1].split() == ["delay", "0", "samples", "(0.0", "ms)", "441", "samples", "(10.0", "ms)"]
    assert out[2].split() == ["whole", "whole", "track", "(all", "3", "s", "given)", "whole", "track"]
    assert "does not depend on its input" in out[3]


def test_lookahead_of_a_stream_in_words_and_json(live: Path) -> None:
    words = ["lookahead", live, "--duration-s", 3, "--drift-s", 30]
    out = run(*words).stdout
    assert "100 samples (6.2 ms)" in out
    assert "hop 256 samples (16.0 ms), holds back 100, latency 356 samples (22.2 ms)" in out
    assert "vocals, block-wise against whole: SDR 6.02 dB, SI-SDR perfect" in out
    assert "over 30 s: time per audio ×" in out
    printed = json.loads(run(*words, "--json").stdout)
    assert printed["provenance"]["machine"]["n_cores"] >= 1
    (found,) = printed["systems"]
    assert found["lookahead"]["lookahead_samples"] == 100
    assert len(found["lookahead"]["probes"]) >= 12
    assert found["stream"]["deadlines"]["n_hops"] == 30 * 16000 // 256
    assert found["stream"]["gaps"][0]["sdr_loss_db"] is not None


def test_lookahead_on_real_tracks(delay: Path, small_folder: Path) -> None:
    words = ["lookahead", delay, "--data", f"folder={small_folder}", "--duration-s", 2]
    assert "441 samples (27.6 ms)" in run(*words).stdout  # 16 kHz here
    assert "delay on track 1" in run(*words, "--track", "track 1").stderr
    assert "no data to find it in" in run("lookahead", delay, "--track", "x", code=2).stderr


def test_lookahead_of_what_cannot_be_measured(delay: Path) -> None:
    out = run("lookahead", delay, "irm1", "--duration-s", 1, code=3).stdout
    assert "441 samples" in out
    assert "irm1: an oracle sees the references" in out
    assert "must be negative" in run("lookahead", delay, "--threshold-db", 3, code=2).stderr
    assert "it must be at least 1 s" in run("lookahead", delay, "--duration-s", 0.1, code=2).stderr
    assert "expected seconds" in run("lookahead", delay, "--drift-s", "long", code=2).stderr


def test_a_stream_that_is_another_system_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(
        f"import sys\nsys.path.insert(0, {str(CODE.parent)!r})\nfrom systems import Streaming, normaliser\n\n\n"
        "class Two(Streaming):\n    def separate(self, mixture):\n        return normaliser()(mixture)\n"
    )
    two = system(tmp_path, "two", 'factory = "two.py:Two"')
    out = run("lookahead", two, "--duration-s", 3, "--drift-s", 0, code=1).stdout
    assert "two: it says streaming, but its whole-track output depends on the whole track" in out


def vary(folder: Path) -> Path:
    """A system whose quality (gain) and cost (a nap) are parameters."""
    (folder / "vary.py").write_text(
        "import time\nfrom svbench.audio import Audio\n\n\ndef make(gain, nap=0.0):\n"
        "    def separate(mixture):\n        time.sleep(nap)\n"
        "        half = Audio(mixture.samples * gain, mixture.rate_hz)\n"
        "        return {'vocals': half, 'accompaniment': half}\n    return separate\n"
    )
    return system(
        folder, "vary", 'factory = "vary.py:make", targets = ["vocals", "accompaniment"], gain = 1.0'
    )


def test_sweep_scores_what_each_value_is_worth(small_folder: Path, tmp_path: Path) -> None:
    words = ["sweep", vary(tmp_path), "--param", "gain=0.2,0.5", "--param", "nap=0.05,0.4", "--protocol", "mdx21",
             "--data", f"folder={small_folder}", "--out", tmp_path / "runs"]  # fmt: skip
    done = run(*words)
    assert "vary · mdx21" in done.stdout
    assert len(list((tmp_path / "runs").glob("vary-gain_0.2-nap_0.05--mdx21--*/run.json"))) == 1
    (folder,) = (tmp_path / "runs").glob("sweep--vary--mdx21--*")
    assert f"curve: {folder / 'sweep.svg'}" in done.stdout
    ET.fromstring((folder / "sweep.svg").read_text(encoding="utf-8"))
    found = json.loads((folder / "sweep.json").read_text())
    assert [p["values"] for p in found["points"]] == [
        {"gain": 0.2, "nap": 0.05}, {"gain": 0.2, "nap": 0.4}, {"gain": 0.5, "nap": 0.05}, {"gain": 0.5, "nap": 0.4},
    ]  # fmt: skip
    for point in found["points"]:
        assert point["score"] == pytest.approx(expected(small_folder, point["values"]["gain"]), abs=1e-9)
        assert point["rtf"] == pytest.approx(point["values"]["nap"] / 2.5, rel=0.2)
    rows = list(csv.DictReader(io.StringIO((folder / "sweep.csv").read_text())))
    assert [(r["gain"], r["nap"]) for r in rows][1] == ("0.2", "0.4")
    before = (folder / "sweep.svg").read_bytes()
    again = run(*words, "--json")
    assert again.stderr.count("(kept)") == 12
    assert json.loads(again.stdout) == found
    assert (folder / "sweep.svg").read_bytes() == before


def expected(root: Path, gain: float) -> float:
    """Mean over tracks of the mean over targets, from the arrays alone."""
    from svbench.datasets.api import open_dataset
    from svbench.specs.manifest import load_manifest

    protocol = load_protocol("mdx21")
    assert bind(protocol).quantities[0].name == "uSDR"
    targets = ("vocals", "accompaniment")
    means = []
    for track in open_dataset(load_manifest("folder"), root).tracks:
        estimate = gain * track.mixture().samples
        references = {t: track.references(targets)[t].samples for t in targets}
        scores = score_arrays(
            references, dict.fromkeys(targets, estimate), rate_hz=track.rate_hz, protocol=protocol
        )
        means.append(np.mean([s.score for s in scores]))
    return float(np.mean(means))


def test_sweep_refuses_and_reports(small_folder: Path, tmp_path: Path) -> None:
    words = ["--protocol", "mdx21", "--data", f"folder={small_folder}", "--out", tmp_path / "runs"]
    assert "expected NAME=VALUE" in run("sweep", vary(tmp_path), "--param", "gain", *words, code=2).stderr
    done = run("sweep", vary(tmp_path), "--param", "loudness=1,2", *words, code=3)
    assert "unexpected keyword argument 'loudness'" in done.stderr
    assert "failed" in done.stdout


def test_repeat_finds_a_system_that_is_not_what_it_says(small_folder: Path, tmp_path: Path) -> None:
    words = ["repeat", "mdx21", "--data", f"folder={small_folder}", "--system"]
    out = run(*words, "mixture").stdout
    assert out.count("track ") == 3  # the head, and two tracks
    assert "ok: it says that it is deterministic, and is equal to the last bit" in out
    (tmp_path / "noisy.py").write_text(
        "import numpy as np\nfrom svbench.audio import Audio\n\n\ndef make():\n    def separate(mixture):\n"
        "        x = mixture.samples + np.random.default_rng().uniform(-0.01, 0.01, mixture.samples.shape)\n"
        "        return dict.fromkeys(('vocals', 'accompaniment'), Audio(x, mixture.rate_hz))\n    return separate\n"
    )
    noisy = system(tmp_path, "noisy", 'factory = "noisy.py:make", targets = ["vocals", "accompaniment"]')
    done = run(*words, "mixture", noisy, "--tracks", 1, code=1)
    assert "WRONG: it says that it is deterministic, and is not: its estimates differ" in done.stdout
    found = json.loads(run(*words, noisy, "--track", "track 1", "--json", code=1).stdout)[0]
    assert (found["contradicts"], found["is_equal"]) == (True, False)
    assert [t["track"] for t in found["tracks"]] == ["track 1"]
    assert 0.015 < found["tracks"][0]["largest_difference"] < 0.02
    assert "at least 2" in run(*words, "mixture", "--passes", 1, code=2).stderr
