"""What decoding a track's files shows: damage behind good headers, peaks, the mixture against its stems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from svbench.audio import AudioInfo, Samples
from svbench.audio.sounds import Sound
from svbench.audio.sources import Source
from svbench.errors import AudioError
from svbench.specs.manifest import MIXTURE, ManifestHead

_BLOCK = 1 << 18


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
    """

    damaged: tuple[tuple[str, str], ...]
    peaks: dict[str, float]
    relative_rms: float | None


def measure(sources: Mapping[str, Source], infos: list[AudioInfo], head: ManifestHead) -> Content:
    """Decode everything once, block by block; where that fails, once more file by file.

    Parameters
    ----------
    sources : mapping of str to Source
        The stems, and the mixture where it is a file.
    infos : list of AudioInfo
        What the headers of their files say.
    head : ManifestHead
    """
    lengths = [i.n_samples for i in infos]
    shape = (min(lengths) if head.lengths == "cut" else max(lengths), max(i.n_channels for i in infos))
    sounds = {stem: source.sound(*shape) for stem, source in sources.items()}
    mixture = sounds.pop(MIXTURE, None)
    try:
        return Content((), *_measured(sounds, mixture, shape[0]))
    except AudioError:
        parts = [(stem, part) for stem, source in sources.items() for part in source.files()]
        return Content(damaged_files(parts), {}, None)


def damaged_files(parts: Iterable[tuple[str, Source]]) -> tuple[tuple[str, str], ...]:
    """Decode files, each given with its stem, and return a sentence for each that fails."""
    return tuple((stem, told) for stem, part in parts if (told := _damage(part)))


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
    sounds: Mapping[str, Sound], mixture: Sound | None, n_samples: int
) -> tuple[dict[str, float], float | None]:
    """Return the peak of every stem, and the RMS of mixture − sum of stems relative to the mixture.

    Blocks keep a track of ten minutes and twenty files within some megabytes.
    """
    peaks = dict.fromkeys(sounds, 0.0)
    error = power = 0.0
    for start in range(0, n_samples, _BLOCK):
        n = min(_BLOCK, n_samples - start)
        total: Samples | None = None
        for stem, sound in sounds.items():
            block = np.empty((n, sound.n_channels))
            sound.read(start, block)
            peaks[stem] = max(peaks[stem], float(np.abs(block).max()))
            total = block if total is None else np.add(total, block, out=total)
        if mixture is not None and total is not None:
            block = np.empty((n, mixture.n_channels))
            mixture.read(start, block)
            power += float(np.vdot(block, block))
            total -= block
            error += float(np.vdot(total, total))
    if mixture is None:
        return peaks, None
    return peaks, float(np.sqrt(error / max(power, 1e-24 * n_samples)))
