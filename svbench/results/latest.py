"""Choose the newest complete run of a system whose file was edited.

An edited system file gives a second run folder beside the first, under the same id. A table would hold
both under one name, indistinguishable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from svbench.results.store import Run, find_runs, load_run


def read_runs(paths: Sequence[Path], *, every: bool = False) -> list[Run]:
    """Read the runs that some paths hold, of an edited system file the newest complete one.

    Parameters
    ----------
    paths : sequence of Path
        Run folders, or folders of them.
    every : bool
        See `latest`.

    Raises
    ------
    DataError
        A path holds no run, or one that is damaged.
    """
    return latest([load_run(path) for path in find_runs(list(paths))], every=every)


def latest(runs: Sequence[Run], *, every: bool = False) -> list[Run]:
    """Of runs of one system, protocol and data set whose system files differ, keep those of one file.

    That is the file whose runs are complete and the newest, by the time in their provenance. Runs of the
    same file are repeats, and all stay. Imported scores and computed ones are not files of each other.

    Parameters
    ----------
    runs : sequence of Run
    every : bool
        Keep all, and distinguish them by the first eight digits of the digests of their system files,
        which are put behind the system's id.

    Returns
    -------
    list of Run
        In the order given. ``left_out`` of those kept names the others in sentences.
    """
    groups: dict[tuple[object, ...], dict[str, list[Run]]] = {}
    for run in runs:
        groups.setdefault(_identity(run), {}).setdefault(run.record.system_digest, []).append(run)
    kept: dict[int, Run] = {}
    for files in groups.values():
        chosen = max(files.values(), key=_rank)
        notes = tuple(_left_out(other, chosen) for other in files.values() if other is not chosen)
        for own in files.values():
            for run in own:
                if every and len(files) > 1:
                    kept[id(run)] = _named_by_digest(run)
                elif own is chosen:
                    kept[id(run)] = msgspec.structs.replace(run, left_out=notes) if notes else run
    return [kept[id(run)] for run in runs if id(run) in kept]


def _identity(run: Run) -> tuple[object, ...]:
    """Return what two runs share that differ in nothing but their system's file, or their variant."""
    record = run.record
    data = record.data
    # Each variant of a probe has a digest of its own.
    recordings = (data.id, data.version, data.subset, data.tracks) if data.variant else (data.digest,)
    return (record.system.id, record.imported, record.protocol_digest, bool(data.variant), *recordings)


def _rank(own: Sequence[Run]) -> tuple[bool, datetime]:
    """Order the runs of one file: complete ones above others, then newer ones."""
    return _is_complete(own), max(map(_made, own))


def _is_complete(own: Sequence[Run]) -> bool:
    """Whether all tracks have a result, on all variants of the protocol where there are some."""
    variants = set(own[0].record.data.variants) if own[0].record.data.variant else {""}
    return not any(run.missing for run in own) and variants <= {run.record.data.variant for run in own}


def _made(run: Run) -> datetime:
    """Return when the last command added to a run; of an unreadable time nothing is known, so it is old."""
    try:
        made = datetime.fromisoformat(run.record.provenance[-1].created)
    except (ValueError, IndexError):
        made = datetime.min
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _left_out(other: Sequence[Run], chosen: Sequence[Run]) -> str:
    age = "older" if _rank(other)[1] <= _rank(chosen)[1] else "newer"
    what = age if _is_complete(other) or not _is_complete(chosen) else f"{age}, unfinished"
    folders = ", ".join(run.path.name for run in other)
    runs = "run" if len(other) == 1 else "runs"
    return f"{what} {runs} of {other[0].record.system.id} by another system file left out ({folders})"


def _named_by_digest(run: Run) -> Run:
    record = run.record
    name = f"{record.system.id} ({record.system_digest[:8]})"
    system = msgspec.structs.replace(record.system, id=name)
    return msgspec.structs.replace(run, record=msgspec.structs.replace(record, system=system))
