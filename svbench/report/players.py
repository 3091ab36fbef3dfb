"""Excerpts one can listen to: mixture, reference and estimates of a few tracks, cut alike.

Tracks are chosen by rule: worst, median and best of the leading system, or those the report
definition names. An excerpt is the stretch in which the mixture is loudest. All signals of a
track share one gain, below 1 only if one of them would clip; files are 16-bit FLAC.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, read_audio, write_audio
from svbench.datasets.api import Track, open_dataset
from svbench.errors import SvbenchError
from svbench.report.boards import boards
from svbench.report.context import Listen, Player, Signal
from svbench.report.numbers import decibels
from svbench.results.aggregate import TrackScore, track_scores
from svbench.results.scores import TrackResult
from svbench.results.store import Run, slug
from svbench.specs.manifest import load_manifest
from svbench.specs.report import Listening

N_PEAKS = 300


def chosen_tracks(runs: Sequence[Run], rule: Listening) -> list[str]:
    """Return the tracks to hear: the named ones, or worst, median and best of the leading system.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones.
    rule : Listening
    """
    if rule.tracks:
        return list(rule.tracks)
    board = boards(runs)[0]
    leading = next((r for r in board.rows if r.run.record.system.kind == "system"), board.rows[0]).run
    means: dict[str, list[float]] = {}
    for row in track_scores(leading):
        if row.metric == board.quantity.name and row.score is not None:
            means.setdefault(row.track, []).append(row.score)
    ordered = sorted(means, key=lambda t: (sum(means[t]) / len(means[t]), t))
    n = min(rule.count, len(ordered))
    places = [round(i * (len(ordered) - 1) / max(n - 1, 1)) for i in range(n)]
    return [ordered[p] for p in places]


def write_players(runs: Sequence[Run], rule: Listening, out: Path) -> tuple[list[Listen], str]:
    """Write the excerpts and describe them.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones; those without kept estimates give no player.
    rule : Listening
    out : Path
        The report's folder.

    Returns
    -------
    list of Listen, str
        The players and a sentence on how they were chosen, or on why there are none.
    """
    heard = [r for r in runs if any(t.estimates for t in r.results)]
    if not heard:
        return [], "No estimates were kept. Run again with --keep-estimates to listen to them here."
    data = runs[0].record.data
    try:
        dataset = open_dataset(load_manifest(data.manifest), data.root)
    except SvbenchError as error:
        return [], f"The recordings are not where the run found them ({error}), so there is nothing to hear."
    tracks = {t.name: t for t in dataset.tracks}
    listens: list[Listen] = []
    spent, left_out = 0, 0
    for name in chosen_tracks(runs, rule):
        if name not in tracks:
            return listens, f"The data set has no track {name!r}, which the report definition asks for."
        if spent >= rule.budget_mb * 1e6:
            left_out += 1
            continue
        listen, n_bytes = _listen(tracks[name], heard, rule.excerpt_s, out)
        spent += n_bytes
        listens.append(listen)
    how = "named in the report definition" if rule.tracks else "the leading system's worst to best"
    note = f"Tracks: {how}. Excerpts: up to {rule.excerpt_s:g} s where the mixture is loudest, 16-bit FLAC."
    if left_out:
        note += f" {left_out} more left out: the audio budget of {rule.budget_mb:g} MB is spent."
    return listens, note


def _listen(track: Track, runs: Sequence[Run], excerpt_s: float, out: Path) -> tuple[Listen, int]:
    """Cut all signals of a track alike and write them."""
    mixture = track.mixture()
    start, stop = loudest(mixture, excerpt_s)
    results = {run.record.system.id: _result(run, track.name) for run in runs}
    targets = runs[0].record.protocol.targets
    signals: dict[tuple[str, str], Samples] = {("", "mixture"): mixture.samples[start:stop]}
    kinds = {"mixture": "mixture", "reference": "reference"}
    for target, reference in track.references(t for t in targets if t in track.targets).items():
        signals[target, "reference"] = reference.samples[start:stop]
        for run in runs:
            system = run.record.system
            result = results[system.id]
            if result and target in result.estimates and system.id != "mixture":
                path = run.path / result.estimates[target]
                signals[target, system.id] = read_audio(path, start=start, stop=stop).samples
                kinds[system.id] = system.kind
    # 16 bit holds no sample above 32767/32768.
    peak = max(float(np.abs(s).max()) for s in signals.values())
    gain = min(1.0, 0.99 / peak) if peak > 0.99 else 1.0
    folder = out / "audio" / slug(track.name)
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[tuple[str, str], Signal] = {}
    n_bytes = 0
    scores = _headline_scores(runs, track.name)
    for (target, name), samples in signals.items():
        path = folder / f"{slug(f'{target}-{name}' if target else name)}.flac"
        write_audio(path, Audio(samples * gain, track.rate_hz), subtype="PCM_16")
        n_bytes += path.stat().st_size
        row = scores.get((name, target))
        text = decibels(row.score, row.status) + (" dB" if row.score is not None else "") if row else ""
        wave = waveform(samples * gain)
        written[target, name] = Signal(name, kinds[name], path.relative_to(out).as_posix(), wave, text)
    players = [
        Player(
            f"player-{slug(track.name)}-{target}",
            target,
            (written["", "mixture"], *(s for (t, _), s in written.items() if t == target)),
        )
        for target in dict.fromkeys(t for t, _ in signals if t)
    ]
    gain_text = (
        f" All signals lowered by {decibels(-20 * np.log10(gain))} dB so that none clips." if gain < 1 else ""
    )
    seconds = f"{start / track.rate_hz:.1f} to {stop / track.rate_hz:.1f} s"
    return Listen(track.name, f"Excerpt {seconds}.{gain_text}", tuple(players)), n_bytes


def loudest(mixture: Audio, excerpt_s: float) -> tuple[int, int]:
    """Return the sample range of the excerpt with most energy, on a grid of half seconds.

    Examples
    --------
    >>> samples = np.zeros((40, 1)); samples[20:30] = 1.0
    >>> loudest(Audio(samples, 10), 1.0)
    (20, 30)
    """
    length = round(excerpt_s * mixture.rate_hz)
    if length >= mixture.n_samples:
        return 0, mixture.n_samples
    total = np.concatenate([[0.0], np.cumsum(np.sum(np.square(mixture.samples), axis=1))])
    starts = np.arange(0, mixture.n_samples - length + 1, max(1, mixture.rate_hz // 2))
    start = int(starts[np.argmax(total[starts + length] - total[starts])])
    return start, start + length


def waveform(samples: Samples) -> str:
    """Return a closed SVG path of a signal's envelope in a box of 300 × 40 units."""
    edges = np.linspace(0, len(samples), N_PEAKS + 1).astype(int)
    mono = np.abs(samples).max(axis=1)
    peaks = [float(mono[a : max(b, a + 1)].max()) for a, b in pairwise(edges)]
    upper = [f"{x} {20 - 19 * min(p, 1.0):.1f}" for x, p in enumerate(peaks)]
    lower = [f"{x} {20 + 19 * min(p, 1.0):.1f}" for x, p in reversed(list(enumerate(peaks)))]
    return "M" + "L".join([*upper, *lower]) + "Z"


def _result(run: Run, track: str) -> TrackResult | None:
    return next((r for r in run.results if r.track == track and r.status == "ok"), None)


def _headline_scores(runs: Sequence[Run], track: str) -> dict[tuple[str, str], TrackScore]:
    """Headline scores by system and target; the first target set that holds the target counts."""
    found: dict[tuple[str, str], TrackScore] = {}
    for run in runs:
        for row in track_scores(run):
            if row.track == track and row.metric == run.record.protocol.headline:
                found.setdefault((run.record.system.id, row.target), row)
    return found
