"""Check whether a system is deterministic: separate the same tracks several times, in fresh workers.

Every other pass takes the tracks in reverse order. So state that is carried over from one track to the next
shows, as random numbers do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from svbench.datasets.api import Dataset, Track
from svbench.results.aggregate import reduce_track
from svbench.results.scores import Status
from svbench.results.store import slug
from svbench.running.separation import Separated, fit, separate_track
from svbench.scoring.bound import BoundProtocol, bind
from svbench.scoring.coverage import covered_sets
from svbench.scoring.track import score_track
from svbench.specs.protocol import Protocol
from svbench.specs.system import LocatedSystem
from svbench.systems.worker.host import WorkerHost


class Spread(msgspec.Struct, frozen=True):
    """The scores of one quantity of one target on one track, from all passes.

    Attributes
    ----------
    scores : tuple of float or None
        One per pass; None where there is no score, with the reason in ``statuses``.
    statuses : tuple of str
    spread : float or None
        Largest minus smallest score; None where there are none.
    """

    target_set: str
    target: str
    metric: str
    scores: tuple[float | None, ...]
    statuses: tuple[Status, ...]
    spread: float | None


class TrackRepeat(msgspec.Struct, frozen=True):
    """How much the passes over one track differ.

    Attributes
    ----------
    track : str
    largest_difference : float
        Largest difference of any sample of any target from the first pass; 0 if all passes are equal to the
        last bit.
    peak : float
        Peak of the estimates of the first pass, to compare the difference with.
    spreads : tuple of Spread
    """

    track: str
    largest_difference: float
    peak: float
    spreads: tuple[Spread, ...]


class Repeated(msgspec.Struct, frozen=True):
    """Whether one system is deterministic, and whether it says so."""

    system: str
    says_deterministic: bool
    n_passes: int
    tracks: tuple[TrackRepeat, ...]

    @property
    def is_equal(self) -> bool:
        """Whether all passes over all tracks gave the same samples."""
        return all(t.largest_difference == 0 for t in self.tracks)

    @property
    def contradicts(self) -> bool:
        """Whether the system says that it is deterministic and is not."""
        return self.says_deterministic and not self.is_equal

    def largest_spread(self, metric: str) -> float | None:
        """Return the largest spread of a quantity on any track and target; None without any score."""
        spreads = [s.spread for t in self.tracks for s in t.spreads if s.metric == metric]
        return max((s for s in spreads if s is not None), default=None)


def repeat_tracks(
    located: LocatedSystem,
    protocol: Protocol,
    dataset: Dataset,
    scratch: Path,
    *,
    n_passes: int = 2,
    on_step: Callable[[str], None] = lambda text: None,
) -> Repeated:
    """Separate and score every track of a data set several times, and compare the passes.

    Parameters
    ----------
    located : LocatedSystem
    protocol : Protocol
    dataset : Dataset
    scratch : Path
        An existing folder for the estimates of the first pass.
    n_passes : int
        At least 2.
    on_step : callable
        Called with the name of each finished track.

    Raises
    ------
    SystemFailure
        The system fails on a track, in any pass.
    """
    first: dict[str, _Pass] = {}
    passes: dict[str, list[_Pass]] = {t.name: [] for t in dataset.tracks}
    bound, says = bind(protocol), True
    for number in range(n_passes):
        with WorkerHost(located, protocol.targets, scratch) as host:
            for track in dataset.tracks[:: -1 if number % 2 else 1]:
                separated = separate_track(host, track, track.mixture(), [protocol])
                says = host.start().deterministic
                done = _pass(separated, track, bound, dataset, scratch, first.get(track.name))
                first.setdefault(track.name, done)
                passes[track.name].append(done)
                on_step(track.name)
    tracks = tuple(
        TrackRepeat(
            name,
            max(p.difference for p in done),
            done[0].peak,
            _spreads([p.scores for p in done]),
        )
        for name, done in passes.items()
    )
    return Repeated(located.spec.id, says, n_passes, tracks)


Scores = dict[tuple[str, str, str], tuple[float | None, Status]]


class _Pass(msgspec.Struct, frozen=True):
    """One separation of a track: its files, its largest difference from the first pass, and its scores."""

    paths: dict[str, Path]
    difference: float
    peak: float
    scores: Scores


def _pass(
    separated: Separated,
    track: Track,
    bound: BoundProtocol,
    dataset: Dataset,
    scratch: Path,
    first: _Pass | None,
) -> _Pass:
    estimates = fit(separated, track, bound).estimates
    folder = scratch / f"{slug(track.name)}-{'again' if first else 'first'}"
    folder.mkdir(exist_ok=True)
    paths = {target: folder / f"{slug(target)}.npy" for target in estimates}
    difference = 0.0
    for target, audio in estimates.items():
        np.save(paths[target], audio.samples)
        if first:
            change = np.abs(audio.samples - np.load(first.paths[target]))
            difference = max(difference, float(change.max()))
    if first and difference == 0:  # equal samples have equal scores, so they are not scored again
        return _Pass(paths, 0.0, first.peak, first.scores)
    targets = dataset.manifest.head.targets
    sets = tuple(s.id for s in covered_sets(separated.made.given, bound.protocol, targets))
    scored = score_track(track, paths, bound, sets)
    rows = reduce_track(track.name, scored.series, bound.protocol, bound.quantities)
    peak = max(float(np.abs(a.samples).max()) for a in estimates.values())
    scores: Scores = {(r.target_set, r.target, r.metric): (r.score, r.status) for r in rows}
    return _Pass(paths, difference, peak, scores)


def _spreads(passes: Sequence[Scores]) -> tuple[Spread, ...]:
    spreads = []
    for where in passes[0]:
        scores, statuses = zip(*(p[where] for p in passes), strict=True)
        values = [s for s in scores if s is not None]
        spread = max(values) - min(values) if values else None
        spreads.append(Spread(*where, scores, statuses, spread))
    return tuple(spreads)
