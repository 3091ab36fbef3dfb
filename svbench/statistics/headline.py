"""The interval beside each printed number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from svbench.results.scores import Status
from svbench.results.store import Run
from svbench.statistics.intervals import (
    NONE,
    Interval,
    degrees,
    expanded_percentile,
    t_quantile,
    variance,
)
from svbench.statistics.material import Column, Settings, contenders
from svbench.statistics.samples import Entrant, Sampler, entrants

ONE_TRACK = "one track only: no interval"


@dataclass(frozen=True)
class Estimate:
    """One system's printed number and its interval.

    Attributes
    ----------
    system, kind : str
    value : float or None
        The number that tables print; its mean over repeats where there are several.
    status : str
        ``ok``, or why there is no value.
    low, high : float or None
        Bounds of the interval at level 1 − alpha.
    n_tracks, n_repeats : int
    note : str
        Why there is no interval, or what it leaves out; empty where there is nothing to say.
    """

    system: str
    kind: str
    value: float | None
    status: Status
    low: float | None
    high: float | None
    n_tracks: int
    n_repeats: int
    note: str


def headline_intervals(
    group: Sequence[Run],
    wanted: Sequence[Column],
    settings: Settings | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> dict[Column, list[Estimate]]:
    """Give every printed number of some columns its interval.

    Parameters
    ----------
    group : sequence of Run
        Of one protocol and data set.
    wanted : sequence of Column
    settings : Settings, optional
    seeds : mapping of name to sequence of system ids, optional
        Systems to be taken as repeats of one.

    Returns
    -------
    mapping of Column to list of Estimate
        In the order of the runs; systems that do not offer a column are left out.
    """
    settings = settings or Settings()
    found = entrants(contenders(group, seeds), wanted)
    return {
        column: [estimate(e, sampler) for e in own]
        for column, own in found.items()
        for sampler in [Sampler(settings)]
    }


def run_intervals(run: Run, wanted: Sequence[Column], settings: Settings) -> dict[Column, Estimate]:
    """Give one run's printed numbers their intervals; columns it does not offer are left out."""
    found = headline_intervals([run], wanted, settings)
    return {column: own[0] for column, own in found.items() if own}


def estimate(entrant: Entrant, sampler: Sampler) -> Estimate:
    """Resample one system's number on all tracks that enter it."""
    n = len(entrant.tracks)
    status: Status = next((m.summary.status for m in entrant.materials if m.summary.status != "ok"), "ok")
    value, note, interval = entrant.value, "", NONE
    if value is None:
        note = f"no number ({status}): no interval"
    elif n < 2:
        note = ONE_TRACK
    elif np.isnan(sampler.of(entrant, entrant.tracks).drawn).any():
        note = "a target on so few tracks that a resample may lack it: no interval"
    else:
        interval = _interval(entrant, sampler, value)
        if None in (interval.low, interval.high):
            note = "an open bound: perfect tracks or frames reach it"
    return Estimate(
        entrant.name, entrant.contender.kind, value, status, interval.low, interval.high, n,
        len(entrant.materials), note,
    )  # fmt: skip


def _interval(entrant: Entrant, sampler: Sampler, value: float) -> Interval:
    alpha, n = sampler.settings.alpha, len(entrant.tracks)
    samples = sampler.of(entrant, entrant.tracks)
    if samples.n_repeats == 1:
        return expanded_percentile(samples.drawn, n, alpha)
    if not samples.is_finite:
        return NONE
    # A handful of repeats has no quantiles worth the name, but a variance.
    by_track = float(variance(samples.slopes, float(samples.rest.var()), len(samples.rest)))
    parts = [(by_track, n - 1), (samples.seed_variance, samples.n_repeats - 1)]
    reach = t_quantile(1 - alpha / 2, degrees(parts)) * (by_track + samples.seed_variance) ** 0.5
    middle = float(samples.rest.mean())
    return Interval(min(middle - reach, value), max(middle + reach, value))
