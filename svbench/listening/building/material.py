"""Read the audio behind a test: references, mixtures and kept estimates, checked and cut alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import audio_info
from svbench.audio.sounds import FileSound, Sound
from svbench.datasets.api import Recorded, Track
from svbench.errors import DataError
from svbench.listening.building.anchors import (
    MASK_HZ,
    WINDOW_S,
    ZEROED_SHARE,
    low_pass,
    window_samples,
    without_coefficients,
)
from svbench.listening.building.conditions import REFERENCE, estimate_path
from svbench.listening.building.track_selection import Excerpt
from svbench.results.record import manifest_of
from svbench.results.store import Run
from svbench.specs.listening import Excerpts
from svbench.specs.records import digest

Samples = NDArray[np.float64]
CUTOFFS_HZ = {"anchor35": MASK_HZ, "anchor70": 2 * MASK_HZ}


class SourceAudio:
    """Tracks and estimates of the runs a test is built from.

    Parameters
    ----------
    runs : mapping of str to Run
        By condition.
    data : Path or None
        Where the recordings lie; None: where the runs found them.

    Raises
    ------
    DataError
        They are not there.
    """

    def __init__(self, runs: Mapping[str, Run], data: Path | None) -> None:
        self.runs = runs
        record = next(iter(runs.values())).record.data
        try:
            self._recorded = Recorded(manifest_of(record), record.root if data is None else data)
        except DataError as error:
            raise DataError(f"{error}; say with --data where the recordings of {record.id} are") from error

    def track(self, name: str) -> Track:
        """Return a track as it was measured.

        Raises
        ------
        DataError
            It is gone, or has changed since.
        """
        digests = [r.track_digest for run in self.runs.values() for r in run.results if r.track == name]
        try:
            return self._recorded.track(name, digests)
        except DataError as error:
            raise DataError(f"track {name!r}: {error}") from error

    def reference(self, name: str, target: str) -> Sound:
        """Return a track's reference, to be read piece by piece.

        Raises
        ------
        DataError
            The track has no such target.
        """
        sound = self.track(name).reference_sound(target)
        if sound is None:
            raise DataError(f"track {name!r} has no {target}")
        return sound

    def check(self, name: str, target: str) -> None:
        """Refuse a track unless every estimate is there and of its reference's shape.

        Raises
        ------
        DataError, AudioError
        """
        track = self.track(name)
        self.reference(name, target)
        wanted = (track.n_samples, track.n_channels, track.rate_hz)
        for run in self.runs.values():
            path = estimate_path(run, name, target)
            info = audio_info(path)
            found = (info.n_samples, info.n_channels, info.rate_hz)
            if found != wanted:
                shape = "{} samples, {} channels, {} Hz"
                raise DataError(
                    f"{path}: {shape.format(*found)}; the track has {shape.format(*wanted)}; "
                    "run again with --keep-estimates"
                )

    def stimuli(self, excerpt: Excerpt, rule: Excerpts, conditions: tuple[str, ...]) -> dict[str, Samples]:
        """Cut all conditions of an excerpt, and fade them in and out; no levels are changed.

        Parameters
        ----------
        excerpt : Excerpt
        rule : Excerpts
        conditions : tuple of str

        Returns
        -------
        dict of str to ndarray, shape (n_samples, n_channels)
        """
        track = self.track(excerpt.track)
        start, n = cut_samples(excerpt.start_s, rule.length_s, track.rate_hz)
        reference = self.reference(excerpt.track, excerpt.target)
        seed = int(digest([rule.seed, excerpt.track, excerpt.target, excerpt.start_s])[:16], 16)
        found = {}
        for condition in conditions:
            if condition in self.runs:
                path = estimate_path(self.runs[condition], excerpt.track, excerpt.target)
                samples = stretch(FileSound(path), start, n)
            elif condition == "mixture":
                samples = stretch(track.mixture_sound(), start, n)
            elif condition == "distorted":
                samples = distorted(reference, start, n, seed)
            elif condition in CUTOFFS_HZ:
                samples = low_passed(reference, start, n, CUTOFFS_HZ[condition])
            else:
                assert condition == REFERENCE, condition
                samples = stretch(reference, start, n)
            found[condition] = faded(samples, round(rule.fade_s * track.rate_hz))
        return found


def cut_samples(start_s: float, length_s: float, rate_hz: int) -> tuple[int, int]:
    """Return the first sample of an excerpt, and how many there are."""
    return round(start_s * rate_hz), round(length_s * rate_hz)


def stretch(sound: Sound, start: int, n: int) -> Samples:
    """Read ``n`` samples from ``start`` on, zeros before and after the sound.

    Examples
    --------
    >>> from svbench.audio.sounds import ArraySound
    >>> stretch(ArraySound(np.ones((3, 1)), 8000), -1, 5).ravel().tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    samples = np.zeros((n, sound.n_channels))
    first, last = max(start, 0), min(start + n, sound.n_samples)
    if first < last:
        sound.read(first, samples[first - start : last - start])
    return samples


def low_passed(reference: Sound, start: int, n: int, cutoff_hz: float) -> Samples:
    """Cut a low-passed reference; what lies beside the excerpt is filtered too, so no edge is heard."""
    cut = low_pass(cutoff_hz, reference.rate_hz)
    return cut.apply(stretch(reference, start - cut.reach, n + 2 * cut.reach))


def distorted(reference: Sound, start: int, n: int, seed: int) -> Samples:
    """Cut a distorted target; see `svbench.listening.building.anchors`."""
    margin = window_samples(reference.rate_hz)
    lower = low_passed(reference, start - margin, n + 2 * margin, MASK_HZ)
    return without_coefficients(lower, reference.rate_hz, seed)[margin : margin + n]


def faded(samples: Samples, n_fade: int) -> Samples:
    """Fade in and out by half a period of a raised cosine.

    Examples
    --------
    >>> faded(np.ones((6, 1)), 2).ravel().round(2).tolist()
    [0.15, 0.85, 1.0, 1.0, 0.85, 0.15]
    """
    n_fade = min(n_fade, len(samples) // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_fade) + 0.5) / max(n_fade, 1))
    gains = np.concatenate([rise, np.ones(len(samples) - 2 * n_fade), rise[::-1]])
    return np.asarray(samples * gains[:, np.newaxis])


def measured(condition: str, rate_hz: int) -> dict[str, Any]:
    """Return what is known of an anchor's making at one rate; nothing of other conditions."""
    if condition in CUTOFFS_HZ:
        return low_pass(CUTOFFS_HZ[condition], rate_hz).measured
    if condition == "distorted":
        return {
            "low_pass": low_pass(MASK_HZ, rate_hz).measured,
            "zeroed_share": ZEROED_SHARE,
            "window_s": WINDOW_S,
            "window_samples": window_samples(rate_hz),
        }
    return {}


@dataclass(frozen=True)
class NamedExcerpt:
    """What ``--excerpt`` says."""

    track: str
    start_s: float


def named_excerpt(text: str) -> NamedExcerpt:
    """Read ``TRACK@START``, START in seconds.

    Raises
    ------
    DataError

    Examples
    --------
    >>> named_excerpt("Me @ home@12.5")
    NamedExcerpt(track='Me @ home', start_s=12.5)
    """
    track, _, start = text.rpartition("@")
    try:
        start_s = float(start)
    except ValueError:
        start_s = -1.0
    if not track or not 0 <= start_s < float("inf"):
        raise DataError(f"--excerpt {text!r}: expected TRACK@START, START in seconds from the track's start")
    return NamedExcerpt(track, start_s)
