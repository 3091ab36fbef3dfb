"""What the tests of this folder share: a small command, its final state, and the processes it started."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import termios
import time
from pathlib import Path

from svbench.audio import read_audio

SVBENCH = [sys.executable, "-m", "svbench"]
PROTOCOL = (
    'schema = 1\nid = "short"\ntitle = "t"\nversion = "1"\ndescription = "d"\ncitation = "c"\nheadline = "uSDR"\n'
    '[[target_sets]]\nid = "v"\ntargets = ["vocals", "accompaniment"]\n'
    '[[metrics]]\nid = "sdr"\nparameters = { delta = 1e-7 }\nreduce = { frames = "mean", tracks = "mean" }\n'
)
# Each track leaves a daemon behind: in a session of its own, without its parent, with an empty environment.
SYSTEM = """
import subprocess, time
from svbench.audio import Audio

def separate(mixture):
    subprocess.run(["sh", "-c", "(env -i setsid {sleep} &)"], check=True)
    time.sleep(0.2)
    return {{"vocals": mixture, "accompaniment": Audio(0.5 * mixture.samples, mixture.rate_hz)}}

def make():
    return separate
"""


class Command:
    """One ``svbench run`` that can be started, killed and started again.

    Parameters
    ----------
    folder : Path
        For the protocol and the system file.
    data : Path
    """

    def __init__(self, folder: Path, data: Path) -> None:
        # No other process on the machine sleeps for so long.
        self.sleep = f"sleep {os.getpid()}{time.time_ns() % 10**6:06}"
        self.mark = f"SVBENCH_FAULTS={folder}"
        (folder / "short.toml").write_text(PROTOCOL)
        (folder / "s.py").write_text(SYSTEM.format(sleep=self.sleep))
        (folder / "s.toml").write_text(
            'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
            'parameters = { factory = "s.py:make", targets = ["vocals", "accompaniment"] }\n'
        )
        self.words = ["run", folder / "short.toml", "--data", f"folder={data}", "--system", folder / "s.toml"]
        self.words += ["--workers", "2", "--keep-estimates"]

    def start(self, out: Path, *more: str, terminal: int | None = None) -> subprocess.Popen[str]:
        """Start it; with a terminal, as the process that leads its session."""
        name, _, value = self.mark.partition("=")
        return subprocess.Popen(
            [*SVBENCH, *map(str, self.words), "--out", str(out), *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, name: value},
            stdin=terminal,
            start_new_session=terminal is not None,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if terminal is not None else None,
        )

    def finish(self, out: Path) -> str:
        process = self.start(out)
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
        return told

    def processes(self) -> dict[int, str]:
        """Return everything that the command started and that runs now, with its command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                ours = self.mark.encode() in (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if line and (ours or line == self.sleep):
                found[int(folder.name)] = line
        return found

    def wait_for_none(self, limit_s: float = 20.0) -> float:
        """Wait until all have ended; return how long that took."""
        started = time.monotonic()
        while left := self.processes():
            assert time.monotonic() - started < limit_s, f"outlived svbench: {left}"
            time.sleep(0.02)
        return time.monotonic() - started


def state(out: Path) -> dict[str, object]:
    """Return what a run folder says, without when it was made and how long it took."""
    (folder,) = out.iterdir()
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"):
        content: object = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix == ".wav":  # its header holds the time it was written at
            content = hashlib.sha256(read_audio(path).samples.tobytes()).hexdigest()
        if path.suffix == ".json":
            content = {
                k: v for k, v in json.loads(path.read_bytes()).items() if k not in ("provenance", "resources")
            }
        found[path.relative_to(folder).as_posix()] = content
    return found
