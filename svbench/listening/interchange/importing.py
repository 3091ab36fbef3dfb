"""Import a webMUSHRA configuration as a test: its audio unchanged, its anchors made by svbench."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from svbench.audio import Audio, Samples, audio_info, read_audio
from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError, DataError, SpecError
from svbench.listening.building.conditions import ANCHORS, REFERENCE
from svbench.listening.building.material import CUTOFFS_HZ, low_passed, measured
from svbench.listening.building.stimuli import (
    Level,
    Names,
    decibels,
    levelled,
    loudness_lufs,
    names_of,
    new_stimulus,
)
from svbench.listening.design import check_design
from svbench.listening.interchange.configuration import Configuration, Heard, Page, read_configuration
from svbench.listening.listening_test import (
    Condition,
    ListeningTest,
    Role,
    Stimulus,
    Trial,
    finish,
    new_test,
    refuse_existing,
)
from svbench.listening.readers import is_training
from svbench.results.record import Provenance
from svbench.specs.listening import (
    MOST_CONDITIONS,
    Excerpts,
    Levels,
    Listeners,
    ListeningProtocol,
    Sessions,
)

TARGET = "unknown"  # a configuration does not say what is listened to
BITS: Literal[24] = 24  # holds files of 16 and 24 bits, and dither that cannot be heard
LONGEST_S = 30.0


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
    trial_files = find_trial_files(asked, root)
    protocol = _protocol(asked, trial_files, align)
    names, notes = names_of(seed, [asked.sha256, protocol.digest]), asked.notes
    with new_test(out, force) as folder:
        trials = []
        for number, files in enumerate(trial_files):
            progress(f"trial {number + 1} of {len(trial_files)}: {files.page.id}")
            trials.append(_trial(folder, files, protocol, names, notes))
        test = ListeningTest(
            schema=1,
            id=names.opaque("test"),
            title=asked.title,
            protocol=protocol,
            conditions=_conditions(asked, trial_files, trials),
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


def _protocol(asked: Configuration, trial_files: list[TrialFiles], align: bool) -> ListeningProtocol:
    language, made = asked.language, {name for item in trial_files for name in item.stimuli}
    questions = {page.question for page in asked.pages}
    question = questions.pop() if len(questions) == 1 else ""
    lengths = [item.n_samples / item.rate_hz for item in trial_files]
    n_training = sum(is_training(item.page.id) for item in trial_files)
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
            n=len(trial_files) - n_training,
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


def _trial(
    folder: Path, item: TrialFiles, protocol: ListeningProtocol, names: Names, notes: list[str]
) -> Trial:
    """Read, anchor, level and write all that is heard of one trial."""
    page = item.page
    sounds: dict[str, Samples] = {name: read_audio(file).samples for name, file in item.files.items()}
    reference = ArraySound(sounds[REFERENCE], item.rate_hz)
    try:
        for name in page.create:
            sounds[name] = low_passed(reference, 0, item.n_samples, CUTOFFS_HZ[name])
        levels = _levels(sounds, item.rate_hz, protocol.levels)
    except AudioError as error:
        raise DataError(f"{page.key} ({page.id}): {error}") from error
    silent = [name for name, level in levels.items() if level.loudness_lufs is None]
    notes += [f"{page.id}: {name} is silent (below −70 LUFS throughout)" for name in silent]
    common = levels[REFERENCE].gain_db
    if common and not protocol.levels.align:
        notes.append(f"{page.id}: all of it is lowered by {-common:.2f} dB, since it would clip")
    key = (page.id, *(item.files if page.kind == "paired_comparison" else ()))

    def write(condition: str, use: str) -> Stimulus:
        audio, level = Audio(sounds[condition], item.rate_hz), levels[condition]
        return new_stimulus(folder, names, key, condition, use, audio, level, BITS)

    return Trial(
        id=names.opaque(*key, "trial"),
        kind="training" if is_training(page.id) else "test",
        track=page.id,
        target=TARGET,
        start_s=0.0,
        length_s=item.n_samples / item.rate_hz,
        rate_hz=item.rate_hz,
        n_samples=item.n_samples,
        n_channels=item.n_channels,
        stimuli=tuple(write(condition, "hidden") for condition in item.stimuli),
        reference=write(REFERENCE, "open") if page.kind == "mushra" else None,
        again=() if page.kind == "mushra" else tuple(write(c, "again") for c in item.stimuli),
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


def _conditions(
    asked: Configuration, trial_files: list[TrialFiles], trials: list[Trial]
) -> tuple[Condition, ...]:
    """The reference, anchors and systems in the order in which they come; made anchors as measured."""
    known: dict[str, tuple[str, Role]] = {REFERENCE: ("Hidden reference", "reference")}
    if asked.kind == "mushra":  # of a comparison each stimulus is one side, an anchor too
        known |= {name: (title, role) for name, title, role in ANCHORS.values()}
    rates: dict[str, set[int]] = {}
    for item in trial_files:
        for name in item.stimuli:
            rates.setdefault(name, set())
            if name in item.page.create:
                rates[name].add(item.rate_hz)
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


@dataclass(frozen=True)
class TrialFiles:
    """What one trial is made of; ``files`` are those of the reference and the stimuli, by condition."""

    page: Page
    files: dict[str, Path]
    rate_hz: int
    n_samples: int
    n_channels: int

    @property
    def stimuli(self) -> tuple[str, ...]:
        """All conditions of the trial, the hidden reference first."""
        return (REFERENCE, *self.page.create, *(name for name in self.files if name != REFERENCE))


def find_trial_files(asked: Configuration, root: Path | None) -> list[TrialFiles]:
    """Find all files and check them by their heads, so that nothing is read of a test that cannot be.

    Parameters
    ----------
    asked : Configuration
    root : Path or None
        webMUSHRA's folder, which paths start from; None: looked for above the configuration.

    Returns
    -------
    list of TrialFiles
        One a page, of paired comparisons one a stimulus.

    Raises
    ------
    SpecError, AudioError
        A file that is not there, is no audio or unlike its reference, too many conditions, training alone.
    """
    places, trials = _Places(asked.path, root), list[TrialFiles]()
    for page in asked.pages:
        reference = places.find(f"{page.key}.reference", page.reference)
        files = {name: places.find(f"{page.key}.stimuli.{name}", p) for name, p in page.stimuli.items()}
        info = audio_info(reference)
        wanted = (info.n_samples, info.n_channels, info.rate_hz)
        if wanted[0] > LONGEST_S * wanted[2]:
            length = f"{reference.name} has {wanted[0] / wanted[2]:.1f} s, expected at most {LONGEST_S:g} s"
            raise SpecError(asked.path, f"{page.key}.reference", f"{length}; cut all stimuli alike")
        for name, file in files.items():
            info = audio_info(file)
            found = (info.n_samples, info.n_channels, info.rate_hz)
            if found != wanted:
                shape = "{} samples, {} channels, {} Hz"
                raise SpecError(
                    asked.path,
                    f"{page.key}.stimuli.{name}",
                    f"{file.name} has {shape.format(*found)}; its reference has {shape.format(*wanted)}, and "
                    "all of a trial are alike",
                )
        # Paired comparisons are each of one stimulus with the reference, never of two stimuli.
        groups = [files] if page.kind == "mushra" else [{name: file} for name, file in files.items()]
        trials += [
            TrialFiles(page, {REFERENCE: reference, **group}, wanted[2], wanted[0], wanted[1])
            for group in groups
        ]
    for item in trials:
        n, made = len(item.stimuli), len(item.page.create)
        if n > MOST_CONDITIONS:
            raise SpecError(
                asked.path,
                f"{item.page.key}.stimuli",
                f"make {n} conditions with the hidden reference and created anchors ({made}); "
                f"BS.1534-3 allows {MOST_CONDITIONS}: leave some out",
            )
    if all(is_training(page.id) for page in asked.pages):
        raise SpecError(
            asked.path,
            "pages",
            "nothing is left to rate: all ids begin with 'train', as those of training do; rename the others",
        )
    return trials


class _Places:
    """Where the files of a configuration lie."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.root = path, root

    def find(self, key: str, name: str) -> Path:
        """Return the file of a path as it stands at a key.

        webMUSHRA starts from its own folder, of which the configuration is mostly in ``configs``. An
        export that was not put there yet has its files beside the configuration.
        """
        given = Path(name)
        if "://" in name or given.is_absolute() or ".." in given.parts:
            raise SpecError(self.path, key, f"is {name!r}, expected a path within webMUSHRA's folder")
        home = self.path.resolve().parent
        bases = [self.root] if self.root is not None else [home, *home.parents]
        tried = [base / given for base in bases]
        if self.root is None and given.parts[:2] == ("configs", home.name):
            tried.insert(0, home.joinpath(*given.parts[2:]))
        found = next((place for place in tried if place.is_file()), None)
        if found is None:
            where = f"in {self.root}" if self.root is not None else f"in {home} or a folder above it"
            raise SpecError(
                self.path, key, f"{name}: not there {where}; say with --root where webMUSHRA's folder is"
            )
        return found
