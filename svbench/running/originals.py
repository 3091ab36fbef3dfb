"""What a variant's estimates are compared with: those of the original, kept in its run folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from svbench.results.foreign import inside
from svbench.results.scores import TrackResult
from svbench.results.store import read_record, track_file


class Originals(msgspec.Struct, frozen=True):
    """Files and digests of the estimates of one track's original, by target; empty where there are none."""

    paths: dict[str, Path]
    digests: dict[str, str]


def kept_originals(folder: Path, track: str) -> Originals:
    """Find the estimates of a track in the run folder of the original.

    Returns
    -------
    Originals
        Empty when the original failed on the track, was not run, or its estimates are gone.
    """
    path = track_file(folder, track)
    known = read_record(path, TrackResult) if path.exists() else None
    if known is None or known.status != "ok" or not has_estimates(folder, known):
        return Originals({}, {})
    return Originals({t: inside(folder, p) for t, p in known.estimates.items()}, dict(known.estimate_digests))


def has_estimates(folder: Path, known: TrackResult) -> bool:
    """Whether the estimates of a result were kept and are still there."""
    return bool(known.estimates) and all((folder / p).is_file() for p in known.estimates.values())
