"""Estimates made elsewhere: <root>/<track>/<target>.wav, paired by name and never by order."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from svbench.audio import EXTENSIONS, Audio, read_audio
from svbench.systems.api import Context, SystemInfo


class Folder:
    """Reads estimates from a folder with one folder per track, directly or one level deeper.

    Parameters
    ----------
    parameters : dict
        ``root``: the folder, relative to the system file. ``targets``: those to read; by default
        every target the protocol asks for that has a file in each track's folder.
    context : Context

    Raises
    ------
    FileNotFoundError
        No such folder, or no estimates in it.
    ValueError
        Unknown or missing parameters.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown = set(parameters) - {"root", "targets"}
        if unknown or "root" not in parameters:
            raise ValueError(f"the folder adapter takes root and targets, found {sorted(parameters)}")
        self.root = context.folder / parameters["root"]
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder of estimates")
        self.tracks = _track_folders(self.root)
        if not self.tracks:
            raise FileNotFoundError(f"{self.root}: no folder with audio files in it")
        offered = set.intersection(*(set(_targets(f)) for f in self.tracks.values()))
        chosen = tuple(parameters.get("targets", [t for t in context.targets if t in offered]))
        if not chosen:
            raise FileNotFoundError(
                f"{self.root}: no file is named after one of the targets {', '.join(context.targets)} "
                "in every track's folder"
            )
        self.info = SystemInfo(context.system_id, chosen, needs=frozenset({"track"}))

    def separate(self, mixture: Audio, *, track: str) -> dict[str, Audio]:
        """Read the estimates of a track; files must be there for every target."""
        if track not in self.tracks:
            near = difflib.get_close_matches(track, self.tracks, n=1)
            hint = f"; is it {near[0]!r}?" if near else ""
            raise FileNotFoundError(f"{self.root}: no folder for track {track!r}{hint}")
        files = _targets(self.tracks[track])
        missing = [t for t in self.info.targets if t not in files]
        if missing:
            raise FileNotFoundError(f"{self.tracks[track]}: no file for {', '.join(missing)}")
        return {t: read_audio(files[t]) for t in self.info.targets}


def _track_folders(root: Path) -> dict[str, Path]:
    """Find folders that hold audio, by name; one deeper when the first level is one of subsets."""
    found: dict[str, Path] = {}
    for folder in sorted(p for p in root.glob("*") if p.is_dir()):
        inside = [folder] if _targets(folder) else sorted(p for p in folder.glob("*") if p.is_dir())
        for track in inside:
            if _targets(track):
                if track.name in found:
                    raise ValueError(f"{track}: {found[track.name]} has the same track name")
                found[track.name] = track
    return found


def _targets(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in EXTENSIONS and path.is_file():  # a pipe would never open
            if path.stem in files:
                raise ValueError(f"{folder}: both {files[path.stem].name} and {path.name}; keep one")
            files[path.stem] = path
    return files
