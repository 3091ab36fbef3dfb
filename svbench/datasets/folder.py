"""Plain folders: <track>/<stem>.wav (or flac, ogg, mp3), tracks directly or one subset folder deeper."""

from __future__ import annotations

from pathlib import Path

from svbench.audio import EXTENSIONS
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.common import audio_files, contents, first_escape, folders, unused
from svbench.specs.manifest import ManifestHead


class Folder:
    """One folder per track; ``mixture.*`` is the mixture and never a stem.

    Sub-folders of the root that hold no audio themselves, but in their folders, are subsets.
    """

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        found = []
        for folder in folders(root):
            inner = folders(folder)
            if audio_files(folder) or not any(audio_files(f) for f in inner):
                found.append(track_files(folder, "", root, head))
            else:
                found += [track_files(f, folder.name, root, head) for f in inner]
        return found


def track_files(folder: Path, subset: str, root: Path, head: ManifestHead) -> TrackFiles:
    """Pair a track folder's files with the stems a manifest names.

    A track with two files for one stem, a link that leaves the root, or no known stem at all
    carries a sentence about it, and so do files of other names and a folder without any.
    """
    there = audio_files(folder)
    if not there:
        no_track = f"no audio file ({', '.join(EXTENSIONS)}) in the folder, {contents(folder)}"
        return TrackFiles(folder.name, subset, {}, None, no_track=no_track)
    files: dict[str, Path] = {}
    problem = ""
    names = (*head.stems, "mixture")
    known = [path for path in there if path.stem in names]
    for path in known:
        if path.stem in files:
            problem = f"{folder}: both {files[path.stem].name} and {path.name}; keep one of them"
        files[path.stem] = path
    problem = problem or first_escape(list(files.values()), root)
    mixture = files.pop("mixture", None)
    if not files:
        found = ", ".join(p.name for p in there)
        problem = f"{folder}: has {found}, but none of the stems {', '.join(head.stems)}"
    return TrackFiles(
        folder.name,
        subset,
        {s: files[s] for s in head.stems if s in files},
        mixture,
        problem,
        unused(there, known, names) if files else (),
    )
