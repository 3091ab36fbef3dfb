"""Score one set of estimates under every published rule, as the page docs/rules.md.

Run it: ``python examples/rules.py > docs/rules.md``
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from svbench.audio.sounds import ArraySound
from svbench.datasets.api import Dataset, open_dataset
from svbench.datasets.demo import DEMO_ID, demo_root
from svbench.report.view.numbers import decibels, dropped
from svbench.results.aggregate import Summary, summarise
from svbench.results.record import DataRecord, RunRecord
from svbench.results.scores import TrackResult
from svbench.results.store import Run
from svbench.scoring.bound import bind
from svbench.scoring.track import Signals, score_signals
from svbench.specs.library import load_plugin
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import Protocol, load_protocol
from svbench.specs.system import load_system
from svbench.systems.api import Context

SYSTEM = "irm1"
STEMS = ("vocals", "drums", "bass", "other")
TARGETS = (*STEMS, "accompaniment")

# Protocol, target set (the first that has the target, if empty), and why its numbers differ.
RULES = (
    ("sisec18", "4-stems",
     "The reference point. A second in which any of the four stems is silent counts for none of them."),
    ("sisec18", "vocals-accompaniment",
     "The same vocals, scored with their accompaniment: silence of drums, bass or other alone drops "
     "no frame."),
    ("sisec18-22k", "",
     "Nothing above 11 kHz counts, and a frame lasts 2 s. Resampled as ffmpeg does."),
    ("xumx-asteroid", "",
     "Frames as in `sisec18`, but their mean, which single outlying seconds influence."),
    ("demucs-sdr", "",
     "Frames and medians as in `sisec18`, but the mean over tracks, which one outlying track influences."),
    ("demucs-sdr-med", "",
     "As `sisec18`, except for rounding, and for perfect frames, which are kept here and dropped there."),
    ("bsrnn-amanteur", "",
     "Every target separately: only its own silence drops a frame. Where nothing else sounds a "
     "mask is almost exact, and such windows count."),
    ("dttnet-csdr", "",
     "One median over all seconds of all tracks, long tracks weighing more. A second is dropped only where "
     "the target is silent or all else is."),
    ("mdx21", "",
     "One ratio per track: loud passages decide, quiet ones hardly count, nothing is dropped."),
    ("msst", "",
     "As `mdx21`: the constants 1e-7 and 1e-8 differ only where a stem is silent throughout, and a mean over "
     "targets takes each target's own tracks."),
    ("kuielab", "",
     "As `mdx21`: the constant 1e-10 is inside the logarithm and matters below −80 dB only."),
    ("dttnet-usdr", "",
     "As `mdx21` without a constant: a silent stem would leave the mean undefined."),
    ("si-sdr", "",
     "The gain is free, one for all channels; the remainder is measured against the scaled reference."),
    ("si-sdr-per-channel", "",
     "The gain of every channel is free, and a quiet channel counts as much as a loud one."),
)  # fmt: skip

HEAD = """\
# One set of estimates under every published rule

The oracle `{system}` on the {n} tracks of `{data}`, its estimates rounded to 16 bit as in
files, scored under every published rule that svbench ships. The estimates are the same in every row; only the
rule differs. Numbers of different rows cannot be compared, and "SDR" alone does not identify any of them.

Values are the protocol's headline quantity in dB. *Reducers*: over frames / over tracks. *n*: tracks, and in
brackets those that have bass. *Dropped*: frames without a value, of all frames of the targets in the row;
whole tracks are one frame.

| rule | quantity | {targets} | reducers | n | dropped |
|---|---|{rules}|---|---|---:|"""

MORE = """
## Why they differ

{reasons}

## What the table does not show

- **Silent estimates.** `dttnet-csdr`, `mdx21`, `msst`, `kuielab` and `dttnet-usdr` give them 0 dB. The rules
  of BSS Eval v4 leave such frames out, for every target of the set: silence improves a score. `si-sdr` has
  no value.
- **Silent stems.** `mdx21` and `msst` stay finite, `kuielab` gives −100 dB, `dttnet-usdr` makes the mean
  undefined, the others leave the track out of that target's number. A stem without a file is `no target`
  everywhere.
- **Perfect estimates.** A frame without any error is infinite here, and dropped or kept as the rule says.
  museval measures the rounding of its own filters there, 300 dB and more, and counts that: under
  `xumx-asteroid`, with its mean over frames, one such frame adds many dB. Estimates that are perfect except
  for the rounding of doubles do the same to any mean; in 16 bit, as here, they stay below 100 dB.
- **The end of a track.** What remains after the last whole frame counts only in whole-track rules.
- **Silence** is digital silence: every sample zero, and in BSS Eval v4 also channels that cancel each other.

`svbench show RULE` prints the formula, the source repository and all parameters. This page is made by
`python examples/rules.py > docs/rules.md`, and a test compares it with what svbench computes."""


def main() -> None:
    """Print the page."""
    print("\n".join(page()))


def page() -> Iterator[str]:
    """Compute the page, line by line."""
    dataset = open_dataset(load_manifest(DEMO_ID), demo_root())
    tracks = estimates_of(dataset)
    yield HEAD.format(
        system=SYSTEM,
        n=len(tracks),
        data=DEMO_ID,
        targets=" | ".join(TARGETS),
        rules="|".join(["---:"] * len(TARGETS)),
    )
    for name, target_set, _ in RULES:
        protocol = load_protocol(name)
        found = summaries(protocol, tracks)
        chosen = [s for s in found if s.metric == protocol.headline and target_set in ("", s.target_set)]
        yield _row(name, target_set, chosen)
    reasons = [f"- `{name}`{f' ({s})' if s else ''}: {why}" for name, s, why in RULES]
    yield MORE.format(reasons="\n".join(reasons))


def _row(name: str, target_set: str, chosen: list[Summary]) -> str:
    of_target = {t: next((s for s in chosen if s.target == t), None) for t in TARGETS}
    shown = [s for s in of_target.values() if s]
    cells = [decibels(s.score, s.status) if s else "–" for s in of_target.values()]
    bass = of_target["bass"]
    n = f"{shown[0].n_tracks}" + (f" ({bass.n_tracks})" if bass else "")
    n_dropped, n_frames = dropped(shown)
    rule = f"`{name}`" + (f", {target_set}" if target_set else "")
    columns = [rule, shown[0].metric, *cells, shown[0].label, n, f"{n_dropped} of {n_frames}"]
    return f"| {' | '.join(columns)} |"


def estimates_of(dataset: Dataset) -> dict[str, Signals]:
    """Separate every track with the oracle; accompaniment is the sum of the other estimates.

    Estimates are rounded to 16 bit, which makes them the same on every machine.
    """
    spec = load_system(SYSTEM).spec
    context = Context(system_id=SYSTEM, folder=Path(), targets=STEMS, weights=())
    system = load_plugin("adapter", spec.adapter)(spec.parameters, context)
    tracks = {}
    for track in dataset.tracks:
        mixture = track.mixture()
        separated = system.separate(mixture, references=track.references(STEMS))
        coded = {t: np.round(separated[t].samples * 2**15) / 2**15 for t in STEMS}
        coded["accompaniment"] = sum(coded[t] for t in STEMS if t != "vocals")
        estimates = {t: ArraySound(samples, mixture.rate_hz) for t, samples in coded.items()}
        references = {t: r for t in TARGETS if (r := track.reference_sound(t)) is not None}
        tracks[track.name] = Signals(references, estimates, track.mixture_sound())
    return tracks


def summaries(protocol: Protocol, tracks: Mapping[str, Signals]) -> list[Summary]:
    """Score tracks that are in memory and reduce them to the numbers a protocol prints."""
    bound = bind(protocol)
    results = []
    for name, signals in tracks.items():
        scored = score_signals(signals, bound)
        audio = next(iter(signals.estimates.values()))
        results.append(
            TrackResult(
                schema=1, key="", track=name, subset="", duration_s=audio.n_samples / audio.rate_hz,
                n_samples=audio.n_samples, status="ok", series=scored.series,
                absent_targets=scored.absent_targets,
            )
        )  # fmt: skip
    record = RunRecord(
        schema=1, system=load_system(SYSTEM).spec, system_digest="", protocol=protocol,
        protocol_digest=protocol.digest, quantities=bound.quantities, provenance=(),
        data=DataRecord(id="", version="", title="", digest="", root="", manifest="", subset="",
                        tracks=tuple(tracks)),
    )  # fmt: skip
    return summarise(Run(Path(), record, tuple(results)))


if __name__ == "__main__":
    main()
