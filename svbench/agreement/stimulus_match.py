"""Cut the estimates of runs again at the excerpts of a test, and check that they match its stimuli.

The check makes sure that a score is never compared with the rating of another sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import read_audio
from svbench.datasets.api import Track
from svbench.errors import DataError
from svbench.listening.building.conditions import REFERENCE, estimate_path
from svbench.listening.building.material import SourceAudio, cut_samples
from svbench.listening.building.track_selection import Excerpt
from svbench.listening.listening_test import ListeningTest, Trial, stimulus_path
from svbench.results.store import Run, find_runs, load_run
from svbench.specs.listening import Excerpts
from svbench.specs.protocol import ORIGINAL, Protocol

ALIKE = 0.999  # least correlation of a cut with the test's file; dither and rounding leave more than 0.9999
FAINT = 1e-8  # mean square below which dither is all there is to compare
Samples = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cut:
    """One stimulus as a scoring process gets it.

    Attributes
    ----------
    estimates : mapping of str to Path or ndarray
        Whole kept estimates of a system by target; of an anchor the target's samples, already cut.
    start, n_samples : int
    """

    trial: str
    condition: str
    target: str
    track: Track
    estimates: Mapping[str, Path | Samples]
    start: int
    n_samples: int


def systems_of(
    test: ListeningTest, paths: Sequence[Path]
) -> tuple[dict[str, Run], list[Protocol], list[str]]:
    """Find the run of each system of a test.

    Parameters
    ----------
    test : ListeningTest
    paths : sequence of Path
        Run folders, or folders of them.

    Returns
    -------
    runs : dict of str to Run
        By condition; of several runs of a system the first with kept estimates.
    protocols : list of Protocol
        Of all runs, once each, without those that change the music.
    notes : list of str

    Raises
    ------
    DataError
        A run of a system that is not in the test, of another data set, or without kept estimates; fewer
        than two systems with a run.
    """
    heard = [c.id for c in test.conditions if c.role == "system"]
    if any("configuration" in source for source in test.sources):
        raise DataError(
            "the test was imported and its sounds come from no run, so they have no scores to compare; "
            "build a test of runs with `svbench listen build`"
        )
    every = [load_run(path) for path in find_runs(list(paths))]
    every = [run for run in every if run.record.data.variant in ("", ORIGINAL)]
    found: dict[str, Run] = {}
    for run in every:
        name, data = run.record.system.id, run.record.data
        if name not in heard and name in (c.id for c in test.conditions):
            continue  # the run of the mixture, say, which the test has as an anchor and scores itself
        if name not in heard:
            raise DataError(
                f"{run.path}: system {name!r} is not in the test, which has {', '.join(heard)}; "
                "leave the run out"
            )
        first = every[0].record.data
        if (data.id, data.version) != (first.id, first.version):
            raise DataError(
                f"{run.path}: is of {data.id} version {data.version}, {every[0].path} of {first.id} version "
                f"{first.version}; name runs of the test's data set"
            )
        if name not in found or not any(r.estimates for r in found[name].results):
            found[name] = run
    for run in found.values():
        if not any(r.estimates for r in run.results):
            raise DataError(
                f"{run.path}: no estimates were kept; run again with `svbench run … --keep-estimates`"
            )
    if len(found) < 2:
        raise DataError(
            f"runs of {len(found)} of the test's {len(heard)} systems were given "
            f"({', '.join(found) or 'none'}); a correlation needs at least two, give the runs of the others"
        )
    missing = [name for name in heard if name not in found]
    notes = [f"no run of {', '.join(missing)} was given: left out"] if missing else []
    protocols = {r.record.protocol.id: r.record.protocol for r in every if not r.record.protocol.probes}
    return found, list(protocols.values()), notes


def cuts_of(
    folder: Path, test: ListeningTest, trial: Trial, material: SourceAudio, targets: Sequence[str]
) -> Iterator[Cut]:
    """Find what is scored of a trial.

    Parameters
    ----------
    folder : Path
        Of the test.
    test : ListeningTest
    trial : Trial
    material : SourceAudio
        Of the runs by condition.
    targets : sequence of str
        Those that metrics look at; a system's estimates of all of them are found.

    Yields
    ------
    Cut
        Systems and anchors; the hidden reference has no score to speak of.

    Raises
    ------
    DataError
        An estimate is missing, or what is here is not what was heard.
    """
    track, rule = material.track(trial.track), test.protocol.excerpts
    start, n = cut_samples(trial.start_s, trial.length_s, trial.rate_hz)
    if (track.rate_hz, n) != (trial.rate_hz, trial.n_samples):
        raise DataError(
            f"track {track.name!r} has {track.rate_hz} Hz here, the test's excerpt of it {trial.rate_hz}; "
            "say with --data where the recordings of the test are"
        )
    excerpt = Excerpt("test", trial.track, trial.target, trial.start_s, None, "")
    files = {s.condition: stimulus_path(folder, s) for s in trial.stimuli}
    if trial.reference:
        files[REFERENCE] = stimulus_path(folder, trial.reference)
    for condition, path in files.items():
        role = test.condition(condition).role
        if role == "system" and condition not in material.runs:
            continue
        _refuse_unheard(material, excerpt, rule, condition, path)
        estimates: dict[str, Path | Samples] = {}
        if role == "system":
            run = material.runs[condition]
            estimates = {t: estimate_path(run, track.name, t) for t in targets}
        elif condition != REFERENCE:
            plain = msgspec.structs.replace(rule, fade_s=0.0)
            estimates = {trial.target: material.stimuli(excerpt, plain, (condition,))[condition]}
        if estimates:
            yield Cut(trial.id, condition, trial.target, track, estimates, start, n)


def _refuse_unheard(
    material: SourceAudio, excerpt: Excerpt, rule: Excerpts, condition: str, path: Path
) -> None:
    """Compare a stimulus with the same cut of the run; a gain may lie between them."""
    cut = material.stimuli(excerpt, rule, (condition,))[condition]
    heard = read_audio(path).samples
    if heard.shape != cut.shape:
        raise DataError(
            f"{path}: {heard.shape[0]} samples of {heard.shape[1]} channels, "
            f"expected {cut.shape[0]} of {cut.shape[1]}"
        )
    energies = float(np.sum(cut**2)), float(np.sum(heard**2))
    if min(energies) < FAINT * cut.size or np.sum(cut * heard) >= ALIKE * np.sqrt(energies[0] * energies[1]):
        return
    run = material.runs.get(condition)
    whose, what = (run.path, "the estimate") if run else (excerpt.track, condition)
    raise DataError(
        f"{whose}: {what} of {excerpt.target} of track {excerpt.track!r} from {excerpt.start_s:g} s is not "
        f"what was heard as {condition} in the test; give the runs it was built from"
    )
