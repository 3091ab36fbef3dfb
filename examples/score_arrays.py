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
    references = {target: track.reference(target).samples for target in targets}
    estimates = dict.fromkeys(targets, track.mixture().samples)
    for score in svbench.score(references, estimates, "sisec18", rate_hz=track.rate_hz):
        if score.metric == "SDR":
            print(f"{track.name}, {score.target}: median SDR {score.score:.2f} dB, {score.n_frames} frames")
    # The same metric without a protocol, frame by frame; here arrays are stacked, targets first.
    stacked = (np.stack(list(side.values())) for side in (references, estimates))
    frames = svbench.bss_eval_v4(*stacked, rate_hz=track.rate_hz).values["SDR"]
    print(f"the first frame of {targets[0]}: {frames[0, 0]:.2f} dB")
    if len(sys.argv) > 1:
        print(svbench.load_run(sys.argv[1]).summary().to_string())


if __name__ == "__main__":
    main()
