"""Tracks and data sets: paths and names that give audio on demand.

A stem is a recorded file; a target is a named sum of stems. A track lacks a target when none of
the target's stems is on disk, or all of them are digital silence: such a target is *absent*, and
no reference is made up for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from svbench.audio import Audio, audio_info, read_audio
from svbench.audio.sounds import Sound, sound_of
from svbench.errors import AudioError, DataError, UnknownNameError
from svbench.specs.manifest import Manifest, ManifestHead
from svbench.specs.plugins import load_plugin


@dataclass(frozen=True)
class TrackFiles:
    """What a layout finds: where a track's files lie, nothing opened yet."""

    name: str
    subset: str
    stems: Mapping[str, Path]
    mixture: Path | None


class Layout(Protocol):
    """A layout plug-in: how a data set's files are arranged on disk."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""


@dataclass(frozen=True)
class Finding:
    """Something a reader of the results should know about the data."""

    track: str
    stem: str
    kind: str
    message: str
    severity: Literal["error", "note"] = "error"


@dataclass(frozen=True)
class Track:
    """One piece of music; audio is read on demand.

    Attributes
    ----------
    name, subset : str
    rate_hz, n_channels, n_samples : int
        The same for all of its files.
    stems : mapping of str to Path
        Stems present on disk.
    mixture_path : Path or None
        None when the mixture is the sum of the stems.
    targets : mapping of str to tuple of str
        Named sums of stems.
    """

    name: str
    subset: str
    rate_hz: int
    n_channels: int
    n_samples: int
    stems: Mapping[str, Path]
    mixture_path: Path | None
    targets: Mapping[str, tuple[str, ...]]

    @property
    def original(self) -> Track:
        """The track a probe started from; a recorded track is its own."""
        return self

    def read_stem(self, stem: str) -> Audio:
        """Read one stem, shape (n_samples, n_channels), float64."""
        return self._checked(read_audio(self.stems[stem]), self.stems[stem])

    def mixture(self) -> Audio:
        """Read the mixture, or add all stems in double precision, which is exact for PCM files."""
        if self.mixture_path:
            return self._checked(read_audio(self.mixture_path), self.mixture_path)
        return self._sum(sorted(self.stems))

    def reference(self, target: str) -> Audio | None:
        """Add the stems of a target.

        Returns
        -------
        Audio or None
            None when the target is absent: no stem on disk, or only digital silence.

        Raises
        ------
        UnknownNameError
            The data set declares no such target.
        AudioError
        """
        present = self._present(target)
        audio = self._sum(present) if present else None
        return audio if audio is not None and np.any(audio.samples) else None

    def references(self, targets: Iterable[str]) -> dict[str, Audio]:
        """Read the references of several targets; absent ones are left out."""
        found = {t: self.reference(t) for t in targets}
        return {t: audio for t, audio in found.items() if audio is not None}

    def reference_sound(self, target: str) -> Sound | None:
        """Return a target's reference to be read piece by piece.

        Returns
        -------
        Sound or None
            None when no stem is on disk; silence counts as a reference here.

        Raises
        ------
        UnknownNameError
            The data set declares no such target.
        AudioError
        """
        present = self._present(target)
        return sound_of([self.stems[s] for s in present]) if present else None

    def mixture_sound(self) -> Sound:
        """Return the mixture to be read piece by piece."""
        return sound_of([self.mixture_path] if self.mixture_path else list(self.stems.values()))

    def digest(self) -> str:
        """SHA-256 over the content of all files with the names of their stems."""
        whole = hashlib.sha256()
        for name, path in sorted({**self.stems, "mixture": self.mixture_path}.items()):
            if path is None:
                continue
            with path.open("rb") as file:
                whole.update(f"{name}:{hashlib.file_digest(file, 'sha256').hexdigest()};".encode())
        return whole.hexdigest()

    def _present(self, target: str) -> list[str]:
        if target not in self.targets:
            raise UnknownNameError("target", target, self.targets)
        return [s for s in self.targets[target] if s in self.stems]

    def _sum(self, stems: Sequence[str]) -> Audio:
        total = self.read_stem(stems[0]).samples
        for stem in stems[1:]:
            total = total + self.read_stem(stem).samples
        return Audio(total, self.rate_hz)

    def _checked(self, audio: Audio, path: Path) -> Audio:
        """Refuse a file whose content falls short of what its header promised."""
        if audio.samples.shape != (self.n_samples, self.n_channels):
            raise AudioError(
                f"{path}: decodes to {audio.samples.shape}, its header promises "
                f"{(self.n_samples, self.n_channels)}; the file is truncated or damaged"
            )
        return audio


@dataclass(frozen=True)
class Dataset:
    """The tracks of a manifest as found below a folder; ``skipped`` says what was left out and why.

    ``variant`` names what a probe made of the tracks, ``variants`` all that its protocol wants;
    both are empty without a probe.
    """

    manifest: Manifest
    root: Path
    tracks: tuple[Track, ...]
    subset: str | None = None
    skipped: tuple[Finding, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()


def open_dataset(
    manifest: Manifest, root: Path | str, *, subset: str | None = None, tracks: Sequence[str] = ()
) -> Dataset:
    """Find a data set's tracks below a folder, reading headers only.

    Parameters
    ----------
    manifest : Manifest
    root : path
    subset : str, optional
        Only this subset, e.g. ``"test"``.
    tracks : sequence of str
        Only these tracks, in the data set's order.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        Not a folder, wrong layout, no track, tracks of the manifest that are missing,
        stems that differ in length, rate or channels.
    AudioError
        A file cannot be read.
    UnknownNameError
        No such subset or track.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    head = manifest.head
    found = load_plugin("layout", head.layout)().find(root, head)
    if not found:
        raise DataError(f"{root}: no track of layout {head.layout!r} in it{_hint(root, head)}")
    _unique(found, root)
    skipped: list[Finding] = []
    if not head.discover:
        found = _declared(manifest, found, root, skipped)
    found = _chosen(found, subset, tracks)
    return Dataset(manifest, root, tuple(_track(f, head) for f in found), subset, tuple(skipped))


def _unique(found: list[TrackFiles], root: Path) -> None:
    first: dict[str, TrackFiles] = {}
    for files in found:
        if files.name in first:
            raise DataError(
                f"{root}: two tracks are called {files.name!r} (in {first[files.name].subset or '.'} and "
                f"{files.subset or '.'}); names must be unique, choose one --subset folder or rename"
            )
        first[files.name] = files


def _declared(
    manifest: Manifest, found: list[TrackFiles], root: Path, skipped: list[Finding]
) -> list[TrackFiles]:
    """Keep what the manifest names, in its order; what is missing is an error, what is extra a note."""
    by_name = {f.name: f for f in found}
    names = [t.track for t in manifest.tracks]
    missing = [n for n in names if n not in by_name]
    if missing:
        raise DataError(
            f"{root}: {len(missing)} of {len(names)} tracks of {manifest.head.id} are missing, the first is "
            f"{missing[0]!r}; `svbench verify {manifest.head.id}={root}` lists them"
        )
    skipped += [
        Finding(f.name, "", "extra", "not in the manifest", "note") for f in found if f.name not in set(names)
    ]
    return [replace(by_name[t.track], subset=t.subset) for t in manifest.tracks]


def _chosen(found: list[TrackFiles], subset: str | None, tracks: Sequence[str]) -> list[TrackFiles]:
    if subset is not None:
        subsets = {f.subset for f in found}
        if subset not in subsets:
            raise UnknownNameError("subset", subset, subsets)
        found = [f for f in found if f.subset == subset]
    for name in tracks:
        if name not in {f.name for f in found}:
            raise UnknownNameError("track", name, (f.name for f in found))
    return [f for f in found if not tracks or f.name in tracks]


def _track(files: TrackFiles, head: ManifestHead) -> Track:
    """Compare the headers of a track's files with one another and with the manifest."""
    paths = {**files.stems, **({"mixture": files.mixture} if files.mixture else {})}
    infos = {name: audio_info(path) for name, path in paths.items()}
    (first, info), *others = infos.items()
    for name, other in others:
        for what, unit in (("n_samples", "samples"), ("rate_hz", "Hz"), ("n_channels", "channels")):
            a, b = getattr(info, what), getattr(other, what)
            if a != b:
                raise DataError(
                    f"track {files.name!r}: {paths[first]} has {a} {unit}, {paths[name]} has {b}; "
                    "all files of a track must agree"
                )
    if info.n_samples == 0:
        raise DataError(f"track {files.name!r}: {paths[first]} holds no samples")
    for what, unit in (("rate_hz", "Hz"), ("n_channels", "channels")):
        declared, found = getattr(head, what), getattr(info, what)
        if declared is not None and declared != found:
            raise DataError(
                f"track {files.name!r}: {paths[first]} has {found} {unit}, the manifest {head.id} "
                f"declares {declared}"
            )
    return Track(
        files.name,
        files.subset,
        info.rate_hz,
        info.n_channels,
        info.n_samples,
        dict(files.stems),
        files.mixture if head.mixture.source == "file" else None,
        head.targets,
    )


def _hint(root: Path, head: ManifestHead) -> str:
    """Say what the folder looks like instead."""
    if not any(root.iterdir()):
        return "; the folder is empty"
    if (root / "Mixtures").is_dir() and (root / "Sources").is_dir():
        return "; it looks like DSD100 (Mixtures/, Sources/)"
    if any(root.glob("**/*.stem.mp4")):
        return "; it looks like MUSDB18 (*.stem.mp4)"
    here = sorted(p.name for p in root.iterdir() if p.stem in head.stems)
    if here:
        return f"; {here[0]} lies directly in it: give the folder above, which holds one folder per track"
    stems = ", ".join(head.stems)
    return f"; expected one folder per track with audio files named after the stems ({stems})"
