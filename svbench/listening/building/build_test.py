"""Build a listening test: read runs, choose excerpts, cut and level them, write the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from svbench.audio import Audio
from svbench.errors import AudioError, DataError
from svbench.listening.building import track_selection
from svbench.listening.building.conditions import (
    REFERENCE,
    ConditionPlan,
    headline,
    plan_conditions,
    run_digest,
    source_record,
    source_runs,
)
from svbench.listening.building.excerpts import excerpts_of
from svbench.listening.building.material import NamedExcerpt, SourceAudio, cut_samples, measured
from svbench.listening.building.stimuli import Level, Names, levelled, names_of, new_stimulus
from svbench.listening.building.track_selection import Excerpt
from svbench.listening.design import OPEN_REFERENCE
from svbench.listening.listening_test import (
    Condition,
    ListeningTest,
    Stimulus,
    Trial,
    finish,
    new_test,
    refuse_existing,
)
from svbench.results.record import Provenance
from svbench.specs.listening import Levels, ListeningProtocol

FAR_DB = 20.0  # a gain that differs more from the reference's is worth a note
SOFTER_DB = 1.0  # so is a trial that is heard softer than others by more


def build_test(
    paths: Sequence[Path],
    protocol: ListeningProtocol,
    out: Path,
    provenance: Provenance,
    *,
    data: Path | None = None,
    named: Sequence[NamedExcerpt] = (),
    seed: str | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> ListeningTest:
    """Build a listening test from runs.

    Parameters
    ----------
    paths : sequence of Path
        Run folders, or folders of them, made with kept estimates.
    protocol : ListeningProtocol
    out : Path
        The folder of the test; it appears when all of it is written.
    provenance : Provenance
        Of this build.
    data : Path, optional
        The folder of the recordings, if they are not where the runs found them.
    named : sequence of NamedExcerpt
        The excerpts of the test; the protocol's rule chooses them by default.
    seed : str, optional
        Makes names and dither the same in every build of the same runs. By default they are random.
    force : bool
        Replace a test that nobody has rated in.
    progress : callable
        Called with a line of text for each step.

    Returns
    -------
    ListeningTest
        As written to ``test.json``.

    Raises
    ------
    SvbenchError
        No test can be built from these runs, recordings or excerpts; nothing has been written.
    """
    refuse_existing(out, force)
    runs, notes = source_runs(paths)
    planned = plan_conditions(protocol, runs)
    notes += planned.notes
    material = SourceAudio(planned.systems, data)
    excerpts = [
        excerpt
        for target in protocol.targets
        for excerpt in excerpts_of(material, target, protocol.excerpts, named, notes, progress)
    ]
    excerpts.sort(key=lambda e: e.kind != "training")
    names = names_of(seed, [protocol.digest, *map(run_digest, runs)])
    with new_test(out, force) as folder:
        trials = []
        for number, excerpt in enumerate(excerpts):
            progress(f"trial {number + 1} of {len(excerpts)}: {excerpt.track}")
            trials.append(_trial(folder, material, excerpt, protocol, planned, names, notes))
        rule = track_selection.describe_rule(
            protocol.excerpts, headline(runs[0]), list(planned.systems), bool(named)
        )
        test = ListeningTest(
            schema=1,
            id=names.opaque("test"),
            title=protocol.title,
            protocol=protocol,
            conditions=_measured(planned.conditions, {t.rate_hz for t in trials}),
            trials=tuple(trials),
            sources=tuple(source_record(run) for run in planned.systems.values()),
            provenance={
                **msgspec.to_builtins(provenance),
                "protocol_digest": protocol.digest,
                "seed": seed,
                "rule": rule,
                "notes": list(dict.fromkeys(notes)),
            },
        )
        finish(folder, test)
    return test


def _trial(
    folder: Path,
    material: SourceAudio,
    excerpt: Excerpt,
    protocol: ListeningProtocol,
    planned: ConditionPlan,
    names: Names,
    notes: list[str],
) -> Trial:
    """Cut, level and write all stimuli of one excerpt."""
    track, rule = material.track(excerpt.track), protocol.excerpts
    where = f"{excerpt.track}@{excerpt.start_s:g} ({excerpt.target})"
    heard = tuple(dict.fromkeys((REFERENCE, *planned.stimuli)))
    sounds = material.stimuli(excerpt, rule, heard)
    try:
        levels = levelled(sounds, REFERENCE, track.rate_hz, protocol.levels)
    except AudioError as error:
        raise DataError(f"{where}: {error}") from error
    notes += [f"{where}: {note}" for note in _level_notes(levels, protocol.levels)]
    key = (excerpt.track, excerpt.target, str(excerpt.start_s))

    def write(condition: str, use: str) -> Stimulus:
        audio, level = Audio(sounds[condition], track.rate_hz), levels[condition]
        return new_stimulus(folder, names, key, condition, use, audio, level, protocol.levels.bits)

    return Trial(
        id=names.opaque(*key, excerpt.kind, "trial"),
        kind=excerpt.kind,
        track=excerpt.track,
        target=excerpt.target,
        start_s=excerpt.start_s,
        length_s=rule.length_s,
        rate_hz=track.rate_hz,
        n_samples=cut_samples(excerpt.start_s, rule.length_s, track.rate_hz)[1],
        n_channels=track.n_channels,
        stimuli=tuple(write(condition, "hidden") for condition in planned.stimuli),
        reference=write(REFERENCE, "open") if protocol.method in OPEN_REFERENCE else None,
        again=tuple(write(c, "again") for c in planned.stimuli) if protocol.method == "abx" else (),
        difficulty=None if excerpt.difficulty is None else round(excerpt.difficulty, 4),
        chosen_by=excerpt.chosen_by,
    )


def _level_notes(levels: Mapping[str, Level], rule: Levels) -> list[str]:
    reference, notes = levels[REFERENCE], []
    assert reference.loudness_lufs is not None  # or `levelled` had refused
    own = reference.gain_db
    common = own - (rule.reference_lufs - reference.loudness_lufs)
    if common < -SOFTER_DB:
        notes.append(f"all stimuli {-common:.1f} dB softer, so that no peak crosses {rule.peak_dbtp:g} dBTP")
    for condition, level in levels.items():
        if level.loudness_lufs is None:
            notes.append(f"{condition} is silent (below −70 LUFS throughout) and keeps its level")
        elif abs(level.gain_db - own) > FAR_DB:
            notes.append(f"{condition} gets {level.gain_db - own:+.1f} dB against the reference")
    return notes


def _measured(conditions: Sequence[Condition], rates: set[int]) -> tuple[Condition, ...]:
    """Add the measurement of its filter to each anchor, by sample rate."""
    found = []
    for condition in conditions:
        details: dict[str, Any] = {str(r): m for r in sorted(rates) if (m := measured(condition.id, r))}
        found.append(msgspec.structs.replace(condition, details=details))
    return tuple(found)
