"""A run becomes files that museval's own loaders and schema accept.

As in museval's files, vocals scored with accompaniment take the place of vocals scored with the
other stems; a target set of one's choice is written alone. Undefined, infinite and unstable frames
are NaN, as museval writes the first two; a target that a track does not contain has a row without frames.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from svbench import __version__
from svbench.errors import DataError, suggestion
from svbench.results.interchange.files import PAIR, QUANTITIES, track_text, window
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Run

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
