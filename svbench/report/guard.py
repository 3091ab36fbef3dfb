"""What a reader must know of a number: tracks that were trained on, and known defects of the data.

Both are looked up when a table is made, not when a run is: a relation or a defect that becomes known
later marks old runs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from svbench.errors import DataError, SvbenchError, UnknownNameError
from svbench.report import numbers
from svbench.results.aggregate import Summary
from svbench.results.foreign import manifest_of
from svbench.results.once import once
from svbench.results.store import Run
from svbench.specs.manifest import Manifest
from svbench.specs.relations import Overlap, overlap

LEAK = "leak"  # the mark itself; red where the output knows colours


def overlap_of(run: Run) -> Overlap:
    """Return what a run's system was trained on of the tracks it is measured on.

    A system that is not trained, such as an oracle, has no overlap.
    """
    data = run.record.data
    return _overlap(run.record.system.training_data, data.id, data.tracks)


def leaks(run: Run) -> bool:
    """Whether a system was measured on tracks of its own training data."""
    return bool(overlap_of(run).tracks)


def leak_sentence(run: Run) -> str:
    """Say what a system was trained on of the tracks it is measured on; empty where nothing."""
    tracks = overlap_of(run).tracks
    if not tracks:
        return ""
    sources = ", ".join(dict.fromkeys(tracks.values()))
    total = len(run.record.data.tracks)
    return f"{run.record.system.id} was trained on {sources}, which holds {len(tracks)} of the {total} tracks"


def refuse_leaks(runs: Sequence[Run]) -> None:
    """Refuse runs of systems measured on what they were trained on (``--strict``).

    Raises
    ------
    DataError
    """
    told = [t for run in runs if (t := leak_sentence(run))]
    if told:
        raise DataError(f"{'; '.join(dict.fromkeys(told))}; leave such runs out, or do without --strict")


def footnotes(runs: Sequence[Run]) -> list[str]:
    """Tell of training data, known defects and what was left out; nothing where there is nothing."""
    told = dict.fromkeys(t for run in runs if (t := leak_sentence(run)))
    notes = [f"{LEAK}: {'; '.join(told)}."] if told else []
    unchecked: dict[str, dict[str, None]] = {}
    for run in runs:
        for entry in overlap_of(run).unchecked:
            unchecked.setdefault(run.record.system.id, {})[entry] = None
    if unchecked:
        systems = "; ".join(f"{system} ({', '.join(names)})" for system, names in unchecked.items())
        notes.append(f"Training data that could not be compared with these tracks: {systems}.")
    return [*notes, *_errata(runs[0]), *_unfinished(runs), *_left_out(runs)]


def marked_name(run: Run) -> str:
    """Name a run's system with its marks, as plain text."""
    marks = f" ({', '.join(run.record.marks)})" if run.record.marks else ""
    return f"{run.record.system.id}{marks}{f' 🔴 {LEAK}' if leaks(run) else ''}"


def affected_cells(run: Run) -> dict[tuple[str, str], str]:
    """Return the known defects among a run's tracks and targets, by (track, target)."""
    manifest = _manifest(run)
    if manifest is None or manifest.head.version != run.record.data.version:
        return {}
    tracks, targets = set(run.record.data.tracks), set(run.record.protocol.targets)
    return {c: d for c, d in manifest.affected_cells().items() if c[0] in tracks and c[1] in targets}


def beside(text: str, clean: Summary | None) -> str:
    """Put the number without known defects in brackets beside the one with them.

    Examples
    --------
    >>> beside("6.32", None)
    '6.32'
    """
    return f"{text} ({numbers.decibels(clean.score, clean.status)})" if clean else text


def _errata(run: Run) -> list[str]:
    data, manifest = run.record.data, _manifest(run)
    if not data.manifest:
        return []  # recordings known by name only
    if manifest is None:
        reason = _looked_up(run)[1]
        return [f"Known defects of the tracks of {data.id} could not be looked up: {reason}."]
    if manifest.head.version != data.version:
        return [
            f"Measured on version {data.version} of {data.id}, its manifest here is version "
            f"{manifest.head.version}: known defects were not looked up."
        ]
    cells = affected_cells(run)
    if not cells:
        return []
    by_track: dict[str, dict[str, None]] = {}
    for track, target in cells:
        by_track.setdefault(track, {})[target] = None
    told = "; ".join(f"{track}: {', '.join(targets)}" for track, targets in by_track.items())
    count = "the one cell" if len(cells) == 1 else f"the {len(cells)} cells"
    return [f"In round brackets: without {count} of known defects ({told})."]


def _unfinished(runs: Sequence[Run]) -> list[str]:
    """Count failed and missing tracks by system; tables of variants tell it themselves."""
    found = []
    for what in ("failed", "missing"):
        counts = [
            f"{run.record.system.id} {len(tracks)} of {len(run.record.data.tracks)}"
            for run in runs
            if not run.record.data.variant and (tracks := getattr(run, what))
        ]
        if counts:
            found.append(
                f"Tracks that {'failed' if what == 'failed' else 'were not run'}: {', '.join(counts)}."
            )
    return found


def _left_out(runs: Sequence[Run], most: int = 5) -> list[str]:
    """Count and name what the data set has and no run measured; tables of variants tell it themselves."""
    told = list(dict.fromkeys(t for r in runs if not r.record.data.variant for t in r.record.data.left_out))
    if not told:
        return []
    more = f"; and {len(told) - most} more, named in run.json" if len(told) > most else ""
    return [f"Left out: {len(told)} ({'; '.join(told[:most])}{more})."]


def _manifest(run: Run) -> Manifest | None:
    return _looked_up(run)[0]


# A table asks for the same few again and again, once per number.
_overlap = lru_cache(maxsize=256)(overlap)


@once
def _looked_up(run: Run) -> tuple[Manifest | None, str]:
    """Load the manifest a run was made with, or say why not."""
    name = run.record.data.id
    try:
        manifest = manifest_of(run.record.data)
    except UnknownNameError:
        return None, f"the manifest of {name} is not here"
    except SvbenchError as error:
        return None, str(error)
    return (manifest, "") if manifest.head.id == name else (None, f"the manifest of {name} is not here")
