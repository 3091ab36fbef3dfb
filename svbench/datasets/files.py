"""What lies below a data set's root: the files of each track as a layout finds them, nothing opened yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from svbench.audio import shown
from svbench.audio.sources import Source, source_of
from svbench.datasets.layout_hint import hint, other_layout
from svbench.errors import DataError
from svbench.naming.names import nfc
from svbench.specs.manifest import ManifestHead
from svbench.specs.plugins import load_plugin


@dataclass(frozen=True)
class TrackFiles:
    """What a layout finds: where a track's files lie.

    Attributes
    ----------
    name, subset : str
        The name in Unicode's composed form, or as the manifest writes it.
    stems : mapping of str to Path or Source
        By stem; also by target where one file holds the sum of several stems (see `lumps`).
    mixture : Path, Source or None
    problem : str
        One sentence about a track whose files cannot be used; it is never skipped silently.
    unused : tuple of str
        One sentence about each audio file of the track that belongs to no stem.
    no_track : str
        Why a folder in which a track is expected holds none, e.g. since copying stopped there; runs
        leave it out and count it.
    redundant : mapping of str to Path
        Files that should be the sum of stems which all have files of their own, by target.
    read_as : tuple of str
        What was read of each file that is not named exactly after its stem.
    """

    name: str
    subset: str
    stems: Mapping[str, Path | Source]
    mixture: Path | Source | None
    problem: str = ""
    unused: tuple[str, ...] = ()
    no_track: str = ""
    redundant: Mapping[str, Path] = field(default_factory=dict)
    read_as: tuple[str, ...] = ()

    def sources(self) -> dict[str, Source]:
        """Return all stems, and the mixture under its name, as sources."""
        whole = {"mixture": self.mixture} if self.mixture else {}
        return {name: source_of(place) for name, place in {**self.stems, **whole}.items()}


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


def find_tracks(root: Path, head: ManifestHead, declared: Collection[str] = ()) -> list[TrackFiles]:
    """Return what the layout finds below a root: at least one track, and folders that hold none.

    Parameters
    ----------
    root : Path
    head : ManifestHead
    declared : collection of str
        Track names as the manifest writes them; the same name in another Unicode form is the same track.

    Raises
    ------
    DataError
        Not a folder, no track in it, or another layout.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    layout: Layout = load_plugin("layout", head.layout)()
    found = layout.find(root, head)
    looks = "" if any(f.stems for f in found) else other_layout(root, head)
    if looks or all(f.no_track for f in found):
        lost = f"; {found[0].name}: {found[0].no_track}" if found else hint(root, head)
        raise DataError(f"{root}: no track of layout {head.layout!r} in it{looks or shown(lost)}")
    written = {nfc(name): name for name in (*declared, *(n for s in head.named_subsets.values() for n in s))}
    return [named(files, written) for files in found]


def named(files: TrackFiles, written: Mapping[str, str]) -> TrackFiles:
    """Name a track as the manifest does, in text that JSON can hold; its files keep their names."""
    name = shown(nfc(files.name))
    return replace(
        files,
        name=written.get(name, name),
        subset=shown(files.subset),
        problem=shown(files.problem),
        unused=tuple(map(shown, files.unused)),
        no_track=shown(files.no_track),
    )


def names_read(tracks: Iterable[TrackFiles]) -> tuple[str, ...]:
    """Return what files of other names were read as, and in how many tracks.

    Examples
    --------
    >>> names_read(2 * [TrackFiles("a", "", {}, None, read_as=("Bass.wav read as bass",))])
    ('Bass.wav read as bass in 2 tracks',)
    """
    counts = Counter(message for files in tracks for message in files.read_as)
    return tuple(f"{message} in {n} track{'s' if n > 1 else ''}" for message, n in counts.items())
