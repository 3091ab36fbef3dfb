"""The child process of one system: load it, then separate one mixture per request.

Started as a file by `svbench.systems.supervisor`, possibly under another interpreter, so it imports
only the standard library, numpy and the few modules of svbench that need no more. Requests and
replies are JSON lines on two pipes of their own: what a system prints goes to a log.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

# What bounds the threads of numeric libraries; read when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
# Rates beyond these are mistakes: the telephone has 8000 Hz, the finest recordings 192,000 Hz.
LOWEST_HZ, HIGHEST_HZ = 1000, 768_000
_ERROR_CHARACTERS = 2000  # of an exception's text; all of it is in the log


def main() -> None:
    """Serve requests until the pipe closes."""
    del sys.path[0]  # this file's own folder, whose module names mean nothing out of their package
    requests = os.fdopen(int(sys.argv[1]), "r", encoding="utf-8")
    replies = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    own_pid = os.getpid()
    system = None
    for line in requests:
        request = json.loads(line)
        request["pid"] = own_pid
        try:
            if request["do"] == "load":
                system, reply = _load(request)
            elif request["do"] == "stream":
                from svbench.systems.streaming import stream_through

                reply = stream_through(system, request)
            elif request["do"] == "measure":
                from svbench.systems import measure

                reply = {"values": measure.answer(system, request), "peak_rss_bytes": peak_rss_bytes()}
            else:
                reply = _separate(system, request)
        except Exception as error:
            import traceback

            traceback.print_exc()  # into the log, for the author of the system
            text = f"{type(error).__name__}: {error}"[:_ERROR_CHARACTERS]
            # Names that are no UTF-8 come as lone surrogates, which JSON cannot hold.
            reply = {"error": text.encode("utf-8", "replace").decode()}
        end_twin(own_pid)
        _send(replies, reply)


def end_twin(own_pid: int) -> None:
    """End this process if the system forked and came back twice: one answer, and one writer, per request."""
    if os.getpid() != own_pid:
        os._exit(0)


def _send(replies: TextIO, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _load(request: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Import the adapter and let it load the system; the time taken is the load time."""
    from svbench.systems.api import Context  # and with it numpy, which every worker needs

    empty_rss_bytes = peak_rss_bytes()
    start = time.perf_counter()
    module, _, attribute = request["target"].partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    context = Context(
        request["system_id"],
        Path(request["folder"]),
        tuple(request["targets"]),
        tuple(Path(w) for w in request["weights"]),
        request["random_weights"],
    )
    system = factory(request["parameters"], context)
    info = system.info
    _check(info)
    return system, {
        "load_s": time.perf_counter() - start,
        "empty_rss_bytes": empty_rss_bytes,
        "peak_rss_bytes": peak_rss_bytes(),
        "info": {
            "id": info.id,
            "version": str(info.version),
            "targets": list(info.targets),
            "rate_hz": info.rate_hz,
            "deterministic": info.deterministic,
            "streaming": info.streaming,
            "needs": sorted(info.needs),
        },
    }


def _check(info: Any) -> None:
    """Refuse information that would only make trouble, or a wrong number, later."""
    targets = info.targets
    if isinstance(targets, str) or not all(isinstance(t, str) for t in targets):
        raise ValueError(f"targets must be a list of names, found {targets!r}")
    rate_hz = info.rate_hz
    if rate_hz is None:
        return
    if type(rate_hz) is not int or rate_hz < 1:
        raise ValueError(f"rate_hz must be a positive whole number of Hz, found {rate_hz!r}")
    check_rate(rate_hz, "rate_hz is")


def check_rate(rate_hz: Any, found: str) -> int:
    """Return a rate as a whole number, or refuse what no recording has; ``found`` begins the sentence."""
    if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:  # NaN is neither
        raise ValueError(f"{found} {rate_hz} Hz, expected {LOWEST_HZ} to {HIGHEST_HZ} Hz")
    if int(rate_hz) != rate_hz:
        raise ValueError(f"{found} {rate_hz} Hz, expected a whole number")
    return int(rate_hz)


def _separate(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Separate one mixture; reading and writing files is outside the timer."""
    import numpy as np

    from svbench.audio import Audio, check_samples, values_unchecked

    def read(path: str) -> Audio:
        return Audio(np.load(path), request["rate_hz"])

    needed: dict[str, Any] = {}
    if "track" in system.info.needs:
        needed["track"] = request["track"]
    if "references" in system.info.needs:
        needed["references"] = {t: read(p) for t, p in request["references"].items()}
    mixture = read(request["mixture"])
    wall, cpu = time.perf_counter(), cpu_s()
    with values_unchecked():  # they are checked below, by target
        estimates = system.separate(mixture, **needed)
    wall_s, used_s = time.perf_counter() - wall, cpu_s() - cpu
    end_twin(request["pid"])
    if not isinstance(estimates, dict):
        raise TypeError(f"separate returned {type(estimates).__name__}, expected a dict of target to Audio")
    given = []
    for number, (target, audio) in enumerate(estimates.items()):
        name = f"estimate of {target!r}"
        if not isinstance(audio, Audio):
            raise TypeError(f"{name} is {type(audio).__name__}, expected svbench.audio.Audio")
        check_samples(audio.samples, name)
        if audio.samples.nbytes > request["most_bytes"]:
            raise ValueError(f"{name} has shape {audio.samples.shape}, the mixture {mixture.samples.shape}")
        rate_hz = check_rate(audio.rate_hz, f"{name} has")
        # A new file: a system may have put a pipe or a link of that name there.
        with (Path(request["out"]) / f"{number}.npy").open("xb") as file:
            np.save(file, audio.samples, allow_pickle=False)
        given.append({"target": str(target), "rate_hz": rate_hz})
    return {"estimates": given, "wall_s": wall_s, "cpu_s": used_s, "peak_rss_bytes": peak_rss_bytes()}


def cpu_s() -> float:
    """CPU seconds of this process and of its finished children (the command adapter's)."""
    import resource  # os.times() counts in hundredths only

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def peak_rss_bytes() -> int:
    """Largest memory of this process or of a finished child, whichever is larger."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    # ru_maxrss of a spawned process starts at its parent's size; VmHWM does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return max(int(line.split()[1]) * 1024, child)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, child)


if __name__ == "__main__":
    main()
