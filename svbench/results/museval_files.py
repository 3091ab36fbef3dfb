"""museval's JSON, one file per track, and how such files lie in folders.

The format is that of museval 0.4.1, ``TrackStore`` and ``musdb.schema.json``: a list of targets,
each with its frames. The file does not say which track, which recordings or which settings it
belongs to; the track is the file's name.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from svbench import __version__
from svbench.errors import DataError, suggestion
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Run
from svbench.specs.protocol import Protocol

QUANTITIES = ("SDR", "SIR", "SAR", "ISR")  # in museval's order
METRIC = "bss-eval-v4"
SUBSETS = ("train", "test", "valid")
PAIR = frozenset({"vocals", "accompaniment"})  # museval scores these two as a problem of their own

# Python's json writes these three bare, which is no JSON; quoted, a strict parser takes them. NaN is by far
# the most frequent, and a replacement without groups is done in C.
_NAN = re.compile(rb":\s*NaN")
_INFINITY = re.compile(rb":\s*(-?Infinity)")
# Writers that keep to JSON write null for NaN.
Number = float | Literal["NaN", "Infinity", "-Infinity"] | None
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Metrics(msgspec.Struct, gc=False):
    """The four numbers of one frame; museval writes NaN where a value is undefined or infinite.

    None, which is ``null`` in the file, means NaN.
    """

    SDR: Number
    SIR: Number
    SAR: Number
    ISR: Number


class Frame(msgspec.Struct, gc=False):
    """One evaluation window."""

    time: float
    duration: float
    metrics: Metrics


class Target(msgspec.Struct, gc=False):
    """One row of a track. No frames at all: the track does not contain the target."""

    name: str
    frames: list[Frame]

    def values(self, quantity: str) -> list[float]:
        """Return one quantity of every frame, as IEEE values."""
        found = map(attrgetter(f"metrics.{quantity}"), self.frames)
        return [math.nan if value is None else float(value) for value in found]

    def lies_on(self, time_s: list[float], duration_s: float) -> bool:
        """Whether the frames begin exactly at these times and all have this length."""
        found = [f.time for f in self.frames] == time_s
        return found and {f.duration for f in self.frames} == {duration_s}


class TrackFile(msgspec.Struct, gc=False):
    """What one file says."""

    targets: list[Target]
    museval_version: str = ""


class Source(msgspec.Struct, frozen=True):
    """The files of one system and subset, by track name, in the order of the names."""

    system: str
    subset: str
    files: dict[str, Path]


_DECODER = msgspec.json.Decoder(TrackFile)


def read_track_file(path: Path) -> tuple[TrackFile, str]:
    """Read one file.

    Returns
    -------
    TrackFile, str
        The content and the SHA-256 of the file.

    Raises
    ------
    DataError
        A file that cannot be opened, damaged JSON, a key that is missing or of a wrong type, no
        targets, a target twice, or targets of differing numbers of frames.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        content = _DECODER.decode(_quoted(text.removeprefix(_BYTE_ORDER_MARK)))
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {_told(error)}; museval's files hold targets of frames") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    names = [t.name for t in content.targets]
    lengths = {t.name: len(t.frames) for t in content.targets if t.frames}
    if not lengths:
        raise DataError(f"{path}: targets: has no frames; museval scores systems of two targets or more")
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DataError(f"{path}: targets[{i}].name: {name!r} stands twice")
    first, n_frames = next(iter(lengths.items()))
    for name, n in lengths.items():
        if n != n_frames:
            raise DataError(f"{path}: targets: {name} has {n} frames, {first} has {n_frames}")
    return content, hashlib.sha256(text).hexdigest()


def _quoted(text: bytes) -> bytes:
    text = _NAN.sub(b':"NaN"', text)
    return _INFINITY.sub(rb':"\1"', text) if b"Infinity" in text else text


def find_sources(folder: Path, *, system: str | None = None, subset: str | None = None) -> list[Source]:
    """Find the files of one system or, in a folder of folders, of many.

    Parameters
    ----------
    folder : Path
        Holds the files of one system, or folders ``train``, ``test``, ``valid`` of them (one
        system), or a folder of either kind for each system.
    system : str, optional
        Name of the system; by default its folder's.
    subset : str, optional
        Only files in folders of this name. Needed where there are several.

    Returns
    -------
    list of Source
        By system name.

    Raises
    ------
    DataError
        No files, files at several depths, several subsets, or a track twice.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one of museval's JSON files")
    direct, below = _files(folder), [p for p in _folders(folder) if _walk(p)]
    if not direct and not below:
        raise DataError(f"{folder}: no .json file in it or below; expected museval's, one per track")
    subsets = [p for p in below if p.name in SUBSETS]
    if subsets and len(subsets) < len(below):
        other = next(p for p in below if p not in subsets)
        raise DataError(
            f"{folder}: holds the subset {subsets[0].name} and also {other.name}, expected either"
        )
    if direct or subsets:
        return [_source(folder, system, subset)]
    if system is not None:
        raise DataError(f"{folder}: holds {len(below)} systems, so they cannot all be called {system!r}")
    sources = [_source(p, None, subset) for p in below]
    if len({s.subset for s in sources}) > 1:
        found = ", ".join(f"{s.system} {s.subset or 'none'}" for s in sources)
        raise DataError(f"{folder}: the systems' subsets differ ({found}); choose one with --subset")
    return sources


def window(protocol: Protocol) -> tuple[float, float]:
    """Return window and hop in seconds of a protocol whose numbers museval's files can hold.

    Raises
    ------
    DataError
        The protocol gives other quantities, or tells infinite from undefined frames, which the
        files do not.
    """
    uses = protocol.metrics
    if len(uses) != 1 or uses[0].id != METRIC or uses[0].improvement:
        given = ", ".join(u.id + " as improvement" * u.improvement for u in uses)
        raise DataError(f"protocol {protocol.id}: scores {given}; museval's files hold {METRIC} only")
    if uses[0].reduce.infinite != "undefined":
        raise DataError(
            f"protocol {protocol.id}: keeps infinite frames, which museval's files do not tell apart"
        )
    return float(uses[0].parameters["window_s"]), float(uses[0].parameters["hop_s"])


def track_text(targets: Mapping[str, list[dict[str, Any]]], version: str) -> str:
    """Write a file's text as museval does: indented, undefined values as a bare NaN."""
    rows = [{"name": name, "frames": frames} for name, frames in targets.items()]
    return json.dumps({"targets": rows, "museval_version": version}, indent=2)


def _source(folder: Path, system: str | None, subset: str | None) -> Source:
    """Collect one system's files, lying in its folder or in those of its subsets."""
    here = folder.resolve()
    is_subset = here.name in SUBSETS  # then the folder above is the system's
    name = system or (here.parent.name if is_subset else here.name)
    by_subset = {p.name: below for p in _folders(folder) if (below := _walk(p))}
    if direct := _files(folder):
        if by_subset:
            raise DataError(f"{folder}: {direct[0].name} lies beside the folder {next(iter(by_subset))}")
        by_subset = {here.name if is_subset else "": direct}
    wanted = next(iter(by_subset)) if subset is None else subset
    found = ", ".join(by_subset)
    if subset is None and len(by_subset) > 1:
        raise DataError(f"{folder}: holds {found}; choose one with --subset")
    if wanted not in by_subset:
        raise DataError(f"{folder}: no folder {wanted!r} in it; there is {found or 'none'}")
    files: dict[str, Path] = {}
    for path in sorted(by_subset[wanted], key=lambda p: p.stem):
        if path.stem in files:
            raise DataError(f"{path}: track {path.stem!r} stands also in {files[path.stem]}")
        files[path.stem] = path
    return Source(name, wanted, files)


def _files(folder: Path) -> list[Path]:
    # "._x.json" is what macOS leaves beside x.json in archives.
    return [p for p in sorted(folder.glob("*.json")) if p.is_file() and not p.name.startswith("._")]


def _walk(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*.json")) if p.is_file() and not p.name.startswith("._")]


def _folders(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def _told(error: msgspec.ValidationError) -> str:
    """Put the key that is wrong before what is wrong with it."""
    problem, _, where = str(error).partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".") or "the whole file"
    return f"{key}: {problem[0].lower()}{problem[1:]}"


DIGITS = 5  # museval's, 1e-5 dB
Rows = dict[str, dict[str, Series]]  # by target, then by quantity


def export_museval(run: Run, out: Path, *, target_set: str | None = None) -> list[str]:
    """Write one file per track that has scores, as ``out/<subset>/<track>.json``.

    Parameters
    ----------
    run : Run
        Of a protocol that scores BSS Eval v4.
    out : Path
        ``museval.EvalStore().add_eval_dir(out)`` reads what lies in its folder ``test``, where
        tracks without a subset are put as well.
    target_set : str, optional
        Only this one; otherwise all, as museval would store them.

    Returns
    -------
    list of str
        What the files could not hold, in sentences.

    Raises
    ------
    DataError
        The protocol scores something else, there are files already, an unknown target set, one
        whose numbers are not all known, or sets that one file cannot hold.
    """
    window(run.record.protocol)
    known = [s.id for s in run.record.protocol.target_sets if any(s.id in r.target_sets for r in run.results)]
    if target_set is not None and target_set not in known:
        raise DataError(f"{run.path}: no target set {target_set!r}: {suggestion(target_set, known)}")
    chosen = [target_set] if target_set else known
    if not chosen:
        raise DataError(f"{run.path}: no track has scores")
    _check(run, chosen)
    rows = {r.track: found for r in run.results if r.status == "ok" and (found := _rows(run, r, chosen))}
    scored = [r for r in run.results if r.track in rows]
    if not scored:
        raise DataError(f"{run.path}: no track has scores")
    paths = [out / (r.subset or "test") / f"{r.track}.json" for r in scored]
    for result, path in zip(scored, paths, strict=True):
        if "/" in result.track:
            raise DataError(f"{run.path}: track {result.track!r} can be no file name, as museval has it")
        if next(path.parent.glob("*.json"), None):
            raise DataError(f"{path.parent}: holds .json files already; give a new folder")
    for result, path in zip(scored, paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        targets = {target: _frames(found) for target, found in rows[result.track].items()}
        path.write_text(track_text(targets, f"svbench {__version__}"), encoding="utf-8")
    return _losses(run, chosen, rows)


def _check(run: Run, chosen: list[str]) -> None:
    """Refuse target sets that a reader of the files could not tell apart."""
    sets = [frozenset(s.targets) for s in run.record.protocol.target_sets if s.id in chosen]
    others = [s for s in sets if s != PAIR]
    if len(sets) > 1 and (len(sets) != 2 or len(others) != 1 or others[0] & PAIR != {"vocals"}):
        raise DataError(
            f"{run.path}: one file of museval cannot hold {', '.join(chosen)}; choose one with --target-set"
        )
    if others and others[0] > PAIR:
        raise DataError(
            f"{run.path}: museval scores vocals and accompaniment apart, not within {', '.join(chosen)}"
        )


def _rows(run: Run, result: TrackResult, chosen: list[str]) -> Rows:
    """Collect a track's series by target and quantity; vocals and accompaniment come last."""
    sets = {s.id: frozenset(s.targets) for s in run.record.protocol.target_sets}
    rows: Rows = {}
    for target_set in sorted(chosen, key=lambda s: sets[s] == PAIR):
        own: Rows = {}
        for series in result.series:
            if series.target_set == target_set:
                own.setdefault(series.target, {})[series.metric] = series
        rows = {target: found for target, found in rows.items() if target not in own} | own
    for target, found in rows.items():
        if found[QUANTITIES[0]].status[0] == "unknown":
            raise DataError(
                f"{run.path}: {result.track}: {target} of {found[QUANTITIES[0]].target_set} is unknown"
            )
    return rows if any(_frames(found) for found in rows.values()) else {}


def _frames(found: dict[str, Series]) -> list[dict[str, Any]]:
    first = found[QUANTITIES[0]]
    if first.status[0] == "no target":
        return []
    return [
        {
            "time": time_s,
            "duration": duration_s,
            "metrics": {q: _value(found[q].score[i]) for q in QUANTITIES},
        }
        for i, (time_s, duration_s) in enumerate(zip(first.time_s, first.duration_s, strict=True))
    ]


def _value(score: float | None) -> float:
    return math.nan if score is None else round(score, DIGITS)


def _losses(run: Run, chosen: list[str], rows: dict[str, Rows]) -> list[str]:
    told = []
    if without := [t for t in run.record.data.tracks if t not in rows]:
        told.append(f"no file for {len(without)} tracks without scores: {', '.join(without)}")
    n_perfect = sum(
        s.status.count("perfect") for found in rows.values() for q in found.values() for s in q.values()
    )
    if n_perfect:
        told.append(f"{n_perfect} infinite values are NaN, as museval writes them")
    unstable = {
        (track, target): [quantity for quantity, s in q.items() if "unstable" in s.status]
        for track, found in rows.items()
        for target, q in found.items()
    }
    if lost := {cell: names for cell, names in unstable.items() if names}:
        told.append(
            "unstable values, which measure rounding, are NaN: "
            + "; ".join(
                f"{', '.join(names)} of {target} on {track}" for (track, target), names in lost.items()
            )
        )
    kept = {s.target_set for found in rows.values() for s in found.get("vocals", {}).values()}
    dropped = [
        s.id
        for s in run.record.protocol.target_sets
        if s.id in chosen and "vocals" in s.targets and s.id not in kept
    ]
    told += [
        f"vocals of {s} is left out: museval keeps one row of vocals, that of vocals and accompaniment; "
        f"--target-set {s} writes that set alone"
        for s in dropped
    ]
    return told
