"""Time and memory of the commands that read many tracks or many runs, on generated runs.

    python benchmarks/many_runs.py table --runs 2 --tracks 5000
    python benchmarks/many_runs.py report --runs 31 --tracks 50

``table`` generates runs under mdx21, one value for each target; ``report`` under sisec18, with 240 frames of
each quantity, as long as a song. The command runs in a process of its own. The script prints its CPU time,
its peak memory, and the SHA-256 of all that it wrote. Wall time is left out, since it is not comparable on a
shared machine. A change that only makes a command faster does not change the SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from svbench.results.record import DataRecord, Machine, Provenance, RunRecord
from svbench.results.scores import Resources, TrackResult, series
from svbench.results.store import run_name, write_run
from svbench.scoring.bound import bind
from svbench.specs.protocol import Protocol, load_protocol
from svbench.specs.records import digest
from svbench.specs.system import SystemSpec

PROTOCOLS = {"table": "mdx21", "report": "sisec18", "compare": "sisec18"}
N_FRAMES = 240
MADE = Provenance(
    created="2026-01-02T03:04:05+00:00",
    svbench="0.1.0",
    commit="",
    python="3.11",
    packages={},
    machine=Machine(system="Linux", architecture="x86_64", cpu="CPU", n_cores=2, memory_bytes=2**33),
    command=("svbench", "run"),
    arguments={},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("verb", choices=PROTOCOLS)
    parser.add_argument("--runs", type=int, default=2, metavar="N")
    parser.add_argument("--tracks", type=int, default=100, metavar="N")
    parser.add_argument("--folder", type=Path, help="keep the runs here, and use those that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        runs = (options.folder or Path(scratch, "runs")).resolve()
        if not runs.exists():
            generate(runs, load_protocol(PROTOCOLS[options.verb]), options.runs, options.tracks)
        out = Path(scratch, "out")
        out.mkdir()
        more = ["--out", "site"] if options.verb == "report" else []
        cpu_s, peak_mb = cost([sys.executable, "-m", "svbench", options.verb, str(runs), *more], out)
        n_bytes, sha256 = content(out)
        print(
            f"{options.verb} of {options.runs} x {options.tracks}: {cpu_s:.2f} s CPU, peak {peak_mb:.0f} MB, "
            f"{n_bytes / 1e6:.2f} MB written, sha256 {sha256[:12]}"
        )


def generate(folder: Path, protocol: Protocol, n_runs: int, n_tracks: int) -> None:
    """Write runs of systems half a decibel apart."""
    random = np.random.default_rng(0)
    tracks = tuple(f"Artist {i:04} - Song" for i in range(n_tracks))
    n_frames = 1 if protocol.id == "mdx21" else N_FRAMES
    data = DataRecord(
        id="generated", version="1", title="Generated", digest=digest(["museval", tracks]), root="",
        manifest="", subset="", tracks=tracks,
    )  # fmt: skip
    quantities = bind(protocol).quantities
    times, lengths = [float(i) for i in range(n_frames)], [1.0] * n_frames
    for number in range(n_runs):
        spec = SystemSpec(
            schema=1, id=f"network-{number}", title="t", adapter="python", training_data=("unknown",)
        )
        record = RunRecord(
            schema=1, system=spec, system_digest=spec.digest, protocol=protocol,
            protocol_digest=protocol.digest, quantities=quantities, data=data, provenance=(MADE,),
        )  # fmt: skip
        results = (
            TrackResult(
                schema=1, key="", track=track, subset="", duration_s=float(n_frames),
                n_samples=n_frames * 44100, status="ok",
                target_sets=tuple(s.id for s in protocol.target_sets),
                series=tuple(
                    series(s.id, target, q.name, times, lengths,
                           random.normal(5 - number / 2, 3, n_frames).round(5).tolist())
                    for s in protocol.target_sets for q in quantities for target in s.targets
                ),
                resources=Resources(load_s=0.5, wall_s=2.0, cpu_s=2.0, peak_rss_bytes=10**8, rtf=0.2),
            )
            for track in tracks
        )  # fmt: skip
        write_run(folder / run_name(spec, protocol, data.digest), record, results)


def cost(command: list[str], out: Path) -> tuple[float, float]:
    """Run a command; return its CPU time in seconds and its peak memory in MB."""
    with Path(out, "printed").open("wb") as printed:
        started = subprocess.Popen(command, cwd=out, stdout=printed)
        _, status, usage = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def content(folder: Path) -> tuple[int, str]:
    """Return the size of all files in a folder, and one digest of them."""
    n_bytes, found = 0, hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        text = path.read_bytes()
        found.update(str(path.relative_to(folder)).encode() + b"\0" + hashlib.sha256(text).digest())
        n_bytes += len(text)
    return n_bytes, found.hexdigest()


if __name__ == "__main__":
    main()
