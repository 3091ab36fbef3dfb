"""Plain folders: <track>/<stem>.wav (or flac, ogg, mp3), tracks directly or one subset folder deeper.

Names are understood by the table of `svbench.naming.names`.
"""

from __future__ import annotations

from pathlib import Path

from svbench.audio import EXTENSIONS
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.common import contents, first_escape, unused
from svbench.datasets.lumps import lumps, overlapping
from svbench.errors import DataError
from svbench.naming.listing import audio_files, folders, read_as, target_files
from svbench.specs.manifest import MIXTURE, ManifestHead


class Folder:
    """One folder per track; ``mixture.*`` is the mixture and never a stem.

    Sub-folders of the root that hold no audio themselves, but in their folders, are subsets.
    """

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by subset and name."""
        return folder_tracks(root, head, root)


def folder_tracks(root: Path, head: ManifestHead, within: Path | None = None) -> list[TrackFiles]:
    """Return the tracks below a root; links must not lead out of ``within``, where it is given."""
    found = []
    for folder in folders(root):
        inner = folders(folder)
        if audio_files(folder) or not any(audio_files(f) for f in inner):
            found.append(track_files(folder, "", head, within))
        else:
            found += [track_files(f, folder.name, head, within) for f in inner]
    return found


def track_files(
    folder: Path, subset: str, head: ManifestHead, within: Path | None = None, name: str = ""
) -> TrackFiles:
    """Pair a track folder's files with the stems, the mixture and the sums of stems that a manifest names.

    Parameters
    ----------
    folder : Path
    subset : str
    head : ManifestHead
    within : Path, optional
        Links must not lead out of this folder.
    name : str, optional
        Of the track; by default that of the folder.

    Returns
    -------
    TrackFiles
        With a sentence if it cannot be used: two files for one stem, a link that leads out, no known
        stem at all, or an unknown file where the mixture is the sum of the known ones.
    """
    name = name or folder.name
    there = audio_files(folder)
    if not there:
        no_track = f"no audio file ({', '.join(EXTENSIONS)}) in the folder, {contents(folder)}"
        return TrackFiles(name, subset, {}, None, no_track=no_track)
    names = (*head.stems, *(t for t in head.targets if t not in head.stems), MIXTURE)
    try:
        files = target_files(folder, names, name)
    except DataError as error:
        return TrackFiles(name, subset, {}, None, str(error))
    problem = first_escape(list(files.values()), within) if within else ""
    aliased = tuple(read_as(files, name))
    mixture = files.pop(MIXTURE, None)
    stems = {name: files[name] for name in names if name in files}
    # A sum beside all of its stems says nothing new; adding it to the mixture would count them twice.
    redundant = {
        lump: stems.pop(lump)
        for lump in lumps(stems, head.targets)
        if all(s in files for s in head.targets[lump])
    }
    notes = unused(there, [*files.values(), *([mixture] if mixture else [])], names) if stems else ()
    crossing = overlapping(stems, head.targets)
    is_sum = mixture is None or head.mixture.source == "sum"
    if not stems:
        found = ", ".join(p.name for p in there)
        problem = f"{folder}: has {found}, but none of the stems {', '.join(head.stems)}"
    elif is_sum and notes and not problem:
        problem = (
            f"{folder}: {'; '.join(notes)}, and the mixture is the sum of the stems: rename it (stems are "
            f"{', '.join(names)}), move it away, or describe the folder by `svbench manifest make`"
        )
    elif is_sum and crossing and not problem:
        one, other = (files[name].name for name in crossing)
        problem = f"{folder}: {one} and {other} share stems, so no sum of files is the mixture; add a mixture"
    return TrackFiles(name, subset, stems, mixture, problem, notes, redundant=redundant, read_as=aliased)
