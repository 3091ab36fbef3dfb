"""iKala, MIR-1K: Wavfile/<track>.wav, one file per track and one channel per stem, mixture by sum."""

from __future__ import annotations

from pathlib import Path

from svbench.audio.sources import Source
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.common import escapes
from svbench.naming.listing import audio_files
from svbench.specs.manifest import ManifestHead


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
