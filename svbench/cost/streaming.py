"""Compare a system's streaming output with its whole-track output, and check whether it runs in real time.

Audio is pushed as fast as the system takes it. When each hop would have been complete in a live recording is
computed, so ten minutes of audio are judged without waiting for ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples, resample
from svbench.datasets.api import Track
from svbench.datasets.synthetic import synthetic_track
from svbench.errors import AudioError, SystemFailure
from svbench.metrics.sdr import usdr
from svbench.metrics.si_sdr import si_sdr
from svbench.results.scores import Score, score
from svbench.systems.worker.exchange import Streamed
from svbench.systems.worker.host import WorkerHost

Floats = NDArray[np.float64]


class Gap(msgspec.Struct, frozen=True):
    """How the block-wise estimate of one target compares with the whole-track one.

    Attributes
    ----------
    target : str
    sdr, si_sdr : Score
        Scores of the block-wise estimate with the whole-track estimate as the reference; ``perfect`` if the
        two are equal.
    sdr_loss_db, si_sdr_loss_db : float or None
        Score of the whole-track estimate minus that of the block-wise one, both against the true
        target; None where there is no reference or a score is not finite.
    """

    target: str
    sdr: Score
    si_sdr: Score
    sdr_loss_db: float | None = None
    si_sdr_loss_db: float | None = None


class Deadlines(msgspec.Struct, frozen=True):
    """How well the system would have kept up with a live stream.

    Attributes
    ----------
    n_hops, n_missed : int
        A hop is missed if its ``push`` returns after the next hop is complete.
    worst_late_s : float
        The largest delay of a hop; 0 if none was late.
    rtf : float
        Time of all pushes divided by the duration of the audio.
    """

    n_hops: int
    n_missed: int
    worst_late_s: float
    rtf: float


class Drift(msgspec.Struct, frozen=True):
    """How time and memory change while a stream goes on.

    Attributes
    ----------
    duration_s : float
        Duration of the audio that was pushed.
    window_s : float
        Length of the parts that are compared: one minute, or a third of the stream if that is less.
    first_rtf, last_rtf : float
        Real-time factor in the first and in the last part.
    time_ratio : float
        ``last_rtf`` divided by ``first_rtf``; 1 means no drift.
    rss_growth_bytes : int or None
        Resident memory at the end minus that after the first part; None where it cannot be read.
    held_growth_samples : int
        Largest number of samples without an estimate in the last part, minus that in the first part.
    """

    duration_s: float
    window_s: float
    first_rtf: float
    last_rtf: float
    time_ratio: float
    rss_growth_bytes: int | None
    held_growth_samples: int


class StreamReport(msgspec.Struct, frozen=True):
    """Everything that is measured of a streaming interface.

    ``held_samples`` is the largest number of pushed samples without an estimate when ``push`` returned. In a
    live stream the estimate of a sample exists after at most ``latency_samples``: the hop, which must be
    complete first, plus the samples that are held back.
    """

    hop_samples: int
    held_samples: int
    latency_samples: int
    gaps: tuple[Gap, ...]
    deadlines: Deadlines
    drift: Drift | None


def measure_stream(
    host: WorkerHost,
    mixture: Audio,
    references: Mapping[str, Audio],
    *,
    drift_s: float,
    limit_s: float | None = None,
) -> StreamReport:
    """Push a track block by block and compare with the whole-track output; then push a long stream.

    Parameters
    ----------
    host : WorkerHost
    mixture : Audio
        At a rate the system works at.
    references : mapping of str to Audio
        True targets, as far as they are known.
    drift_s : float
        Seconds of audio for deadlines and drift, in which the mixture is repeated; 0 skips the drift. It is
        also skipped for a system that is slower than real time, whose backlog grows in any case.
    limit_s : float, optional
        Time limit of the separation, and of the first stream.

    Raises
    ------
    SystemFailure
        The system fails or exceeds the limit, or its two outputs differ in shape.
    """
    try:
        whole_track = host.separate("streaming", mixture, limit_s=limit_s).estimates
        once = host.stream(mixture, limit_s=limit_s)
    except AudioError as error:
        raise SystemFailure(f"gave unusable audio: {error}") from error
    gaps = tuple(
        gap(t, a.samples, whole_track[t].samples, references[t].samples if t in references else None)
        for t, a in once.estimates.items()
    )
    hop_s = once.hop_samples / once.rate_hz
    long, kept = once, deadlines(once.push_s, hop_s)
    if drift_s and kept.rtf < 1:
        # In a fresh process: a leak would first fill memory that the separation has freed, and not show.
        host.close()
        # The first stream ran faster than real time, so three times the duration leaves room for much drift.
        n_samples = round(drift_s * mixture.rate_hz)
        long = host.stream(mixture, n_samples=n_samples, limit_s=max(60.0, 3 * drift_s))
        kept = deadlines(long.push_s, hop_s)
    held = int(once.held_samples.max())
    return StreamReport(
        hop_samples=once.hop_samples,
        held_samples=held,
        latency_samples=once.hop_samples + held,
        gaps=gaps,
        deadlines=kept,
        drift=drift(long) if long is not once else None,
    )


def gap(target: str, blockwise: Samples, whole_track: Samples, reference: Samples | None) -> Gap:
    """Compare two estimates of a target, shape (n_samples, n_channels) each.

    Examples
    --------
    >>> x = np.ones((100, 1))
    >>> result = gap("vocals", 0.5 * x, x, None)
    >>> round(result.sdr.value, 2), result.si_sdr.status
    (6.02, 'perfect')
    """
    if blockwise.shape != whole_track.shape:
        raise SystemFailure(
            f"estimate of {target} has shape {whole_track.shape} for the whole track and {blockwise.shape} "
            "block-wise"
        )
    plain, scaled = _scores(whole_track, blockwise)
    if reference is None:
        return Gap(target, score(plain), score(scaled))
    pairs = zip(_scores(reference, whole_track), _scores(reference, blockwise), strict=True)
    losses = (a - b if np.isfinite(a) and np.isfinite(b) else None for a, b in pairs)
    return Gap(target, score(plain), score(scaled), *losses)


def deadlines(push_s: Floats, hop_s: float) -> Deadlines:
    """Compute which hops of a live stream would be late, where hop k is complete at (k + 1) · hop_s.

    Work on a hop starts when the hop is complete and the one before it is done, so a slow hop delays those
    that follow.

    Parameters
    ----------
    push_s : ndarray, shape (n_hops,)
    hop_s : float

    Examples
    --------
    >>> deadlines(np.array([0.1, 2.5, 0.1, 0.1]), 1.0)
    Deadlines(n_hops=4, n_missed=2, worst_late_s=1.5, rtf=0.7)
    """
    complete = (np.arange(len(push_s)) + 1) * hop_s
    # The recursion is done_k = max(complete_k, done_{k-1}) + push_k. With total_k = Σ_{i≤k} push_i it becomes
    # done_k − total_k = max(complete_k − total_{k-1}, done_{k-1} − total_{k-1}): a running maximum.
    total = np.cumsum(push_s)
    done = total + np.maximum.accumulate(complete - (total - push_s))
    late = done - (complete + hop_s)
    missed = late > 1e-9 * complete  # a hop that is late by rounding only is in time
    return Deadlines(
        n_hops=len(push_s),
        n_missed=int(missed.sum()),
        worst_late_s=round(float(late[missed].max()), 9) if missed.any() else 0.0,
        rtf=round(float(total[-1] / (len(push_s) * hop_s)), 9),
    )


def drift(long: Streamed) -> Drift:
    """Compare the end of a long stream with its beginning."""
    hop_s = long.hop_samples / long.rate_hz
    duration_s = len(long.push_s) * hop_s
    window_s = min(60.0, duration_s / 3)
    n = max(1, round(window_s / hop_s))
    first, last = (_rtf(part, hop_s) for part in (long.push_s[:n], long.push_s[-n:]))
    early = min(round(window_s), len(long.rss_bytes)) - 1
    growth = int(long.rss_bytes[-1] - long.rss_bytes[early]) if len(long.rss_bytes) else None
    held = int(long.held_samples[-n:].max() - long.held_samples[:n].max())
    return Drift(duration_s, window_s, first, last, last / first if first else 1.0, growth, held)


def _rtf(push_s: Floats, hop_s: float) -> float:
    """Return the real-time factor, as the median over ten parts, so that short pauses have no effect."""
    stretches = np.array_split(push_s, min(10, len(push_s)))
    return float(np.median([s.mean() for s in stretches])) / hop_s


def _scores(reference: Samples, estimate: Samples) -> tuple[float, float]:
    """Return SDR and SI-SDR of one target."""
    pair = reference[np.newaxis].astype(np.float64), estimate[np.newaxis].astype(np.float64)
    plain, scaled = usdr(*pair, rate_hz=1).values["uSDR"], si_sdr(*pair, rate_hz=1).values["SI-SDR"]
    return float(plain[0, 0]), float(scaled[0, 0])


RATE_HZ = 44100


@dataclass(frozen=True, eq=False)
class Material:
    """A mixture to measure a system on, with its true targets, all of one shape and rate."""

    name: str
    mixture: Audio
    references: Mapping[str, Audio]

    def at(self, rate_hz: int | None) -> Material:
        """Resample to the rate that a system works at; None leaves the rate as it is."""
        if rate_hz in (None, self.mixture.rate_hz):
            return self
        references = {t: resample(a, rate_hz) for t, a in self.references.items()}
        return Material(self.name, resample(self.mixture, rate_hz), references)


def synthetic_material(duration_s: float) -> Material:
    """Make a synthetic track, which is the same every time."""
    stems = synthetic_track(0, duration_s=duration_s, rate_hz=RATE_HZ)

    def total(names: list[str]) -> Audio:
        return Audio(np.sum([stems[n].samples for n in names], axis=0), RATE_HZ)

    backing = total([n for n in stems if n != "vocals"])
    return Material("synthetic track 0", total(list(stems)), {**stems, "accompaniment": backing})


def track_material(track: Track, duration_s: float) -> Material:
    """Take the beginning of a track, or all of it if it is shorter.

    Raises
    ------
    AudioError
        A file cannot be read.
    """
    n_samples = round(duration_s * track.rate_hz)

    def cut(audio: Audio) -> Audio:
        return Audio(audio.samples[:n_samples], audio.rate_hz)

    references = {t: cut(a) for t, a in track.references(track.targets).items()}
    return Material(track.name, cut(track.mixture()), references)
