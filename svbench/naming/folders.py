"""List the audio files of a folder, and find the file of each track and target by its name, never by order.

Hidden files and those of the operating system are ignored. Estimates may lie in any of four layouts::

    estimates/<track>/<target>.wav          museval, Demucs, Spleeter (also one folder deeper)
    estimates/<slug of track>/<target>.wav  written by `svbench run --keep-estimates`
    estimates/<track>_<target>.wav          Music-Source-Separation-Training
    estimates/<track>_(<Target>)_<model>.wav  Ultimate Vocal Remover, audio-separator
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path

from svbench.audio import AUDIO_SUFFIXES
from svbench.errors import DataError
from svbench.naming.names import MIXTURE, nfc, plain, spellings, target_named
from svbench.printing.visible import shown

# Beside all names that begin with a dot, such as ._vocals.wav (macOS), .@__thumb (QNAP), .ipynb_checkpoints.
IGNORED = frozenset(
    (
        "__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information",
        "lost+found", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini",
    )
)  # fmt: skip


def is_ignored(name: str) -> bool:
    """Whether a file or folder is hidden or was left there by an operating system or program.

    Examples
    --------
    >>> is_ignored("._vocals.wav"), is_ignored("__MACOSX"), is_ignored("@eaDir"), is_ignored("vocals.wav")
    (True, True, True, False)
    """
    return name.startswith(".") or name.casefold() in IGNORED


def folders(root: Path) -> list[Path]:
    """Return the folders of a folder by name; none where it does not exist."""
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and not is_ignored(p.name))


def audio_files(folder: Path) -> list[Path]:
    """Return the audio files of a folder by name.

    Files of a kind that svbench does not read are among them; opening one raises an error that says so.
    """
    if not folder.is_dir():
        return []
    files = (p for p in folder.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES and not is_ignored(p.name))
    return sorted(p for p in files if p.is_file())


def nested_folders(root: Path) -> list[Path]:
    """Return the folders of a folder by name, each followed by the folders in it."""
    return [f for folder in folders(root) for f in (folder, *folders(folder))]


def target_files(folder: Path, known: Collection[str], track: str = "") -> dict[str, Path]:
    """Return the audio files of a folder that are named after a target, by target.

    Parameters
    ----------
    folder : Path
    known : collection of str
        Targets to look for, in the order to return them.
    track : str, optional
        See `target_named`; the folder's own name counts as well.

    Raises
    ------
    DataError
        Two files are read as the same target.
    """
    files = {
        path: target_named(path.stem, known, folder.name) or target_named(path.stem, known, track)
        for path in audio_files(folder)
    }
    return _one_each(files, known)


def _one_each(
    files: Mapping[Path, str | None], known: Collection[str], of_track: str = ""
) -> dict[str, Path]:
    """Return files by target, in the order of the known targets; two files for one target are an error."""
    by_target: dict[str, Path] = {}
    for path, target in files.items():
        if target in by_target:
            one, folder = by_target[target].name, path.parent
            raise DataError(
                f"{folder}: both {one} and {path.name} are read as {target}{of_track}; keep one of them"
            )
        if target:
            by_target[target] = path
    return {target: by_target[target] for target in known if target in by_target}


def read_as(files: Mapping[str, Path], track: str = "") -> list[str]:
    """Return a sentence for each file that is not named after its target, with the target it was read as.

    Parameters
    ----------
    files : mapping of str to Path
        By target.
    track : str, optional
        The track whose name may stand before the target's; it is shown as ``<track>``.

    Examples
    --------
    >>> read_as({"vocals": Path("vocals.wav"), "accompaniment": Path("no_vocals.wav")})
    ['no_vocals.wav read as accompaniment']
    >>> read_as({"vocals": Path("song_(Vocals)_MDX.wav"), "bass": Path("song_bass.wav")}, "song")
    ['<track>_(Vocals)_MDX.wav read as vocals']
    >>> read_as({"bass": Path("bass.wav")}, "b")  # a track whose name begins the target's
    []
    """
    notes = []
    for target, path in files.items():
        name = nfc(path.name)
        if name == f"{target}{path.suffix}":
            continue
        before = next((s for s in map(nfc, spellings(track)) if track and name.startswith(s)), "")
        shown = f"<track>{name[len(before) :]}" if before else name
        if shown != f"<track>_{target}{path.suffix}":
            notes.append(f"{shown} read as {target}")
    return notes


class EstimateFolder:
    """A folder of estimates, in which those of a track are found by its name.

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
        names: dict[Path, str] = {}
        for folder in folders(self.root):
            inside = [folder] if audio_files(folder) else [f for f in folders(folder) if audio_files(f)]
            names |= {track: shown(track.name) for track in inside}
        return names

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
            Two folders are named after the track, or two files after one of its targets.
        """
        names = spellings(track)
        mine = [folder for folder, name in self.tracks.items() if name in names]
        if len(mine) > 1:
            raise DataError(f"{mine[1]}: {mine[0]} is named after the same track {track!r}; keep one of them")
        if mine:
            return target_files(mine[0], self.known, track)
        # A file named after a target alone belongs to no track, even if its name begins like a track's.
        loose = [p for p in self.loose if not target_named(p.stem, self.known)]
        return _one_each({p: self._target(p, names) for p in loose}, self.known, f" of {track}") or None

    def _target(self, path: Path, spelled: Collection[str]) -> str | None:
        """Return the target that a loose file of a track is named after."""
        name = shown(path.stem)
        return next((t for track in spelled if (t := target_named(name, self.known, track))), None)

    def strangers(self, tracks: Collection[str]) -> list[str]:
        """Return the names of folders and loose files that belong to none of the tracks, sorted."""
        names = {name for track in tracks for name in spellings(track)}
        used = {path for track in tracks for path in (self.of(track) or {}).values()}
        loose = [p.name for p in self.loose if p not in used]
        return sorted({*(name for name in self.tracks.values() if name not in names), *loose})

    def unread(self, track: str) -> list[str]:
        """Return the names of audio files in a track's folder that are named after no target."""
        names = spellings(track)
        return [
            path.name
            for folder, name in self.tracks.items()
            if name in names
            for path in audio_files(folder)
            if target_named(path.stem, (*self.known, MIXTURE), track) is None
            and target_named(path.stem, self.known, folder.name) is None
        ]


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
