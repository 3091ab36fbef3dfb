"""List the folders and audio files of a folder of music, without hidden files and those of the system."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from svbench.audio import AUDIO_SUFFIXES
from svbench.errors import DataError
from svbench.naming.names import nfc, spellings, target_named

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

    Those of a kind that is not read are among them: opening them says so.
    """
    if not folder.is_dir():
        return []
    files = (p for p in folder.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES and not is_ignored(p.name))
    return sorted(p for p in files if p.is_file())


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
    found: dict[str, Path] = {}
    for path in audio_files(folder):
        target = target_named(path.stem, known, folder.name) or target_named(path.stem, known, track)
        if target in found:
            raise twice(folder, found[target], path, target)
        if target:
            found[target] = path
    return {target: found[target] for target in known if target in found}


def twice(folder: Path, one: Path, other: Path, target: str) -> DataError:
    """Return the error about two files that are read as the same target."""
    return DataError(f"{folder}: both {one.name} and {other.name} are read as {target}; keep one of them")


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
