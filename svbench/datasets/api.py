"""Tracks and data sets: paths and names that give audio on demand.

A stem is a recorded file; a target is a named sum of stems. A track lacks a target when none of
the target's stems is on disk, or all of them are digital silence: such a target is *absent*, and
no reference is made up for it. Where one file holds the sum of several stems, those without a file of
their own are *unknown*, not absent; see `svbench.datasets.content`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, check_samples
from svbench.audio.sounds import Sound, Source, SumSound, source_of
from svbench.datasets.content import (
    UNITS,
    common_shape,
    disagreements,
    file_infos,
    lacking,
    mixture_parts,
    parts_of,
    unknown_stems,
)
from svbench.datasets.files import Finding, TrackFiles, choose, find_tracks, names_read
from svbench.datasets.files import Layout as Layout  # what a layout plug-in imports
from svbench.disk import file_sha256
from svbench.errors import DataError, UnknownNameError
from svbench.specs.manifest import Manifest, ManifestHead


@dataclass(frozen=True)
class Track:
    """One piece of music; audio is read on demand.

    Attributes
    ----------
    name, subset : str
    rate_hz, n_channels, n_samples : int
        The same for all of its stems; files are cut or filled up only where the manifest says so.
    stems : mapping of str to Source
        Stems present on disk; under a target's name where one file holds several stems.
    mixture_source : Source or None
        None when the mixture is the sum of the stems.
    targets : mapping of str to tuple of str
        Named sums of stems.
    redundant : mapping of str to Source
        Files beside the stems that should be sums of them, by target; they are read to be checked only.
    """

    name: str
    subset: str
    rate_hz: int
    n_channels: int
    n_samples: int
    stems: Mapping[str, Source]
    mixture_source: Source | None
    targets: Mapping[str, tuple[str, ...]]
    redundant: Mapping[str, Source] = field(default_factory=dict, kw_only=True)

    @property
    def original(self) -> Track:
        """The track as recorded, before a probe changed it."""
        return self

    def read_stem(self, stem: str) -> Audio:
        """Read one stem, shape (n_samples, n_channels), float64."""
        return Audio(self._samples(self.stems[stem]), self.rate_hz)

    def mixture(self) -> Audio:
        """Read the mixture, or add all stems in double precision, which is exact for PCM files."""
        if self.mixture_source:
            return Audio(self._samples(self.mixture_source), self.rate_hz)
        return self._sum(sorted(self.mixture_parts))

    def reference(self, target: str) -> Audio | None:
        """Add the stems of a target.

        Returns
        -------
        Audio or None
            None when the target is absent (no stem on disk, or only digital silence) or unknown.

        Raises
        ------
        UnknownNameError
            The data set declares no such target.
        AudioError
        """
        present = self.parts(target)
        audio = self._sum(present) if present else None
        return audio if audio is not None and np.any(audio.samples) else None

    def references(self, targets: Iterable[str]) -> dict[str, Audio]:
        """Read the references of several targets; absent and unknown ones are left out."""
        return {t: audio for t in targets if (audio := self.reference(t)) is not None}

    def reference_sound(self, target: str) -> Sound | None:
        """Return a target's reference to be read piece by piece.

        Returns
        -------
        Sound or None
            None when no stem is on disk, or it is unknown; silence counts as a reference here.

        Raises
        ------
        UnknownNameError
            The data set declares no such target.
        AudioError
        """
        present = self.parts(target)
        return self._sound([self.stems[s] for s in present]) if present else None

    def mixture_sound(self) -> Sound:
        """Return the mixture to be read piece by piece."""
        parts = [self.mixture_source] if self.mixture_source else [self.stems[s] for s in self.mixture_parts]
        return self._sound(parts)

    def stem_sound(self, stem: str) -> Sound:
        """Return one stem to be read piece by piece."""
        return self._sound([self.stems[stem]])

    @property
    def mixture_parts(self) -> tuple[str, ...]:
        """Stems whose sum is the mixture; one that lies in another is not among them."""
        return mixture_parts(self.stems, self.targets)

    @property
    def unknown_stems(self) -> tuple[str, ...]:
        """Stems that lie in a file together with others, and in none of their own."""
        return unknown_stems(self.stems, self.targets)

    def knows(self, target: str) -> bool:
        """Whether the files show what the target is, or that the track does not contain it."""
        return target in self.targets and parts_of(target, self.stems, self.targets) is not None

    def digest(self) -> str:
        """SHA-256 over the content of all files with the names of their stems."""
        total = hashlib.sha256()
        contents: dict[Path, str] = {}
        sources = {**self.stems, **self.redundant, "mixture": self.mixture_source}
        for name, source in sorted(sources.items()):
            for path in source.paths if source else ():
                if path not in contents:
                    contents[path] = file_sha256(path)
                part = [f"/{n}" for n in (source.stream, source.channel) if n is not None] if source else []
                total.update(f"{name}:{contents[path]}{''.join(part)};".encode())
        return total.hexdigest()

    def has(self, target: str) -> bool:
        """Whether there is any file of the target, even a silent one."""
        return target in self.targets and bool(parts_of(target, self.stems, self.targets))

    def parts(self, target: str) -> tuple[str, ...]:
        """Return the stems on disk that add up to a target, none where it is absent or unknown.

        Raises
        ------
        UnknownNameError
            The data set declares no such target.
        """
        if target not in self.targets:
            raise UnknownNameError("target", target, self.targets)
        return parts_of(target, self.stems, self.targets) or ()

    def _sound(self, sources: Sequence[Source]) -> Sound:
        sounds = [s.sound(self.n_samples, self.n_channels) for s in sources]
        return sounds[0] if len(sounds) == 1 else SumSound(sounds)

    def _samples(self, source: Source) -> Samples:
        samples = np.empty((self.n_samples, self.n_channels))
        self._sound([source]).read(0, samples)
        check_samples(samples, source.name)
        return samples

    def _sum(self, stems: Sequence[str]) -> Audio:
        total = self._samples(self.stems[stems[0]])
        for stem in stems[1:]:
            total += self._samples(self.stems[stem])
        return Audio(total, self.rate_hz)


@dataclass(frozen=True)
class Dataset:
    """The tracks of a manifest that were found below a folder; ``skipped`` says what was left out and why.

    ``read_as`` says which files are not named exactly after their stems.

    ``variant`` names what a probe made of the tracks, ``variants`` all that its protocol wants,
    ``variant_version`` what made it, and ``expects`` what should become of estimates; all are empty
    without a probe.
    """

    manifest: Manifest
    root: Path
    tracks: tuple[Track, ...]
    subset: str | None = None
    skipped: tuple[Finding, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()
    variant_version: str = ""
    expects: str = ""
    read_as: tuple[str, ...] = ()


def open_dataset(
    manifest: Manifest, root: Path | str, *, subset: str | None = None, tracks: Sequence[str] = ()
) -> Dataset:
    """Find a data set's tracks below a folder, reading headers only, and only those of what is chosen.

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
    listed = find_tracks(root, manifest.head, [t.track for t in manifest.tracks])
    chosen, skipped = choose(manifest, listed, root, subset, tracks)
    found = tuple(track_of(files, manifest.head) for files in chosen)
    return Dataset(
        manifest, root, found, subset, tuple(skipped), read_as=names_read(f.read_as for f in chosen)
    )


def track_of(files: TrackFiles, head: ManifestHead) -> Track:
    """Compare the headers of a track's files with one another and with the manifest.

    Raises
    ------
    DataError
        A stem is missing where all should be there, or files disagree.
    AudioError
        A header cannot be read.
    """
    sources = files.sources()
    if head.mixture.source == "sum":
        sources.pop("mixture", None)
    missing = lacking(sources, head)
    if missing:
        raise DataError(
            f"track {files.name!r}: {', '.join(missing)} missing, every track of {head.id} has all of them; "
            "the data set was copied in part"
        )
    infos = file_infos(sources)
    for path, what, value, expected, reason in disagreements(infos, head):
        unit = UNITS[what]
        if reason:
            raise DataError(f"track {files.name!r}: {path} has {value} {unit}, {reason} {expected}")
        raise DataError(
            f"track {files.name!r}: {infos[0][0]} has {expected} {unit}, {path} has {value}; "
            "all files of a track must agree"
        )
    n_samples, n_channels = common_shape([info for _, info in infos], head)
    return Track(
        files.name,
        files.subset,
        infos[0][1].rate_hz,
        n_channels,
        n_samples,
        {s: source_of(place) for s, place in files.stems.items()},
        sources.get("mixture"),
        head.targets,
        redundant={t: source_of(place) for t, place in files.redundant.items()},
    )


class Recorded:
    """Tracks below a folder, checked against the digests they had.

    Parameters
    ----------
    manifest : Manifest
        Of the data set.
    root : path
        Where the recordings are.

    Raises
    ------
    DataError
        There is no such folder.
    """

    def __init__(self, manifest: Manifest, root: Path | str) -> None:
        self._manifest, self._root = manifest, root
        if not Path(root).is_dir():
            raise DataError(f"{root}: no such folder")
        self._tracks: dict[str, tuple[Track, str]] = {}

    def track(self, name: str, digests: Iterable[str]) -> Track:
        """Return a track whose files are those that were measured.

        Parameters
        ----------
        name : str
        digests : iterable of str
            The values of `Track.digest` at that time. Empty ones are ignored, but at least one must remain: a
            run may name any folder, and files whose digests it does not know must not be revealed.

        Raises
        ------
        DataError
            The track is gone or has changed since, or its digest is not known.
        """
        known = {digest for digest in digests if digest}
        if not known:
            raise DataError("no run says which recordings it was measured on")
        if name not in self._tracks:
            try:
                # One track at a time, since perhaps only the part of the data set that was run is here.
                (track,) = open_dataset(self._manifest, self._root, tracks=[name]).tracks
            except UnknownNameError:
                raise DataError("no longer in the data set") from None
            self._tracks[name] = track, track.digest()
        track, digest = self._tracks[name]
        if known != {digest}:
            raise DataError("its recordings have changed since the run")
        return track
