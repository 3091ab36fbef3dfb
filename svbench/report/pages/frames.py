"""Scores over time: the curves of one track, each system's worst frames, and a playlist of those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop
from itertools import islice
from pathlib import Path

import numpy as np

from svbench.audio import Samples
from svbench.errors import DataError, SvbenchError, WriteError
from svbench.report.listen.excerpts import places
from svbench.report.listen.signals import Recordings, common_gain, recordings_of, waveform, write_flac
from svbench.report.view.boards import ranked_metrics
from svbench.report.view.content import Cell, Player, Row, Signal, Table
from svbench.report.view.numbers import decibels
from svbench.results.aggregate import admitted, results_by_track, rounded
from svbench.results.record import Quantity
from svbench.results.scores import Series, TrackResult
from svbench.results.store import Run, slug
from svbench.specs.report import Listening


@dataclass(frozen=True)
class FrameTimes:
    """When frames begin and how long they last, in seconds."""

    start: tuple[float, ...]
    duration: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """One system's frames; ``grid`` is the index of their times, a score is None where undefined."""

    system: str
    line: int
    grid: int
    score: tuple[float | None, ...]


@dataclass(frozen=True)
class Strip:
    """One quantity over time, a line for each system."""

    label: str
    unit: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Curves:
    """What the script draws: the mixture's envelope from 0 to 1, and a strip for each quantity."""

    duration_s: float
    wave: tuple[float, ...]
    grids: tuple[FrameTimes, ...]
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class Playlist:
    """A system's worst frames, and a player that plays them in a row; frame i starts at ``at_s[i]``."""

    id: str
    system: str
    kind: str
    table: Table
    player: Player | None
    at_s: tuple[float, ...]


@dataclass(frozen=True)
class Window:
    """One frame of one target with its score; times are in seconds from the start of the track."""

    track: str
    target_set: str
    target: str
    start_s: float
    duration_s: float
    score: float


def framed_quantity(runs: Sequence[Run]) -> Quantity | None:
    """Return the first quantity, the headline before others, that has more than one frame on a track."""
    framed = {s.metric for run in runs for result in run.results for s in result.series if len(s.score) > 1}
    name = next((n for n in ranked_metrics(runs[0]) if n in framed), None)
    return next((q for q in runs[0].record.quantities if q.name == name), None)


def worst_windows(run: Run, quantity: Quantity, n: int) -> list[Window]:
    """Return a system's worst frames over all tracks and targets, the worst first.

    Frames without a value do not count, and of frames that overlap in one track and target only the
    worst does. A target scored in two sets counts in the first.
    """
    sign = 1 if quantity.higher_is_better else -1
    # A heap of plain tuples: of hundreds of thousands of frames, only the first few are ever taken out. The
    # running number is unique, so that a comparison never reaches the fields behind it.
    found: list[tuple[float, str, str, float, int, float, str]] = []
    for result in admitted(run).results:
        seen: dict[str, str] = {}
        for s in result.series:
            if s.metric == quantity.name and seen.setdefault(s.target, s.target_set) == s.target_set:
                found += [
                    (sign * score, result.track, s.target, at, number, lasting, s.target_set)
                    for number, (at, lasting, score) in enumerate(
                        zip(s.time_s, s.duration_s, s.score, strict=True), len(found)
                    )
                    if score is not None
                ]
    heapify(found)
    chosen: list[Window] = []
    while found and len(chosen) < n:
        signed, track, target, at, _, lasting, target_set = heappop(found)
        window = Window(track, target_set, target, at, lasting, sign * signed)
        if not any(_overlap(window, other) for other in chosen):
            chosen.append(window)
    return chosen


def _overlap(one: Window, other: Window) -> bool:
    if (one.track, one.target) != (other.track, other.target):
        return False
    end, other_end = one.start_s + one.duration_s, other.start_s + other.duration_s
    return one.start_s < other_end and other.start_s < end


def curves(
    runs: Sequence[Run], track: str, target_set: str, target: str, wave: Sequence[float] = ()
) -> Curves | None:
    """Collect the frames of all systems on one target of one track.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones, by rank; their order decides the colours.
    track, target_set, target : str
    wave : sequence of float
        The envelope of the mixture from 0 to 1, evenly over the track; may be empty.

    Returns
    -------
    Curves or None
        A quantity with one value for the whole track is a line of one frame. None if no system has a value.
    """
    results = [results_by_track(run).get(track) for run in runs]
    grids: dict[FrameTimes, int] = {}
    known: dict[tuple[int, int], int] = {}  # by id(): the series of a run share their lists of times
    strips = []
    for name in ranked_metrics(runs[0]):
        found: list[tuple[str, int, int, Series]] = []
        for number, (run, result) in enumerate(zip(runs, results, strict=True)):
            series = _series(result, target_set, target, name)
            if series is None or all(v is None for v in series.score):
                continue
            lists = id(series.time_s), id(series.duration_s)
            if lists not in known:
                grid = FrameTimes(tuple(_short(series.time_s)), tuple(_short(series.duration_s)))
                known[lists] = grids.setdefault(grid, len(grids))
            found.append((run.record.system.id, number, known[lists], series))
        if found:
            unit = next(q.unit for q in runs[0].record.quantities if q.name == name)
            # Rounding the numbers of all systems in one call is several times as fast as list by list.
            short = _short_scores([v for *_, series in found for v in series.score])
            lines = [
                Line(system, number, grid_number, tuple(islice(short, len(series.score))))
                for system, number, grid_number, series in found
            ]
            strips.append(Strip(name, unit, tuple(lines)))
    if not strips:
        return None
    duration_s = next(r.duration_s for r in results if r is not None)
    (length_s,) = _short([duration_s])
    return Curves(length_s, tuple(_short(wave)), tuple(grids), tuple(strips))


def _series(result: TrackResult | None, target_set: str, target: str, metric: str) -> Series | None:
    name = (target_set, target, metric)
    series = result.series if result else ()
    return next((s for s in series if (s.target_set, s.target, s.metric) == name), None)


def _short(values: Sequence[float]) -> list[float]:
    """Round to three decimals, which a drawing cannot show; the exact numbers are in the runs."""
    return rounded(values, digits=3)


def _short_scores(scores: Sequence[float | None]) -> Iterator[float | None]:
    short = iter(_short([v for v in scores if v is not None]))
    return (None if v is None else next(short) for v in scores)


FLAC_SHARE = 0.7  # bytes of FLAC per byte of 16-bit PCM; dense music rarely needs more
AROUND_S = 0.5  # of audio before and after a frame
GAP_S = 0.25  # of silence between two frames
FADE_S = 0.01  # against clicks at the cuts


def playlists(
    runs: Sequence[Run],
    rule: Listening,
    out: Path,
    *,
    page_of: Callable[[Window], str],
    budget: float,
) -> tuple[list[Playlist], str]:
    """Find the worst frames of each system and write their audio.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones.
    rule : Listening
    out : Path
        The report's folder; the page lies in a folder of it.
    page_of : callable
        Gives the address of a frame on its track's page.
    budget : float
        How many bytes the audio may take.

    Returns
    -------
    list of Playlist, str
        Empty where no quantity has frames, and a sentence that explains the lists.

    Raises
    ------
    WriteError
        The disk is full.
    """
    quantity = framed_quantity(runs)
    if quantity is None or rule.worst_frames == 0:
        return [], ""
    recordings, silent = recordings_of(runs)
    lines, spent, left_out = places(runs), 0, []
    found = []
    for run in runs:
        windows = worst_windows(run, quantity, rule.worst_frames)
        if not windows:
            continue
        system = run.record.system
        player: Player | None = None
        at_s: tuple[float, ...] = ()
        if recordings is not None and run in recordings.runs:
            try:
                sound = _sound(recordings, run, windows)
                pcm_bytes = sum(2 * s.size for s in sound.signals.values())
                if spent + FLAC_SHARE * pcm_bytes > budget:
                    raise DataError(f"it would exceed the {rule.budget_mb:g} MB for audio")
                player, n_bytes = _written(sound, system.id, system.kind, lines[system.id], out)
                spent += n_bytes
                at_s = sound.at_s
            except WriteError:
                raise
            except SvbenchError as error:
                left_out.append(f"{system.id} cannot be heard ({error}).")
        table = _table(windows, quantity, system.id, page_of)
        found.append(Playlist(f"worst-{slug(system.id)}", system.id, system.kind, table, player, at_s))
    listed = (
        f"The {rule.worst_frames} frames with the worst {quantity.name}, over all tracks and targets of "
        f"{runs[0].record.protocol.id}; frames without a value do not count."
    )
    played = (
        f"Each is played with {AROUND_S:g} s before and after it, 16-bit FLAC (lossless)." if spent else ""
    )
    return found, " ".join(filter(None, [listed, played, silent, *left_out]))


def _table(
    windows: Sequence[Window], quantity: Quantity, system: str, page_of: Callable[[Window], str]
) -> Table:
    rows = [
        Row(
            str(number),
            "",
            (
                Cell(w.track, w.track, href=page_of(w)),
                Cell(w.target, w.target),
                Cell(f"{w.start_s:.2f} s", w.start_s),
                Cell(f"{w.duration_s:.2f} s", w.duration_s, muted=True),
                Cell(decibels(w.score), w.score),
            ),
        )
        for number, w in enumerate(windows, 1)
    ]
    unit = f" [{quantity.unit}]" if quantity.unit else ""
    return Table(
        f"frames-{slug(system)}",
        f"Worst frames of {system}",
        "The worst first; the name of a track links to that moment",
        "",
        ("frame", "track", "target", "start", "length", quantity.name + unit),
        tuple(rows),
    )


@dataclass(frozen=True)
class _Sound:
    """Clips joined together: the samples of each signal by (kind, name), and when each clip begins."""

    signals: Mapping[tuple[str, str], Samples]
    at_s: tuple[float, ...]
    rate_hz: int


def _sound(recordings: Recordings, run: Run, windows: Sequence[Window]) -> _Sound:
    """Cut mixture, reference and estimate around each frame and join them.

    Raises
    ------
    DataError
        An estimate was not kept, or tracks differ in rate or channels.
    """
    system = run.record.system
    parts: dict[tuple[str, str], list[Samples]] = {}
    at_s: list[float] = []
    length, formats = 0, set()
    for w in windows:
        track = recordings.track(w.track)
        formats.add((track.rate_hz, track.n_channels))
        if len(formats) > 1:
            raise DataError("its tracks differ in rate or channels")
        start = max(0, round((w.start_s - AROUND_S) * track.rate_hz))
        stop = min(track.n_samples, round((w.start_s + w.duration_s + AROUND_S) * track.rate_hz))
        reference = track.reference_sound(w.target)
        if reference is None:
            raise DataError(f"{w.track} has no {w.target} any more")
        cut: dict[tuple[str, str], Samples] = {}
        for kind, sound in (("mixture", track.mixture_sound()), ("reference", reference)):
            cut[kind, kind] = np.empty((stop - start, track.n_channels))
            sound.read(start, cut[kind, kind])
        estimate = recordings.estimate(run, w.track, w.target, start, stop)
        if estimate is not None:
            cut[system.kind, system.id] = estimate
        elif system.adapter != "mixture":
            raise DataError(f"its estimate of {w.target} in {w.track} was not kept")
        at_s.append(length / track.rate_hz)
        gap = np.zeros((round(GAP_S * track.rate_hz), track.n_channels))
        for name, samples in cut.items():
            parts.setdefault(name, []).extend([_faded(samples, round(FADE_S * track.rate_hz)), gap])
        length += stop - start + len(gap)
    rate_hz = formats.pop()[0]
    return _Sound({name: np.concatenate(found) for name, found in parts.items()}, tuple(at_s), rate_hz)


def _faded(samples: Samples, n: int) -> Samples:
    """Fade both ends over ``n`` samples, so that a cut does not click."""
    n = min(n, len(samples) // 2)
    faded = samples.copy()
    if n:
        ramp = np.linspace(0, 1, n)[:, None]
        faded[:n] *= ramp
        faded[-n:] *= ramp[::-1]
    return faded


def _written(sound: _Sound, system: str, system_kind: str, line: int, out: Path) -> tuple[Player, int]:
    gain = common_gain(list(sound.signals.values()))
    signals, n_bytes = [], 0
    for (kind, name), samples in sound.signals.items():
        path = out / "audio" / "worst" / slug(system) / f"{kind}.flac"
        n_bytes += write_flac(path, samples * gain, sound.rate_hz)
        href = "../" + path.relative_to(out).as_posix()
        number = line if kind == system_kind else None
        signals.append(Signal(name, kind, href, waveform(samples * gain), "", number))
    duration_s = len(next(iter(sound.signals.values()))) / sound.rate_hz
    label = f"worst frames of {system}"
    return Player(f"player-{slug(system)}", label, 0.0, duration_s, tuple(signals)), n_bytes
