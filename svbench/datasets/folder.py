"""Plain folders: <track>/<stem>.wav (or flac, ogg, mp3), tracks directly or one subset folder deeper."""

from __future__ import annotations

from pathlib import Path

from svbench.audio import EXTENSIONS
from svbench.datasets.api import TrackFiles
from svbench.errors import DataError
from svbench.specs.manifest import ManifestHead


class Folder:
    """One folder per track; ``mixture.*`` is the mixture and never a stem.

    Sub-folders of the root that hold no audio themselves are subsets.
    """

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name.

        Raises
        ------
        DataError
            Two files for one stem, a link that leaves the root, or a track without any known stem.
        """
        found = []
        for folder in _folders(root):
            if _audio(folder):
                found.append(track_files(folder, "", root, head))
            else:
                found += [track_files(f, folder.name, root, head) for f in _folders(folder) if _audio(f)]
        return found


def track_files(folder: Path, subset: str, root: Path, head: ManifestHead) -> TrackFiles:
    """Pair a track folder's files with the stems a manifest names.

    Raises
    ------
    DataError
        Two files for one stem, a link that leaves the root, or no known stem at all.
    """
    files: dict[str, Path] = {}
    for path in _audio(folder):
        if path.stem not in (*head.stems, "mixture"):
            continue
        if path.stem in files:
            raise DataError(f"{folder}: both {files[path.stem].name} and {path.name}; keep one of them")
        if not path.resolve().is_relative_to(root.resolve()):
            raise DataError(f"{path}: a link that leads out of {root}")
        files[path.stem] = path
    mixture = files.pop("mixture", None)
    if not files:
        names = ", ".join(p.name for p in _audio(folder))
        raise DataError(f"{folder}: has {names}, but none of the stems {', '.join(head.stems)}")
    return TrackFiles(folder.name, subset, {s: files[s] for s in head.stems if s in files}, mixture)


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _audio(folder: Path) -> list[Path]:
    files = (p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))
    return sorted(p for p in files if p.is_file())
