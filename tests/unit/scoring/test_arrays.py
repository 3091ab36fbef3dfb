"""score_arrays: what it takes, with the right numbers, and what it refuses in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import svbench
from svbench.errors import AudioError, SpecError

RATE_HZ = 8000
GENERATOR = np.random.default_rng(0)
REFERENCES = {t: 0.1 * GENERATOR.standard_normal((RATE_HZ, 2)) for t in ("vocals", "accompaniment")}
ESTIMATES = {t: 0.9 * s for t, s in REFERENCES.items()}


def score(
    references: Any = REFERENCES, estimates: Any = ESTIMATES, rate_hz: Any = RATE_HZ, **more: Any
) -> Any:
    rows = svbench.score_arrays(references, estimates, rate_hz=rate_hz, **{"protocol": "mdx21", **more})
    return {r.target: r.score for r in rows}


def pcm(signals: dict[str, np.ndarray], kind: type, full_scale: int) -> dict[str, np.ndarray]:
    return {t: np.round(x * full_scale).astype(kind) for t, x in signals.items()}


@pytest.mark.parametrize(("kind", "full_scale"), [(np.int16, 1 << 15), (np.int32, 1 << 31)])
def test_integers_are_samples_of_pcm(kind: type, full_scale: int) -> None:
    whole, part = pcm(REFERENCES, kind, full_scale), pcm(ESTIMATES, kind, full_scale)
    floats = [{t: x / full_scale for t, x in side.items()} for side in (whole, part)]
    assert score(whole, part) == score(*floats)
    # One side may be integers and the other floats, as when estimates come from a network.
    assert score(whole, floats[1]) == score(*floats)
    assert score(whole, part)["vocals"] == pytest.approx(20.0, abs=1e-3)


def test_one_dimension_is_mono() -> None:
    flat = [{t: x[:, 0] for t, x in side.items()} for side in (REFERENCES, ESTIMATES)]
    column = [{t: x[:, [0]] for t, x in side.items()} for side in (REFERENCES, ESTIMATES)]
    assert score(*flat) == score(*column) == pytest.approx({"vocals": 20, "accompaniment": 20}, abs=1e-4)
    assert score(flat[0], column[1]) == score(*column)


@pytest.mark.parametrize("rate_hz", [8000.0, np.int64(8000), np.float32(8000)])
def test_whole_rates_of_any_type(rate_hz: Any) -> None:
    assert score(rate_hz=rate_hz) == score()


def test_protocols_by_path(tmp_path: Path) -> None:
    path = Path(__file__).resolve().parents[3] / "protocols/mdx21.toml"
    assert score(protocol=path) == score(protocol=str(path)) == score()


@pytest.mark.parametrize(
    "rate_hz", [0, -8000, None, "8000", 44100.5, float("nan"), float("inf"), True, [8000]]
)
def test_rates_that_are_none(rate_hz: Any) -> None:
    with pytest.raises(
        AudioError, match=r"^rate_hz: expected a positive whole number of Hz, such as 44100; found"
    ):
        score(rate_hz=rate_hz)


@pytest.mark.parametrize("given", [None, "vocals.wav", [REFERENCES["vocals"]], REFERENCES["vocals"]])
def test_sides_that_are_no_dict(given: Any) -> None:
    name = type(given).__name__
    with pytest.raises(AudioError, match=f"^references: expected a dict of target to array, found {name}$"):
        score(references=given)
    with pytest.raises(AudioError, match=f"^estimates: expected a dict of target to array, found {name}$"):
        score(estimates=given)
    with pytest.raises(AudioError, match=r"^estimates: expected names of targets as keys, found 0$"):
        score(estimates={0: REFERENCES["vocals"]})


GOOD = ESTIMATES["vocals"]


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (None, "expected a NumPy array of samples, found NoneType"),
        ("vocals.wav", "expected a NumPy array of samples, found str"),
        (GOOD.tolist(), "expected a NumPy array of samples, found list"),
        (np.ma.masked_array(GOOD, GOOD > 0.3), "is a masked array, and no metric leaves samples out; give filled"),
        (GOOD + 0j, "expected float32, float64, or PCM integers of 16 or 32 bits; found complex128"),
        (GOOD.astype(np.float16), "found float16"),
        ((GOOD * 100).astype(np.int64), "found int64"),
        (GOOD > 0, "found bool"),
        (GOOD.astype(str), "found <U"),
        (GOOD.astype(object), "found object"),
        (GOOD[np.newaxis], r"expected shape \(n_samples, n_channels\), found \(1, 8000, 2\)"),
        (GOOD.T.copy(), r"shape \(2, 8000\) looks transposed"),
        (GOOD[:0], "empty, shape"),
        (GOOD[:-1], r"has shape \(7999, 2\), the reference of vocals \(8000, 2\); all arrays of a track"),
        (GOOD[:, :1], r"has shape \(8000, 1\), the reference of vocals \(8000, 2\)"),
        (np.where(np.arange(16000).reshape(8000, 2) == 2001, np.nan, GOOD),
         r"NaN or infinite values, the first \(nan\) at sample 1000 of channel 1, both counted from 0"),
        (np.where(np.arange(16000).reshape(8000, 2) == 8, -np.inf, GOOD), r"the first \(-inf\) at sample 4 of channel 0"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_samples(samples: Any, sentence: str) -> None:
    with pytest.raises(AudioError, match=f"^estimate of vocals:? .*{sentence}"):
        score(estimates={**ESTIMATES, "vocals": samples})
    if "the reference of vocals" not in sentence:
        with pytest.raises(AudioError, match=f"^reference of accompaniment:? .*{sentence}"):
            score(references={**REFERENCES, "accompaniment": samples})
    # None stands for no mixture there.
    with pytest.raises(
        AudioError, match="needs the mixture" if samples is None else f"^mixture:? .*{sentence}"
    ):
        score(protocol="sdri", mixture=samples)


def test_protocols_that_are_none() -> None:
    with pytest.raises(SpecError, match=r"^protocol: expected an id, a path or a Protocol, found None$"):
        score(protocol=None)
