"""Look-ahead and latency of systems that are known to the sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.cost.lookahead import Lookahead, measure_lookahead, system_lookahead
from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem
from svbench.systems.worker.host import WorkerHost

Make = Callable[..., LocatedSystem]
MUSIC = Audio(np.random.default_rng(1).uniform(-0.3, 0.3, (8000, 2)), 8000)


def measured(located: LocatedSystem, scratch: Path, mixture: Audio = MUSIC) -> Lookahead:
    with WorkerHost(located, ("vocals",), scratch) as host:
        return system_lookahead(host, mixture)


@pytest.mark.parametrize(
    ("factory", "parameters", "lookahead", "latency"),
    [
        ("fir_delay", {"n_samples": 0}, 0, 0),
        ("fir_delay", {"n_samples": 1}, 0, 1),
        ("fir_delay", {"n_samples": 777}, 0, 777),
        ("causal", {}, 0, 0),
        ("acausal_fir", {"n_ahead": 1, "n_behind": 0}, 1, 1),
        ("acausal_fir", {"n_ahead": 300, "n_behind": 40}, 300, 300),
        ("acausal_fir", {"n_ahead": 0, "n_behind": 40}, 0, 0),
        ("blocks", {"n_samples": 512}, 511, 511),
        ("blocks", {"n_samples": 1000}, 999, 999),
    ],
)
def test_known_systems_to_the_sample(
    factory: str, parameters: dict[str, int], lookahead: int, latency: int,
    known_system: Make, tmp_path: Path,
) -> None:  # fmt: skip
    found = measured(known_system(factory, **parameters), tmp_path)
    assert (found.reach, found.lookahead_samples, found.latency_samples) == ("bounded", lookahead, latency)


def test_whole_track_and_no_answer_are_named(known_system: Make, tmp_path: Path) -> None:
    found = measured(known_system("normaliser"), tmp_path)
    assert (found.reach, found.lookahead_samples, found.latency_samples) == ("whole track", None, None)
    assert measured(known_system("silent"), tmp_path).reach == "no answer"


def test_every_kind_of_change_is_made_at_several_times(known_system: Make, tmp_path: Path) -> None:
    probes = measured(known_system("fir_delay", n_samples=10), tmp_path).probes
    for kind in ("noise burst", "silence", "sign flip"):
        times = {p.changed_sample for p in probes if p.kind == kind}
        assert len(times) >= 4
        assert all(p.answered_sample == p.changed_sample + 10 for p in probes if p.kind == kind)


def test_a_change_counts_from_where_the_music_sounds() -> None:
    """Silence after t changes nothing while the music rests; a late first change is no latency."""
    samples = MUSIC.samples.copy()
    samples[2000:7500] = 0
    found = measure_lookahead(lambda x: {"vocals": x}, samples, 8000)
    assert (found.lookahead_samples, found.latency_samples) == (0, 0)
    assert any(p.kind == "silence" and p.changed_sample == 7500 for p in found.probes)


def test_the_threshold_decides_what_counts() -> None:
    """An early echo 80 dB down is heard at −120 dB and not at −60 dB."""

    def separate(x: np.ndarray) -> dict[str, np.ndarray]:
        return {"vocals": x + 1e-4 * np.concatenate([x[50:], np.zeros((50, 2))])}

    assert measure_lookahead(separate, MUSIC.samples, 8000, -120).lookahead_samples == 50
    assert measure_lookahead(separate, MUSIC.samples, 8000, -60).lookahead_samples == 0


def test_any_target_counts() -> None:
    def separate(x: np.ndarray) -> dict[str, np.ndarray]:
        return {"vocals": x, "drums": np.concatenate([x[9:], np.zeros((9, 2))])}

    assert measure_lookahead(separate, MUSIC.samples, 8000).lookahead_samples == 9


def test_noise_from_call_to_call_is_not_taken_for_an_answer(known_system: Make, tmp_path: Path) -> None:
    found = measured(known_system("dithered", amplitude=1e-6), tmp_path)
    assert (found.lookahead_samples, found.latency_samples) == (0, 0)
    assert -90 < found.threshold_db < -60, "what counts is what stands out of the noise"
    with pytest.raises(SystemFailure, match=r"same input gives outputs that differ by −?-?\d+ dB"):
        measured(known_system("dithered", amplitude=0.1), tmp_path)


def test_estimates_of_another_shape_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.py").write_text(
        "from svbench.audio import Audio\n\n\ndef make():\n"
        "    return lambda m: {'vocals': Audio(m.samples[:-5], m.rate_hz)}\n"
    )
    (tmp_path / "cut.toml").write_text(
        'schema = 1\nid = "cut"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "cut.py:make", targets = ["vocals"] }\n'
    )
    from svbench.specs.system import load_system

    with pytest.raises(SystemFailure, match="changes cannot be traced"):
        measured(load_system(tmp_path / "cut.toml"), tmp_path)
