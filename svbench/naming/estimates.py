"""Find the file of each target and track in a folder of estimates, by name and never by order.

Four layouts are common, and all are read::

    estimates/<track>/<target>.wav          museval, Demucs, Spleeter (also one folder deeper)
    estimates/<slug of track>/<target>.wav  what `svbench run --keep-estimates` leaves
    estimates/<track>_<target>.wav          Music-Source-Separation-Training
    estimates/<track>_(<Target>)_<model>.wav  Ultimate Vocal Remover, audio-separator
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from svbench.errors import DataError
from svbench.naming.listing import audio_files, folders, target_files, twice
from svbench.naming.names import MIXTURE, plain, spellings, target_named
from svbench.printing.visible import shown


class EstimateFolder:
    """Finds the estimates of a track by its name.

    Parameters
    ----------
    root : Path
    known : collection of str
        Targets to look for.
    """

    def __init__(self, root: Path, known: Collection[str]) -> None:
        self.root, self.known = root, tuple(k for k in known if k != MIXTURE)

    @cached_property
    def tracks(self) -> dict[Path, str]:
        """Folders with audio files in them, directly or one deeper, and their names."""
        found: dict[Path, str] = {}
        for folder in folders(self.root):
            inside = [folder] if audio_files(folder) else [f for f in folders(folder) if audio_files(f)]
            found |= {track: shown(track.name) for track in inside}
        return found

    @cached_property
    def loose(self) -> list[Path]:
        """Audio files that lie directly in the folder."""
        return audio_files(self.root)

    def offered(self) -> tuple[str, ...]:
        """Return the targets that any file is named after, in the order of the known ones."""
        names = {
            target_named(file.stem, self.known, folder.name)
            for folder in self.tracks
            for file in audio_files(folder)
        }
        names |= {target_named(_last_words(file.stem), self.known) for file in self.loose}
        return tuple(t for t in self.known if t in names)

    def of(self, track: str) -> dict[str, Path] | None:
        """Return the files of a track by target; None where nothing is named after the track.

        Raises
        ------
        DataError
            Two folders, or two files, that could be meant.
        """
        names = spellings(track)
        mine = [folder for folder, name in self.tracks.items() if name in names]
        if len(mine) > 1:
            raise DataError(f"{mine[1]}: {mine[0]} is named after the same track {track!r}; keep one of them")
        if mine:
            return target_files(mine[0], self.known, track)
        found: dict[str, Path] = {}
        for path in self.loose:
            target = (
                None
                if target_named(path.stem, self.known)
                else _of_track(shown(path.stem), self.known, names)
            )
            if target in found:
                raise twice(self.root, found[target], path, f"{target} of {track}")
            if target:
                found[target] = path
        return {t: found[t] for t in self.known if t in found} or None

    def strangers(self, tracks: Collection[str]) -> list[str]:
        """Return the names of folders and loose files that belong to none of the tracks, sorted."""
        names = {name for track in tracks for name in spellings(track)}
        own = {path for track in tracks for path in (self.of(track) or {}).values()}
        loose = [p.name for p in self.loose if p not in own]
        return sorted({*(name for name in self.tracks.values() if name not in names), *loose})

    def unread(self, track: str) -> list[str]:
        """Return the names of audio files in a track's folder that are named after no target."""
        names = spellings(track)
        mine = [folder for folder, name in self.tracks.items() if name in names]
        return [
            path.name
            for folder in mine
            for path in audio_files(folder)
            if target_named(path.stem, (*self.known, MIXTURE), track) is None
            and target_named(path.stem, self.known, folder.name) is None
        ]


def _of_track(name: str, known: Collection[str], spelled: Collection[str]) -> str | None:
    return next((t for track in spelled if (t := target_named(name, known, track))), None)


def _last_words(name: str) -> str:
    """Return what may be the target in the name of a loose file, whose track is not known yet.

    Examples
    --------
    >>> _last_words("a song_(Vocals)_MDX"), _last_words("a song_no_vocals"), _last_words("a song_drums")
    ('Vocals', 'no_vocals', 'drums')
    """
    inside = re.search(r"\(([^()]+)\)(_[^()]*)?$", name)
    if inside:
        return inside.group(1)
    words = plain(name).split("_")
    return "_".join(words[-2:]) if words[-2:-1] in (["no"], ["non"], ["backing"]) else words[-1]
