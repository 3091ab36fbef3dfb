"""The oracles against their published formulas, written out anew on scipy's transform."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import istft, stft

from svbench.audio import Audio
from svbench.systems.api import Context
from svbench.systems.oracles import STEMS, IdealMask, MultichannelWiener

RATE, N = 44100, 30011
EPS = float(np.finfo(np.float64).eps)


@pytest.fixture(scope="module")
def stems() -> dict[str, NDArray[np.float64]]:
    """Four stereo noises of different colour and panning; vocals pause, so silence is met too."""
    random = np.random.default_rng(5)
    out = {}
    for i, name in enumerate(STEMS):
        noise = random.standard_normal((N, 2))
        coloured = np.stack([np.convolve(c, random.standard_normal(8), "same") for c in noise.T], axis=1)
        out[name] = 0.05 * coloured @ np.array([[1, 0.2 * i], [0.3, 1 - 0.2 * i]])
    out["vocals"][8000:16000] = 0
    return out


def spectra(stems: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    return {t: stft(s.T, nperseg=2048)[-1] for t, s in stems.items()}


def back(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    samples: NDArray[np.float64] = istft(spectrum)[1].T[:N]
    return samples


def separated(
    system: IdealMask | MultichannelWiener, stems: dict[str, NDArray[np.float64]]
) -> dict[str, Audio]:
    mixture = Audio(sum(stems.values(), start=np.zeros((N, 2))), RATE)
    return system.separate(mixture, references={t: Audio(s, RATE) for t, s in stems.items()})


def context(name: str) -> Context:
    return Context(name, Path(), STEMS)


@pytest.mark.parametrize("alpha", [1, 2])
def test_ratio_mask(stems: dict[str, NDArray[np.float64]], alpha: int) -> None:
    found = separated(IdealMask({"kind": "ratio", "alpha": alpha}, context("irm")), stems)
    sources = spectra(stems)
    mixture = stft(sum(stems.values()).T, nperseg=2048)[-1]
    model = EPS + sum(np.abs(s) ** alpha for s in sources.values())
    for target, s in sources.items():
        expected = back(mixture * np.abs(s) ** alpha / model)
        np.testing.assert_allclose(found[target].samples, expected, atol=1e-12)


@pytest.mark.parametrize("alpha", [1, 2])
def test_binary_mask(stems: dict[str, NDArray[np.float64]], alpha: int) -> None:
    found = separated(IdealMask({"kind": "binary", "alpha": alpha}, context("ibm")), stems)
    mixture = stft(sum(stems.values()).T, nperseg=2048)[-1]
    for target, s in spectra(stems).items():
        mask = np.abs(s) ** alpha / (EPS + np.abs(mixture) ** alpha) >= 0.5
        np.testing.assert_allclose(found[target].samples, back(mixture * mask), atol=1e-12)


def test_multichannel_wiener_filter(stems: dict[str, NDArray[np.float64]]) -> None:
    found = separated(MultichannelWiener({}, context("mwf")), stems)
    mixture = stft(sum(stems.values()).T, nperseg=2048)[-1]
    power, space = {}, {}
    for target, y in spectra(stems).items():
        outer = np.einsum("ift,jft->ftij", y, y.conj())
        mean = np.mean(np.abs(y) ** 2, axis=0)
        r = np.mean(outer / (EPS + mean)[..., None, None], axis=1)
        r = 2 * r / np.trace(r, axis1=1, axis2=2)[:, None, None]
        space[target] = r
        power[target] = np.real(np.trace(np.linalg.inv(r)[:, None] @ outer, axis1=2, axis2=3)) / 2
    inverse = np.zeros((*mixture.shape[1:], 2, 2), dtype=complex)
    whole = sum(power[t][..., None, None] * space[t][:, None] for t in STEMS)
    for f, t in product(*map(range, mixture.shape[1:])):
        inverse[f, t] = np.linalg.inv(whole[f, t])
    for target in STEMS:
        gain = power[target][..., None, None] * space[target][:, None] @ inverse
        expected = back(np.einsum("ftij,jft->ift", gain, mixture))
        np.testing.assert_allclose(found[target].samples, expected, atol=1e-7)


def test_multichannel_wiener_filter_keeps_a_source_with_two_equal_channels(
    stems: dict[str, NDArray[np.float64]],
) -> None:
    mono = np.repeat(stems["bass"][:, :1], 2, axis=1)
    given = {**stems, "bass": mono}
    error = separated(MultichannelWiener({}, context("mwf")), given)["bass"].samples - mono
    mixed = sum(given.values()) - mono
    assert np.sum(error**2) < 0.3 * np.sum(mixed**2)
