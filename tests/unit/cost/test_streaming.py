"""Streams of known gap, deadlines and drift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.cost.streaming import StreamReport, deadlines, gap, measure_stream
from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem
from svbench.systems.worker.host import WorkerHost

Make = Callable[..., LocatedSystem]
RATE = 16000
MUSIC = Audio(np.random.default_rng(2).uniform(-0.3, 0.3, (2 * RATE + 77, 2)), RATE)


def measured(
    located: LocatedSystem, scratch: Path, drift_s: float = 0, references: dict[str, Audio] | None = None
) -> StreamReport:
    with WorkerHost(located, ("vocals",), scratch) as host:
        return measure_stream(host, MUSIC, references or {}, drift_s=drift_s)


def test_a_faithful_stream_has_no_gap(known_system: Make, tmp_path: Path) -> None:
    found = measured(known_system("Streaming", hop=256, n_ahead=300), tmp_path)
    assert (found.hop_samples, found.held_samples, found.latency_samples) == (256, 300, 556)
    assert [(g.target, g.sdr.status, g.si_sdr.status) for g in found.gaps] == [
        ("vocals", "perfect", "perfect")
    ]
    assert found.deadlines.n_hops == -(-MUSIC.n_samples // 256)
    assert found.drift is None


def test_a_gap_of_known_size(known_system: Make, tmp_path: Path) -> None:
    """Half the amplitude is 6.02 dB off the whole; what that costs follows from the true target."""
    truth = MUSIC.samples + np.random.default_rng(3).uniform(-0.1, 0.1, MUSIC.samples.shape)
    located = known_system("Streaming", gain=0.5)
    found = measured(located, tmp_path, references={"vocals": Audio(truth, RATE)}).gaps[0]
    assert found.sdr.value == pytest.approx(20 * np.log10(2))
    assert found.si_sdr.status == "perfect"  # one gain is no error to SI-SDR
    errors = [np.sum((truth - gain * MUSIC.samples) ** 2) for gain in (1, 0.5)]
    assert found.sdr_loss_db == pytest.approx(10 * np.log10(errors[1] / errors[0]))
    assert found.si_sdr_loss_db == pytest.approx(0, abs=1e-9)


def test_a_loss_from_perfection_has_no_number(known_system: Make, tmp_path: Path) -> None:
    located = known_system("Streaming", gain=0.5)
    found = measured(located, tmp_path, references={"vocals": MUSIC}).gaps[0]
    assert found.sdr_loss_db is None


def test_shapes_must_agree() -> None:
    with pytest.raises(SystemFailure, match="block-wise"):
        gap("vocals", np.ones((9, 1)), np.ones((10, 1)), None)


def test_deadlines_by_hand() -> None:
    """A hop of 2.5 s on a clock of 1 s delays the two after it: late by 1.5, 0.6 and not."""
    found = deadlines(np.array([0.1, 2.5, 0.1, 0.1, 0.1]), 1.0)
    assert (found.n_missed, found.worst_late_s, found.rtf) == (2, 1.5, 0.58)
    assert deadlines(np.full(1000, 0.5), 0.5).n_missed == 0  # just in time, every time
    always = deadlines(np.full(10, 1.1), 1.0)  # the backlog grows
    assert (always.n_missed, always.worst_late_s) == (10, 1.0)


def test_missed_hops_are_counted(known_system: Make, tmp_path: Path) -> None:
    """Hops of 100 ms; the 10th and the 20th of 21 take 340 ms: late by 240, 140 and 40 ms in turn."""
    found = measured(known_system("Streaming", hop=1600, slow_every=10, slow_s=0.34), tmp_path).deadlines
    assert found.n_hops == 21
    assert found.n_missed == 3 + 2
    assert found.worst_late_s == pytest.approx(0.24, abs=0.03)
    assert found.rtf == pytest.approx(0.68 / 2.1, rel=0.2)


def test_a_stream_slower_than_real_time_is_not_fed_for_long(known_system: Make, tmp_path: Path) -> None:
    """Hops of 500 ms take 550 ms: the backlog grows by 50 ms with each of five."""
    found = measured(known_system("Streaming", hop=8000, slow_every=1, slow_s=0.55), tmp_path, drift_s=600)
    assert found.drift is None
    assert (found.deadlines.n_hops, found.deadlines.n_missed) == (5, 5)
    assert found.deadlines.worst_late_s == pytest.approx(0.25, abs=0.05)


def test_a_steady_stream_does_not_drift(known_system: Make, tmp_path: Path) -> None:
    found = measured(known_system("Streaming", hop=800), tmp_path, drift_s=120).drift
    assert found is not None
    assert (found.duration_s, found.window_s) == (120, 40)
    assert found.held_growth_samples == 0
    assert found.rss_growth_bytes is not None
    assert abs(found.rss_growth_bytes) < 2_000_000


def test_a_leak_is_measured(known_system: Make, tmp_path: Path) -> None:
    """20 pushes a second, 100 kB each, over the 80 s after the first window: 160 MB."""
    found = measured(known_system("Streaming", hop=800, leak_bytes=100_000), tmp_path, drift_s=120).drift
    assert found is not None
    assert found.rss_growth_bytes == pytest.approx(160e6, rel=0.1)


def test_growing_work_is_measured(known_system: Make, tmp_path: Path) -> None:
    """Push k of 60 takes k times 1 ms: 10.5 ms on average at first, 50.5 ms at the end."""
    found = measured(known_system("Streaming", hop=8000, tiring_s=0.001), tmp_path, drift_s=30).drift
    assert found is not None
    assert found.time_ratio == pytest.approx(50.5 / 10.5, rel=0.25)


@pytest.mark.parametrize(
    ("factory", "parameters", "sentence"),
    [
        ("OnlySaysSo", {}, r"has no stream\(rate_hz, n_channels\)"),
        ("Streaming", {"hop": 0}, "hop_samples is 0"),
        ("Streaming", {"n_ahead": 100, "short": True}, "pushed 32256 samples and gave 32156"),
    ],
)
def test_broken_contracts(
    factory: str, parameters: dict[str, object], sentence: str, known_system: Make, tmp_path: Path
) -> None:
    with pytest.raises(SystemFailure, match=sentence):
        measured(known_system(factory, **parameters), tmp_path)
