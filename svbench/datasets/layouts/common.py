"""What all layouts share: folders in order, audio files, links that must not lead out."""

from __future__ import annotations

from pathlib import Path

from svbench.audio import EXTENSIONS


def folders(root: Path) -> list[Path]:
    """Return the folders of a folder by name, hidden ones left out; none where it does not exist."""
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def audio_files(folder: Path, extensions: tuple[str, ...] = EXTENSIONS) -> list[Path]:
    """Return the audio files of a folder by name, hidden ones left out."""
    if not folder.is_dir():
        return []
    files = (p for p in folder.iterdir() if p.suffix.lower() in extensions and not p.name.startswith("."))
    return sorted(p for p in files if p.is_file())


def escapes(path: Path, root: Path) -> str:
    """Return a sentence about a link that leads out of the data set, or nothing.

    Results would depend on files that the data set's folder does not hold.
    """
    if path.resolve().is_relative_to(root.resolve()):
        return ""
    return f"{path}: a link that leads out of {root}"


def first_escape(paths: list[Path], root: Path) -> str:
    """Return the sentence about the first link that leads out, or nothing."""
    return next((problem for p in paths if (problem := escapes(p, root))), "")
