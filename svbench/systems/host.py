"""The parent's side of a system's worker process: start it, ask it, limit it, bury it.

A crash, a hang or an exception becomes one SystemFailure in words; the next request starts a
fresh process. No process of a system outlives its host.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import svbench
from svbench.audio import Audio
from svbench.errors import OutOfTime, OverBudget, SystemFailure
from svbench.naming.names import canonical
from svbench.specs.plugins import plugins
from svbench.specs.protocol import Limits
from svbench.specs.system import LocatedSystem
from svbench.systems.api import SystemInfo
from svbench.systems.requisites import checked_weights, interpreter
from svbench.systems.streaming import Streamed, streamed
from svbench.systems.tree import ProcessTree
from svbench.systems.worker import THREAD_VARIABLES

# With less room than this, a system that could not write its estimates is not to blame.
_FULL_BYTES = 1 << 20
# How often the memory of the process tree is looked at; a look costs some 0.3 ms.
_LOOK_S = 0.05


@dataclass(frozen=True, eq=False)
class Separation:
    """The estimates of one mixture and what they cost, measured inside the worker.

    ``weights_bytes`` is the size on disk of the files in ``weights``; None for a system without.
    ``peak_rss_bytes`` is the most that the worker, or all its processes together, have held so far.
    """

    estimates: Mapping[str, Audio]
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    load_s: float
    weights_bytes: int | None = None


class WorkerHost:
    """One system's worker process, as a context manager.

    Parameters
    ----------
    located : LocatedSystem
    targets : tuple of str
        Targets the protocol asks for.
    scratch : Path
        Folder for exchanged audio and the log.
    limits : Limits, optional
        Cores, memory and graphics cards the worker may use. Times are given with each request.
    """

    def __init__(
        self, located: LocatedSystem, targets: tuple[str, ...], scratch: Path, limits: Limits | None = None
    ) -> None:
        self.located, self.targets, self.limits = located, targets, limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="worker-", dir=scratch.resolve()))
        self.log = self.folder / "log.txt"
        self.peak_rss_bytes = self.empty_rss_bytes = 0
        self.load_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._tree: ProcessTree | None = None
        self._info: SystemInfo | None = None
        self.last_info: SystemInfo | None = None
        self._names: dict[str, str] = {}
        self._weights_bytes: int | None = None
        self._requests = self._replies = -1

    def __enter__(self) -> WorkerHost:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, limit_s: float | None = None) -> SystemInfo:
        """Start the worker and load the system, unless it is running.

        Raises
        ------
        SystemFailure
            Weights missing or changed, no such interpreter, or the adapter cannot load.
        """
        if self._process and self._info:
            return self._info
        spec = self.located.spec
        table = plugins("adapter")
        if spec.adapter not in table:
            raise SystemFailure(f"unknown adapter {spec.adapter!r}; known: {', '.join(table)}")
        weights = [str(checked_weights(self.located.folder, w)) for w in spec.weights]
        if weights:
            self._weights_bytes = sum(Path(w).stat().st_size for w in weights)
        self._spawn()
        reply = self._ask(
            {
                "do": "load",
                "target": table[spec.adapter].target,
                "system_id": spec.id,
                "folder": str(self.located.folder),
                "targets": self.targets,
                "weights": weights,
                "random_weights": spec.random_weights,
                "parameters": spec.parameters,
            },
            limit_s,
            "loading",
        )
        info = reply["info"]
        self._names = self._understood(info["targets"])
        self._info = SystemInfo(
            **{**info, "targets": tuple(self._names.values()), "needs": frozenset(info["needs"])}
        )
        self.last_info = self._info  # known even once the process has failed
        self.load_s, self.empty_rss_bytes = reply["load_s"], reply["empty_rss_bytes"]
        if "references" in self._info.needs and spec.kind != "oracle":
            self.close()
            raise SystemFailure('it asks for the references, so its system file must say kind = "oracle"')
        return self._info

    def separate(
        self,
        track: str,
        mixture: Audio,
        references: Mapping[str, Audio] | None = None,
        limit_s: float | None = None,
    ) -> Separation:
        """Separate one mixture in the worker.

        Parameters
        ----------
        track : str
        mixture : Audio
        references : mapping of str to Audio, optional
            Handed on only if the system needs them.
        limit_s : float, optional
            Wall-clock seconds after which the whole process tree is killed.

        Raises
        ------
        SystemFailure
        """
        info = self.start()
        exchange = self.folder / "exchange"
        shutil.rmtree(exchange, ignore_errors=True)
        exchange.mkdir()
        wanted = references if references and "references" in info.needs else {}
        paths = {f"reference-{i}": audio for i, audio in enumerate(wanted.values())}
        for name, audio in {"mixture": mixture, **paths}.items():
            np.save(exchange / f"{name}.npy", audio.samples)
        reply = self._ask(
            {
                "do": "separate",
                "track": track,
                "rate_hz": mixture.rate_hz,
                "mixture": str(exchange / "mixture.npy"),
                "references": {t: str(exchange / f"{n}.npy") for t, n in zip(wanted, paths, strict=True)},
                "out": str(exchange),
            },
            limit_s,
            "separating",
        )
        # Audio refuses NaN, integers and wrong axes; the caller turns that into a failed row.
        estimates = {
            self._names.get(t, t): Audio(np.load(e["path"]), e["rate_hz"])
            for t, e in reply["estimates"].items()
        }
        return Separation(
            estimates,
            reply["wall_s"],
            reply["cpu_s"],
            self.peak_rss_bytes,
            self.load_s,
            self._weights_bytes,
        )

    def stream(self, mixture: Audio, n_samples: int | None = None, limit_s: float | None = None) -> Streamed:
        """Feed a mixture to the system hop by hop, as fast as it takes them.

        Parameters
        ----------
        mixture : Audio
            At a rate the system works at.
        n_samples : int, optional
            Feed so many samples, the mixture over and over, and drop the estimates. Without it the
            mixture is fed once.
        limit_s : float, optional
            Wall-clock seconds after which the whole process tree is killed.

        Raises
        ------
        SystemFailure
            Also when the system has no streaming interface or breaks its contract.
        """
        self.start()
        exchange = self.folder / "exchange"
        shutil.rmtree(exchange, ignore_errors=True)
        exchange.mkdir()
        np.save(exchange / "mixture.npy", mixture.samples)
        request = {
            "do": "stream",
            "rate_hz": mixture.rate_hz,
            "mixture": str(exchange / "mixture.npy"),
            "n_samples": n_samples or mixture.n_samples,
            "keep": n_samples is None,
            "out": str(exchange),
        }
        reply = self._ask(request, limit_s, "streaming")
        reply["estimates"] = {self._names.get(t, t): path for t, path in reply["estimates"].items()}
        return streamed(reply, mixture.rate_hz)

    def measure(self, what: str, limit_s: float | None = None, **more: Any) -> dict[str, Any]:
        """Ask the loaded system for a measurement; see `svbench.systems.measure`.

        Raises
        ------
        SystemFailure
        """
        self.start()
        return self._ask({"do": "measure", "what": what, **more}, limit_s, "measuring")

    @property
    def read_as(self) -> tuple[str, ...]:
        """What the loaded system calls otherwise than svbench, e.g. "instrumental read as accompaniment"."""
        return tuple(f"{theirs} read as {ours}" for theirs, ours in self._names.items() if theirs != ours)

    def _understood(self, targets: list[str]) -> dict[str, str]:
        """Read the system's names of targets by the table of aliases; those of the protocol win."""
        names = {theirs: canonical(theirs, self.targets) for theirs in targets}
        for theirs, ours in names.items():
            other = next(t for t, o in names.items() if o == ours)
            if other != theirs:
                self.close()
                raise SystemFailure(f"gives {other} and {theirs}, which are both read as {ours}")
        return names

    def close(self) -> None:
        """Kill the worker and everything it started."""
        process, self._process, self._info = self._process, None, None
        if process is None:
            return
        if self._tree:
            self._tree.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # all there is where no /proc tells of a tree
        process.wait()
        os.close(self._requests)
        os.close(self._replies)

    def _spawn(self) -> None:
        spec = self.located.spec
        python = interpreter(self.located)
        # Only svbench itself is made importable: a foreign interpreter keeps its own packages.
        path = self.folder / "path"
        path.mkdir(exist_ok=True)
        if not (path / "svbench").exists():
            (path / "svbench").symlink_to(Path(svbench.__file__).parent, target_is_directory=True)
        threads = dict.fromkeys(THREAD_VARIABLES, str(min(spec.threads, self.limits.n_cores or spec.threads)))
        # The same interpreter finds what svbench finds; another one must not see these packages.
        inherited = [] if spec.python else [p for p in sys.path if p]
        environment = {
            **os.environ,
            **threads,
            "SVBENCH_WORKER": str(self.folder),
            "PYTHONPATH": os.pathsep.join([str(path), *inherited]),
            **({"CUDA_VISIBLE_DEVICES": ""} if self.limits.cpu_only else {}),
        }
        theirs_in, self._requests = os.pipe()
        self._replies, theirs_out = os.pipe()
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [python, str(path / "svbench/systems/worker.py"), str(theirs_in), str(theirs_out)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self.folder,
                    pass_fds=(theirs_in, theirs_out),
                    start_new_session=True,
                )
        except OSError as error:
            os.close(self._requests)
            os.close(self._replies)
            raise SystemFailure(f"interpreter {python} cannot be started ({error.strerror})") from error
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._tree = ProcessTree(self._process.pid, f"SVBENCH_WORKER={self.folder}")
        self.peak_rss_bytes = 0
        if self.limits.n_cores and hasattr(os, "sched_setaffinity"):
            # Threads and processes inherit it, and the interpreter has started none yet.
            os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[: self.limits.n_cores])

    def _ask(self, request: dict[str, Any], limit_s: float | None, doing: str) -> dict[str, Any]:
        """Send one request and wait for its reply; any trouble ends the process."""
        try:
            os.write(self._requests, json.dumps(request).encode() + b"\n")
            line = self._read_line(limit_s)
        except BrokenPipeError:
            line = b""
        except TimeoutError:
            self.close()
            raise OutOfTime(doing, limit_s or 0.0) from None
        except BaseException:
            self.close()
            raise
        if not line.endswith(b"\n"):
            raise SystemFailure(self._obituary(doing))
        reply: dict[str, Any] = json.loads(line)
        if "peak_rss_bytes" in reply:  # a single process knows its peak better than looks from outside
            self._weigh(reply["peak_rss_bytes"])
        if "error" in reply:
            # The process may hold half-changed state; a fresh one is cheap beside a wrong number.
            self.close()
            if shutil.disk_usage(self.folder).free < _FULL_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
            # Names that are no UTF-8 come as lone surrogates, which no result file can hold.
            # One line, since it becomes the cell of a table.
            told = " ".join(str(reply["error"]).encode("utf-8", "replace").decode().split())
            if "No module named" in told and self.located.spec.python:
                python = interpreter(self.located)
                told += f" (in {python}, which needs numpy, soundfile and what the system needs)"
            raise SystemFailure(f"{doing} raised {told}")
        return reply

    def _read_line(self, limit_s: float | None) -> bytes:
        deadline = None if limit_s is None else time.monotonic() + limit_s
        line = b""
        while not line.endswith(b"\n"):
            left = _LOOK_S if deadline is None else min(_LOOK_S, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError
            ready, _, _ = select.select([self._replies], [], [], left)
            self._weigh_tree()
            if ready:
                part = os.read(self._replies, 1 << 16)
                if not part:
                    return line
                line += part
            elif self._process is not None and self._process.poll() is not None:
                return line  # dead, though a child of its own may hold the pipe open
        return line

    def _weigh_tree(self) -> None:
        assert self._tree is not None
        n_bytes, limit = self._tree.rss_bytes(), self.limits.memory_bytes
        if limit and n_bytes > limit:
            # Forked processes share pages, which the sum of their sizes counts again in each.
            n_bytes = self._tree.unique_bytes()
        self._weigh(n_bytes)

    def _weigh(self, n_bytes: int) -> None:
        """Note how much memory was held, and stop the system if it was too much."""
        self.peak_rss_bytes = max(self.peak_rss_bytes, n_bytes)
        limit = self.limits.memory_bytes
        if limit and n_bytes > limit:
            self.close()
            raise OverBudget("memory", f"{n_bytes / 1e9:.3g} GB of {limit / 1e9:.3g} GB")

    def _obituary(self, doing: str) -> str:
        """Say how the process ended, with the last line it printed."""
        process = self._process
        assert process is not None
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None  # it closed its pipe but lives on; close() ends it
        self.close()
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code} without an answer"
        printed = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = f"; its last words: {printed[-1].strip()[:200]}" if printed else ""
        return f"the process {how} while {doing}{last}"
