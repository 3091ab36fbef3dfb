"""Write the manifest of a folder: its tracks with lengths, its files with sizes and SHA-256."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from svbench.audio import AudioInfo, is_utf8, shown
from svbench.datasets.content import common_shape, disagreements, file_infos, measure
from svbench.datasets.files import TrackFiles, find_tracks
from svbench.disk import file_sha256
from svbench.errors import AudioError, DataError, SpecError
from svbench.naming.folders import audio_files, nested_folders
from svbench.naming.names import target_named
from svbench.specs.library import shipped_ids
from svbench.specs.manifest import (
    MIXTURE,
    FileRow,
    Manifest,
    ManifestHead,
    Mixture,
    TrackRow,
    load_manifest,
)
from svbench.tables.spreadsheet import csv_text

Progress = Callable[[int, int, str], None]
ACCOMPANIMENT = "accompaniment"
KNOWN_STEMS = ("vocals", "drums", "bass", "other")


@dataclass(frozen=True)
class Description:
    """What was written: the manifest and how much music it describes."""

    manifest: Manifest
    duration_s: float
    n_bytes: int


def describe(
    root: Path, out: Path, *, like: str | None = None, progress: Progress | None = None
) -> Description:
    """Write ``manifest.toml``, ``tracks.csv`` and ``files.csv`` for a folder of recordings.

    Parameters
    ----------
    root : Path
        ``<track>/<stem>.wav``, also one subset folder deeper; or of the layout of ``like``.
    out : Path
        The manifest's folder; its name becomes the data set's id.
    like : str, optional
        A manifest whose layout, stems, targets and mixture are taken over.
    progress : callable, optional
        Called as ``progress(done, total, track)``.

    Returns
    -------
    Description

    Raises
    ------
    DataError
        The folder holds no track, a track cannot be used, or two have one name.
    AudioError
        A file cannot be decoded to its end.
    SpecError
        There is a manifest already, or the id is taken by a shipped data set.
    """
    if (out / "manifest.toml").exists():
        raise SpecError(out / "manifest.toml", "", "already exists; remove it or choose another --out")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", out.name):
        raise SpecError(out, "", "the folder's name becomes the id: letters, digits, '.', '_' and '-' only")
    if out.name in shipped_ids("dataset"):
        raise SpecError(out, "", f"{out.name!r} is the id of a data set shipped with svbench; choose another")
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    head = _head(root, out.name, like)
    found_tracks = [f for f in find_tracks(root, head) if not f.no_track]
    tracks: list[TrackRow] = []
    rows: list[FileRow] = []
    formats: set[tuple[int, int]] = set()
    duration_s = 0.0
    for number, files in enumerate(found_tracks, start=1):
        infos = _usable(files, head, tracks)
        n_samples, n_channels = common_shape(infos, head)
        formats.add((infos[0].rate_hz, n_channels))
        duration_s += n_samples / infos[0].rate_hz
        tracks.append(TrackRow(files.name, files.subset, n_samples))
        rows += _rows(files, root)
        if progress:
            progress(number, len(found_tracks), files.name)
    # Rate and channels are declared where all tracks agree; otherwise they are left to the tracks.
    common = formats.pop() if len(formats) == 1 else (None, None)
    head = msgspec.structs.replace(
        head, rate_hz=common[0], n_channels=common[1], discover=common == (None, None)
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("tracks.csv", csv_text(TrackRow.__struct_fields__, map(msgspec.structs.astuple, tracks))),
        ("files.csv", csv_text(FileRow.__struct_fields__, map(msgspec.structs.astuple, rows))),
        ("manifest.toml", _toml(head)),  # last, since a folder with this file counts as a manifest
    ):
        (out / name).write_text(text, encoding="utf-8", newline="")
    n_bytes = sum({row.path: row.n_bytes for row in rows}.values())
    return Description(load_manifest(out / "manifest.toml"), duration_s, n_bytes)


def _head(root: Path, name: str, like: str | None) -> ManifestHead:
    """Return the head of the manifest: that of ``like``, or one for the stems that files are named after."""
    if like:
        known = load_manifest(like).head
        return msgspec.structs.replace(
            known,
            id=name,
            title=f"{known.title}: {root.resolve().name}",
            description=f"A folder arranged like {known.id}.",
            n_tracks=None,
            named_subsets={},
        )
    named = (*KNOWN_STEMS, ACCOMPANIMENT, MIXTURE)
    names = {
        target_named(p.stem, named, f.name) or p.stem for f in nested_folders(root) for p in audio_files(f)
    }
    stems_there = names - {MIXTURE}
    if ACCOMPANIMENT in names and stems_there & set(KNOWN_STEMS[1:]):
        # Some tracks have one file for the accompaniment, or have it beside its stems: then it is a sum, and
        # all of its stems belong to the manifest.
        stems_there = stems_there - {ACCOMPANIMENT} | set(KNOWN_STEMS)
    stems = [s for s in KNOWN_STEMS if s in stems_there] + sorted(stems_there - set(KNOWN_STEMS))
    if not stems:
        raise DataError(f"{root}: no folder in it holds audio files named after stems, <track>/<stem>.wav")
    targets: dict[str, tuple[str, ...]] = {s: (s,) for s in stems}
    rest = tuple(s for s in stems if s not in ("vocals", ACCOMPANIMENT))
    if "vocals" in stems and ACCOMPANIMENT not in stems and rest:
        targets[ACCOMPANIMENT] = rest
    return ManifestHead(
        schema=1,
        id=name,
        title=root.resolve().name,
        version="1",
        description="",
        layout="folder",
        licence="",
        citation="",
        obtain="",
        stems=tuple(stems),
        targets=targets,
        mixture=Mixture(source="file" if MIXTURE in names else "sum"),
    )


def _usable(files: TrackFiles, head: ManifestHead, earlier: Sequence[TrackRow]) -> list[AudioInfo]:
    """Return the headers of a track's files, all decoded, or say why the track cannot be described."""
    if files.problem:
        raise DataError(files.problem)
    if files.name in {t.track for t in earlier}:
        raise DataError(f"two tracks are called {files.name!r}; names must be unique, rename one")
    if not files.stems:
        raise DataError(f"track {files.name!r}: it has none of the stems {', '.join(head.stems)}")
    infos = file_infos(files.sources())
    # What the manifest will declare is not known yet, so the files are compared with one another.
    free = msgspec.structs.replace(head, rate_hz=None, n_channels=None)
    for name, what, value, wanted, _ in disagreements(infos, free):
        raise DataError(f"{name}: {what} is {value}, {infos[0][0]} has {wanted}; fix the track first")
    content = measure(files.sources(), [info for _, info in infos], head)
    if content.damaged:
        raise AudioError(content.damaged[0][1])
    return [info for _, info in infos]


def _rows(files: TrackFiles, root: Path) -> list[FileRow]:
    """One row per stem and file; a file that holds several stems is read once."""
    digests: dict[Path, str] = {}
    rows = []
    for stem, source in files.sources().items():
        for path in source.paths:
            if path not in digests:
                digests[path] = file_sha256(path)
            relative = path.relative_to(root).as_posix()
            if not is_utf8(relative):
                raise DataError(f"{shown(path)}: not UTF-8, so no manifest can hold the name; rename it")
            rows.append(FileRow(files.name, stem, relative, path.stat().st_size, digests[path]))
    return rows


def _toml(head: ManifestHead) -> str:
    """Write a head as TOML, whose strings and lists of strings are those of JSON."""
    content = msgspec.to_builtins(head)
    defaults = {f.encode_name: f.default for f in msgspec.structs.fields(ManifestHead)}
    tables = [key for key, value in content.items() if isinstance(value, dict)]
    lines = [
        f"{key} = {_json(value)}"
        for key, value in content.items()
        if key not in tables and value is not None and (value != defaults[key] or value == "")
    ]
    for key in tables:
        inside = {k: v for k, v in content[key].items() if v is not None}
        if inside:
            lines += ["", f"[{key}]"]
            lines += [f"{_json(k)} = {_json(v)}" for k, v in inside.items()]
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
