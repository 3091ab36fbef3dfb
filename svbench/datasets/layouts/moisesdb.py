"""MoisesDB: <uuid>/data.json and <uuid>/<stem>/*.wav, several files to a stem, mixture by sum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from svbench.audio.sounds import Source
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.folder import beside, first_escape, no_track, unused
from svbench.naming.folders import audio_files, folders, nested_folders
from svbench.specs.manifest import ManifestHead


class MoisesDb:
    """A track is a folder with data.json, in the root or in a folder of the root; its uuid names it."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by name."""
        folders_of_tracks = [f for f in nested_folders(root) if (f / "data.json").is_file()]
        tracks = [_track(folder, root, head) for folder in folders_of_tracks]
        tracks += [no_track(folder, "data.json") for folder in beside(folders_of_tracks)]
        return sorted(tracks, key=lambda files: files.name)


def _track(folder: Path, root: Path, head: ManifestHead) -> TrackFiles:
    try:
        content = json.loads((folder / "data.json").read_text(encoding="utf-8-sig"))
        files = _files(folder, content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{folder / 'data.json'}: does not describe a MoisesDB track ({error!r})"
        return TrackFiles(folder.name, "", {}, None, problem)
    paths = [p for group in files.values() for p in group]
    missing = [p for p in paths if not p.is_file()]
    unknown = [s for s in files if s not in head.stems]
    problem = first_escape(paths, root)
    if missing:
        problem = f"{missing[0]}: missing, though data.json lists it ({len(missing)} of {len(paths)} files)"
    elif unknown:
        problem = f"{folder / 'data.json'}: stem {unknown[0]!r} is none of {', '.join(head.stems)}"
    elif not paths:
        problem = f"{folder / 'data.json'}: lists no files"
    stems = {s: Source(tuple(files[s])) for s in head.stems if files.get(s)}
    there = [p for group in folders(folder) for p in audio_files(group)]
    left = unused(there, paths, head.stems)
    return TrackFiles(folder.name, "", stems, None, problem, left)


def _files(folder: Path, content: dict[str, Any]) -> dict[str, list[Path]]:
    """List the files of each stem as data.json names them; one stem may be listed twice."""
    files: dict[str, list[Path]] = {}
    for stem in content["stems"]:
        name = str(stem["stemName"]).replace(" ", "_")
        files.setdefault(name, []).extend(
            folder / str(stem["stemName"]) / f"{t['id']}.{t['extension']}" for t in stem["tracks"]
        )
    return {stem: sorted(paths) for stem, paths in files.items() if paths}
