"""The program of a worker: load one system, then answer one request after the other.

`svbench.systems.worker.supervisor` starts it as a file, possibly under another interpreter. So it imports
only the standard library, numpy and the few modules of svbench that need no more, in the syntax of
Python 3.9.

Requests and replies are JSON objects, one per line, on two pipes of their own: what a system prints on
stdout and stderr goes to the log and cannot be mistaken for a reply. ``do`` in a request is ``load`` (always
the first), ``separate``, ``stream`` or ``measure``. Each request gets exactly one reply: the fields that
`svbench.systems.worker.exchange` lists, or ``{"error": "Type: text"}``. Audio travels as ``.npy`` files in
the folder that the request names. The worker ends when svbench closes the pipe of requests.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_ERROR_CHARACTERS = 2000  # of an exception's text; all of it is in the log


def main() -> None:
    """Answer requests until the pipe closes."""
    del sys.path[0]  # the folder of this file, whose module names mean nothing outside their package
    from svbench.systems.worker.processes import end_twin

    requests = os.fdopen(int(sys.argv[1]), "r", encoding="utf-8")
    replies = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    worker_pid = os.getpid()
    system = None
    for line in requests:
        request = json.loads(line)
        request["pid"] = worker_pid
        try:
            # numpy is imported in here, so that an interpreter without it answers with a sentence.
            if request["do"] == "load":
                system, reply = _load(request)
            else:
                reply = _answer(system, request)
        except Exception as error:
            import traceback

            traceback.print_exc()  # into the log, for the author of the system
            text = f"{type(error).__name__}: {error}"[:_ERROR_CHARACTERS]
            # File names that are not UTF-8 contain lone surrogates, which JSON cannot hold.
            reply = {"error": text.encode("utf-8", "replace").decode()}
        end_twin(worker_pid)  # a system may have forked in its call, and both processes come back here
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _load(request: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Import the adapter and let it load the system; the time taken is the load time."""
    # These bring numpy, which every worker needs: it counts as part of the empty worker, not of the system.
    from svbench.systems.api import Context
    from svbench.systems.worker.calls import check_info
    from svbench.systems.worker.processes import peak_rss_bytes

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
    check_info(info)
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


def _answer(system: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out a request on the loaded system."""
    from svbench.systems.worker.calls import separate, stream_through

    if request["do"] == "stream":
        return stream_through(system, request)
    if request["do"] == "separate":
        return separate(system, request)
    from svbench.systems.worker.measure import measure

    return measure(system, request)


if __name__ == "__main__":
    main()
