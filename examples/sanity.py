"""What each metric hears: every metric on known degradations of one made-up voice.

Run it: ``python examples/sanity.py`` rewrites ``docs/sanity.md``.
"""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import numpy as np
from scipy import signal

from svbench.datasets.synthetic import synthetic_track
from svbench.metrics.contract import Metric, QuantityRecord
from svbench.specs.library import load_plugin, plugins

PAGE = Path(__file__).parents[1] / "docs" / "sanity.md"
RATE_HZ = 44100
DURATION_S = 6
SILENT_S = (2, 4)  # the voice rests here, so that metrics of silence have something to score
LEFT_OUT = {"peass", "insertion"}

INTRODUCTION = """# What each metric hears

Every metric on known degradations of a made-up singing voice of six seconds (harmonics of 220 Hz with
vibrato, breath, silent from second 2 to 4), scored as `vocals` beside a perfect `accompaniment` of
synthetic bass, chords and drums. Each metric has its default parameters, and windows of one second where it
has no default; numbers are medians over frames. The arrow says which way is better. ∞ is perfect,
– undefined, and "> 100" a ratio in dB so large that rounding decides it. Left out: `peass`, which takes
minutes, and `insertion`, which needs what a probe laid over the music.

"""

READING = """
| column | the voice's estimate |
|---|---|
| none | the reference itself |
| gain | 6.02 dB too quiet |
| delay | one sample late |
| noise | with white noise, 20 dB below the voice |
| low-pass | without what is above 8 kHz, phase untouched |
| bleed | with accompaniment, 20 dB below the voice |
| polarity | upside down |
| clipping | clipped at half of its peak |
| swap | left and right exchanged |

What to see in it:

- Noise and bleed of the same energy have the same uSDR. SIR and SAR of BSS Eval distinguish them.
- One sample of delay, which nobody hears, leaves about 15 dB of uSDR and SI-SDR; SRR forgives it.
- SI-SDR and SRR are deaf to gain and polarity; SDR is not, and calls a flipped voice −6 dB.
- Metrics of magnitudes are deaf to polarity. Gain alone takes fullness from 100 to 14; `_gm` gives it back.
- Bleedless and fullness average only where something was added, or is missing. A matched gain a hair below
  1 takes away the many small differences and leaves few large ones: see the delay. Read the two together.
- Clipping hits the louder channel harder: SSA hears it, and it hears nothing of exchanged channels.
- PES and leakage hear only what sounds while the voice is silent: noise, bleed, and the filter's ringing.

Made by `python examples/sanity.py`; a test holds the page to it.
"""

Signal = np.ndarray


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as Markdown."""
    rows = table()
    columns = list(degradations(*voice_and_accompaniment()))
    lines = [
        f"| metric | quantity | {' | '.join(columns)} |",
        f"|---|---|{'--:|' * len(columns)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return INTRODUCTION + "\n".join(lines) + "\n" + READING


def table() -> list[list[str]]:
    """Score every degradation with every metric; one row of cells per quantity."""
    voice, accompaniment = voice_and_accompaniment()
    estimates = degradations(voice, accompaniment)
    rows = []
    for name, plugin in plugins("metric").items():
        if not plugin.target.startswith("svbench.") or name in LEFT_OUT:
            continue
        metric: Metric = load_plugin("metric", name)
        scores = [
            score(metric, np.stack([voice, accompaniment]), np.stack([estimate, accompaniment]))
            for estimate in estimates.values()
        ]
        for quantity in metric.quantities:
            arrow = "↑" if quantity.higher_is_better else "↓"
            cells = [cell(found[quantity.name], quantity) for found in scores]
            rows.append([f"`{name}`", f"{quantity.name} {arrow} ({quantity.unit})", *cells])
    return rows


def score(metric: Metric, references: Signal, estimates: Signal) -> dict[str, float]:
    """Median over frames of every quantity of the first target."""
    given: dict[str, object] = {
        name: 1.0  # second: windows and hops
        for name, parameter in inspect.signature(metric.function).parameters.items()
        if name in metric.parameters and parameter.default is parameter.empty
    }
    if "mixture" in metric.needs:
        given["mixture"] = references.sum(axis=0)
    values = metric.function(references, estimates, rate_hz=RATE_HZ, **given).values
    defined = {name: frames[0][~np.isnan(frames[0])] for name, frames in values.items()}
    return {name: float(np.median(frames)) if len(frames) else math.nan for name, frames in defined.items()}


def cell(value: float, quantity: QuantityRecord) -> str:
    """Print a number as the page shows it."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if quantity.unit == "dB" and value > 100:
        return "> 100"
    text = f"{value:.2f}" if quantity.unit in ("dB", "of 100", "1") else f"{value:.2g}"
    return text.replace("-0.00", "0.00").replace("-", "−")


def voice_and_accompaniment() -> tuple[Signal, Signal]:
    """Make the two targets, shape (n_samples, 2) each, peaks about 0.3."""
    t = np.arange(DURATION_S * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * 220 * (t + 0.004 * np.sin(2 * np.pi * 5.5 * t) / 5.5)
    tone = sum(np.sin(k * phase) / k for k in range(1, 61))
    voice = 0.15 * np.outer(tone * (1 + 0.3 * np.sin(2 * np.pi * 0.7 * t)), [0.9, 0.6])
    voice += 0.004 * noise(voice.shape, seed=1)
    voice[SILENT_S[0] * RATE_HZ : SILENT_S[1] * RATE_HZ] = 0
    stems = synthetic_track(1, duration_s=DURATION_S, rate_hz=RATE_HZ)
    return voice, np.asarray(sum(stems[name].samples for name in ("bass", "other", "drums")))


def degradations(voice: Signal, accompaniment: Signal) -> dict[str, Signal]:
    """Return the voice with each degradation that the page shows."""
    taps = signal.firwin(511, 8000, fs=RATE_HZ)
    half_peak = np.abs(voice).max() / 2
    return {
        "none": voice,
        "gain": 0.5 * voice,
        "delay": np.concatenate([np.zeros((1, 2)), voice[:-1]]),
        "noise": voice + 0.1 * as_loud_as(voice, noise(voice.shape, seed=2)),
        "low-pass": signal.fftconvolve(voice, taps[:, np.newaxis], mode="same", axes=0),
        "bleed": voice + 0.1 * as_loud_as(voice, accompaniment),
        "polarity": -voice,
        "clipping": np.clip(voice, -half_peak, half_peak),
        "swap": voice[:, ::-1].copy(),
    }


def as_loud_as(model: Signal, sound: Signal) -> Signal:
    """Scale a sound to the energy of another."""
    return sound * np.sqrt(np.sum(model**2) / np.sum(sound**2))


def noise(shape: tuple[int, ...], seed: int) -> Signal:
    """White noise of integers, which are the same on every machine."""
    draw = np.random.Generator(np.random.PCG64(seed))
    return draw.integers(-(2**15), 2**15, size=shape) / 2**15


if __name__ == "__main__":
    main()
