"""The run folder: append-only, one file per track, each written completely or not at all.

::

    runs/<system>--<protocol>--<digest8>/
        run.json            what was run: system, protocol, data set, provenance
        tracks/<track>.json one TrackResult each, everything known about that track
        seal.json           the signatures that `svbench seal` made over these files, if any
        estimates/<track>/<target>.wav   if they were kept; float, as the system returned them
        logs/<track>.txt    what the worker printed before it failed on the track

A killed run leaves complete files only; running the same command again continues from there.

An edited system file makes a second run folder beside the first, under the same id. A table with both would
show one name twice, so `latest` keeps the newest complete one.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from svbench.disk import replacing, sync
from svbench.errors import DataError
from svbench.naming.names import slug as slug  # names of files in a run folder
from svbench.printing.visible import shown
from svbench.results.folders import inside, plain_bytes
from svbench.results.integrity import check_record, check_results
from svbench.results.record import SCHEMA, RunRecord
from svbench.results.scores import Grids, TrackResult, with_shared_frames
from svbench.results.seal import check_seal
from svbench.specs.protocol import Protocol
from svbench.specs.records import digest
from svbench.specs.system import SystemSpec

try:
    import fcntl
except ImportError:  # pragma: no cover -- not a POSIX system
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")


class Run(msgspec.Struct, frozen=True, weakref=True):
    """A run folder that was read: its record, and the results it has, in the order of the data set.

    ``left_out`` lists, in sentences, older runs of the same system that were not read; see `latest`.
    """

    path: Path
    record: RunRecord
    results: tuple[TrackResult, ...]
    left_out: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Tracks of the data set that have no result yet."""
        done = {r.track for r in self.results}
        return tuple(t for t in self.record.data.tracks if t not in done)

    @property
    def failed(self) -> tuple[TrackResult, ...]:
        """Results without scores, each with its reason."""
        return tuple(r for r in self.results if r.status == "failed")

    @property
    def data_notes(self) -> tuple[str, ...]:
        """Defects of the data set's tracks, each with the track's name."""
        return tuple(f"{r.track}: {note}" for r in self.results for note in r.data_notes)

    @property
    def over_budget(self) -> str:
        """The limit of the protocol that the system exceeded first, and by how much; empty if none."""
        return next((r.over_budget for r in self.results if r.over_budget), "")


def kept_per_run(function: Callable[[Run], V]) -> Callable[[Run], V]:
    """Cache what a function returns for a run for as long as that run is in memory.

    Reducing the frames of a run takes long, and every table asks for it. Runs are frozen, so the value stays
    right; a changed copy is another run. All callers share the value, so it must not be changed.
    """
    kept: dict[int, V] = {}

    @wraps(function)
    def cached(run: Run) -> V:
        # The key is the identity: to compare or to hash two runs would visit every frame of them.
        key = id(run)
        if key not in kept:
            kept[key] = function(run)
            # Another run may get the same id once this one is gone.
            weakref.finalize(run, kept.pop, key, None).atexit = False
        return kept[key]

    return cached


def result_of(run: Run, track: str) -> TrackResult | None:
    """Return the result of a track; None if the track was not scored."""
    return next((r for r in run.results if r.track == track and r.status == "ok"), None)


def run_name(system: SystemSpec, protocol: Protocol, data_digest: str) -> str:
    """Return the name of a run folder: system, protocol, and eight digits of all that identifies the run."""
    identity = digest([system.digest, protocol.digest, data_digest])
    return f"{system.id}--{protocol.id}--{identity[:8]}"


def track_file(folder: Path, track: str) -> Path:
    """Return the path of a track's result inside a run folder."""
    return folder / "tracks" / f"{slug(track)}.json"


def write_record(path: Path, record: msgspec.Struct) -> None:
    """Write a record so that the file is complete or absent, even after a power cut."""
    with replacing(path) as partial:
        partial.write_bytes(_text(record))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing ``run.json`` of a run folder, if its file system supports locks."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl:
            with suppress(OSError):  # no locks on this file system
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # also releases the lock; the file stays, since others may be waiting for it


def write_run(folder: Path, record: RunRecord, results: Iterable[TrackResult]) -> None:
    """Write a run into a new folder; when this returns, it is on the disk.

    A crash may leave half of it, so write to a temporary folder and rename that with `move_run`. The
    files are synced after all of them are written: a disk flushes many together much faster than in turn.
    """
    written = [folder / "run.json"]
    (folder / "tracks").mkdir(parents=True)
    written[0].write_bytes(_text(record))
    for result in results:
        written.append(track_file(folder, result.track))
        written[-1].write_bytes(_text(result))
    for path in (*written, folder / "tracks", folder):
        sync(path)


def move_run(source: Path, destination: Path) -> None:
    """Rename a run folder, replacing an earlier run of the same name."""
    if destination.exists():
        destination.rename(source.with_name(f"{source.name}.replaced"))
    source.rename(destination)
    sync(destination.parent)


def _text(record: msgspec.Struct) -> bytes:
    try:
        text = msgspec.json.encode(record)
    except UnicodeEncodeError:  # a command, a path or a reason contains a file name that is not UTF-8
        text = msgspec.json.encode(_utf8(msgspec.to_builtins(record)))
    return msgspec.json.format(text, indent=1) + b"\n"


def _utf8(value: Any) -> Any:
    if isinstance(value, dict):
        return {_utf8(k): _utf8(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8(v) for v in value]
    return shown(value) if isinstance(value, str) else value


def read_record(path: Path, kind: type[T]) -> T:
    """Read a record of a run folder.

    Raises
    ------
    DataError
        The file is missing, damaged or of another schema.
    """
    try:
        text = plain_bytes(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; is {path.parent} a run folder?") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read as JSON ({error.strerror})") from error
    try:
        # Decoding into the record directly is three times as fast as by way of plain values, which are
        # needed only to say what is wrong with a file.
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _with_reason(path, text, kind)


def _with_reason(path: Path, text: bytes, kind: type[T]) -> T:
    """Decode a file that is not such a record, to say what is wrong with it."""
    try:
        content: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    except RecursionError:
        raise DataError(f"{path}: cannot be read as JSON (too many levels of lists and tables)") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        advice = "it was written by a newer svbench; update" if newer else "no svbench file"
        raise DataError(f"{path}: schema {schema!r}, this svbench reads {SCHEMA}; {advice}")
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: damaged ({error})") from error


def load_run(folder: Path | str) -> Run:
    """Read a run folder.

    Parameters
    ----------
    folder : path
        A folder with ``run.json``.

    Raises
    ------
    DataError
        The folder holds no run; a file in it is damaged, of another schema, or a link that leads elsewhere;
        or the content contradicts itself, see `svbench.results.integrity`.
    """
    folder = Path(folder)
    record = read_record(inside(folder, "run.json"), RunRecord)
    check_record(folder / "run.json", record)
    results = _read_results(folder, record)
    check_results(folder, record, results)
    check_seal(folder)
    return Run(folder, record, tuple(result for _, result in results))


def _read_results(folder: Path, record: RunRecord) -> list[tuple[Path, TrackResult]]:
    """Read the results there are, in the order of the data set, each with its file."""
    tracks = inside(folder, "tracks")
    try:
        is_link = {e.name: e.is_symlink() for e in os.scandir(tracks)}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{tracks}: cannot be listed ({error.strerror})") from error
    results, grids = [], Grids()
    for track in record.data.tracks:
        path = track_file(folder, track)
        if path.name not in is_link:
            continue
        if is_link.pop(path.name):
            inside(folder, f"tracks/{path.name}")
        result = read_record(path, TrackResult)
        if result.track != track:
            raise DataError(f"{path}: is of track {result.track!r}; this is the file of {track!r}")
        results.append((path, with_shared_frames(result, grids)))
    # Names with a leading dot are half-written files of a run in progress.
    if strange := sorted(n for n in is_link if n.endswith(".json") and not n.startswith(".")):
        raise DataError(f"{tracks / strange[0]}: is of no track of the data set; remove it")
    return results


def find_runs(paths: list[Path]) -> list[Path]:
    """Expand run folders, and folders of run folders, to run folders, sorted.

    Raises
    ------
    DataError
        A path holds no run.
    """
    folders: list[Path] = []
    for path in paths:
        here = [path] if (path / "run.json").is_file() else sorted(p.parent for p in path.glob("*/run.json"))
        if not here:
            raise DataError(f"{path}: no run.json in it or in its folders; make a run with `svbench run`")
        folders += here
    return list(dict.fromkeys(folders))


def read_runs(paths: Sequence[Path], *, all_versions: bool = False) -> list[Run]:
    """Read the runs in some folders; if a system file was edited, only its newest complete run.

    Parameters
    ----------
    paths : sequence of Path
        Run folders, or folders of them.
    all_versions : bool
        Keep the older ones as well, see `latest`.

    Raises
    ------
    DataError
        A path holds no run, or one that is damaged.
    """
    return latest([load_run(path) for path in find_runs(list(paths))], all_versions=all_versions)


def latest(runs: Sequence[Run], *, all_versions: bool = False) -> list[Run]:
    """Keep the runs of one version of each system file: the newest one whose runs are complete.

    Versions are runs of one system id, protocol and data set whose system files differ; the time is that of
    their provenance. Runs of one version are repeats, and all of them stay. Imported scores and
    computed ones are not versions of each other.

    Parameters
    ----------
    runs : sequence of Run
    all_versions : bool
        Keep all versions, with the first eight digits of the digest of the system file appended to
        the system's id.

    Returns
    -------
    list of Run
        In the order given. ``left_out`` of each run describes the versions that were dropped.
    """
    systems: dict[tuple[object, ...], dict[str, list[Run]]] = {}
    for run in runs:
        systems.setdefault(_identity(run), {}).setdefault(run.record.system_digest, []).append(run)
    kept: dict[int, Run] = {}
    for versions in systems.values():
        chosen = max(versions.values(), key=_rank)
        notes = tuple(_left_out(other, chosen) for other in versions.values() if other is not chosen)
        for version in versions.values():
            for run in version:
                if all_versions and len(versions) > 1:
                    kept[id(run)] = _named_by_digest(run)
                elif version is chosen:
                    kept[id(run)] = msgspec.structs.replace(run, left_out=notes) if notes else run
    return [kept[id(run)] for run in runs if id(run) in kept]


def _identity(run: Run) -> tuple[object, ...]:
    """Return what the runs of all versions, and all variants, of one system have in common."""
    data = run.record.data
    # Each variant of a probe has a digest of its own.
    recordings = (data.id, data.version, data.subset, data.tracks) if data.variant else (data.digest,)
    record = run.record
    return (record.system.id, record.imported, record.protocol_digest, bool(data.variant), *recordings)


def _rank(version: Sequence[Run]) -> tuple[bool, datetime]:
    """Sort key of a version: complete ones above others, then newer ones."""
    return _is_complete(version), max(map(_created, version))


def _is_complete(version: Sequence[Run]) -> bool:
    """Whether every track has a result, on all variants that the protocol asks for."""
    first = version[0].record.data
    wanted = set(first.variants) if first.variant else {""}
    return not any(run.missing for run in version) and wanted <= {run.record.data.variant for run in version}


def _created(run: Run) -> datetime:
    """Return when the last command added to a run; a time that cannot be read counts as the oldest."""
    try:
        created = datetime.fromisoformat(run.record.provenance[-1].created)
    except (ValueError, IndexError):
        created = datetime.min
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _left_out(other: Sequence[Run], chosen: Sequence[Run]) -> str:
    age = "older" if _rank(other)[1] <= _rank(chosen)[1] else "newer"
    what = age if _is_complete(other) or not _is_complete(chosen) else f"{age}, unfinished"
    folders = ", ".join(run.path.name for run in other)
    runs = "run" if len(other) == 1 else "runs"
    return f"{what} {runs} of {other[0].record.system.id} by another system file left out ({folders})"


def _named_by_digest(run: Run) -> Run:
    record = run.record
    system = msgspec.structs.replace(record.system, id=f"{record.system.id} ({record.system_digest[:8]})")
    return msgspec.structs.replace(run, record=msgspec.structs.replace(record, system=system))
