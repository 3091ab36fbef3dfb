"""Report definitions: which sections a report shows and which tracks can be heard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.specs.library import find
from svbench.specs.records import Record, load_toml

Section = Literal[
    "leaderboard", "targets", "boxplots", "differences", "cost", "tracks", "worst", "listen", "provenance"
]


class Listening(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tracks get players: by the spread of the headline score, or by name.

    ``excerpt_s`` bounds each excerpt, ``budget_mb`` the sum of all audio files and spectrograms of the
    report. ``worst_frames`` is how many of each system's frames stand in its play list.
    """

    tracks: tuple[str, ...] = ()
    count: Annotated[int, msgspec.Meta(ge=0)] = 3
    excerpt_s: Annotated[float, msgspec.Meta(gt=0)] = 12.0
    budget_mb: Annotated[float, msgspec.Meta(gt=0)] = 200.0
    worst_frames: Annotated[int, msgspec.Meta(ge=0)] = 10


class ReportSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report: its title, its sections in order, its players."""

    schema: Literal[1]
    id: str
    title: str
    description: str
    sections: Annotated[tuple[Section, ...], msgspec.Meta(min_length=1)]
    listen: Listening = Listening()


def load_report(name_or_path: str | Path) -> ReportSpec:
    """Load a report definition by id or path."""
    return load_toml(find("report", str(name_or_path)), ReportSpec)
