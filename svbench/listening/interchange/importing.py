"""A webMUSHRA configuration becomes a test: its sounds as they are, its anchors made by svbench."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from svbench.audio import Audio, Samples, read_audio
from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError, DataError
from svbench.listening.building.conditions import ANCHORS, REFERENCE
from svbench.listening.building.folder import finish, new_test, refuse_existing
from svbench.listening.building.levels import Level, decibels, levelled, loudness_lufs
from svbench.listening.building.material import CUTOFFS_HZ, low_passed, measured
from svbench.listening.building.names import Names, names_of
from svbench.listening.building.stimuli import new_stimulus
from svbench.listening.design import check_design
from svbench.listening.interchange.configuration import Configuration, Heard, read_configuration
from svbench.listening.interchange.trial_files import LONGEST_S, Take, find_takes
from svbench.listening.listening_test import Condition, ListeningTest, Role, Stimulus, Trial
from svbench.listening.readers.rows import is_training
from svbench.results.provenance import Provenance
from svbench.specs.listening import (
    Excerpts,
    Levels,
    Listeners,
    ListeningProtocol,
    Sessions,
)

TARGET = "unknown"  # a configuration does not say what is listened to
BITS: Literal[24] = 24  # holds files of 16 and 24 bits, and dither that cannot be heard


def import_webmushra(
    path: Path,
    out: Path,
    provenance: Provenance,
    *,
    root: Path | None = None,
    align: bool = False,
    only: Heard | None = None,
    seed: str | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> ListeningTest:
    """Build a listening test from a webMUSHRA configuration.

    Parameters
    ----------
    path : Path
        The configuration.
    out : Path
        Becomes the test's folder once all of it is written.
    provenance : Provenance
        Of this import.
    root : Path, optional
        webMUSHRA's folder, which paths start from; looked for above the configuration by default.
    align : bool
        Bring each stimulus to the loudness of its reference. By default none is changed, but where a trial
        would clip, all of it is lowered alike.
    only : {"mushra", "paired_comparison"}, optional
        The pages to take, where there are several types.
    seed : str, optional
        Makes names and dither the same in every import. By default they are secret.
    force : bool
        Replace a test that nobody has rated in.
    progress : callable
        Told what is being done.

    Returns
    -------
    ListeningTest
        As written to ``test.json``. Each page of paired comparisons is a trial for each of its stimuli.

    Raises
    ------
    SvbenchError
        The configuration or its files do not make a test; nothing has been written then.
    """
    refuse_existing(out, force)
    asked = read_configuration(path, only)
    takes = find_takes(asked, root)
    protocol = _protocol(asked, takes, align)
    names, notes = names_of(seed, [asked.sha256, protocol.digest]), asked.notes
    with new_test(out, force) as folder:
        trials = []
        for number, take in enumerate(takes):
            progress(f"trial {number + 1} of {len(takes)}: {take.page.id}")
            trials.append(_trial(folder, take, protocol, names, notes))
        test = ListeningTest(
            schema=1,
            id=names.opaque("test"),
            title=asked.title,
            protocol=protocol,
            conditions=_conditions(asked, takes, trials),
            trials=tuple(trials),
            sources=(
                {
                    "configuration": path.name,
                    "format": "webMUSHRA",
                    "test": asked.test_id,
                    "sha256": asked.sha256,
                },
            ),
            provenance={
                **msgspec.to_builtins(provenance),
                "protocol_digest": protocol.digest,
                "seed": seed,
                "rule": "all pages of the configuration, each sound in its full length",
                "notes": list(dict.fromkeys(notes)),
            },
        )
        check_design(test, path)
        finish(folder, test)
    return test


def _protocol(asked: Configuration, takes: list[Take], align: bool) -> ListeningProtocol:
    language, made = asked.language, {name for take in takes for name in take.stimuli}
    questions = {page.question for page in asked.pages}
    question = questions.pop() if len(questions) == 1 else ""
    lengths = [take.n_samples / take.rate_hz for take in takes]
    n_training = sum(is_training(take.page.id) for take in takes)
    name = re.sub(r"[^a-z0-9]+", "-", asked.test_id.lower()).strip("-")
    return ListeningProtocol(
        schema=1,
        id=f"webmushra-{name}".rstrip("-"),
        title=asked.title,
        version="1",
        description=f"Imported from the webMUSHRA configuration {asked.path.name}.",
        citation="",
        method="mushra" if asked.kind == "mushra" else "abx",
        targets=(TARGET,),
        question={language: question} if question else {},
        anchors=tuple(key for key, (name, _, _) in ANCHORS.items() if name in made)
        if asked.kind == "mushra"
        else (),
        excerpts=Excerpts(
            choose="list",
            n=len(takes) - n_training,
            length_s=min(max(1.0, *lengths), LONGEST_S),
            fade_s=0.0,
            training=n_training,
        ),
        levels=Levels(align=align, bits=BITS) if align else Levels(align=False, peak_dbtp=0.0, bits=BITS),
        listeners=Listeners(
            languages=(language,),
            consent={language: asked.consent} if asked.consent else {},
            questionnaire=asked.questions,
            volume=asked.volume,
        ),
        sessions=Sessions(replicates=0),
    )


def _trial(folder: Path, take: Take, protocol: ListeningProtocol, names: Names, notes: list[str]) -> Trial:
    """Read, anchor, level and write all that is heard of one trial."""
    page = take.page
    sounds: dict[str, Samples] = {name: read_audio(file).samples for name, file in take.files.items()}
    reference = ArraySound(sounds[REFERENCE], take.rate_hz)
    try:
        for name in page.create:
            sounds[name] = low_passed(reference, 0, take.n_samples, CUTOFFS_HZ[name])
        levels = _levels(sounds, take.rate_hz, protocol.levels)
    except AudioError as error:
        raise DataError(f"{page.key} ({page.id}): {error}") from error
    silent = [name for name, level in levels.items() if level.loudness_lufs is None]
    notes += [f"{page.id}: {name} is silent (below −70 LUFS throughout)" for name in silent]
    common = levels[REFERENCE].gain_db
    if common and not protocol.levels.align:
        notes.append(f"{page.id}: all of it is lowered by {-common:.2f} dB, since it would clip")
    key = (page.id, *(take.files if page.kind == "paired_comparison" else ()))

    def write(condition: str, use: str) -> Stimulus:
        audio, level = Audio(sounds[condition], take.rate_hz), levels[condition]
        return new_stimulus(folder, names, key, condition, use, audio, level, BITS)

    return Trial(
        id=names.opaque(*key, "trial"),
        kind="training" if is_training(page.id) else "test",
        track=page.id,
        target=TARGET,
        start_s=0.0,
        length_s=take.n_samples / take.rate_hz,
        rate_hz=take.rate_hz,
        n_samples=take.n_samples,
        n_channels=take.n_channels,
        stimuli=tuple(write(condition, "hidden") for condition in take.stimuli),
        reference=write(REFERENCE, "open") if page.kind == "mushra" else None,
        again=() if page.kind == "mushra" else tuple(write(c, "again") for c in take.stimuli),
        chosen_by=page.key,
    )


def _levels(sounds: dict[str, Samples], rate_hz: int, rule: Levels) -> dict[str, Level]:
    if rule.align:
        return levelled(sounds, REFERENCE, rate_hz, rule)
    loud = {name: loudness_lufs(Audio(samples, rate_hz)) for name, samples in sounds.items()}
    if loud[REFERENCE] is None:
        raise AudioError("the reference is silent (below −70 LUFS throughout)")
    peak = max(float(np.abs(samples).max()) for samples in sounds.values())
    return {name: Level(found, min(0.0, -decibels(peak))) for name, found in loud.items()}


def _conditions(asked: Configuration, takes: list[Take], trials: list[Trial]) -> tuple[Condition, ...]:
    """The reference, anchors and systems in the order in which they come; made anchors as measured."""
    known: dict[str, tuple[str, Role]] = {REFERENCE: ("Hidden reference", "reference")}
    if asked.kind == "mushra":  # of a comparison each stimulus is one side, an anchor too
        known |= {name: (title, role) for name, title, role in ANCHORS.values()}
    rates: dict[str, set[int]] = {}
    for take in takes:
        for name in take.stimuli:
            rates.setdefault(name, set())
            if name in take.page.create:
                rates[name].add(take.rate_hz)
    order = [*(name for name in known if name in rates), *(name for name in rates if name not in known)]
    system: Role = "system"
    return tuple(
        Condition(
            id=name,
            title=known.get(name, (name, system))[0],
            role=known.get(name, (name, system))[1],
            details={str(rate): measured(name, rate) for rate in sorted(rates[name])},
        )
        for name in order
    )
