"""Time and memory of BSS Eval v4: svbench and museval alternate, each in a process of its own.

    python benchmarks/bss_eval.py --durations 30 240 --targets 2 4 --repeats 3
    python benchmarks/bss_eval.py --music path/to/tracks --durations 240
    python benchmarks/bss_eval.py --long 60

`--music` takes a folder of tracks, each a folder with one audio file per target; they are repeated to
the length. `--long` scores one track of that many minutes straight from files, svbench only.
Wall and CPU time are those of the scoring call; extra memory is the peak resident set (VmHWM)
above what was resident with the signals loaded. Ratios are museval's wall time over svbench's,
medians of the repeats. museval is loaded without its package, which needs ffmpeg and 1.6 s.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE_HZ = 44100
QUANTITIES = ("SDR", "ISR", "SIR", "SAR")


def main() -> None:
    options = parse()
    if options.measure:
        measure(json.loads(options.measure))
    elif options.long:
        task = {"engine": "long", "minutes": options.long, "targets": options.targets[-1]}
        print(in_own_process({**task, "threads": options.threads})["told"])
    else:
        compare(options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--durations", type=float, nargs="+", default=[10, 30], metavar="S", help="seconds")
    parser.add_argument("--targets", type=int, nargs="+", default=[2, 4], metavar="N")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="of svbench")
    parser.add_argument("--music", type=Path, help="folder of tracks, each a folder of audio files")
    parser.add_argument("--long", type=float, metavar="MIN", help="minutes of one track scored from files")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(options: argparse.Namespace) -> None:
    columns = ("signals", "engine", "wall s", "cpu s", "extra MB", "ratio")
    print("{:>18} {:>8} {:>8} {:>8} {:>9} {:>6}  largest difference, dB".format(*columns))
    for targets in options.targets:
        for duration_s in options.durations:
            runs: dict[str, list[dict[str, Any]]] = {"museval": [], "svbench": []}
            for _ in range(options.repeats):
                for engine, results in runs.items():
                    task = {
                        "engine": engine,
                        "targets": targets,
                        "duration_s": duration_s,
                        "threads": options.threads,
                        "music": options.music and str(options.music),
                    }
                    results.append(in_own_process(task))
            report(f"{duration_s:g} s x {targets}", runs)


def in_own_process(task: dict[str, Any]) -> dict[str, Any]:
    # BLAS reads its number of threads when numpy is imported.
    environment = os.environ | dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    with tempfile.TemporaryDirectory() as folder:
        task["folder"] = folder
        command = [sys.executable, __file__, "--measure", json.dumps(task)]
        output = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        ).stdout
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        if task["engine"] != "long":
            result["scores"] = np.load(Path(folder, "scores.npy"))
        return result


def report(signals: str, runs: dict[str, list[dict[str, Any]]]) -> None:
    middle = {
        engine: {
            key: statistics.median(run[key] for run in results) for key in ("wall_s", "cpu_s", "extra_mb")
        }
        for engine, results in runs.items()
    }
    ratio = statistics.median(
        slow["wall_s"] / fast["wall_s"] for slow, fast in zip(runs["museval"], runs["svbench"], strict=True)
    )
    for engine, row in middle.items():
        tail = "" if engine == "museval" else f" {ratio:6.1f}  {differences(runs)}"
        print(
            f"{signals:>18} {engine:>8} "
            f"{row['wall_s']:8.2f} {row['cpu_s']:8.2f} {row['extra_mb']:9.0f}{tail}",
            flush=True,
        )


def differences(runs: dict[str, list[dict[str, Any]]]) -> str:
    theirs, ours = (runs[engine][0]["scores"] for engine in ("museval", "svbench"))
    if not np.array_equal(np.isnan(theirs), np.isnan(ours)):
        return "UNDEFINED FRAMES DIFFER"
    finite = np.isfinite(theirs) & np.isfinite(ours)
    told = [
        f"{name} {np.abs(a - b)[f].max(initial=0):.1e}"
        for name, a, b, f in zip(QUANTITIES, theirs, ours, finite, strict=True)
    ]
    if not np.array_equal(theirs[~finite], ours[~finite], equal_nan=True):
        told.append("infinite frames differ")
    return ", ".join(told)


def measure(task: dict[str, Any]) -> None:
    """Run one engine once; called in the child process."""
    if task["engine"] == "long":
        told = long_track(Path(task["folder"]), task["minutes"], task["targets"], task["threads"])
        print(json.dumps({"told": told}))
        return
    if task["music"]:
        references = music(Path(task["music"]), task["targets"], task["duration_s"])
    else:
        references = synthetic(task["targets"], task["duration_s"])
    estimates = estimate_of(references)
    score = museval_scores if task["engine"] == "museval" else svbench_scores
    run = score(task["threads"])
    second = synthetic(task["targets"], 1)
    run(second, estimate_of(second))  # a first call, so that imports and FFT plans are not timed
    resident, wall, cpu = resident_mb("VmRSS"), time.perf_counter(), time.process_time()
    reset_peak()
    scores = run(references, estimates)
    result = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "extra_mb": resident_mb("VmHWM") - resident,
    }
    np.save(Path(task["folder"], "scores.npy"), scores)
    print(json.dumps(result))


def museval_scores(_threads: int) -> Any:
    spec = importlib.util.find_spec("museval")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("museval is not installed")
    path = Path(spec.submodule_search_locations[0], "metrics.py")
    module_spec = importlib.util.spec_from_file_location("museval_metrics", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    # Its fallback for singular matrices names np.linalg.linalg, which numpy 2.4 removed.
    proxy: Any = types.ModuleType("numpy")
    vars(proxy).update(vars(np))
    proxy.linalg = types.SimpleNamespace(**vars(np.linalg), linalg=np.linalg)
    vars(module)["np"] = proxy

    def run(references: Any, estimates: Any) -> Any:
        return np.array(module.bss_eval(references, estimates, window=RATE_HZ, hop=RATE_HZ)[:4])

    return run


def svbench_scores(threads: int) -> Any:
    from svbench.metrics.bss_eval import bss_eval_v4

    def run(references: Any, estimates: Any) -> Any:
        values = bss_eval_v4(references, estimates, rate_hz=RATE_HZ, n_threads=threads).values
        return np.array([values[name] for name in QUANTITIES])

    return run


def synthetic(targets: int, duration_s: float) -> Any:
    """Make music-like stereo: falling spectra, beats, a common room, 16-bit steps."""
    rng = np.random.default_rng(0)
    n_samples = int(duration_s * RATE_HZ)
    references = np.empty((targets, n_samples, 2))
    beat = np.arange(n_samples) / RATE_HZ
    for target in range(targets):
        for start in range(0, n_samples, RATE_HZ):
            stop = min(start + RATE_HZ, n_samples)
            spectra = np.fft.rfft(rng.standard_normal((RATE_HZ, 2)), axis=0)
            spectra /= (1 + np.arange(len(spectra)) / (200 * (target + 1)))[:, np.newaxis]
            references[target, start:stop] = np.fft.irfft(spectra, axis=0)[: stop - start]
        decay = np.exp(-3 * ((beat * (target + 1) / 2) % 1))
        references[target] *= decay[:, np.newaxis]
        references[target] += 0.5 * references[target][:, ::-1]
    references *= 0.2 / np.abs(references).max()
    return np.round(references * 32768) / 32768


def music(folder: Path, targets: int, duration_s: float) -> Any:
    """Return the tracks of a folder in sequence, repeated to the length."""
    n_samples, filled = int(duration_s * RATE_HZ), 0
    references = np.empty((targets, n_samples, 2))
    tracks = [
        files
        for track in sorted(folder.iterdir())
        if len(files := sorted(track.glob("*.flac")) + sorted(track.glob("*.wav"))) >= targets
    ]
    if not tracks:
        sys.exit(f"{folder}: no track has {targets} audio files")
    while filled < n_samples:
        for files in tracks:
            stems = [soundfile.read(file, always_2d=True)[0] for file in files[:targets]]
            length = min(n_samples - filled, *(len(stem) for stem in stems))
            for target, stem in enumerate(stems):
                references[target, filled : filled + length] = stem[:length]
            filled += length
    return references


def estimate_of(references: Any) -> Any:
    """Make estimates with leakage, slight filtering and a noise floor, quantised to 16 bits."""
    rng = np.random.default_rng(1)
    estimates = references + 0.1 * np.roll(references, 1, axis=0)
    estimates[:, 5:] += 0.05 * references[:, :-5]
    estimates += 1e-3 * rng.standard_normal(references.shape)
    return np.round(estimates * 32768) / 32768


class Files:
    """Audio files as blocks of signals."""

    def __init__(self, paths: list[Path]) -> None:
        self._files = [soundfile.SoundFile(path) for path in paths]
        first = self._files[0]
        self.n_signals, self.n_samples, self.n_channels = len(paths), first.frames, first.channels
        self.rate_hz = float(first.samplerate)

    def read(self, start: int, stop: int) -> Any:
        """Return the samples of all files, as stored."""
        block = np.empty((self.n_signals, stop - start, self.n_channels), dtype=np.int16)
        for file, samples in zip(self._files, block, strict=True):
            file.seek(start)
            file.read(out=samples)
        return block


def long_track(folder: Path, minutes: float, targets: int, threads: int) -> str:
    from svbench.metrics.bss_eval import bss_eval_v4

    sides = write_long(folder, targets, round(minutes))
    before, wall, cpu = resident_mb("VmRSS"), time.perf_counter(), time.process_time()
    reset_peak()
    result = bss_eval_v4(*map(Files, sides), rate_hz=RATE_HZ, n_threads=threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return (
        f"{minutes:g} min, {targets} stereo targets from files: {wall:.1f} s wall, {cpu:.1f} s CPU, "
        f"peak {resident_mb('VmHWM'):.0f} MB resident ({before:.0f} MB before), "
        f"{result.values['SDR'].shape[1]} frames, median SIR {np.nanmedian(result.values['SIR']):.2f} dB"
    )


def write_long(folder: Path, targets: int, minutes: int) -> list[list[Path]]:
    """Write 16-bit files of one synthetic minute, repeated."""
    references = synthetic(targets, 60)
    sides = []
    for name, signals in (("reference", references), ("estimate", estimate_of(references))):
        paths = [folder / f"{name}{target}.wav" for target in range(targets)]
        for path, signal in zip(paths, signals, strict=True):
            with soundfile.SoundFile(path, "w", RATE_HZ, 2, "PCM_16") as file:
                for _ in range(minutes):
                    file.write(signal)
        sides.append(paths)
    return sides


def resident_mb(field: str) -> float:
    """Return VmRSS or VmHWM of this process; ru_maxrss would start at the parent's size."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def reset_peak() -> None:
    """Reset VmHWM to what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
