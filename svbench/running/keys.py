"""What a track's result depends on, and the key it gives: equal keys mean nothing needs to be done again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from svbench.results.integrity import key_of
from svbench.results.scores import Inputs
from svbench.running.scoring import metric_of
from svbench.specs.protocol import Protocol
from svbench.specs.records import digest
from svbench.specs.system import LocatedSystem


class ResultKey(NamedTuple):
    """A key, and what went into it besides protocol, system and recordings."""

    digest: str
    inputs: Inputs


def result_key(
    protocol: Protocol,
    located: LocatedSystem,
    track: str,
    track_digest: str,
    originals: Mapping[str, str] | None = None,
) -> ResultKey:
    """Work out what a result would depend on now.

    Parameters
    ----------
    protocol : Protocol
    located : LocatedSystem
    track, track_digest : str
    originals : mapping of target to digest, optional
        Estimates of the original that this track's are compared with.
    """
    inputs = Inputs(
        metrics={use.id: metric_of(use, protocol).version for use in protocol.metrics},
        files=input_state(located, track),
        originals=None if originals is None else dict(originals),
    )
    return ResultKey(key_of(protocol.digest, located.spec.digest, track, track_digest, inputs), inputs)


def input_state(located: LocatedSystem, track: str) -> dict[str, str]:
    """State of the files and folders that a system's parameters name.

    A file counts by its content. A folder (such as one of ready-made estimates) counts by name,
    size and time of change of what lies in it, for this track only where it has a folder of its own.
    """
    return {
        text: state
        for text in sorted(_strings(located.spec.parameters))
        if (state := _state(located.folder / _path(text, located.folder), track))
    }


def _path(text: str, folder: Path) -> str:
    """Take a parameter for a path: ``{folder}`` is filled in, what follows a colon is a name inside."""
    return text.replace("{folder}", str(folder)).split(":")[0]


def _strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return {s for item in items for s in _strings(item)}


def _state(path: Path, track: str) -> str:
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        if path.is_dir():
            own = [p for p in (path / track, *path.glob(f"*/{_literal(track)}")) if p.is_dir()]
            files = [f for folder in own or [path] for f in sorted(folder.rglob("*")) if f.is_file()]
            return digest([(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files])
    except (OSError, ValueError):  # a parameter that only happens to look like a path
        return ""
    return ""


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)
