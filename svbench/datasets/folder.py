"""Plain folders: <track>/<stem>.wav (or flac, ogg, mp3), tracks directly or one subset folder deeper."""

from __future__ import annotations

from pathlib import Path

from svbench.datasets.api import TrackFiles
from svbench.datasets.layouts.common import audio_files, first_escape, folders
from svbench.specs.manifest import ManifestHead


class Folder:
    """One folder per track; ``mixture.*`` is the mixture and never a stem.

    Sub-folders of the root that hold no audio themselves are subsets.
    """

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        found = []
        for folder in folders(root):
            if audio_files(folder):
                found.append(track_files(folder, "", root, head))
            else:
                inner = (f for f in folders(folder) if audio_files(f))
                found += [track_files(f, folder.name, root, head) for f in inner]
        return found


def track_files(folder: Path, subset: str, root: Path, head: ManifestHead) -> TrackFiles:
    """Pair a track folder's files with the stems a manifest names.

    A track with two files for one stem, a link that leaves the root, or no known stem at all
    carries a sentence about it.
    """
    files: dict[str, Path] = {}
    problem = ""
    for path in audio_files(folder):
        if path.stem not in (*head.stems, "mixture"):
            continue
        if path.stem in files:
            problem = f"{folder}: both {files[path.stem].name} and {path.name}; keep one of them"
        files[path.stem] = path
    problem = problem or first_escape(list(files.values()), root)
    mixture = files.pop("mixture", None)
    if not files:
        names = ", ".join(p.name for p in audio_files(folder))
        problem = f"{folder}: has {names}, but none of the stems {', '.join(head.stems)}"
    return TrackFiles(folder.name, subset, {s: files[s] for s in head.stems if s in files}, mixture, problem)
