"""Draw waveforms and spectrograms of the synthetic pattern clips.

Run it: ``python examples/pattern_pictures.py [FOLDER]``. Without a folder it renews the pictures of
docs/generalisation.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from svbench.audio import Audio
from svbench.probes.patterns.kit import CLASSES, kit_clip
from svbench.systems.stft import stft

NUMBERS = (0, 1, 2)
# The last picture shows attacks: a short piece in short frames.
START_S = 0.8
N_BLOCKS = 600  # of a waveform
Frames = tuple[int, int]  # length and hop in samples
LONG, SHORT = (2048, 512), (1024, 128)


def picture(pattern: str, numbers: tuple[int, ...] = NUMBERS) -> Figure:
    """Draw some clips of a class and the start of the last, the waveform above the spectrogram."""
    clips = [kit_clip(pattern, n) for n in numbers]
    last = clips[-1]
    shown = [(f"{pattern} {n}", clip, LONG) for n, clip in zip(numbers, clips, strict=True)]
    begin = Audio(last.samples[: round(START_S * last.rate_hz)], last.rate_hz)
    shown.append((f"{pattern} {numbers[-1]}, its start", begin, SHORT))
    figure = Figure(figsize=(3.2 * len(shown), 3.6), layout="constrained")
    axes = figure.subplots(2, len(shown), sharex="col", height_ratios=[1, 3], squeeze=False)
    for column, (title, clip, frames) in enumerate(shown):
        _waveform(axes[0, column], clip)
        _spectrogram(axes[1, column], clip, frames)
        axes[0, column].set_title(title, fontsize=9)
        axes[1, column].set_xlabel("s", fontsize=8)
        for axis in axes[:, column]:
            axis.tick_params(labelsize=7)
    axes[1, 0].set_ylabel("Hz", fontsize=8)
    return figure


def _waveform(axis: Axes, clip: Audio) -> None:
    edges = np.linspace(0, clip.n_samples, N_BLOCKS + 1).astype(int)[:-1]
    low, high = (ends.reduceat(clip.samples[:, 0], edges) for ends in (np.minimum, np.maximum))
    axis.fill_between(edges / clip.rate_hz, low, high, linewidth=0, color="#33577b")
    axis.set_ylim(-0.55, 0.55)


def _spectrogram(axis: Axes, clip: Audio, frames: Frames) -> None:
    n_fft, hop = frames
    level_db = 20 * np.log10(np.abs(stft(clip.samples[:, :1], n_fft, hop)[:, :, 0]) + 1e-6)
    top = level_db.max()
    hz = np.fft.rfftfreq(n_fft, 1 / clip.rate_hz)
    t = np.arange(len(level_db)) * hop / clip.rate_hz
    keep = (hz > 60) & (hz < 16000)
    axis.pcolormesh(
        t, hz[keep], level_db[:, keep].T, vmin=top - 70, vmax=top, cmap="magma", rasterized=True,
        shading="nearest",
    )  # fmt: skip
    axis.set_yscale("log")
    axis.set_yticks([100, 300, 1000, 3000, 10000], ["100", "300", "1k", "3k", "10k"])


def main(folder: Path) -> None:
    """Write one PNG per class."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in CLASSES:
        path = folder / f"{pattern}.png"
        picture(pattern).savefig(path, dpi=80, metadata={"Software": None})
        print(path)


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[1] / "docs/patterns"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
