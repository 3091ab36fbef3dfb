"""Merge the runs of many labs into the rows of a board: one protocol, duplicates merged, conflicts listed.

A system is known by its id. Two labs' runs of it on the same tracks are duplicates if their scores agree
wherever both have them, and in conflict otherwise: then both stay on the board, and neither takes a rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from svbench.errors import DataError
from svbench.printing.paths import without_paths
from svbench.report.view.boards import comparable
from svbench.results.differences import Place, RunDifferences, compare_runs
from svbench.results.scores import TrackResult
from svbench.results.seal import vouched
from svbench.results.store import Run, find_runs, latest, load_run


@dataclass(frozen=True)
class Sourced:
    """A run, the name of who made it, and who vouches for it (empty where no keys were given)."""

    source: str
    run: Run
    voucher: str = ""


@dataclass(frozen=True)
class Entry:
    """One row of a board.

    Attributes
    ----------
    run : Run
        The most complete of the runs that agree, a computed one before an imported one.
    sources : tuple of Sourced
        All runs that agree, this one first.
    conflict : str
        A sentence on other runs of the system with other scores; empty where there are none.
    """

    run: Run
    sources: tuple[Sourced, ...]
    conflict: str = ""

    @property
    def vouchers(self) -> str:
        """The vouchers of the runs behind the row, each once; empty where none were asked for."""
        vouchers = dict.fromkeys(s.voucher for s in self.sources)
        return "; ".join(v for v in vouchers if v)


def read_sources(
    words: Sequence[str], trusted: Mapping[str, str] | None = None, *, every: bool = False
) -> list[Sourced]:
    """Read the runs that ``PATH`` or ``NAME=PATH`` name, each once.

    Of an edited system file a source, which is a name or else a folder of runs, gives the newest complete
    run; all of them if ``every``, see `svbench.results.store`.

    Parameters
    ----------
    words : sequence of str
    trusted : mapping of str to str, optional
        Names by public key, to say who vouches for each run; see `svbench.results.seal.read_keys`.
    every : bool

    Raises
    ------
    DataError
        A path holds no run, one that is damaged or of a newer version, or one whose seal does not fit.
    """
    found: dict[Path, Sourced] = {}
    by_source: dict[str | Path, list[Run]] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or Path(word).exists():
            name, path = "", word
        for folder in find_runs([Path(path)]):
            if folder.resolve() not in found:
                run = load_run(folder)
                voucher = "" if trusted is None else vouched(folder, trusted)
                read = Sourced(name or without_paths(word), run, voucher)
                found[folder.resolve()] = read
                by_source.setdefault(name or folder.resolve().parent, []).append(read.run)
    kept = {run.path: run for own in by_source.values() for run in latest(own, all_versions=every)}
    return [replace(s, run=kept[s.run.path]) for s in found.values() if s.run.path in kept]


def of_one_protocol(sourced: Sequence[Sourced], wanted: str | None = None) -> list[Sourced]:
    """Return the runs of the one protocol that a board is about.

    Parameters
    ----------
    sourced : sequence of Sourced
    wanted : str, optional
        A protocol's id, or the beginning of its digest.

    Raises
    ------
    DataError
        No run, or runs of several protocols. Two protocols of one id with other digests are two.
    """
    chosen = [
        s
        for s in sourced
        if not wanted or s.run.record.protocol.id == wanted or s.run.record.protocol_digest.startswith(wanted)
    ]
    by_protocol: dict[tuple[str, str], list[Sourced]] = {}
    for s in chosen or sourced:
        by_protocol.setdefault((s.run.record.protocol.id, s.run.record.protocol_digest), []).append(s)
    protocols = ", ".join(
        f"{name} {digest[:8]} ({len(runs)} {'run' if len(runs) == 1 else 'runs'}, such as {runs[0].run.path})"
        for (name, digest), runs in by_protocol.items()
    )
    if not chosen:
        raise DataError(
            f"no run of protocol {wanted!r}; there are {protocols}" if protocols else "no runs for a board"
        )
    if len(by_protocol) > 1:
        raise DataError(
            f"these runs are of {len(by_protocol)} protocols, whose numbers mean different "
            f"things: {protocols}; "
            "a board takes one: choose it with --protocol, by id or by the digest's first digits"
        )
    return chosen


def merge(sourced: Sequence[Sourced], *, tolerance: float) -> list[list[Entry]]:
    """Turn runs of one protocol into the rows of its boards, one list for each set of tracks.

    Parameters
    ----------
    sourced : sequence of Sourced
    tolerance : float
        Largest distance of two scores that passes for agreement.

    Raises
    ------
    DataError
        Two runs have the same names of tracks and other recordings.
    """
    source_of = {id(s.run): s for s in sourced}
    boards = []
    for group in comparable([s.run for s in sourced]):
        _refuse_other_recordings(group)
        by_system: dict[str, list[Sourced]] = {}
        for run in group:
            by_system.setdefault(run.record.system.id, []).append(source_of[id(run)])
        boards.append([e for same in by_system.values() for e in _entries(same, tolerance)])
    return sorted(boards, key=lambda entries: (-len(entries), entries[0].run.record.data.id))


def _refuse_other_recordings(group: Sequence[Run]) -> None:
    first: dict[str, tuple[str, Run]] = {}
    for run in group:
        for result in run.results:
            digest = result.track_digest  # empty where scores were imported
            if digest and first.setdefault(result.track, (digest, run))[0] != digest:
                data, other = run.record.data, first[result.track][1]
                raise DataError(
                    f"{other.path} and {run.path} both ran on {data.id} {data.version}, but their recordings "
                    f"of track {result.track!r} are not the same; make a board for each"
                )


def _entries(same: Sequence[Sourced], tolerance: float) -> list[Entry]:
    """Merge the runs of one system that agree."""
    ordered = sorted(same, key=lambda s: (s.run.record.imported, len(s.run.failed) - len(s.run.results)))
    agreeing: list[list[Sourced]] = []
    conflict = ""
    for s in ordered:
        for others in agreeing:
            found = _compared(others[0].run, s.run, tolerance)
            if found.verdict != "different":
                others.append(s)
                break
            conflict = conflict or _conflict(others[0], s, found)
        else:
            agreeing.append([s])
    return [Entry(a[0].run, tuple(a), conflict if len(agreeing) > 1 else "") for a in agreeing]


def _compared(first: Run, second: Run, tolerance: float) -> RunDifferences:
    """Compare two runs where both have scores: a track that one has not run is no difference."""
    one, two = ({r.track: r for r in run.results if r.status == "ok"} for run in (first, second))
    pairs = [_shared(one[t], two[t]) for t in one if t in two]
    sides = (
        msgspec.structs.replace(run, results=tuple(pair[i] for pair in pairs))
        for i, run in enumerate((first, second))
    )
    return compare_runs(*sides, tolerance=tolerance)


def _shared(first: TrackResult, second: TrackResult) -> tuple[TrackResult, TrackResult]:
    """Keep the series that both have; imported ones may be unknown."""

    def names(result: TrackResult) -> set[tuple[str, str, str]]:
        return {(s.target_set, s.target, s.metric) for s in result.series if "unknown" not in s.status}

    both = names(first) & names(second)

    def kept(result: TrackResult) -> TrackResult:
        series = tuple(s for s in result.series if (s.target_set, s.target, s.metric) in both)
        return msgspec.structs.replace(result, series=series, estimates={}, estimate_digests={})

    return kept(first), kept(second)


def _conflict(first: Sourced, second: Sourced, found: RunDifferences) -> str:
    a, b = first.run.record, second.run.record
    files = "the same system file" if a.system_digest == b.system_digest else "other system files"
    place = found.first
    return (
        f"{a.system.id}: {first.source} and {second.source} have other scores ({files}); "
        f"{found.n_beyond} of {found.n_values} values, first at {_place_text(place)}"
        if place
        else ""
    )


def _place_text(place: Place) -> str:
    where = [place.track, place.target_set, place.target, place.metric]
    frame = [] if place.frame is None else [f"frame {place.frame}"]
    one, two = (v if isinstance(v, str) else f"{v:.4f}" for v in (place.first, place.second))
    return f"{', '.join([*(p for p in where if p), *frame])}: {one} and {two}"
