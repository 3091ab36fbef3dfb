"""DSD100: Mixtures/{Dev,Test}/<nnn - name>/mixture.wav and Sources/{Dev,Test}/<nnn - name>/<stem>.wav."""

from __future__ import annotations

from pathlib import Path

from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.common import first_escape, unused
from svbench.naming.listing import audio_files, folders
from svbench.specs.manifest import ManifestHead


class Dsd100:
    """Mixtures and sources in two trees of the same shape, paired by subset and name."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        names = sorted(
            {
                (subset.name, track.name)
                for tree in ("Mixtures", "Sources")
                for subset in folders(root / tree)
                for track in folders(subset)
            }
        )
        return [_track(root, subset, name, head) for subset, name in names]


def _track(root: Path, subset: str, name: str, head: ManifestHead) -> TrackFiles:
    sources = {p.stem: p for p in audio_files(root / "Sources" / subset / name)}
    mixtures = {p.stem: p for p in audio_files(root / "Mixtures" / subset / name)}
    stems = {s: sources[s] for s in head.stems if s in sources}
    mixture = mixtures.get("mixture")
    problem = first_escape([*stems.values(), *([mixture] if mixture else [])], root)
    left = unused(sources.values(), list(stems.values()), head.stems)
    return TrackFiles(name, subset, stems, mixture, problem, left)
