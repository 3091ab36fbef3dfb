"""Manifests: what a data set contains, told without its audio.

A manifest is a folder: ``manifest.toml``, ``tracks.csv`` (track, subset, n_samples) and, where
there are any, ``files.csv`` (track, stem, path, n_bytes, sha256) and ``errata.csv`` (known defects).
"""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.errors import SpecError, UnknownNameError, suggestion
from svbench.specs.library import find
from svbench.specs.records import Record, digest, load_toml, without
from svbench.tables.spreadsheet import unshielded

TRACK_COLUMNS = ("track", "subset", "n_samples")
FILE_COLUMNS = ("track", "stem", "path", "n_bytes", "sha256")
ERRATA_COLUMNS = ("track", "stem", "defect")
MIXTURE = "mixture"  # in files.csv and errata.csv: the mixture, not a stem


class Mixture(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the mixture comes from: a file of its own, or the sum of all stems.

    ``relative_rms`` is the largest RMS of (mixture − sum of stems) relative to the mixture
    that a healthy track shows; None when it was never measured.
    """

    source: Literal["file", "sum"]
    relative_rms: Annotated[float, msgspec.Meta(ge=0)] | None = None


class ManifestHead(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``manifest.toml`` says. ``targets`` are named sums of stems.

    With ``discover`` the tracks are those the layout finds, ``tracks.csv`` may be missing, and
    rate and channels may be left open: then a track's own files decide. ``n_tracks`` says how many
    there should be. ``named_subsets`` are lists of tracks beside the subsets of ``tracks.csv``.

    ``lengths`` says what happens when files of a track differ in length: the track is refused, all
    are cut to the shortest, or filled up with silence to the longest. ``mono = "copy"`` copies a
    mono file into every channel. ``complete`` says that every track has all stems, and a mixture
    where that is a file: one without was copied in part.
    """

    schema: Literal[1]
    id: str
    title: str
    version: str
    description: str
    layout: str
    licence: str
    citation: str
    obtain: str
    rate_hz: Annotated[int, msgspec.Meta(gt=0)] | None = None
    n_channels: Annotated[int, msgspec.Meta(gt=0)] | None = None
    discover: bool = False
    stems: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    targets: dict[str, tuple[str, ...]]
    mixture: Mixture
    artist: str = ""
    n_tracks: Annotated[int, msgspec.Meta(gt=0)] | None = None
    named_subsets: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    lengths: Literal["refuse", "cut", "pad"] = "refuse"
    mono: Literal["refuse", "copy"] = "refuse"
    complete: bool = False


class TrackRow(msgspec.Struct, frozen=True):
    """One row of ``tracks.csv``; an empty ``n_samples`` means the length is not known."""

    track: str
    subset: str
    n_samples: int | None


class FileRow(msgspec.Struct, frozen=True):
    """One row of ``files.csv``; the path is relative to the data set's root."""

    track: str
    stem: str
    path: str
    n_bytes: int
    sha256: str


class Erratum(msgspec.Struct, frozen=True):
    """One row of ``errata.csv``: a known defect of one stem, or of the mixture, of one track."""

    track: str
    stem: str
    defect: str


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """A data set as declared: head, tracks, files and errata (possibly none), and where it was read."""

    head: ManifestHead
    tracks: tuple[TrackRow, ...]
    files: tuple[FileRow, ...]
    path: Path
    errata: tuple[Erratum, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that decides what is measured; errata only say how far to trust it."""
        prose = ("title", "description", "licence", "citation", "obtain", "artist", "n_tracks")
        return digest([without(self.head, *prose), self.tracks, self.files])

    def subset_tracks(self, subset: str) -> frozenset[str]:
        """Return the declared tracks of a subset.

        Raises
        ------
        UnknownNameError
            No track is in such a subset.

        Examples
        --------
        >>> musdb = load_manifest("musdb18-hq")
        >>> len(musdb.subset_tracks("train")), len(musdb.subset_tracks("validation"))
        (100, 14)
        """
        if subset in self.head.named_subsets:
            return frozenset(self.head.named_subsets[subset])
        found = frozenset(t.track for t in self.tracks if t.subset == subset)
        if not found:
            raise UnknownNameError(
                "subset", subset, {t.subset for t in self.tracks} | set(self.head.named_subsets)
            )
        return found

    def affected_cells(self) -> dict[tuple[str, str], str]:
        """Return the known defects by (track, target); a defect of the mixture affects all targets."""
        cells: dict[tuple[str, str], str] = {}
        for erratum in self.errata:
            for target, stems in self.head.targets.items():
                if erratum.stem in (*stems, MIXTURE):
                    cells.setdefault((erratum.track, target), erratum.defect)
        return cells


def load_manifest(name_or_path: str | Path) -> Manifest:
    """Load a manifest by data set id, folder or ``manifest.toml`` path.

    Raises
    ------
    SpecError, UnknownNameError
    """
    path = find("dataset", str(name_or_path))
    head = load_toml(path, ManifestHead)
    for target, stems in head.targets.items():
        unknown = [s for s in stems if s not in head.stems]
        if unknown or not stems:
            raise SpecError(
                path, f"targets.{target}", f"names stems {list(stems)}; known are {list(head.stems)}"
            )
    if not head.discover and (head.rate_hz is None or head.n_channels is None):
        raise SpecError(path, "rate_hz", "rate_hz and n_channels must be given unless discover is true")
    tracks = _tracks(path.parent / "tracks.csv", optional=head.discover)
    names = [t.track for t in tracks]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise SpecError(path.parent / "tracks.csv", "track", f"{twice!r} stands twice; names must be unique")
    known = None if head.discover else set(names)
    for subset, members in head.named_subsets.items():
        strangers = [m for m in members if known is not None and m not in known]
        if strangers:
            raise SpecError(path, f"named_subsets.{subset}", f"track {strangers[0]!r} is not in tracks.csv")
    return Manifest(
        head,
        tracks,
        _files(path.parent / "files.csv", set(names)),
        path,
        _errata(path.parent / "errata.csv", known, {*head.stems, MIXTURE}),
    )


def _tracks(path: Path, *, optional: bool) -> tuple[TrackRow, ...]:
    if optional and not path.exists():
        return ()
    return tuple(
        TrackRow(
            r["track"], r["subset"], _whole(path, n, "n_samples", r["n_samples"]) if r["n_samples"] else None
        )
        for n, r in _rows(path, TRACK_COLUMNS)
    )


def _files(path: Path, tracks: set[str]) -> tuple[FileRow, ...]:
    if not path.exists():
        return ()
    rows = []
    for n, r in _rows(path, FILE_COLUMNS):
        if r["track"] not in tracks:
            raise SpecError(path, f"line {n}", f"track {r['track']!r} is not in tracks.csv")
        rows.append(
            FileRow(r["track"], r["stem"], r["path"], _whole(path, n, "n_bytes", r["n_bytes"]), r["sha256"])
        )
    return tuple(rows)


def _errata(path: Path, tracks: set[str] | None, stems: set[str]) -> tuple[Erratum, ...]:
    if not path.exists():
        return ()
    rows = []
    for n, r in _rows(path, ERRATA_COLUMNS):
        if tracks is not None and r["track"] not in tracks:
            raise SpecError(path, f"line {n}", f"track {r['track']!r} is not in tracks.csv")
        if r["stem"] not in stems:
            raise SpecError(path, f"line {n}", f"stem {r['stem']!r}: {suggestion(r['stem'], stems)}")
        rows.append(Erratum(r["track"], r["stem"], r["defect"]))
    return tuple(rows)


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return (line number, row) pairs of a CSV file whose header must be exactly the given columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if tuple(reader.fieldnames or ()) != columns:
                raise SpecError(path, "header", f"expected {','.join(columns)}, found {reader.fieldnames}")
            rows = [
                (reader.line_num, {k: unshielded(v) if isinstance(v, str) else v for k, v in row.items()})
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SpecError(path, "", f"cannot be read ({error})") from error
    for n, row in rows:
        if None in row or None in row.values():
            raise SpecError(path, f"line {n}", f"expected {len(columns)} cells")
    return rows


def _whole(path: Path, line: int, key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SpecError(path, f"line {line}: {key}", f"expected a whole number, found {text!r}") from None
