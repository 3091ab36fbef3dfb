"""museval's JSON, one file per track: how it is read, found in folders, and written from a run.

The format is that of museval 0.4.1, ``TrackStore`` and ``musdb.schema.json``: a list of targets,
each with its frames. The file does not say which track, which recordings or which settings it
belongs to; the track is the file's name.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
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
DIGITS = 5  # museval rounds to 1e-5 dB

# Python's json writes these three without quotes, which is not JSON; in quotes a strict parser reads them.
# NaN, by far the most frequent, has a pattern of its own: a replacement without groups runs in C.
_NAN = re.compile(rb":\s*NaN")
_INFINITY = re.compile(rb":\s*(-?Infinity)")
# Strict JSON writers write null for NaN.
Number = float | Literal["NaN", "Infinity", "-Infinity"] | None
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Rows = dict[str, dict[str, Series]]  # by target, then by quantity


class Metrics(msgspec.Struct, gc=False):
    """The four numbers of one frame; NaN, or ``null`` in the file, if a value is undefined or infinite."""

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
    """One row of a track, without any frame if the track does not contain the target."""

    name: str
    frames: list[Frame]

    def values(self, quantity: str) -> list[float]:
        """Return one quantity of every frame, as IEEE values."""
        values = map(attrgetter(f"metrics.{quantity}"), self.frames)
        return [math.nan if value is None else float(value) for value in values]

    def lies_on(self, time_s: list[float], duration_s: float) -> bool:
        """Whether the frames begin exactly at these times and all have this length."""
        same_times = [f.time for f in self.frames] == time_s
        return same_times and {f.duration for f in self.frames} == {duration_s}


class TrackFile(msgspec.Struct, gc=False):
    """The content of one file."""

    targets: list[Target]
    museval_version: str = ""


class SystemFiles(msgspec.Struct, frozen=True):
    """The files of one system and subset, by track name, sorted by name."""

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
        The file cannot be opened, is not JSON, lacks a key or has one of a wrong type, has no
        targets, one target twice, or targets with different numbers of frames.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        content = _DECODER.decode(_quoted(text.removeprefix(_BYTE_ORDER_MARK)))
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        key = where.strip("`").removeprefix("$").removeprefix(".") or "the whole file"
        raise DataError(
            f"{path}: {key}: {problem[0].lower()}{problem[1:]}; museval's files hold targets of frames"
        ) from error
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


def find_sources(folder: Path, *, system: str | None = None, subset: str | None = None) -> list[SystemFiles]:
    """Find the files of one system or, in a folder of folders, of many.

    Parameters
    ----------
    folder : Path
        Contains the files of one system, or folders ``train``, ``test``, ``valid`` with them, or
        one folder of either kind for each system.
    system : str, optional
        Name of the system; by default its folder's.
    subset : str, optional
        Only files in folders of this name; needed if there are several.

    Returns
    -------
    list of SystemFiles
        Sorted by system name.

    Raises
    ------
    DataError
        No files, files at several depths, several subsets, or a track twice.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one of museval's JSON files")
    direct, below = _files(folder), [p for p in _folders(folder) if _files(p, "**/*.json")]
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
    """Return window and hop in seconds of a protocol whose scores museval's files can hold.

    Raises
    ------
    DataError
        The protocol has other quantities, or distinguishes infinite from undefined frames, which the
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


def _source(folder: Path, system: str | None, subset: str | None) -> SystemFiles:
    """Collect one system's files from its folder, or from the folders of its subsets."""
    here = folder.resolve()
    is_subset = here.name in SUBSETS  # then the folder above is the system's
    name = system or (here.parent.name if is_subset else here.name)
    by_subset = {p.name: below for p in _folders(folder) if (below := _files(p, "**/*.json"))}
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
    return SystemFiles(name, wanted, files)


def _files(folder: Path, pattern: str = "*.json") -> list[Path]:
    # macOS archives contain a file "._x.json" beside x.json.
    return [p for p in sorted(folder.glob(pattern)) if p.is_file() and not p.name.startswith("._")]


def _folders(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def export_museval(run: Run, out: Path, *, target_set: str | None = None) -> list[str]:
    """Write a run as files that museval's own loaders and schema accept, ``out/<subset>/<track>.json``.

    As in museval's files, vocals scored with accompaniment replace vocals scored with the other stems;
    ``target_set`` writes one set alone. Undefined, infinite and unstable frames are NaN, as museval
    writes the first two; a target that a track does not contain has a row without frames.

    Parameters
    ----------
    run : Run
        Of a protocol that scores BSS Eval v4.
    out : Path
        ``museval.EvalStore().add_eval_dir(out)`` reads the files in its folder ``test``; tracks
        without a subset are written there as well.
    target_set : str, optional
        Only this one; otherwise all, as museval would store them.

    Returns
    -------
    list of str
        Sentences about what the files cannot hold.

    Raises
    ------
    DataError
        The protocol scores something else, there are files already, the target set does not exist or
        not all of its scores are known, or one file cannot hold all sets.
    """
    window(run.record.protocol)
    known = [s.id for s in run.record.protocol.target_sets if any(s.id in r.target_sets for r in run.results)]
    if target_set is not None and target_set not in known:
        raise DataError(f"{run.path}: no target set {target_set!r}: {suggestion(target_set, known)}")
    chosen = [target_set] if target_set else known
    _check_distinguishable(run, chosen)
    rows = {r.track: row for r in run.results if r.status == "ok" and (row := _rows(run, r, chosen))}
    if not rows:
        raise DataError(f"{run.path}: no track has scores")
    paths = {r.track: out / (r.subset or "test") / f"{r.track}.json" for r in run.results if r.track in rows}
    for track, path in paths.items():
        if "/" in track:
            raise DataError(f"{run.path}: track {track!r} can be no file name, as museval has it")
        if next(path.parent.glob("*.json"), None):
            raise DataError(f"{path.parent}: holds .json files already; give a new folder")
    for track, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        targets = [
            {"name": name, "frames": _frames(by_quantity)} for name, by_quantity in rows[track].items()
        ]
        content = {"targets": targets, "museval_version": f"svbench {__version__}"}
        # Indented, with undefined values as a bare NaN, as museval writes it.
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return _losses(run, chosen, rows)


def _check_distinguishable(run: Run, chosen: list[str]) -> None:
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
    """Collect a track's series by target and quantity; empty if none of its targets has a frame."""
    sets = {s.id: frozenset(s.targets) for s in run.record.protocol.target_sets}
    rows: Rows = {}
    for target_set in sorted(chosen, key=lambda s: sets[s] == PAIR):  # vocals and accompaniment come last
        of_set: Rows = {}
        for series in result.series:
            if series.target_set == target_set:
                of_set.setdefault(series.target, {})[series.metric] = series
        rows = {target: row for target, row in rows.items() if target not in of_set} | of_set
    for target, row in rows.items():
        first = row[QUANTITIES[0]]
        if first.status[0] == "unknown":
            raise DataError(f"{run.path}: {result.track}: {target} of {first.target_set} is unknown")
    return rows if any(_frames(row) for row in rows.values()) else {}


def _frames(by_quantity: dict[str, Series]) -> list[dict[str, Any]]:
    first = by_quantity[QUANTITIES[0]]
    if first.status[0] == "no target":
        return []
    return [
        {
            "time": time_s,
            "duration": duration_s,
            "metrics": {
                quantity: math.nan
                if (score := by_quantity[quantity].score[i]) is None
                else round(score, DIGITS)
                for quantity in QUANTITIES
            },
        }
        for i, (time_s, duration_s) in enumerate(zip(first.time_s, first.duration_s, strict=True))
    ]


def _losses(run: Run, chosen: list[str], rows: dict[str, Rows]) -> list[str]:
    """Describe what the files cannot hold."""
    losses = []
    if without := [t for t in run.record.data.tracks if t not in rows]:
        losses.append(f"no file for {len(without)} tracks without scores: {', '.join(without)}")
    every_row = [(track, target, row) for track, targets in rows.items() for target, row in targets.items()]
    if n_perfect := sum(s.status.count("perfect") for _, _, row in every_row for s in row.values()):
        losses.append(f"{n_perfect} infinite values are NaN, as museval writes them")
    unstable = [
        f"{', '.join(names)} of {target} on {track}"
        for track, target, row in every_row
        if (names := [quantity for quantity, s in row.items() if "unstable" in s.status])
    ]
    if unstable:
        losses.append(f"unstable values, which measure rounding, are NaN: {'; '.join(unstable)}")
    kept = {s.target_set for _, target, row in every_row if target == "vocals" for s in row.values()}
    return losses + [
        f"vocals of {s.id} is left out: museval keeps one row of vocals, that of vocals and accompaniment; "
        f"--target-set {s.id} writes that set alone"
        for s in run.record.protocol.target_sets
        if s.id in chosen and "vocals" in s.targets and s.id not in kept
    ]
