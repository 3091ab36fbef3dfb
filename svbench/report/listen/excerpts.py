"""Write excerpts to listen to: mixture, reference and estimates of a few tracks over the same range.

The tracks span the scores of the leading system from worst to best, or are named in the report definition.
An excerpt is the stretch in which the mixture is loudest. All signals of a track share one gain, below 1
only if one of them would clip; files are 16-bit FLAC.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples
from svbench.datasets.api import Track
from svbench.errors import DataError, SvbenchError, WriteError, suggestion
from svbench.report.listen.signals import (
    RANGE_DB,
    SCALE,
    Recordings,
    common_gain,
    difference_picture,
    envelope,
    levels,
    loudest,
    picture,
    recordings_of,
    waveform,
    write_flac,
)
from svbench.report.view.boards import boards
from svbench.report.view.content import Player, Signal
from svbench.report.view.numbers import decibels
from svbench.results.aggregate import track_scores
from svbench.results.store import Run, slug
from svbench.specs.report import Listening

N_WAVE = 800  # points of the envelope of a track
SHORTEST_S = 4.0  # excerpts are shortened to fit the budget, but not below this
FOR_TRACKS = 2 / 3  # share of the budget for tracks; the rest is for the worst frames


@dataclass(frozen=True)
class Heard:
    """The audio of one track: a player for each target, and the envelope of the whole mixture."""

    why: str
    note: str
    length_s: float
    wave: tuple[float, ...]
    players: Mapping[str, Player]


def chosen_tracks(runs: Sequence[Run], rule: Listening) -> tuple[dict[str, str], str]:
    """Choose the tracks to listen to; return them with a reason each, and the rule of the choice.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones.
    rule : Listening

    Returns
    -------
    dict, str
        The named tracks; or the leading system's, from worst to best, by the headline's mean over
        the targets of the first target set. Leading is the best trained system, or the best
        baseline where there is none.
    """
    if rule.tracks:
        return dict.fromkeys(rule.tracks, "named"), "named in the report definition"
    board = boards(runs)[0]
    leading = next((r for r in board.rows if r.run.record.system.kind == "system"), board.rows[0]).run
    scores: dict[str, list[float]] = {}
    for row in track_scores(leading):
        mine = (row.metric, row.target_set) == (board.quantity.name, board.target_set)
        if mine and row.score is not None:
            scores.setdefault(row.track, []).append(row.score)
    sign = 1 if board.quantity.higher_is_better else -1
    means = {track: sum(found) / len(found) for track, found in scores.items()}
    ordered = sorted(means, key=lambda t: (sign * means[t], t))
    n = min(rule.count, len(ordered))
    places = [round(i * (len(ordered) - 1) / max(n - 1, 1)) for i in range(n)]
    name, unit = leading.record.system.id, board.quantity.unit
    how = f"from worst to best of {name} by {board.quantity.name} ({board.target_set})"
    words = {0: "worst", (len(ordered) - 1) // 2: "middle", len(ordered) - 1: "best"}
    return {
        ordered[p]: f"{words.get(p, f'{p + 1} of {len(ordered)}')} of {name}: "
        f"{decibels(means[ordered[p]])} {unit}".rstrip()
        for p in places
    }, how


def places(runs: Sequence[Run]) -> dict[str, int]:
    """Number the systems of comparable runs, so that each has the same colour on all pages."""
    return {run.record.system.id: number for number, run in enumerate(runs)}


def write_excerpts(
    runs: Sequence[Run], rule: Listening, out: Path, root: str
) -> tuple[dict[str, Heard], str, int]:
    """Write the excerpts and spectrograms of the chosen tracks.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones; those without kept estimates cannot be heard.
    rule : Listening
    out : Path
        The report's folder.
    root : str
        Relative path from the pages of tracks to that folder.

    Returns
    -------
    dict, str, int
        The audio by track; a sentence on how the tracks were chosen, or on why there is no audio; the size
        of all files in bytes.

    Raises
    ------
    DataError
        The report definition names a track that the data set lacks.
    WriteError
        The disk is full.
    """
    data = runs[0].record.data
    # Without estimates the names do not matter: one definition may serve reports on several data sets.
    kept = any(t.estimates for r in runs for t in r.results)
    for name in rule.tracks if kept else ():
        if name not in data.tracks:
            raise DataError(f"the report definition names track {name!r}; {suggestion(name, data.tracks)}")
    recordings, reason = recordings_of(runs)
    if recordings is None:
        return {}, reason, 0
    chosen, how = chosen_tracks(runs, rule)
    writer = _Writer(recordings, places(runs), out, root)
    heard: dict[str, Heard] = {}
    left_out: list[str] = []
    spent, budget = 0, rule.budget_mb * 1e6 * FOR_TRACKS
    for number, (name, why) in enumerate(chosen.items()):
        folder = out / "audio" / "tracks" / slug(name)
        # What earlier tracks did not use is shared among the remaining ones.
        share = (budget - spent) / (len(chosen) - number)
        try:
            found, n_bytes = writer.track(name, why, rule.excerpt_s)
            if n_bytes > share:
                shutil.rmtree(folder)
                shorter = max(min(SHORTEST_S, rule.excerpt_s), int(found.length_s * share / n_bytes))
                found, n_bytes = writer.track(name, why, shorter)
        except WriteError:
            raise
        except SvbenchError as error:
            left_out.append(f"{name} is left out ({error}).")
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if spent + n_bytes > budget:
            shutil.rmtree(folder)
            left_out.append(f"{name} is left out: it would exceed the {rule.budget_mb:g} MB for audio.")
            continue
        spent += n_bytes
        heard[name] = found
    protocol = runs[0].record.protocol
    note = (
        f"Tracks: {how}. Excerpts: up to {rule.excerpt_s:g} s where the mixture is loudest, shortened to "
        f"{SHORTEST_S:g} s at the least to keep to {rule.budget_mb:g} MB, 16-bit FLAC (lossless). "
        f"The numbers are the whole track's {protocol.headline} ({protocol.id})."
    )
    return heard, " ".join([note, *left_out]), spent


class _Writer:
    """Cut, write and describe the signals of tracks."""

    def __init__(self, recordings: Recordings, lines: Mapping[str, int], out: Path, root: str) -> None:
        self.recordings, self.lines, self.out, self.root = recordings, lines, out, root
        self.runs = recordings.runs

    def track(self, name: str, why: str, excerpt_s: float) -> tuple[Heard, int]:
        track = self.recordings.track(name)
        mixture = track.mixture()
        protocol = self.runs[0].record.protocol
        targets = [t for t in protocol.targets if t in track.targets]
        start, stop = loudest(mixture, excerpt_s)
        signals = self._signals(track, targets, mixture, start, stop)
        gain = common_gain(list(signals.values()))
        folder = self.out / "audio" / "tracks" / slug(name)
        images, n_bytes = self._images(signals, track.rate_hz, folder)
        written: dict[str, list[Signal]] = {}
        for (target, kind, system), samples in signals.items():
            path = folder / slug(target or "mixture") / f"{kind}-{slug(system)}.flac"
            n_bytes += write_flac(path, samples * gain, track.rate_hz)
            spectrogram, difference = images.get((target, kind, system), ("", ""))
            written.setdefault(target, []).append(
                Signal(
                    system,
                    kind,
                    self._href(path),
                    waveform(samples * gain),
                    "",
                    None if kind == "reference" else self.lines.get(system),
                    spectrogram,
                    difference,
                )
            )
        start_s, stop_s = start / track.rate_hz, stop / track.rate_hz
        players = {
            t: Player(slug(t), f"{name}, {t}", start_s, stop_s - start_s, (*written[""], *found), SCALE)
            for t, found in written.items()
            if t
        }
        lowered = f" All signals lowered by {decibels(-20 * np.log10(gain))} dB so that none clips."
        note = f"Excerpt: {start_s:.1f} to {stop_s:.1f} s.{lowered if gain < 1 else ''}"
        return Heard(why, note, stop_s - start_s, tuple(envelope(mixture.samples, N_WAVE)), players), n_bytes

    def _signals(
        self, track: Track, targets: Sequence[str], mixture: Audio, start: int, stop: int
    ) -> dict[tuple[str, str, str], Samples]:
        """Cut all signals. Keys are (target, kind, name), because a system may be called "reference" too."""
        found: dict[tuple[str, str, str], Samples] = {("", "mixture", "mixture"): mixture.samples[start:stop]}
        for target, reference in track.references(targets).items():
            found[target, "reference", "reference"] = reference.samples[start:stop]
            for run in self.runs:
                samples = self.recordings.estimate(run, track.name, target, start, stop)
                if samples is not None:
                    system = run.record.system
                    found[target, system.kind, system.id] = samples
        return found

    def _images(
        self, signals: Mapping[tuple[str, str, str], Samples], rate_hz: int, folder: Path
    ) -> tuple[dict[tuple[str, str, str], tuple[str, str]], int]:
        """Write a spectrogram of each signal, and of how each estimate differs from its reference."""
        found: dict[tuple[str, str, str], tuple[str, str]] = {}
        n_bytes = 0
        references = {
            t: levels(samples, rate_hz) for (t, kind, _), samples in signals.items() if kind == "reference"
        }
        for (target, kind, system), samples in signals.items():
            if not target:
                continue
            reference = references[target]
            top_db = max(float(reference.max()), RANGE_DB - 120)
            signal = reference if kind == "reference" else levels(samples, rate_hz)
            images = [("", picture(signal, top_db))]
            if kind != "reference":
                images.append(("-difference", difference_picture(signal, reference, top_db)))
            place = folder / slug(target)
            place.mkdir(parents=True, exist_ok=True)
            hrefs = []
            for suffix, image in images:
                path = place / f"{kind}-{slug(system)}{suffix}.webp"
                try:
                    path.write_bytes(image)
                except OSError as error:
                    raise WriteError(f"{path}: cannot be written ({error}); free some disk space") from error
                hrefs.append(self._href(path))
                n_bytes += len(image)
            found[target, kind, system] = (hrefs[0], hrefs[1] if len(hrefs) > 1 else "")
        return found, n_bytes

    def _href(self, path: Path) -> str:
        return self.root + path.relative_to(self.out).as_posix()
