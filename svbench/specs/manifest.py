"""Manifests: a description of a data set that contains no audio.

A manifest is a folder with ``manifest.toml``, ``tracks.csv`` (track, subset, n_samples) and, if
there are any, ``files.csv`` (track, stem, path, n_bytes, sha256) and ``errata.csv`` (known defects).
"""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from svbench.errors import SpecError, UnknownNameError, suggestion
from svbench.specs.library import find
from svbench.specs.records import Record, digest, load_toml, without
from svbench.tables.spreadsheet import unshielded

MIXTURE = "mixture"  # in files.csv and errata.csv: the mixture, not a stem
R = TypeVar("R", bound=msgspec.Struct)


class Mixture(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the mixture comes from: a file of its own, or the sum of all stems.

    ``relative_rms`` is the largest RMS of (mixture − sum of stems) relative to the mixture
    that a healthy track shows; None when it was never measured.
    """

    source: Literal["file", "sum"]
    relative_rms: Annotated[float, msgspec.Meta(ge=0)] | None = None


class ManifestHead(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``manifest.toml``. ``targets`` are named sums of stems.

    With ``discover`` the tracks are those that the layout finds, ``tracks.csv`` may be missing, and
    rate and channels may be omitted: then the files of each track decide. ``n_tracks`` is the number
    of tracks there should be. ``named_subsets`` are lists of tracks besides the subsets of ``tracks.csv``.

    ``lengths`` says what happens if the files of a track differ in length: the track is refused, all
    are cut to the shortest, or padded with silence to the longest. ``mono = "copy"`` copies a
    mono file into every channel. ``complete`` says that every track has all stems, and a mixture
    if that is a file: a track without one of them was copied incompletely.
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
    """One row of ``tracks.csv``; an empty ``n_samples`` means that the length is not known."""

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
    """A data set as declared: head, tracks, files and errata (possibly none), and the path of its file."""

    head: ManifestHead
    tracks: tuple[TrackRow, ...]
    files: tuple[FileRow, ...]
    path: Path
    errata: tuple[Erratum, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that determines what is measured; errata do not count."""
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
    tracks_file, files_file, errata_file = (path.parent / f"{n}.csv" for n in ("tracks", "files", "errata"))
    tracks = [row for _, row in _rows(tracks_file, TrackRow, optional=head.discover)]
    names = [t.track for t in tracks]
    known = set(names)
    if len(known) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise SpecError(tracks_file, "track", f"{twice!r} stands twice; names must be unique")
    for subset, members in head.named_subsets.items():
        strangers = [] if head.discover else [m for m in members if m not in known]
        if strangers:
            raise SpecError(path, f"named_subsets.{subset}", f"track {strangers[0]!r} is not in tracks.csv")
    files, errata = _rows(files_file, FileRow, optional=True), _rows(errata_file, Erratum, optional=True)
    for file, rows, checked in ((files_file, files, True), (errata_file, errata, not head.discover)):
        for line, row in rows:
            if checked and row.track not in known:
                raise SpecError(file, f"line {line}", f"track {row.track!r} is not in tracks.csv")
    parts = {*head.stems, MIXTURE}
    for line, row in errata:
        if row.stem not in parts:
            raise SpecError(errata_file, f"line {line}", f"stem {row.stem!r}: {suggestion(row.stem, parts)}")
    return Manifest(
        head, tuple(tracks), tuple(row for _, row in files), path, tuple(row for _, row in errata)
    )


def _rows(path: Path, kind: type[R], *, optional: bool) -> list[tuple[int, R]]:
    """Read a CSV file whose header must be the fields of a struct; each row comes with its line number."""
    if optional and not path.exists():
        return []
    columns = kind.__struct_fields__
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if tuple(reader.fieldnames or ()) != columns:
                raise SpecError(path, "header", f"expected {','.join(columns)}, found {reader.fieldnames}")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SpecError(path, "", f"cannot be read ({error})") from error
    for line, row in rows:
        if None in row or None in row.values():
            raise SpecError(path, f"line {line}", f"expected {len(columns)} cells")
    return [(line, kind(*(_cell(path, line, key, row[key]) for key in columns))) for line, row in rows]


def _cell(path: Path, line: int, key: str, text: str) -> Any:
    """Return the value of a cell; the shield of a spreadsheet formula is removed."""
    text = unshielded(text)
    if key not in ("n_samples", "n_bytes"):
        return text
    try:
        return int(text) if text or key == "n_bytes" else None
    except ValueError:
        raise SpecError(path, f"line {line}: {key}", f"expected a whole number, found {text!r}") from None
