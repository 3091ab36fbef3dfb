"""A Python function as a system, run in this process instead of a worker of its own.

For use inside a training loop: nothing is copied to another process and no weights are written to disk.
The price is isolation: a crash ends the caller, and no limit of time or memory is enforced.
"""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.protocol import Limits
from svbench.specs.system import LocatedSystem, SystemSpec
from svbench.systems.api import SystemInfo
from svbench.systems.worker.calls import check_info
from svbench.systems.worker.host import Separation, WorkerHost
from svbench.systems.worker.processes import cpu_s, peak_rss_bytes

CALLABLE = "callable"  # takes the place of the adapter's name in the record of such a run
NOTE = "separated in the calling process, without isolation; the memory figure is that of the whole process"
Separate = Callable[[Audio], Mapping[str, Any]]


class CallableSystem(LocatedSystem, frozen=True, kw_only=True):
    """A function with the description under which its scores are stored."""

    function: Separate


def callable_system(function: Separate, name: str | None = None) -> CallableSystem:
    """Describe a function as a system.

    Parameters
    ----------
    function : callable
        Takes an `Audio` and returns a mapping of target to array or `Audio`. It may have the attributes
        ``targets`` (names it gives; by default those of its first answer), ``rate_hz`` (the rate it works
        at; by default any) and ``training_data`` (as in a system file; by default unknown).
    name : str, optional
        The system's id; the function's name by default.

    Returns
    -------
    CallableSystem
        Each call makes a new system. Whether the weights behind a function have changed since cannot be
        seen from outside, so stored results are never reused for a later call.
    """
    label = getattr(function, "__qualname__", type(function).__qualname__)
    spec = SystemSpec(
        schema=1,
        id=re.sub(r"[^A-Za-z0-9._+]+", "-", name or label.split(".")[-1]).strip("-._+") or CALLABLE,
        title=f"{label} in the calling process",
        adapter=CALLABLE,
        training_data=tuple(getattr(function, "training_data", ("unknown",))),
        parameters={"called": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f} {os.urandom(4).hex()}"},
        default_limits=False,  # none can be enforced here
    )
    return CallableSystem(spec, Path.cwd(), function=function)


class InProcessHost(WorkerHost):
    """Stands in for the worker of a function: answers the same requests by calling the function."""

    located: CallableSystem

    def start(self, limit_s: float | None = None) -> SystemInfo:
        """Return what is known of the function; before its first call, it is taken to give all targets."""
        del limit_s
        if self._info is None:
            function = self.located.function
            targets = getattr(function, "targets", self.targets)
            info = SystemInfo(self.located.spec.id, targets, rate_hz=getattr(function, "rate_hz", None))
            try:
                check_info(info)
            except ValueError as error:
                raise SystemFailure(str(error)) from error
            self._names = self._canonical_names(tuple(targets))
            self._info = replace(info, targets=tuple(self._names.values()))
        return self._info

    def separate(
        self,
        track: str,
        mixture: Audio,
        references: Mapping[str, Audio] | None = None,
        limit_s: float | None = None,
    ) -> Separation:
        """Call the function on a mixture.

        Raises
        ------
        SystemFailure
            The function raised an exception, or returned something else than targets with samples.
        """
        del track, references, limit_s
        info = self.start()
        wall, cpu = time.perf_counter(), cpu_s()
        try:
            answer = self.located.function(mixture)
        except Exception as error:
            self.log = self.folder / "log-1.txt"
            self.log.write_text(traceback.format_exc(), encoding="utf-8")
            raise SystemFailure(f"separating raised {type(error).__name__}: {error}") from error
        wall_s, used_s = time.perf_counter() - wall, cpu_s() - cpu
        if not isinstance(answer, Mapping):
            raise SystemFailure(f"returned {type(answer).__name__}, expected a dict of target to array")
        if not hasattr(self.located.function, "targets") and self.last_info is None:
            self._names = self._canonical_names(tuple(map(str, answer)))
            info = replace(info, targets=tuple(self._names.values()))
        self._info = self.last_info = info
        estimates = {
            self._names.get(str(target), str(target)): _audio(f"estimate of {target!r}", given, mixture)
            for target, given in answer.items()
        }
        return Separation(estimates, wall_s, used_s, peak_rss_bytes(), 0.0)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for readers of the scores, first that the function ran without isolation."""
        return (NOTE, *super().notes)


def _audio(name: str, given: Any, mixture: Audio) -> Audio:
    """Return an estimate as audio; arrays have the mixture's rate, and those of one axis are mono."""
    if isinstance(given, Audio):
        return given
    if not isinstance(given, np.ndarray) or given.dtype not in (np.float32, np.float64):
        kind = f"an array of {given.dtype}" if isinstance(given, np.ndarray) else type(given).__name__
        raise SystemFailure(f"{name} is {kind}, expected a NumPy array of float32 or float64")
    samples = given[:, np.newaxis] if given.ndim == 1 else given
    if samples.ndim == 2 and samples.shape == mixture.samples.shape[::-1] != mixture.samples.shape:
        raise SystemFailure(
            f"{name} has shape {given.shape}, the mixture {mixture.samples.shape}; transpose it, so that "
            "samples come first"
        )
    return Audio(samples, mixture.rate_hz)


def open_host(
    located: LocatedSystem, targets: tuple[str, ...], scratch: Path, limits: Limits | None = None
) -> WorkerHost:
    """Return the host of a system: this process for a function, a worker process for all others."""
    host = InProcessHost if isinstance(located, CallableSystem) else WorkerHost
    return host(located, targets, scratch, limits)
