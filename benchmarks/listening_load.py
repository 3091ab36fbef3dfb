"""Load on the server of a listening test: many assessors at once, from consent to thanks.

    python benchmarks/listening_load.py --sessions 200
    DATABASE_URL=postgresql://… python benchmarks/listening_load.py

The server runs as one process, the assessors as threads of several others, all on this machine. Each
assessor thinks for `--think` seconds (mean, exponential) before every rating; all begin within
`--arrive` seconds. Printed: requests, errors, median, 95th percentile and maximum in ms for each kind
of request, and how many acknowledged ratings the database does not have.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from svbench.listening.store.export import stored_ratings
from svbench.specs.listening import Sessions
from svbench.testing.listening import make_test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
from simulated.listeners import Answered, Listener, ServerProcess


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "test"
        test = make_test(
            folder, n_trials=options.trials, n_systems=options.systems, length_s=options.length,
            sessions=Sessions(replicates=1),
        )  # fmt: skip
        start = time.perf_counter()
        server = ServerProcess(folder, database=os.environ.get("DATABASE_URL"))
        print(f"server up after {time.perf_counter() - start:.1f} s")
        shares = [range(i, options.sessions, options.processes) for i in range(options.processes)]
        with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
            start = time.perf_counter()
            parts = pool.starmap(assessors, [(server.address, list(s), vars(options)) for s in shares])
            wall_s = time.perf_counter() - start
        said = server.stop()
        told = [row for part in parts for row in part[0]]
        acknowledged = [rating for part in parts for rating in part[1]]
        stored = stored_ratings(folder, test)
        report(told, options, wall_s)
        lost = Counter(acknowledged) - Counter(stored.rating)
        print(f"sessions complete: {stored[stored.complete].session.nunique()} of {options.sessions}")
        print(f"ratings acknowledged: {len(acknowledged)}, stored: {len(stored)}, lost: {lost.total()}")
        if said.strip():
            print(f"the server said:\n{said}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--systems", type=int, default=5)
    parser.add_argument("--length", type=float, default=10.0, help="seconds of each stimulus")
    parser.add_argument("--think", type=float, default=2.0, help="mean seconds before a rating")
    parser.add_argument("--arrive", type=float, default=10.0, help="seconds within which all begin")
    parser.add_argument("--processes", type=int, default=1, help="that play the assessors")
    parser.add_argument("--silent", action="store_true", help="fetch no sound")
    return parser.parse_args()


def assessors(
    address: str, numbers: list[int], options: dict[str, float]
) -> tuple[list[tuple[str, int, float, int]], list[float]]:
    """Play some assessors; return (kind, status, seconds, bytes) of each answer, and ratings acknowledged."""
    told: list[tuple[str, int, float, int]] = []
    acknowledged: list[float] = []

    def watch(answer: Answered) -> None:
        told.append((answer.kind, answer.status, answer.seconds, len(answer.body)))
        if answer.kind == "rating" and answer.status == 200:
            acknowledged.append(json.loads(answer.body)["rating"])

    def play(number: int) -> None:
        draw = random.Random(number)
        time.sleep(draw.uniform(0, options["arrive"]))
        person = hashlib.sha256(str(number).encode()).hexdigest()[:24]
        listener = Listener(
            address,
            lambda sound, screen, slot: round(draw.uniform(0, 100), 6),
            listens=not options["silent"],
            think=lambda: time.sleep(draw.expovariate(1 / options["think"])),
            watch=watch,
        )
        listener.take_part(f"/join?PROLIFIC_PID={person}")

    threads = [threading.Thread(target=play, args=(n,)) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told, acknowledged


def report(told: list[tuple[str, int, float, int]], options: argparse.Namespace, wall_s: float) -> None:
    print(f"{options.sessions} assessors, {wall_s:.0f} s, {len(told) / wall_s:.0f} requests/s")
    print(f"{'kind':8} {'n':>7} {'errors':>6} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}")
    for kind in ("page", "form", "screen", "audio", "heard", "rating", "done"):
        times = sorted(1000 * seconds for k, _, seconds, _ in told if k == kind)
        if times:
            errors = sum(k == kind and status >= 400 for k, status, _, _ in told)
            p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
            middle = statistics.median(times)
            print(f"{kind:8} {len(times):7} {errors:6} {middle:8.1f} {p95:8.1f} {times[-1]:8.1f}")
    print(f"sound sent: {sum(size for k, _, _, size in told if k == 'audio') / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
