"""The embedded demo: six excerpts of real CC0 music, cut without touching a sample.

``python -m svbench.datasets.demo SOURCE OUT`` cuts them again from the full recordings. Of all 11-second
excerpts that start on a whole second, it takes the one with the most one-second frames in which every stem of
the track is audible; among equals, the one whose quietest stem is loudest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from svbench.audio import Samples

DEMO_ID = "everything-is-free-demo"
EXCERPT_S = 11
# A stem is audible in a frame if its level is above this: far below any music, far above dither.
SOUNDS_DB = -60.0


def demo_root() -> Path:
    """Return the folder of the embedded music, laid out as a plain folder data set.

    Examples
    --------
    >>> sorted(p.name for p in demo_root().iterdir())[:2]
    ['caesium', 'francium']
    """
    return Path(__file__).with_name("demo_audio")


def best_start_s(stems: list[Samples], rate_hz: int, excerpt_s: int = EXCERPT_S) -> int:
    """Return the whole second at which the best excerpt of a track starts.

    Parameters
    ----------
    stems : list of ndarray, shape (n_samples, n_channels), one length
    rate_hz, excerpt_s : int
    """
    n_seconds = len(stems[0]) // rate_hz
    frames = np.stack([s[: n_seconds * rate_hz].reshape(n_seconds, -1) for s in stems])
    level_db = 10 * np.log10(np.mean(np.square(frames), axis=2) + 1e-12)
    sounding = (level_db > SOUNDS_DB).all(axis=0)
    starts = range(n_seconds - excerpt_s + 1)
    quietest = [float(np.min(level_db[:, s : s + excerpt_s].mean(axis=1))) for s in starts]
    return max(starts, key=lambda s: (int(sounding[s : s + excerpt_s].sum()), round(quietest[s], 3), -s))


def cut_demo(source: Path, out: Path) -> None:
    """Cut the excerpts from the full recordings (``<track>/<stem>.flac``, 16 bit)."""
    import soundfile

    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        paths = sorted(folder.glob("*.flac"))
        rate_hz = soundfile.info(str(paths[0])).samplerate
        stems = [soundfile.read(str(p), dtype="float64", always_2d=True)[0] for p in paths]
        start = best_start_s(stems, rate_hz) * rate_hz
        (out / folder.name).mkdir(parents=True, exist_ok=True)
        for path in paths:
            # Read and written as int16, so the samples of the excerpt are exactly those of the recording.
            samples, _ = soundfile.read(
                str(path), dtype="int16", start=start, frames=EXCERPT_S * rate_hz, always_2d=True
            )
            soundfile.write(
                str(out / folder.name / path.name), samples, rate_hz, subtype="PCM_16", compression_level=1.0
            )


if __name__ == "__main__":
    cut_demo(Path(sys.argv[1]), Path(sys.argv[2]))
