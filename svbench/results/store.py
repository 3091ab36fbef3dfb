"""The run folder: append-only, one file per track, each written whole or not at all.

::

    runs/<system>--<protocol>--<digest8>/
        run.json            what was run: system, protocol, data set, provenance
        tracks/<track>.json one TrackResult each, the truth about that track
        seal.json           who vouches for these files, when `svbench seal` signed them
        estimates/<track>/<target>.wav   when kept; float, as the system gave them
        logs/<track>.txt    what the worker printed before it failed on the track

A killed run leaves whole files only; running the same command again goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from svbench.disk import replacing, sync
from svbench.errors import DataError
from svbench.naming.names import slug as slug  # names of files in a run folder
from svbench.printing.visible import shown
from svbench.results.foreign import inside, plain_bytes
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


class Run(msgspec.Struct, frozen=True, weakref=True):
    """A run folder, read: its record and the results present, in the order of the data set.

    ``left_out`` names, in sentences, runs of the same system that were not read in its place; see
    `svbench.results.latest`.
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
        """What is wrong with tracks of the data set, each with the track's name."""
        return tuple(f"{r.track}: {note}" for r in self.results for note in r.data_notes)

    @property
    def over_budget(self) -> str:
        """The limit of the protocol that the system broke first, and by how much; else empty."""
        return next((r.over_budget for r in self.results if r.over_budget), "")


def result_of(run: Run, track: str) -> TrackResult | None:
    """Return the result of a track that was scored."""
    return next((r for r in run.results if r.track == track and r.status == "ok"), None)


def run_name(system: SystemSpec, protocol: Protocol, data_digest: str) -> str:
    """Name of a run folder: who, how, and eight digits of everything that identifies it."""
    identity = digest([system.digest, protocol.digest, data_digest])
    return f"{system.id}--{protocol.id}--{identity[:8]}"


def track_file(folder: Path, track: str) -> Path:
    """Return the path of a track's result inside a run folder."""
    return folder / "tracks" / f"{slug(track)}.json"


def write_record(path: Path, record: msgspec.Struct) -> None:
    """Write a record so that the file is whole or absent, also after a power cut."""
    with replacing(path) as partial:
        partial.write_bytes(_text(record))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing ``run.json`` of a run folder, as far as its file system can lock."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl:
            with suppress(OSError):  # no locks on this file system
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # and with it the lock; the file stays, since others may wait for it


def write_run(folder: Path, record: RunRecord, results: Iterable[TrackResult]) -> None:
    """Write a whole run into a new folder; when this returns, it is on the disk.

    A crash may leave the folder with half of it, so write it aside and rename it afterwards. The
    files are synced once all are written: a disk flushes many together much faster than in turn.
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
    except UnicodeEncodeError:  # a command, a path or a reason has a file name that is not UTF-8
        text = msgspec.json.encode(_utf8(msgspec.to_builtins(record)))
    return msgspec.json.format(text, indent=1) + b"\n"


def _utf8(value: Any) -> Any:
    if isinstance(value, dict):
        return {_utf8(k): _utf8(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8(v) for v in value]
    return shown(value) if isinstance(value, str) else value


def read_record(path: Path, kind: type[T]) -> T:
    """Read a record, with a sentence for files that are damaged or of another schema.

    Raises
    ------
    DataError
    """
    try:
        text = plain_bytes(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; is {path.parent} a run folder?") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read as JSON ({error.strerror})") from error
    try:
        # At once, three times as fast as by plain values; those tell what is wrong with a file.
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _with_reason(path, text, kind)


def _with_reason(path: Path, text: bytes, kind: type[T]) -> T:
    """Read a file that is no such record, to say what is wrong with it."""
    try:
        content: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    except RecursionError:
        raise DataError(f"{path}: cannot be read as JSON (too many levels of lists and tables)") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        advice = (
            "it was written by a newer svbench; update" if isinstance(found, int) and found > SCHEMA else ""
        )
        raise DataError(
            f"{path}: schema {found!r}, this svbench reads {SCHEMA}; {advice or 'no svbench file'}"
        )
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
        No run folder; a file of it is damaged, of another schema or a link that leads elsewhere; or its
        content is not what it claims to be, see `svbench.results.integrity`.
    """
    folder = Path(folder)
    record = read_record(inside(folder, "run.json"), RunRecord)
    check_record(folder / "run.json", record)
    results = _read_results(folder, record)
    check_results(folder, record, results)
    check_seal(folder)
    return Run(folder, record, tuple(result for _, result in results))


def _read_results(folder: Path, record: RunRecord) -> list[tuple[Path, TrackResult]]:
    """Read the results there are, in the order of the data set, with the file of each."""
    place = inside(folder, "tracks")
    try:
        there = {e.name: e.is_symlink() for e in os.scandir(place)}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{place}: cannot be listed ({error.strerror})") from error
    found, grids = [], Grids()
    for track in record.data.tracks:
        path = track_file(folder, track)
        if (is_link := there.pop(path.name, None)) is None:
            continue
        if is_link:
            inside(folder, f"tracks/{path.name}")
        result = read_record(path, TrackResult)
        if result.track != track:
            raise DataError(f"{path}: is of track {result.track!r}; this is the file of {track!r}")
        found.append((path, with_shared_frames(result, grids)))
    # Names with a leading dot are half-written files of a run at work.
    if strange := sorted(n for n in there if n.endswith(".json") and not n.startswith(".")):
        raise DataError(f"{place / strange[0]}: is of no track of the data set; remove it")
    return found


def find_runs(paths: list[Path]) -> list[Path]:
    """Expand run folders and folders of run folders to run folders, sorted.

    Raises
    ------
    DataError
        A path holds no run.
    """
    found: list[Path] = []
    for path in paths:
        here = [path] if (path / "run.json").is_file() else sorted(p.parent for p in path.glob("*/run.json"))
        if not here:
            raise DataError(f"{path}: no run.json in it or in its folders; make a run with `svbench run`")
        found += here
    return list(dict.fromkeys(found))
