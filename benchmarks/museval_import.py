"""Time of importing museval's files, compared with parsing them only; alternating, in separate processes.

    python benchmarks/museval_import.py --submissions 31 --tracks 50 --repeats 3

Files are generated at the size that museval writes: 240 frames, 4 or 5 targets in turn, 4 metrics,
indented, with undefined frames. `json` is `json.load` of every file and nothing else. `svbench` is the
whole command `svbench import museval DIR --json`, from start to exit: it reads, checks and hashes
the files, writes runs that survive a power cut, reads these back and aggregates every quantity.
Ratios are svbench's CPU time over json's, medians of the repeats; both read from the page cache.
The peak memory of svbench is printed too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TARGETS = ("drums", "bass", "other", "vocals", "accompaniment")
N_FRAMES = 240
UNDEFINED = 0.05  # share of silent frames
PARSE = """
import json, sys
from pathlib import Path
for path in Path(sys.argv[1]).rglob("*.json"):
    with path.open() as file:
        json.load(file)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=4)
    parser.add_argument("--tracks", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's for such files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = Path(folder, "files")
        n_bytes = generate(files, options.submissions, options.tracks)
        print(f"{options.submissions} submissions x {options.tracks} tracks, {n_bytes / 1e6:.0f} MB")
        ratios = []
        for repeat in range(options.repeats):
            parsing, _ = cost([sys.executable, "-c", PARSE, str(files)])
            out = Path(folder, f"runs{repeat}")
            words = ["-m", "svbench", "import", "museval", str(files), "--json", "--out", str(out)]
            importing, peak_mb = cost([sys.executable, *words])
            ratios.append(importing / parsing)
            line = f"json {parsing:6.2f} s  svbench {importing:6.2f} s  ratio {ratios[-1]:.2f}"
            print(f"{line}  peak {peak_mb:.0f} MB", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}")


def cost(command: list[str]) -> tuple[float, float]:
    """Run a command; return its CPU time in seconds and its peak memory in MB."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def generate(folder: Path, n_submissions: int, n_tracks: int) -> int:
    """Write files in museval's layout, each with different numbers."""
    rng = np.random.default_rng(0)
    n_bytes = 0
    for submission in range(n_submissions):
        targets = TARGETS[: 4 + submission % 2]
        form = template(targets)
        subset = folder / f"SYS{submission}" / "test"
        subset.mkdir(parents=True)
        for track in range(n_tracks):
            values = rng.normal(6.0, 5.0, (len(targets), N_FRAMES, 4))
            values[:, rng.random(N_FRAMES) < UNDEFINED] = np.nan
            texts = tuple("NaN" if np.isnan(v) else f"{v:.5f}" for v in values.ravel().tolist())
            n_bytes += Path(subset, f"Track {track:02}.json").write_text(form % texts)
    return n_bytes


def template(targets: tuple[str, ...]) -> str:
    """Return the text of a file with %s for every number, indented as museval does."""
    metrics = ",\n".join(f'            "{m}": %s' for m in ("SDR", "SIR", "SAR", "ISR"))
    frames = ",\n".join(
        f'        {{\n          "time": {i}.0,\n          "duration": 1.0,\n'
        f'          "metrics": {{\n{metrics}\n          }}\n        }}'
        for i in range(N_FRAMES)
    )
    rows = ",\n".join(
        f'    {{\n      "name": "{name}",\n      "frames": [\n{frames}\n      ]\n    }}' for name in targets
    )
    return f'{{\n  "targets": [\n{rows}\n  ],\n  "museval_version": "0.4.1"\n}}'


if __name__ == "__main__":
    main()
