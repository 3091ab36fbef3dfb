"""Every system's worst frames: where they are, and a play list of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, write_audio
from svbench.errors import DataError, SvbenchError, WriteError
from svbench.report.listen.excerpts import places
from svbench.report.listen.recordings import Recordings, common_gain, waveform
from svbench.report.pages.context import Cell, Player, Playlist, Row, Signal, Table
from svbench.report.pages.windows import Window, framed_quantity, worst_windows
from svbench.report.view.numbers import decibels
from svbench.results.store import Quantity, Run, slug
from svbench.specs.report import Listening

FLAC_SHARE = 0.7  # of 16-bit PCM; dense music rarely needs more
AROUND_S = 0.5  # heard before and after a frame
GAP_S = 0.25  # silence between two of them
FADE_S = 0.01


def playlists(
    runs: Sequence[Run],
    rule: Listening,
    out: Path,
    *,
    page_of: Callable[[Window], str],
    budget: float,
) -> tuple[list[Playlist], str]:
    """Find the worst frames of each of a group's systems and write what there is to hear.

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
        None where no quantity has frames; and a sentence on what they are.

    Raises
    ------
    WriteError
        There is no room.
    """
    quantity = framed_quantity(runs)
    if quantity is None or rule.worst_frames == 0:
        return [], ""
    recordings: Recordings | None = None
    silent = "No estimates were kept, so there is nothing to hear. "
    if any(t.estimates for r in runs for t in r.results):
        try:
            recordings, silent = Recordings(runs), ""
        except SvbenchError as error:
            silent = f"The recordings are not where the run found them ({error}). "
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
    note = (
        f"The {rule.worst_frames} frames with the worst {quantity.name}, over all tracks and targets of "
        f"{runs[0].record.protocol.id}; frames without a value do not count. Each is heard with "
        f"{AROUND_S:g} s before and after it, 16-bit FLAC (lossless). {silent}{' '.join(left_out)}"
    )
    return found, note.strip()


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
        "The worst first; a track's name leads to that moment",
        "",
        ("frame", "track", "target", "start", "length", quantity.name + unit),
        tuple(rows),
    )


@dataclass(frozen=True)
class _Sound:
    """Clips in a row: by (kind, name) all of their samples, and when each begins."""

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


def _written(sound: _Sound, system: str, own: str, line: int, out: Path) -> tuple[Player, int]:
    gain = common_gain(list(sound.signals.values()))
    folder = out / "audio" / "worst" / slug(system)
    folder.mkdir(parents=True, exist_ok=True)
    signals, n_bytes = [], 0
    for (kind, name), samples in sound.signals.items():
        path = folder / f"{kind}.flac"
        write_audio(path, Audio(samples * gain, sound.rate_hz), subtype="PCM_16")
        n_bytes += path.stat().st_size
        href = "../" + path.relative_to(out).as_posix()
        number = line if kind == own else None
        signals.append(Signal(name, kind, href, waveform(samples * gain), "", number))
    duration_s = len(next(iter(sound.signals.values()))) / sound.rate_hz
    label = f"worst frames of {system}"
    return Player(f"player-{slug(system)}", label, 0.0, duration_s, tuple(signals)), n_bytes
