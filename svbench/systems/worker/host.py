"""The host of a system: start its worker, request separations, end the worker.

Whatever goes wrong in the worker (a crash, a hang, an exception, an invalid reply) becomes one
`SystemFailure` that gives the reason, and the worker is killed; the next request starts a fresh process. Only
a failure to load is final: it is not tried again. No process of a system outlives its host.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

import svbench
from svbench.audio import Audio
from svbench.disk import remove_tree
from svbench.errors import OutOfTime, SystemFailure, suggestion
from svbench.naming.names import canonical
from svbench.specs.library import plugins
from svbench.specs.protocol import Limits
from svbench.specs.system import LocatedSystem
from svbench.systems.api import SystemInfo
from svbench.systems.worker import exchange as replies
from svbench.systems.worker.exchange import Exchange, Streamed, blame_system
from svbench.systems.worker.limits import (
    THREAD_VARIABLES,
    Watch,
    checked_weights,
    interpreter,
    log_limit_bytes,
)
from svbench.systems.worker.sandbox import Sandbox
from svbench.systems.worker.spawn import ReplyTooLong, WorkerProcess

# With less free space than this, a system that could not write its estimates is not to blame.
_FULL_BYTES = 1 << 20
# The worker refuses to write an estimate that is more than this many times larger than the mixture.
_TIMES_MIXTURE = 64
_REASON_CHARACTERS = 500
T = TypeVar("T", replies.Loaded, replies.Separated, replies.StreamedReply, replies.Measured)


@dataclass(frozen=True, eq=False)
class Separation:
    """The estimates of one mixture and what they cost, measured inside the worker.

    ``weights_bytes`` is the size on disk of the files in ``weights``, None for a system without any.
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
        The targets that the protocol asks for.
    scratch : Path
        The folder for exchanged audio and the log.
    limits : Limits, optional
        Cores, memory and graphics cards that the worker may use. Times are given with each request.

    Attributes
    ----------
    log : Path or None
        The log of the current or the latest worker: the first and the last part of what it printed.
    load_s, empty_rss_bytes : float, int
        How long the system took to load, and the memory of the worker before it.
    last_info : SystemInfo or None
        What the system said about itself when it was last loaded; kept after its process has failed.
    """

    def __init__(
        self, located: LocatedSystem, targets: tuple[str, ...], scratch: Path, limits: Limits | None = None
    ) -> None:
        self.located, self.targets, self.limits = located, targets, limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="worker-", dir=scratch.resolve()))
        self.log: Path | None = None
        self.empty_rss_bytes = 0
        self.load_s = 0.0
        self._watch = self._new_watch()
        self._process: WorkerProcess | None = None
        self._info: SystemInfo | None = None
        self.last_info: SystemInfo | None = None
        self._load_failure: SystemFailure | None = None
        self._names: dict[str, str] = {}
        self._weights_bytes: int | None = None
        self._n_started = self._n_asked = 0
        self._sandbox: Sandbox | None = None

    def __enter__(self) -> WorkerHost:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        remove_tree(self.folder)

    def start(self, limit_s: float | None = None) -> SystemInfo:
        """Start the worker and load the system, unless it is running.

        Raises
        ------
        SystemFailure
            Weights are missing or changed, there is no such interpreter, or the adapter cannot load.
        """
        if self._process and self._info:
            return self._info
        if self._load_failure:
            raise self._load_failure
        try:
            return self._load(limit_s)
        except SystemFailure as error:
            self.close()
            self._load_failure = error
            raise

    def _load(self, limit_s: float | None) -> SystemInfo:
        spec = self.located.spec
        table = plugins("adapter")
        if spec.adapter not in table:
            raise SystemFailure(f"unknown adapter {spec.adapter!r}: {suggestion(spec.adapter, table)}")
        weights = [str(checked_weights(self.located.folder, w)) for w in spec.weights]
        if weights:
            self._weights_bytes = sum(Path(w).stat().st_size for w in weights)
        self._process = self._spawn()
        request = {
            "do": "load",
            "target": table[spec.adapter].target,
            "system_id": spec.id,
            "folder": str(self.located.folder),
            "targets": self.targets,
            "weights": weights,
            "random_weights": spec.random_weights,
            "parameters": spec.parameters,
        }
        start = time.perf_counter()
        reply = self._ask(request, replies.Loaded, limit_s, "loading")
        waited_s = time.perf_counter() - start
        self._names = self._canonical_names(reply.info.targets)
        fields = msgspec.structs.asdict(reply.info)
        info = SystemInfo(**{**fields, "targets": tuple(self._names.values())})
        self.last_info = info
        self.load_s = waited_s if self._sandbox else reply.load_s
        self.empty_rss_bytes = reply.empty_rss_bytes
        if "references" in info.needs and spec.kind != "oracle":
            raise SystemFailure('it asks for the references, so its system file must say kind = "oracle"')
        if self._sandbox and "track" in info.needs:
            raise SystemFailure("it asks for the names of tracks, which a system in a sandbox is not told")
        self._info = info
        return info

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
            Passed on only if the system needs them.
        limit_s : float, optional
            Wall-clock seconds after which the whole process tree is killed.

        Raises
        ------
        SystemFailure
        """
        info = self.start()
        with self._exchange(mixture, len(info.targets)) as exchange:
            wanted = references if references and "references" in info.needs else {}
            request = {
                "do": "separate",
                "track": "" if self._sandbox else track,  # names of hidden tracks stay hidden
                "rate_hz": mixture.rate_hz,
                "mixture": exchange.put("mixture", mixture),
                "references": {
                    t: exchange.put(f"reference-{i}", a) for i, (t, a) in enumerate(wanted.items())
                },
                "out": str(exchange.folder),
                "most_bytes": _TIMES_MIXTURE * mixture.samples.nbytes,
            }
            process = self._process
            assert process is not None
            before, used_s = time.perf_counter(), process.tree.cpu_s() if self._sandbox else 0.0
            reply = self._ask(request, replies.Separated, limit_s, "separating")
            waited_s = time.perf_counter() - before
            if reply.wall_s > waited_s:
                raise SystemFailure(f"says it took {reply.wall_s:g} s, longer than its answer took to come")
            wall_s, cpu_s = reply.wall_s, reply.cpu_s
            if self._sandbox:  # what a stranger's system says about its times is not believed
                # A process that ends unseen takes its seconds with it.
                wall_s, cpu_s = waited_s, max(0.0, process.tree.cpu_s() - used_s)
            estimates = self._estimates(exchange, [(e.target, e.rate_hz) for e in reply.estimates])
        return Separation(
            estimates, wall_s, cpu_s, self._watch.peak_rss_bytes, self.load_s, self._weights_bytes
        )

    def stream(self, mixture: Audio, n_samples: int | None = None, limit_s: float | None = None) -> Streamed:
        """Feed a mixture to the system hop by hop, as fast as the system takes them.

        Parameters
        ----------
        mixture : Audio
            At a rate that the system works at.
        n_samples : int, optional
            How many samples to feed, the mixture over and over, without keeping the estimates. By default
            the mixture is fed once and the estimates are kept.
        limit_s : float, optional
            Wall-clock seconds after which the whole process tree is killed.

        Raises
        ------
        SystemFailure
            Also when the system has no streaming interface or breaks the contract of one.
        """
        info = self.start()
        with self._exchange(mixture, len(info.targets)) as exchange:
            request = {
                "do": "stream",
                "rate_hz": mixture.rate_hz,
                "mixture": exchange.put("mixture", mixture),
                "n_samples": n_samples or mixture.n_samples,
                "keep": n_samples is None,
                "out": str(exchange.folder),
            }
            reply = self._ask(request, replies.StreamedReply, limit_s, "streaming")
            return Streamed(
                reply.hop_samples,
                mixture.rate_hz,
                self._estimates(exchange, [(target, mixture.rate_hz) for target in reply.estimates]),
                *(exchange.numbers(name, name) for name in ("push_s", "held_samples", "rss_bytes")),
            )

    def measure(self, what: str, limit_s: float | None = None, **more: Any) -> dict[str, Any]:
        """Ask the loaded system for a measurement; see `svbench.systems.worker.measure.measure`.

        Raises
        ------
        SystemFailure
        """
        self.start()
        return self._ask(
            {"do": "measure", "what": what, **more}, replies.Measured, limit_s, "measuring"
        ).values

    @property
    def peak_rss_bytes(self) -> int:
        """The largest memory that the current or latest worker and its descendants have held together."""
        return self._watch.peak_rss_bytes

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for readers of the scores, such as "instrumental read as accompaniment"."""
        return tuple(f"{theirs} read as {ours}" for theirs, ours in self._names.items() if theirs != ours)

    def _canonical_names(self, targets: Sequence[str]) -> dict[str, str]:
        """Map the system's names of targets to svbench's; the protocol's own names win over aliases."""
        names = {theirs: canonical(theirs, self.targets) for theirs in targets}
        for theirs, ours in names.items():
            other = next(t for t, o in names.items() if o == ours)
            if other != theirs:
                raise SystemFailure(f"gives {other} and {theirs}, which are both read as {ours}")
        return names

    def close(self) -> None:
        """Kill the worker and everything that it started."""
        process, self._process, self._info = self._process, None, None
        if process is not None:
            process.close()
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()

    def _spawn(self) -> WorkerProcess:
        spec, limits = self.located.spec, self.limits
        python = interpreter(self.located)
        # The folder holds nothing but a link to svbench, so that a foreign interpreter finds svbench and
        # otherwise its own packages only.
        path = self.folder / "path"
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / "svbench").exists():
                (path / "svbench").symlink_to(Path(svbench.__file__).parent, target_is_directory=True)
        except OSError as error:
            raise blame_system(error) from error
        environment = {
            **dict.fromkeys(THREAD_VARIABLES, str(min(spec.threads, limits.n_cores or spec.threads))),
            **({"CUDA_VISIBLE_DEVICES": ""} if limits.cpu_only else {}),
        }
        # svbench's own interpreter finds the same packages in the worker; another one must not see them.
        inherited = [] if spec.python else [p for p in sys.path if p]
        cores: list[int] = []
        if limits.n_cores and hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))[: limits.n_cores]
        self._n_started += 1
        self.log = self.folder / f"log-{self._n_started}.txt"
        self._watch = self._new_watch()
        command = [python, str(path / "svbench/systems/worker/main.py")]
        if self.located.isolation == "sandbox":
            # The checkout that svbench may be installed from holds more than packages.
            inherited = [
                p
                for p in inherited
                if Path(p).name in ("site-packages", "dist-packages")
                or Path(p).is_relative_to(sys.base_prefix)
            ]
            # Each worker gets a folder of its own: what an earlier one left must not reach it.
            exchange = self.folder / f"sandbox-{self._n_started}"
            exchange.mkdir()
            packages = [path, *map(Path, inherited)]
            self._sandbox = Sandbox(self.located, python, exchange, packages, gpus=not limits.cpu_only)
            command = self._sandbox.command(command)
            environment = self._sandbox.environment(environment)
        else:
            environment = {**os.environ, **environment}
        environment["PYTHONPATH"] = os.pathsep.join([str(path), *inherited])
        try:
            return WorkerProcess(
                command,
                self.folder,
                log=self.log,
                log_bytes=log_limit_bytes(spec),
                environment=environment,
                cores=cores,
                handles=[self._sandbox.handle] if self._sandbox else (),
            )
        except OSError as error:
            raise SystemFailure(f"interpreter {python} cannot be started ({error.strerror})") from error

    @contextlib.contextmanager
    def _exchange(self, mixture: Audio, n_targets: int) -> Iterator[Exchange]:
        """Make the folder of a request, under a name no earlier request had, and remove it afterwards."""
        self._n_asked += 1
        self._watch.audio_bytes = mixture.n_samples * mixture.n_channels * 8 * (1 + n_targets)
        sandbox = self._sandbox
        above, uid = (sandbox.exchange, sandbox.uid) if sandbox else (self.folder, 0)
        exchange = Exchange(above / f"exchange-{self._n_asked}", uid)
        try:
            yield exchange
        except SystemFailure:
            self.close()  # a system that lies about its files is not asked again
            raise
        finally:
            exchange.close()

    def _estimates(self, exchange: Exchange, written: Iterable[tuple[str, int]]) -> dict[str, Audio]:
        """Read the estimates that the worker wrote, by svbench's names of their targets.

        Audio refuses NaN and wrong axes; callers turn that error into a failed row.
        """
        return {
            self._names.get(target, target): Audio(
                exchange.samples(str(number), f"estimate of {target}"), rate_hz
            )
            for number, (target, rate_hz) in enumerate(written)
        }

    def _new_watch(self) -> Watch:
        return Watch(self.located.spec, self.limits.memory_bytes, self.folder)

    def _ask(self, request: dict[str, Any], kind: type[T], limit_s: float | None, doing: str) -> T:
        """Send one request and wait for its reply; after any failure the process is killed."""
        process = self._process
        assert process is not None
        watch = self._watch
        try:
            if self._sandbox:
                process.tree.resume()
            line = process.ask(
                json.dumps(request).encode() + b"\n", limit_s, lambda: watch.look(process.tree)
            )
            if self._sandbox:  # nothing works between two requests, or while its files are read
                process.tree.pause()
            reply = replies.decode_reply(line, kind) if line.endswith(b"\n") else None
            # The worker knows its peak between two looks.
            watch.weigh(getattr(reply, "peak_rss_bytes", 0))
        except TimeoutError:
            self.close()
            raise OutOfTime(doing, limit_s or 0.0) from None
        except ReplyTooLong:
            self.close()
            raise SystemFailure("wrote something else in place of the worker's answer (too long)") from None
        except BaseException:
            self.close()
            raise
        if reply is None:
            raise SystemFailure(self._describe_end(process, doing))
        if isinstance(reply, replies.Failed):
            # An exception may leave the system half changed. A fresh process costs less than a wrong number.
            self.close()
            if _is_full(self.folder):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
            reason = _one_line(reply.error)
            if "No module named" in reason and self.located.spec.python:
                python = interpreter(self.located)
                reason += f" (in {python}, which needs numpy, soundfile and what the system needs)"
            if "PermissionError" in reason and self.located.isolation == "sandbox":
                reason += " (a file of its own: the user of the sandbox cannot read it; permit all users to)"
            raise SystemFailure(f"{doing} raised {reason}")
        return reply

    def _describe_end(self, process: WorkerProcess, doing: str) -> str:
        """Describe how the process ended, with the last line that it printed."""
        code = process.wait(5)  # None: it closed its pipe but still runs; close() kills it
        self.close()
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was killed by {_signal_name(-code)}"
        else:
            how = f"ended with exit code {code} without an answer"
        printed = _last_line(self.log)
        return f"the process {how} while {doing}" + (
            f"; the last line it printed: {printed}" if printed else ""
        )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False  # the system deleted the folder


def _one_line(text: str) -> str:
    """Return a system's text on one line, shortened, without control characters or lone surrogates.

    It is shown in a cell of a table, and a terminal must not obey what a system wrote.
    """
    shown = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return shown if len(shown) <= _REASON_CHARACTERS else shown[: _REASON_CHARACTERS - 1] + "…"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _last_line(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return _one_line(lines[-1])[:200] if lines else ""
