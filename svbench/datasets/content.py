"""Check a track's files: what their headers say, and what decoding them shows.

Headers are compared with one another and with the manifest. Decoding finds damage behind good headers, the
peaks, and how far the mixture is from the sum of its stems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from svbench.audio import AudioInfo, Samples
from svbench.audio.sounds import Sound
from svbench.audio.sources import Source
from svbench.datasets.lumps import mixture_parts
from svbench.errors import AudioError
from svbench.specs.manifest import MIXTURE, ManifestHead

_BLOCK = 1 << 18
UNITS = {"n_samples": "samples", "rate_hz": "Hz", "n_channels": "channels"}


@dataclass(frozen=True)
class Content:
    """What was measured.

    Attributes
    ----------
    damaged : tuple of (stem, sentence)
        One for each file that holds NaN or cannot be decoded to its end; with any, nothing else was measured.
    peaks : dict of str to float
        Largest absolute sample of each stem.
    relative_rms : float or None
        RMS of (mixture − sum of stems) relative to the mixture; None without a mixture's file.
    lumps : dict of str to float
        The same for each file that should be a sum of stems, relative to that file.
    """

    damaged: tuple[tuple[str, str], ...]
    peaks: dict[str, float]
    relative_rms: float | None
    lumps: dict[str, float] = field(default_factory=dict)


def measure(
    sources: Mapping[str, Source],
    infos: list[AudioInfo],
    head: ManifestHead,
    redundant: Mapping[str, Source] | None = None,
) -> Content:
    """Decode everything once, block by block; where that fails, once more file by file.

    Parameters
    ----------
    sources : mapping of str to Source
        The stems, and the mixture where it is a file.
    infos : list of AudioInfo
        What the headers of their files say.
    head : ManifestHead
    redundant : mapping of str to Source, optional
        Files that should be sums of the stems, by target; the stems are decoded once more for them.
    """
    lengths = [i.n_samples for i in infos]
    shape = (min(lengths) if head.lengths == "cut" else max(lengths), max(i.n_channels for i in infos))
    sounds = {stem: source.sound(*shape) for stem, source in sources.items()}
    mixture = sounds.pop(MIXTURE, None)
    others = redundant or {}
    try:
        sums = {
            target: relative_rms(source.sound(*shape), [sounds[s] for s in head.targets[target]])
            for target, source in others.items()
        }
        return Content((), *_measured(sounds, mixture, head), sums)
    except AudioError:
        parts = [(stem, part) for stem, source in {**sources, **others}.items() for part in source.files()]
        return Content(damaged_files(parts), {}, None)


def relative_rms(whole: Sound, parts: Sequence[Sound]) -> float:
    """Return the RMS of a sound minus the sum of its parts, relative to that of the sound.

    Examples
    --------
    >>> from svbench.audio.sounds import ArraySound
    >>> one, two = (ArraySound(np.full((9, 1), x), 8000) for x in (1.0, 2.0))
    >>> relative_rms(two, [one, one]), relative_rms(two, [one])
    (0.0, 0.5)
    """
    difference = Difference()
    for start in range(0, whole.n_samples, _BLOCK):
        block = np.empty((min(_BLOCK, whole.n_samples - start), whole.n_channels))
        whole.read(start, block)
        total = np.zeros_like(block)
        for part in parts:
            more = np.empty_like(block)
            part.read(start, more)
            total += more
        difference.add(block, total)
    return difference.relative_rms


class Difference:
    """How far a sound is from the sum of its parts, gathered block by block."""

    def __init__(self) -> None:
        self.error = self.power = 0.0
        self.n_samples = 0

    def add(self, whole: Samples, total: Samples) -> None:
        """Compare the next block, shape (n, n_channels), with the sum of its parts."""
        error = total - whole
        self.error += float(np.vdot(error, error))
        self.power += float(np.vdot(whole, whole))
        self.n_samples += len(whole)

    @property
    def relative_rms(self) -> float:
        """RMS of the difference relative to that of the whole; a silent whole counts as −240 dB."""
        return float(np.sqrt(self.error / max(self.power, 1e-24 * self.n_samples)))


def damaged_files(parts: Iterable[tuple[str, Source]]) -> tuple[tuple[str, str], ...]:
    """Decode files, each given with its stem, and return a sentence for each that fails."""
    return tuple((stem, message) for stem, part in parts if (message := _damage(part)))


def _damage(source: Source) -> str:
    """Say why a file cannot be decoded to its end, or nothing."""
    try:
        (info,) = source.infos()
        sound = source.sound(info.n_samples, info.n_channels)
        for start in range(0, info.n_samples, _BLOCK):
            sound.read(start, np.empty((min(_BLOCK, info.n_samples - start), info.n_channels)))
    except AudioError as error:
        return str(error)
    return ""


def _measured(
    sounds: Mapping[str, Sound], mixture: Sound | None, head: ManifestHead
) -> tuple[dict[str, float], float | None]:
    """Return the peak of every stem, and how far the mixture is from the sum of its stems.

    Blocks keep a track of ten minutes and twenty files within some megabytes.
    """
    peaks = dict.fromkeys(sounds, 0.0)
    added = mixture_parts(sounds, head.targets)
    difference = Difference()
    n_samples = max(s.n_samples for s in (*sounds.values(), *([mixture] if mixture else [])))
    for start in range(0, n_samples, _BLOCK):
        n = min(_BLOCK, n_samples - start)
        total: Samples | None = None
        for stem, sound in sounds.items():
            block = np.empty((n, sound.n_channels))
            sound.read(start, block)
            peaks[stem] = max(peaks[stem], float(np.abs(block).max()))
            if stem in added:
                total = block if total is None else np.add(total, block, out=total)
        if mixture is not None and total is not None:
            block = np.empty((n, mixture.n_channels))
            mixture.read(start, block)
            difference.add(block, total)
    return peaks, None if mixture is None else difference.relative_rms


def file_infos(sources: Mapping[str, Source]) -> list[tuple[str, AudioInfo]]:
    """Read the headers of all files of a track, each with the name to call it by."""
    return [
        (part.name, info) for source in sources.values() for part in source.files() for info in part.infos()
    ]


def lacking(names: Collection[str], head: ManifestHead) -> list[str]:
    """Return the files that every track of a complete data set has, and this one has not.

    Parameters
    ----------
    names : collection of str
        Stems found, ``"mixture"`` among them if there is one.
    """
    if not head.complete:
        return []
    return [s for s in (*head.stems, *([MIXTURE] if head.mixture.source == "file" else [])) if s not in names]


def disagreements(
    infos: Sequence[tuple[str, AudioInfo]], head: ManifestHead, n_samples: int | None = None
) -> list[tuple[str, str, int, int, str]]:
    """Compare the files of a track with one another and with what a manifest declares.

    Parameters
    ----------
    infos : sequence of (name, AudioInfo)
    head : ManifestHead
        Its rate and channels, and what it allows to differ.
    n_samples : int, optional
        The declared length.

    Returns
    -------
    list of (name, what, found, wanted, reason)
        ``what`` is n_samples, rate_hz or n_channels; ``reason`` is empty where the manifest leaves
        it open and a file differs from the first one.
    """
    declared = {"n_samples": n_samples, "rate_hz": head.rate_hz, "n_channels": head.n_channels}
    allowed = {"n_samples": head.lengths != "refuse", "rate_hz": False, "n_channels": head.mono == "copy"}
    found = []
    for name, info in infos:
        for what, wanted in declared.items():
            value = getattr(info, what)
            first = getattr(infos[0][1], what)
            if allowed[what] and (what == "n_samples" or value == 1):
                continue
            if wanted is not None:
                if value != wanted:
                    found.append((name, what, value, wanted, f"the manifest {head.id} declares"))
            elif value != first:
                found.append((name, what, value, first, ""))
    return found
