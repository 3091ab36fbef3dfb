"""Layouts with one file per track: MUSDB18 (`Musdb18`), iKala and MIR-1K (`Channels`).

MUSDB18: {train,test}/<Artist - Title>.stem.mp4 with five AAC streams, the mixture first. iKala and MIR-1K:
Wavfile/<track>.wav with one channel per stem; the mixture is their sum.
"""

from __future__ import annotations

from pathlib import Path

from svbench.audio.sounds import Source
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.folder import escapes
from svbench.naming.folders import audio_files, folders
from svbench.specs.manifest import ManifestHead

ENDING = ".stem.mp4"
# Order of the streams in Native Instruments' stem format as MUSDB18 fills it.
STREAMS = ("mixture", "drums", "bass", "other", "vocals")


class Musdb18:
    """One MP4 file per track; the folder it lies in is its subset."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        places = [("", root), *((f.name, f) for f in folders(root))]
        return [
            _track(path, subset, root, head)
            for subset, folder in places
            for path in sorted(folder.glob(f"*{ENDING}"))
            if path.is_file() and not path.name.startswith(".")
        ]


def _track(path: Path, subset: str, root: Path, head: ManifestHead) -> TrackFiles:
    streams = {name: Source((path,), stream=i) for i, name in enumerate(STREAMS)}
    stems = {s: streams[s] for s in head.stems if s in streams}
    return TrackFiles(path.name.removesuffix(ENDING), subset, stems, streams["mixture"], escapes(path, root))


class Channels:
    """The channels are the stems, in the order in which the manifest names them."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks of a root's folder Wavfile, or of the root, sorted by name."""
        folder = root / "Wavfile" if (root / "Wavfile").is_dir() else root
        return [
            TrackFiles(
                path.stem,
                "",
                {stem: Source((path,), channel=i) for i, stem in enumerate(head.stems)},
                None,
                escapes(path, root),
            )
            for path in audio_files(folder)
        ]
