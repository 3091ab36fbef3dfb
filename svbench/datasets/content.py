"""Tell what a track's files contain: which stems add up to which target, what headers and samples say.

A *lump* is a file named after a target that is a sum of stems, such as ``accompaniment.wav`` on data whose
stems are vocals, drums, bass and other. A stem that is part of a lump and has no file of its own is not
absent from the track: it is *unknown*.

Headers are compared with one another and with the manifest. Decoding finds damage behind good headers, the
peaks, and how far the mixture is from the sum of its stems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from svbench.audio import AudioInfo, Samples
from svbench.audio.sounds import BLOCK, Sound, Source, block_at
from svbench.errors import AudioError
from svbench.specs.manifest import MIXTURE, ManifestHead

Targets = Mapping[str, tuple[str, ...]]
UNITS = {"n_samples": "samples", "rate_hz": "Hz", "n_channels": "channels"}


def lumps(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the names of files that are lumps, the largest first.

    Examples
    --------
    >>> targets = {"vocals": ("vocals",), "drums": ("drums",), "rest": ("drums", "bass")}
    >>> lumps(["vocals", "rest", "drums"], targets)
    ('rest',)
    >>> lumps(["piano", "other"], {"other": ("piano", "other")})
    ()
    """
    # A name can be both a stem and a sum: MoisesDB's target other is the stem other and some more.
    stems = {s for parts in targets.values() for s in parts}
    sums = [name for name in files if name in targets and name not in stems]
    return tuple(sorted(sums, key=lambda name: (-len(targets[name]), name)))


def unknown_stems(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the stems that are part of a lump and have no file of their own.

    Examples
    --------
    >>> unknown_stems(["vocals", "rest", "drums"], {"vocals": ("vocals",), "rest": ("drums", "bass")})
    ('bass',)
    """
    hidden = (s for lump in lumps(files, targets) for s in targets[lump] if s not in files)
    return tuple(dict.fromkeys(hidden))


def parts_of(target: str, files: Collection[str], targets: Targets) -> tuple[str, ...] | None:
    """Return the files that add up to a target: none where it is absent, None where it is unknown.

    Examples
    --------
    >>> targets = {"drums": ("drums",), "bass": ("bass",), "rest": ("drums", "bass")}
    >>> parts_of("rest", ["vocals", "drums"], targets)
    ('drums',)
    >>> parts_of("rest", ["vocals", "rest"], targets), parts_of("drums", ["vocals", "rest"], targets)
    (('rest',), None)
    """
    left = list(targets[target])
    parts = []
    for lump in lumps(files, targets):
        if lump == target:
            return (lump,)
        if set(targets[lump]) <= set(left):
            parts.append(lump)
            left = [s for s in left if s not in targets[lump]]
    if set(left) & set(unknown_stems(files, targets)):
        return None
    return (*parts, *(s for s in left if s in files))


def mixture_parts(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the files that add up to the mixture: stems that are part of a lump are not added again.

    Examples
    --------
    >>> targets = {"vocals": ("vocals",), "drums": ("drums",), "rest": ("drums", "bass")}
    >>> mixture_parts(["vocals", "rest", "drums"], targets)
    ('vocals', 'rest')
    """
    sums = lumps(files, targets)
    chosen, inside = set[str](), set[str]()
    for lump in sums:
        if not set(targets[lump]) <= inside:
            chosen.add(lump)
            inside |= set(targets[lump])
    return tuple(f for f in files if f in chosen or f not in {*sums, *inside})


def overlapping(files: Collection[str], targets: Targets) -> tuple[str, str] | None:
    """Return two lumps that share a stem although neither holds the other, so that no sum is the mixture."""
    sums = lumps(files, targets)
    for number, one in enumerate(sums):
        for other in sums[number + 1 :]:
            shared = set(targets[one]) & set(targets[other])
            if shared and shared != set(targets[other]):
                return one, other
    return None


def file_infos(sources: Mapping[str, Source]) -> list[tuple[str, AudioInfo]]:
    """Read the headers of all files of a track, each with the name to call it by."""
    return [
        (part.name, info) for source in sources.values() for part in source.files() for info in part.infos()
    ]


def common_shape(infos: Collection[AudioInfo], head: ManifestHead) -> tuple[int, int]:
    """Return the samples and channels of a track, whose files are cut or filled up as its manifest says."""
    lengths = [info.n_samples for info in infos]
    n_samples = min(lengths) if head.lengths == "cut" else max(lengths)
    return n_samples, max(info.n_channels for info in infos)


def lacking(names: Collection[str], head: ManifestHead) -> list[str]:
    """Return the files that every track of a complete data set has, and this one does not have.

    Parameters
    ----------
    names : collection of str
        Stems found, ``"mixture"`` among them if there is one.
    head : ManifestHead
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
    list of (name, what, value, expected, reason)
        ``what`` is n_samples, rate_hz or n_channels; ``reason`` is empty where the manifest leaves
        it open and a file differs from the first one.
    """
    declared = {"n_samples": n_samples, "rate_hz": head.rate_hz, "n_channels": head.n_channels}
    allowed = {"n_samples": head.lengths != "refuse", "rate_hz": False, "n_channels": head.mono == "copy"}
    differing = []
    for name, info in infos:
        for what, wanted in declared.items():
            value = getattr(info, what)
            if allowed[what] and (what == "n_samples" or value == 1):
                continue
            expected = getattr(infos[0][1], what) if wanted is None else wanted
            if value != expected:
                reason = "" if wanted is None else f"the manifest {head.id} declares"
                differing.append((name, what, value, expected, reason))
    return differing


@dataclass(frozen=True)
class Content:
    """What decoding a track's files showed.

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
    infos: Collection[AudioInfo],
    head: ManifestHead,
    redundant: Mapping[str, Source] | None = None,
) -> Content:
    """Decode everything once, block by block; where that fails, once more file by file.

    Parameters
    ----------
    sources : mapping of str to Source
        The stems, and the mixture where it is a file.
    infos : collection of AudioInfo
        What the headers of their files say.
    head : ManifestHead
    redundant : mapping of str to Source, optional
        Files that should be sums of the stems, by target; the stems are decoded once more for them.
    """
    shape = common_shape(infos, head)
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
    for start in range(0, n_samples, BLOCK):
        total: Samples | None = None
        for stem, sound in sounds.items():
            block = block_at(sound, start)
            peaks[stem] = max(peaks[stem], float(np.abs(block).max()))
            if stem in added:
                total = block if total is None else np.add(total, block, out=total)
        if mixture is not None and total is not None:
            difference.add(block_at(mixture, start), total)
    return peaks, None if mixture is None else difference.relative_rms


def relative_rms(sound: Sound, parts: Sequence[Sound]) -> float:
    """Return the RMS of a sound minus the sum of its parts, relative to that of the sound.

    Examples
    --------
    >>> from svbench.audio.sounds import ArraySound
    >>> one, two = (ArraySound(np.full((9, 1), x), 8000) for x in (1.0, 2.0))
    >>> relative_rms(two, [one, one]), relative_rms(two, [one])
    (0.0, 0.5)
    """
    difference = Difference()
    for start in range(0, sound.n_samples, BLOCK):
        block = block_at(sound, start)
        difference.add(block, sum((block_at(part, start) for part in parts), np.zeros_like(block)))
    return difference.relative_rms


class Difference:
    """How far a sound is from the sum of its parts, accumulated block by block."""

    def __init__(self) -> None:
        self.error = self.power = 0.0
        self.n_samples = 0

    def add(self, block: Samples, total: Samples) -> None:
        """Compare the next block of the sound, shape (n, n_channels), with the sum of its parts."""
        error = total - block
        self.error += float(np.vdot(error, error))
        self.power += float(np.vdot(block, block))
        self.n_samples += len(block)

    @property
    def relative_rms(self) -> float:
        """RMS of the difference relative to that of the sound; a silent sound counts as −240 dB."""
        # Without this floor the difference from a silent sound would be divided by zero.
        return float(np.sqrt(self.error / max(self.power, 1e-24 * self.n_samples)))


def damaged_files(parts: Iterable[tuple[str, Source]]) -> tuple[tuple[str, str], ...]:
    """Decode files, each given with its stem, and return a sentence for each that fails."""
    damaged = []
    for stem, part in parts:
        try:
            (info,) = part.infos()
            sound = part.sound(info.n_samples, info.n_channels)
            for start in range(0, info.n_samples, BLOCK):
                block_at(sound, start)
        except AudioError as error:
            damaged.append((stem, str(error)))
    return tuple(damaged)
