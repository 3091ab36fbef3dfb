"""Caveats beside and below numbers: training on test tracks, known defects, unstable or missing scores.

Training data and defects are looked up when a table is made, not when a run is made, so that a relation or
a defect that becomes known later also marks old runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from svbench.errors import DataError, SvbenchError, UnknownNameError
from svbench.printing.numbers import counted
from svbench.printing.paths import without_paths
from svbench.report.view import numbers
from svbench.results.aggregate import Summary, summarise, track_scores
from svbench.results.record import manifest_of
from svbench.results.scores import why_unstable
from svbench.results.store import Run, kept_per_run
from svbench.specs.manifest import Manifest
from svbench.specs.relations import Overlap, overlap
from svbench.specs.report import MEAN
from svbench.tables.model import LEAK

K = TypeVar("K", bound=Hashable)


def grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, list[str]]:
    """Collect the texts of each key, without repetition and in order of appearance.

    Examples
    --------
    >>> grouped([("noise", "a"), ("hum", "b"), ("noise", "c"), ("noise", "a")])
    {'noise': ['a', 'c'], 'hum': ['b']}
    """
    found: dict[K, dict[str, None]] = {}
    for key, text in pairs:
        found.setdefault(key, {})[text] = None
    return {key: list(texts) for key, texts in found.items()}


def overlap_of(run: Run) -> Overlap:
    """Return the tracks of a run that its system was trained on.

    A system that is not trained, such as an oracle, has no overlap.
    """
    data = run.record.data
    return _overlap(run.record.system.training_data, data.id, data.tracks)


def leaks(run: Run) -> bool:
    """Return whether a system was measured on tracks of its own training data."""
    return bool(overlap_of(run).tracks)


def leak_sentence(run: Run) -> str:
    """Describe in a clause which measured tracks a system was trained on; empty where there are none."""
    tracks = overlap_of(run).tracks
    if not tracks:
        return ""
    sources = ", ".join(dict.fromkeys(tracks.values()))
    total = len(run.record.data.tracks)
    return f"{run.record.system.id} was trained on {sources}, which holds {len(tracks)} of the {total} tracks"


def refuse_leaks(runs: Sequence[Run]) -> None:
    """Raise an error if any system was measured on tracks it was trained on (``--strict``).

    Raises
    ------
    DataError
    """
    sentences = [t for run in runs if (t := leak_sentence(run))]
    if sentences:
        raise DataError(f"{'; '.join(dict.fromkeys(sentences))}; leave such runs out, or do without --strict")


def footnotes(runs: Sequence[Run]) -> list[str]:
    """Return the notes below a table: training data, known defects, and what was left out."""
    sentences = dict.fromkeys(t for run in runs if (t := leak_sentence(run)))
    notes = [f"{LEAK}: {'; '.join(sentences)}."] if sentences else []
    unchecked = grouped((r.record.system.id, name) for r in runs for name in overlap_of(r).unchecked)
    if unchecked:
        systems = "; ".join(f"{system} ({', '.join(names)})" for system, names in unchecked.items())
        notes.append(f"Training data that could not be compared with these tracks: {systems}.")
    notes += [*unstable_sentences(runs), *_errata(runs[0]), *_unfinished(runs), *_fewer_frames(runs)]
    # Tables of variants list the tracks that were left out themselves.
    left_out = (text for r in runs if not r.record.data.variant for text in r.record.data.left_out)
    notes += _listed("Left out", left_out, "run.json")
    data_notes = (text for run in runs for text in run.data_notes)
    notes += _listed("Wrong with the data", data_notes, "the files of the tracks")
    return [*notes, *other_runs(runs)]


def other_runs(runs: Sequence[Run]) -> list[str]:
    """Name other runs of the same systems that were skipped in favour of these."""
    sentences = dict.fromkeys(text for run in runs for text in run.left_out)
    return [f"{text[0].upper()}{text[1:]}; --all shows both." for text in sentences]


def unstable_sentences(runs: Sequence[Run], most: int = 5, *, track: str | None = None) -> list[str]:
    """Name the tracks and targets whose values are numerically meaningless, with reason and remedy.

    ``track`` limits the list to one track.
    """
    unstable = grouped((text, run.record.system.id) for run in runs for text in _unstable(run, most, track))
    if not unstable:
        return []
    cells = "; ".join(f"{text} ({_some(systems, most)})" for text, systems in unstable.items())
    reasons = why_unstable(n for run in runs for result in run.results for n in result.notes)
    because = "".join(f"; {why}" for why in reasons)
    return [f"Unstable, and left out of every number: {cells}{because}."]


def unstable_tracks(run: Run, target_set: str, target: str, metric: str) -> set[str]:
    """Return the tracks left out of a number as unstable; for ``"mean"``, those with any unstable target."""
    return {
        row.track
        for row in track_scores(run)
        if row.status == "unstable"
        and (row.target_set, row.metric) == (target_set, metric)
        and target in (row.target, MEAN)
    }


def _unstable(run: Run, most: int, only: str | None) -> list[str]:
    """Describe the unstable quantities, targets and tracks of a run, equal ones joined."""
    unstable = [r for r in track_scores(run) if r.status == "unstable" and only in (None, r.track)]
    targets = grouped(((r.target_set, r.track), r.target) for r in unstable)
    metrics = grouped(((r.target_set, r.track), r.metric) for r in unstable)
    tracks = grouped(
        (f"{', '.join(metrics[key])} of {', '.join(targets[key])} in {key[0]}", key[1]) for key in targets
    )
    total = len(run.record.data.tracks)
    return [
        f"{what} on {f'all {total} tracks' if len(names) == total > 1 else _some(names, most)}"
        for what, names in tracks.items()
    ]


def _some(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def marked_name(run: Run, name: str = "", *, with_leak: bool = True) -> str:
    """Return the name of a run's system as plain text, with its kind and the mark of a leak.

    Parameters
    ----------
    run : Run
    name : str
        What the system is called in this table; its id by default.
    with_leak : bool
        False where the leak is marked in another way.
    """
    marks = f" ({', '.join(run.record.marks)})" if run.record.marks else ""
    leak = f" 🔴 {LEAK}" if with_leak and leaks(run) else ""
    return f"{name or run.record.system.id}{marks}{leak}"


def affected_cells(run: Run) -> dict[tuple[str, str], str]:
    """Return the known defects among a run's tracks and targets, by (track, target)."""
    manifest, _ = _looked_up(run)
    if manifest is None or manifest.head.version != run.record.data.version:
        return {}
    tracks, targets = set(run.record.data.tracks), set(run.record.protocol.targets)
    return {c: d for c, d in manifest.affected_cells().items() if c[0] in tracks and c[1] in targets}


@kept_per_run
def without_defects(run: Run) -> tuple[Summary, ...]:
    """Return the numbers that known defects affect, computed again without the affected cells."""
    affected = affected_cells(run)
    if not affected:
        return ()
    n_tracks = {(s.target_set, s.target, s.metric): s.n_tracks for s in summarise(run, allow_incomplete=True)}
    return tuple(
        s
        for s in summarise(run, allow_incomplete=True, leave_out=affected)
        if s.n_tracks != n_tracks[s.target_set, s.target, s.metric]
    )


def beside(text: str, clean: Summary | None) -> str:
    """Put the number without known defects in brackets beside the one with them.

    Examples
    --------
    >>> beside("6.32", None)
    '6.32'
    """
    return f"{text} ({numbers.decibels(clean.score, clean.status)})" if clean else text


def _errata(run: Run) -> list[str]:
    data = run.record.data
    manifest, reason = _looked_up(run)
    if not data.manifest:
        return []  # recordings known by name only
    if manifest is None:
        return [f"Known defects of the tracks of {data.id} could not be looked up: {without_paths(reason)}."]
    if manifest.head.version != data.version:
        return [
            f"Measured on version {data.version} of {data.id}, its manifest here is version "
            f"{manifest.head.version}: known defects were not looked up."
        ]
    cells = affected_cells(run)
    if not cells:
        return []
    sentences = "; ".join(f"{track}: {', '.join(targets)}" for track, targets in grouped(cells).items())
    count = "the one cell" if len(cells) == 1 else f"the {len(cells)} cells"
    return [f"In round brackets: without {count} of known defects ({sentences})."]


def _unfinished(runs: Sequence[Run]) -> list[str]:
    """Count failed and missing tracks by system; tables of variants count them in a column."""
    found = []
    for attribute, what in (("failed", "failed"), ("missing", "were not run")):
        counts = [
            f"{run.record.system.id} {len(tracks)} of {len(run.record.data.tracks)}"
            for run in runs
            if not run.record.data.variant and (tracks := getattr(run, attribute))
        ]
        if counts:
            found.append(f"Tracks that {what}: {', '.join(counts)}.")
    return found


def _fewer_frames(runs: Sequence[Run], most: int = 5) -> list[str]:
    """List the tracks on which some systems have fewer frames than others; imported scores may."""
    lengths: dict[tuple[str, str, str], dict[int, dict[str, None]]] = {}
    for run in runs:
        for track, n in _frames(run).items():
            same = lengths.setdefault((run.record.protocol_digest, run.record.data.digest, track), {})
            same.setdefault(n, {})[run.record.system.id] = None
    sentences = []
    for (_, _, track), by_length in lengths.items():
        if len(by_length) > 1:
            parts = [
                f"{n} in {', '.join(systems) if len(systems) <= most else counted(len(systems), 'system')}"
                for n, systems in sorted(by_length.items())
            ]
            sentences.append(f"{track} ({'; '.join(parts)})")
    more = f" and {counted(len(sentences) - most, 'more track')}" if len(sentences) > most else ""
    return [f"Frames that some systems lack: {', '.join(sentences[:most])}{more}."] if sentences else []


@kept_per_run
def _frames(run: Run) -> dict[str, int]:
    return {
        r.track: max((len(s.score) for s in r.series), default=0) for r in run.results if r.status == "ok"
    }


def _listed(what: str, sentences: Iterable[str], where: str, most: int = 5) -> list[str]:
    """Count sentences and print the first ones; ``where`` says which file has the others."""
    unique = list(dict.fromkeys(sentences))
    if not unique:
        return []
    more = f"; and {len(unique) - most} more, named in {where}" if len(unique) > most else ""
    return [f"{what}: {len(unique)} ({'; '.join(unique[:most])}{more})."]


# A table asks for the same few overlaps once per number.
_overlap = lru_cache(maxsize=256)(overlap)


@kept_per_run
def _looked_up(run: Run) -> tuple[Manifest | None, str]:
    """Load the manifest that a run was made with; otherwise return the reason why there is none."""
    name = run.record.data.id
    try:
        manifest = manifest_of(run.record.data)
    except UnknownNameError:
        return None, f"the manifest of {name} is not here"
    except SvbenchError as error:
        return None, str(error)
    return (manifest, "") if manifest.head.id == name else (None, f"the manifest of {name} is not here")
