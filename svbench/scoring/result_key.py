"""What a track's result and its separation depend on, each as one digest.

Equal keys mean that nothing needs to be done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from svbench.audio import Audio, samples_digest
from svbench.datasets.api import Track
from svbench.naming.names import spellings
from svbench.results.integrity import key_of
from svbench.results.scores import Inputs
from svbench.scoring.track import metric_of
from svbench.specs.protocol import Limits, Protocol
from svbench.specs.records import digest
from svbench.specs.system import AS_ASKED, LocatedSystem


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


def separation_key(
    located: LocatedSystem, track: Track, mixture: Audio, asked: Sequence[str], limits: Limits
) -> str:
    """Digest of what the estimates of a track depend on, whatever scores them.

    Parameters
    ----------
    located : LocatedSystem
    track : Track
    mixture : Audio
        Of the track; its samples count, not the files they come from.
    asked : sequence of str
        Targets the system is asked for. They count for adapters that give just those.
    limits : Limits
        Cores, memory and graphics cards that the system may use.

    Returns
    -------
    str
        64 hex digits.
    """
    oracle = located.spec.kind == "oracle"  # only they hear the references
    return digest(
        [
            located.spec.digest,
            input_state(located, track.name),
            track.name,
            [mixture.rate_hz, *mixture.samples.shape, samples_digest(mixture)],
            [track.digest(), dict(track.targets)] if oracle else [],
            list(asked) if located.spec.adapter in AS_ASKED else [],
            limits,
        ]
    )


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
            names = [_literal(name) for name in spellings(track)]
            own = [p for name in names for at in ("", "*/") for p in path.glob(at + name) if p.is_dir()]
            files = [f for folder in own or [path] for f in sorted(folder.rglob("*")) if f.is_file()]
            return digest([(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files])
    except (OSError, ValueError):  # a parameter that only happens to look like a path
        return ""
    return ""


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)
