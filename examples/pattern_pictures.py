"""Draw waveforms and spectrograms of the synthetic pattern clips.

Run it: ``python examples/pattern_pictures.py [FOLDER]``. Without a folder it renews the pictures of
docs/generalisation.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from svbench.audio import Audio
from svbench.probes.patterns.kit import CLASSES, kit_clip
from svbench.systems.stft import stft

N_FFT, HOP = 2048, 512
NUMBERS = (0, 1, 2, 3)


def picture(pattern: str, numbers: tuple[int, ...] = NUMBERS) -> Figure:
    """Draw some clips of a class, the waveform above the spectrogram."""
    figure = Figure(figsize=(3.2 * len(numbers), 3.6), layout="constrained")
    axes = figure.subplots(2, len(numbers), sharex="col", height_ratios=[1, 3], squeeze=False)
    for column, number in enumerate(numbers):
        clip = kit_clip(pattern, number)
        _waveform(axes[0, column], clip)
        _spectrogram(axes[1, column], clip)
        axes[0, column].set_title(f"{pattern} {number}", fontsize=9)
        axes[1, column].set_xlabel("s", fontsize=8)
        for axis in axes[:, column]:
            axis.tick_params(labelsize=7)
    axes[1, 0].set_ylabel("Hz", fontsize=8)
    return figure


def _waveform(axis: object, clip: Audio) -> None:
    t = np.arange(clip.n_samples) / clip.rate_hz
    axis.plot(t[::16], clip.samples[::16, 0], linewidth=0.3, color="#33577b")
    axis.set_ylim(-0.55, 0.55)


def _spectrogram(axis: object, clip: Audio) -> None:
    level_db = 20 * np.log10(np.abs(stft(clip.samples[:, :1], N_FFT, HOP)[:, :, 0]) + 1e-6)
    top = level_db.max()
    hz = np.fft.rfftfreq(N_FFT, 1 / clip.rate_hz)
    t = np.arange(len(level_db)) * HOP / clip.rate_hz
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
