"""Excerpts one can listen to: mixture, reference and estimates of a few tracks, cut alike.

Tracks are chosen by rule: the leading system's from worst to best, or those the report
definition names. An excerpt is the stretch in which the mixture is loudest. All signals of a
track share one gain, below 1 only if one of them would clip; files are 16-bit FLAC.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, read_audio, write_audio
from svbench.datasets.api import Track, open_dataset
from svbench.errors import DataError, SvbenchError, UnknownNameError, WriteError, suggestion
from svbench.report.boards import boards
from svbench.report.context import Listen, Player, Signal
from svbench.report.numbers import decibels
from svbench.results.aggregate import TrackScore, track_scores
from svbench.results.scores import TrackResult
from svbench.results.store import Run, slug
from svbench.specs.manifest import load_manifest
from svbench.specs.report import Listening

N_PEAKS = 300


def chosen_tracks(runs: Sequence[Run], rule: Listening) -> tuple[list[str], str]:
    """Return the tracks to hear and the rule they were chosen by.

    Parameters
    ----------
    runs : sequence of Run
        Comparable ones.
    rule : Listening

    Returns
    -------
    list of str, str
        The named tracks; or the leading system's, from worst to best, by the headline's mean over
        the targets of the first target set. Leading is the best trained system, or the best
        baseline where there is none.
    """
    if rule.tracks:
        return list(rule.tracks), "named in the report definition"
    board = boards(runs)[0]
    leading = next((r for r in board.rows if r.run.record.system.kind == "system"), board.rows[0]).run
    scores: dict[str, list[float]] = {}
    for row in track_scores(leading):
        mine = (row.metric, row.target_set) == (board.quantity.name, board.target_set)
        if mine and row.score is not None:
            scores.setdefault(row.track, []).append(row.score)
    sign = 1 if board.quantity.higher_is_better else -1
    ordered = sorted(scores, key=lambda t: (sign * sum(scores[t]) / len(scores[t]), t))
    n = min(rule.count, len(ordered))
    places = [round(i * (len(ordered) - 1) / max(n - 1, 1)) for i in range(n)]
    how = f"from worst to best of {leading.record.system.id} by {board.quantity.name} ({board.target_set})"
    return [ordered[p] for p in places], how


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

    Raises
    ------
    DataError
        The report definition names a track that the data set lacks.
    WriteError
        There is no room for them.
    """
    heard = [r for r in runs if any(t.estimates for t in r.results)]
    if not heard:
        return [], "No estimates were kept. Run again with --keep-estimates to listen to them here."
    data = runs[0].record.data
    chosen, how = chosen_tracks(runs, rule)
    for name in chosen:
        if name not in data.tracks:
            raise DataError(f"the report definition wants track {name!r}; {suggestion(name, data.tracks)}")
    try:
        manifest = load_manifest(data.manifest)
        if not Path(data.root).is_dir():
            raise DataError(f"{data.root}: no such folder")
    except SvbenchError as error:
        return [], f"The recordings are not where the run found them ({error}), so there is nothing to hear."
    listens: list[Listen] = []
    left_out: list[str] = []
    spent = 0
    for name in dict.fromkeys(chosen):
        try:
            # One by one: the run may have measured a part of the data set, and only that be there.
            (track,) = open_dataset(manifest, data.root, tracks=[name]).tracks
            listen, n_bytes = _listen(track, heard, rule.excerpt_s, out)
        except WriteError:
            raise
        except SvbenchError as error:
            reason = "no longer in the data set" if isinstance(error, UnknownNameError) else error
            left_out.append(f"{name} is left out ({reason}).")
            shutil.rmtree(out / "audio" / slug(name), ignore_errors=True)
            continue
        if spent + n_bytes > rule.budget_mb * 1e6:
            shutil.rmtree(out / "audio" / slug(name))
            left_out.append(f"{name} is left out: it would exceed the {rule.budget_mb:g} MB for audio.")
            continue
        spent += n_bytes
        listens.append(listen)
    protocol = runs[0].record.protocol
    note = (
        f"Tracks: {how}. Excerpts: up to {rule.excerpt_s:g} s where the mixture is loudest, 16-bit FLAC. "
        f"The numbers are the whole track's {protocol.headline} ({protocol.id})."
    )
    return listens, " ".join([note, *left_out])


def _listen(track: Track, runs: Sequence[Run], excerpt_s: float, out: Path) -> tuple[Listen, int]:
    """Cut all signals of a track alike and write them."""
    mixture = track.mixture()
    start, stop = loudest(mixture, excerpt_s)
    protocol = runs[0].record.protocol
    scored = {r.path: result for r in runs if (result := _result(r, track.name)) is not None}
    if any(result.track_digest != track.digest() for result in scored.values() if result.track_digest):
        raise DataError("its recordings have changed since the run")
    # By target, then (kind, name): a system may be called "reference" too.
    signals: dict[tuple[str, str, str], Samples] = {("", "mixture", "mixture"): mixture.samples[start:stop]}
    for target, reference in track.references(t for t in protocol.targets if t in track.targets).items():
        signals[target, "reference", "reference"] = reference.samples[start:stop]
        for run in runs:
            system = run.record.system
            result = scored.get(run.path)
            if result and target in result.estimates and system.adapter != "mixture":
                path = run.path / result.estimates[target]
                signals[target, system.kind, system.id] = read_audio(path, start=start, stop=stop).samples
    # 16 bit holds no sample above 32767/32768.
    peak = max(float(np.abs(s).max()) for s in signals.values())
    gain = min(1.0, 0.99 / peak) if peak > 0.99 else 1.0
    folder = out / "audio" / slug(track.name)
    scores = _headline_scores(runs, track.name)
    unit = next(q.unit for q in runs[0].record.quantities if q.name == protocol.headline)
    written: dict[str, list[Signal]] = {}
    n_bytes = 0
    for (target, kind, name), samples in signals.items():
        path = folder / slug(target or "mixture") / f"{kind}-{slug(name)}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, Audio(samples * gain, track.rate_hz), subtype="PCM_16")
        n_bytes += path.stat().st_size
        row = scores.get((name, target)) if kind not in ("mixture", "reference") else None
        text = decibels(row.score, row.status) + (f" {unit}" if row.score is not None else "") if row else ""
        href = path.relative_to(out).as_posix()
        written.setdefault(target, []).append(Signal(name, kind, href, waveform(samples * gain), text))
    duration_s = (stop - start) / track.rate_hz
    players = [
        Player(f"player-{slug(track.name)}-{slug(t)}", t, duration_s, (*written[""], *found))
        for t, found in written.items()
        if t
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
