"""From signals to the energies of every frame: correlate, solve, evaluate."""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError
from svbench.metrics.bss_eval.correlations import Correlations, Correlator, Pairs, tiles
from svbench.metrics.bss_eval.energies import (
    Forms,
    ScoredFrames,
    filtered_energies,
    frame_energies,
    quadratic_forms,
)
from svbench.metrics.bss_eval.filters import AUDIBLE, noise_energy, projection_filters
from svbench.metrics.signals import SignalPair

Item = TypeVar("Item")
Result = TypeVar("Result")

# Correlations of frames kept between the two steps; the frames beyond are correlated again.
# Enough for 300 s of four stereo targets.
_KEPT_BYTES = 160e6

# Stretches that make up one task. Their sums are added in the order of the track, so that
# rounding does not depend on the number of threads.
_GROUP = 8


def score_frames(
    pair: SignalPair,
    bounds: NDArray[np.int64],
    pairs: Pairs,
    filter_length: int,
    filters_of_track: bool,
    n_threads: int,
) -> ScoredFrames:
    """Decompose the estimates in every frame.

    Parameters
    ----------
    pair : SignalPair
    bounds : ndarray of int, shape (n_frames, 2)
    pairs : sequence of (reference, estimate)
    filter_length : int
    filters_of_track : bool
        Whether all frames share the filters of the whole track.
    n_threads : int
    """
    if filter_length < 1 or n_threads < 1:
        raise AudioError(
            f"filter_length and n_threads must be at least 1, not {filter_length} and {n_threads}"
        )
    with _Workers(n_threads, lambda: Correlator(pair, pairs, filter_length)) as workers:
        scorer = _Scorer(pair, pairs, bounds, filter_length, workers)
        track = scorer.correlate_track()
        pair.refuse_silence(track.active)
        if not filters_of_track:
            return scorer.score(None, None)
        noise = noise_energy(track)
        plain, damped = (
            quadratic_forms(projection_filters(track, pair.n_targets, damping), pairs)
            for damping in (0.0, noise)
        )
        scored = scorer.score(plain, damped)
        share = (bounds[:, 1] - bounds[:, 0]) / pair.n_samples
        audible = scored.reference > AUDIBLE * noise * pair.n_channels * share
        return replace(scored, audible=audible)


class _Scorer:
    """The two passes over the frames; the first keeps what it can for the second."""

    def __init__(
        self,
        pair: SignalPair,
        pairs: Pairs,
        bounds: NDArray[np.int64],
        filter_length: int,
        workers: _Workers,
    ) -> None:
        self._pair, self._pairs, self._taps, self._workers = pair, pairs, filter_length, workers
        self._frames = [(int(start), int(stop)) for start, stop in bounds]
        self._kept: dict[tuple[int, int], Correlations] = {}
        frame_bytes = 2 * filter_length * pair.width**2 * 8
        self._room = int(_KEPT_BYTES // frame_bytes)

    def correlate_track(self) -> Correlations:
        """Correlations of the whole track."""
        stretches = self._stretches()
        # Short tracks are cut finer: a thread must not wait for the last group of another.
        size = max(1, min(_GROUP, len(stretches) // 8))
        groups = [stretches[first : first + size] for first in range(0, len(stretches), size)]
        keep = set(self._frames[: self._room])

        def correlate(correlator: Correlator, group: list[tuple[int, int]]) -> Correlations:
            cuts = [stop for _, stop in group if stop < self._pair.n_samples]
            total = correlator.crossings(cuts)
            for stretch in group:
                correlations = correlator.stretch(*stretch)
                total.add(correlations)
                if stretch in keep:
                    self._kept[stretch] = correlations
            return total

        sums = self._workers.map(correlate, groups)
        track = next(sums)
        for group in sums:
            track.add(group)
        self._kept[0, self._pair.n_samples] = track
        return track

    def _stretches(self) -> list[tuple[int, int]]:
        """Neighbours that make up the track: the frames themselves where that is possible."""
        n_samples = self._pair.n_samples
        size = self._frames[0][1]
        step = self._frames[1][0] if len(self._frames) > 1 else size
        if step == size < n_samples and size >= self._taps - 1:
            return list(tiles(n_samples, size))
        return list(tiles(n_samples, max(1 << 16, self._taps)))

    def score(self, forms: Forms | None, damped_forms: Forms | None) -> ScoredFrames:
        """Energies of all frames, with `forms` or with those of each frame."""
        shape = (len(self._pairs), len(self._frames))
        parts = np.full((6, *shape), np.nan)
        damped = None if damped_forms is None else parts.copy()
        reference, difference = np.full(shape, np.nan), np.full(shape, np.nan)
        defined = np.zeros(len(self._frames), dtype=bool)

        def score(correlator: Correlator, number: int) -> None:
            start, stop = self._frames[number]
            frame = self._kept.pop((start, stop), None) or correlator.stretch(start, stop)
            defined[number] = frame.active.all()
            if not defined[number]:
                return
            by_target = np.diagonal(frame.references[0]).reshape(self._pair.n_targets, -1).sum(axis=1)
            reference[:, number] = [by_target[j] for j, _ in self._pairs]
            difference[:, number] = frame.difference_energy
            used = forms or quadratic_forms(projection_filters(frame, self._pair.n_targets), self._pairs)
            parts[:, :, number], doubt = frame_energies(used, frame)
            for index in np.flatnonzero(doubt):
                parts[:, index, number] = filtered_energies(used, self._pair, start, stop, int(index))
            if damped is not None and damped_forms is not None:
                # Where these cancel there is practically nothing left, which is all that is asked.
                damped[:, :, number] = np.maximum(frame_energies(damped_forms, frame)[0], 0)

        deque(self._workers.map(score, range(len(self._frames))), maxlen=0)
        return ScoredFrames(reference, difference, parts, defined, damped)


class _Workers:
    """Threads with a correlator each, and a map that keeps few results in flight."""

    def __init__(self, n_threads: int, make: Callable[[], Correlator]) -> None:
        self._pool = ThreadPoolExecutor(n_threads) if operator.index(n_threads) > 1 else None
        self._n_threads, self._make, self._own = n_threads, make, threading.local()

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def map(self, task: Callable[[Correlator, Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order of the items, whichever thread made them."""
        if self._pool is None:
            yield from (self._run(task, item) for item in items)
            return
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(self._pool.submit(self._run, task, item))
            if len(waiting) > 2 * self._n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _run(self, task: Callable[[Correlator, Item], Result], item: Item) -> Result:
        if not hasattr(self._own, "correlator"):
            self._own.correlator = self._make()
        return task(self._own.correlator, item)
