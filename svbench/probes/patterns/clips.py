"""The clips of the five classes: from the kit, or from a user's folder, prepared as DTTNet prepares them.

A folder holds ``<class>/*.wav`` (or flac, ogg, mp3; mono or stereo, any rate). The peak of each file is first
scaled to 0.5. Within a class, from the shortest file to the longest, files are joined until they last more
than 4 s; if they then last more than 8 s, they are cut into two halves. Files left over at the end are not
used.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from svbench.audio import EXTENSIONS, Audio, audio_info, read_audio, resample
from svbench.audio.draw import Draw
from svbench.errors import AudioError, DataError, suggestion
from svbench.probes.patterns.kit import CLASSES, CLIPS, PEAK, VERSION, kit_clip

KIT = "kit"
PARTS = ("train", "valid", "test", "all")
JOIN_S, SPLIT_S = 4.0, 8.0
MOST = 5  # problems that one message lists


@dataclass(frozen=True)
class Clip:
    """One clip: files joined in order, or half of them; or a number of the kit.

    ``halves`` is 2 where the joined files were cut in two, and ``half`` is then 0 or 1.
    """

    pattern: str
    number: int
    files: tuple[Path, ...] = ()
    half: int = 0
    halves: int = 1

    def read(self, rate_hz: int, n_channels: int) -> Audio:
        """Return the clip at a rate, in mono or stereo, with a peak of 0.5."""
        return _read(self, rate_hz, n_channels)


@dataclass(frozen=True)
class Clips:
    """The clips of every class, in order.

    Attributes
    ----------
    by_class : mapping of str to tuple of Clip
    version : str
        Differs whenever any of the clips differs.
    notes : tuple of str
        Files that are not used, and why.
    """

    by_class: Mapping[str, tuple[Clip, ...]]
    version: str
    notes: tuple[str, ...] = ()


def load_clips(source: str) -> Clips:
    """List the clips of the kit (``"kit"``) or of a folder.

    Raises
    ------
    DataError
        There is no such folder, a class has no clips, a folder is not named after a class, or files cannot
        be used; the message gives the reason for each.
    """
    if source == KIT:
        numbers = {c: tuple(Clip(c, n) for n in range(CLIPS)) for c in CLASSES}
        return Clips(numbers, f"kit {VERSION}")
    root = Path(source).expanduser()
    if not root.is_dir():
        # Relative to the current folder, as every path on the command line: a protocol's digest must not
        # depend on where its file lies.
        raise DataError(
            f"{root.absolute()}: no such folder of clips; expected one with {', '.join(CLASSES)} in it "
            "(paths of clips are relative to the folder in which svbench is started)"
        )
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if folder.name not in CLASSES:
            raise DataError(f"{folder}: no class of patterns; {suggestion(folder.name, CLASSES)}")
    files = {pattern: _files(root / pattern) for pattern in CLASSES}
    _check(root, [path for found in files.values() for path in found])
    found, notes = {}, _unused(root)
    content = hashlib.sha256()
    for pattern in CLASSES:
        for path in files[pattern]:
            content.update(f"{pattern}/{path.name}:".encode())
            content.update(hashlib.sha256(path.read_bytes()).digest())
        found[pattern], unused = _joined(pattern, files[pattern])
        if not found[pattern]:
            raise DataError(
                f"{root / pattern}: its files last {JOIN_S:g} s or less in all, too little for a clip"
            )
        if unused:
            names = ", ".join(p.name for p in unused)
            notes.append(f"{pattern}: {names} not used, since together they last {JOIN_S:g} s or less")
    return Clips(found, f"folder {content.hexdigest()}", tuple(notes))


def part_of(clips: Clips, part: str, seed: int) -> dict[str, tuple[Clip, ...]]:
    """Choose the training, validation or test clips of each class, 5 : 1 : 3 after shuffling.

    Parameters
    ----------
    clips : Clips
    part : {"train", "valid", "test", "all"}
    seed : int

    Raises
    ------
    DataError
        A class has too few clips for the part.

    Examples
    --------
    >>> {part: len(part_of(load_clips("kit"), part, 42)["horns"]) for part in PARTS}
    {'train': 15, 'valid': 3, 'test': 9, 'all': 27}
    """
    if part not in PARTS:
        raise DataError(f"no part {part!r} of the clips; {suggestion(part, PARTS)}")
    chosen = {}
    for pattern in CLASSES:
        all_clips = clips.by_class[pattern]
        mixed = Draw(seed, CLASSES.index(pattern)).shuffled(all_clips)
        train, valid = math.ceil(5 / 9 * len(mixed)), math.ceil(6 / 9 * len(mixed))
        cut = {"train": mixed[:train], "valid": mixed[train:valid], "test": mixed[valid:], "all": all_clips}
        chosen[pattern] = tuple(sorted(cut[part], key=lambda c: c.number))
        if not chosen[pattern]:
            raise DataError(
                f"class {pattern} has {len(all_clips)} clips, none of which falls into the part {part!r}; "
                'add more, or use them all with part = "all"'
            )
    return chosen


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; every class needs one: {', '.join(CLASSES)}")
    files = [p for p in _visible(folder) if p.suffix.lower() in EXTENSIONS]
    if not files:
        raise DataError(f"{folder}: no audio in it; expected {', '.join(EXTENSIONS)} files")
    return files


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))


def _check(root: Path, files: list[Path]) -> None:
    """Read every file once, so that a bad one is reported before anything is separated."""
    problems = []
    for path in files:
        try:
            audio = read_audio(path)
            _peaked(audio, str(path))
            if audio.n_channels > 2:
                raise AudioError(f"{path}: {audio.n_channels} channels, expected one or two")
        except AudioError as error:
            problems.append(str(error).removeprefix(f"{root}{os.sep}"))
    if problems:
        more = [f"and {len(problems) - MOST} more"] if len(problems) > MOST else []
        listed = "; ".join(problems[:MOST] + more)
        raise DataError(
            f"{root}: {len(problems)} of {len(files)} files cannot be used: {listed}; fix or remove them"
        )


def _unused(root: Path) -> list[str]:
    """List what lies beside the clips and is not used."""
    loose = [p.name for p in _visible(root) if p.suffix.lower() in EXTENSIONS]
    notes = [f"{', '.join(loose)} not used, since clips lie in the folders of classes"] if loose else []
    for pattern in CLASSES:
        others = [p.name for p in _visible(root / pattern) if p.suffix.lower() not in EXTENSIONS]
        if others:
            notes.append(
                f"{pattern}: {', '.join(others)} not used, since clips are {', '.join(EXTENSIONS)} files"
            )
    return notes


def _joined(pattern: str, files: list[Path]) -> tuple[tuple[Clip, ...], list[Path]]:
    """Join and split files into clips; return also the files that are left over."""
    clips: list[Clip] = []
    waiting: list[Path] = []
    total_s = 0.0
    durations = {p: audio_info(p).duration_s for p in files}
    for path in sorted(files, key=lambda p: (durations[p], p.name)):
        waiting.append(path)
        total_s += durations[path]
        if total_s > JOIN_S:
            halves = 2 if total_s > SPLIT_S else 1
            clips += [Clip(pattern, len(clips) + h, tuple(waiting), h, halves) for h in range(halves)]
            waiting, total_s = [], 0.0
    return tuple(clips), waiting


# The 45 test clips of the kit stay in memory, about 100 MB.
@lru_cache(maxsize=48)
def _read(clip: Clip, rate_hz: int, n_channels: int) -> Audio:
    if clip.files:
        files = [_channels(_peaked(resample(read_audio(p), rate_hz), str(p)), n_channels) for p in clip.files]
        samples = np.concatenate([f.samples for f in files])
        middle = len(samples) // 2
        if clip.halves == 2:
            samples = samples[middle:] if clip.half else samples[:middle]
        audio = Audio(samples, rate_hz)
    else:
        audio = _channels(resample(kit_clip(clip.pattern, clip.number), rate_hz), n_channels)
    # float32 holds 16-bit samples exactly, in half the memory.
    return Audio(_peaked(audio, f"{clip.pattern} clip {clip.number}").samples.astype(np.float32), rate_hz)


def _peaked(audio: Audio, name: str) -> Audio:
    peak = float(np.abs(audio.samples).max())
    if not peak:
        raise AudioError(f"{name}: silent throughout; a pattern must be audible")
    return audio if peak == PEAK else Audio(audio.samples * (PEAK / peak), audio.rate_hz)


def _channels(audio: Audio, n_channels: int) -> Audio:
    if audio.n_channels == n_channels:
        return audio
    if n_channels == 1:
        return Audio(audio.samples.mean(axis=1, keepdims=True), audio.rate_hz)
    if n_channels == 2 and audio.n_channels == 1:
        return Audio(np.repeat(audio.samples, 2, axis=1), audio.rate_hz)
    raise AudioError(f"a pattern clip of {audio.n_channels} channels fits no track of {n_channels}")
