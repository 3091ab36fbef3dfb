"""Score estimates that are already in memory, and read a finished run as a pandas table.

Run it: ``python examples/score_arrays.py [RUN_FOLDER]``
"""

import sys

import numpy as np

import svbench
from svbench.datasets.demo import DEMO_ID, demo_root


def main() -> None:
    """Score the mixture as an estimate of the vocals and of the accompaniment of one track."""
    data = svbench.open_dataset(svbench.load_manifest(DEMO_ID), demo_root())
    track = data.tracks[0]
    targets = ("vocals", "accompaniment")
    references = np.stack([track.reference(t).samples for t in targets])
    estimates = np.stack([track.mixture().samples] * 2)
    scores = svbench.bss_eval_v4(references, estimates, rate_hz=track.rate_hz)
    for target, frames in zip(targets, scores.values["SDR"], strict=True):
        print(f"{track.name}, {target}: median SDR {np.nanmedian(frames):.2f} dB over {len(frames)} frames")
    if len(sys.argv) > 1:
        table = svbench.long_table([svbench.load_run(sys.argv[1])])
        print(table.groupby(["target_set", "target", "metric"])["score"].median())


if __name__ == "__main__":
    main()
