"""MedleyDB: <Artist_Title>/<Artist_Title>_STEMS/*.wav, grouped by the instruments of its metadata.

The mixture is the sum of the stems; ``_MIX.wav`` is not read, so that mixture and references agree by
construction.
"""

from __future__ import annotations

import re
from pathlib import Path

from svbench.audio.sounds import Source
from svbench.datasets.files import TrackFiles
from svbench.datasets.layouts.folder import beside, first_escape, no_track, unused
from svbench.naming.folders import audio_files, nested_folders
from svbench.specs.manifest import ManifestHead

# Instruments of MedleyDB's taxonomy that are not "other", compared in lower case.
GROUPS = {
    "vocals": {
        "male singer", "female singer", "male speaker", "female speaker", "male rapper", "female rapper",
        "male screamer", "female screamer", "vocalists", "choir", "beatboxing",
    },
    "bass": {"electric bass", "double bass", "acoustic bass guitar", "bass guitar", "synth bass"},
    "drums": {
        "drum set", "drum machine", "kick drum", "snare drum", "bass drum", "toms", "high hat", "cymbal",
        "auxiliary percussion", "tambourine", "shaker", "claps", "cowbell", "bongo", "conga", "darbuka",
        "tabla", "maracas", "cabasa", "guiro", "snaps", "castanet", "gong",
    },
}  # fmt: skip


class MedleyDb:
    """A track is a folder with a ``_STEMS`` folder, in the root or in a folder of it (``Audio``, ``V2``)."""

    def find(self, root: Path, head: ManifestHead) -> list[TrackFiles]:
        """Return all tracks below a root, sorted by name."""
        places = nested_folders(root)
        folders_of_tracks = [f for f in places if (f / f"{f.name}_STEMS").is_dir()]
        tracks = [_track(folder, root, head) for folder in folders_of_tracks]
        renamed = [f for f in places if f not in folders_of_tracks and any(f.glob("*_STEMS"))]
        for folder in dict.fromkeys([*renamed, *beside(folders_of_tracks)]):
            if folder.name != "Metadata":
                tracks.append(no_track(folder, f"{folder.name}_STEMS"))
        return sorted(tracks, key=lambda files: files.name)


def _track(folder: Path, root: Path, head: ManifestHead) -> TrackFiles:
    name = folder.name
    places = [folder, *(p / "Metadata" for p in (root, root.parent))]
    metadata = next((p for d in places if (p := d / f"{name}_METADATA.yaml").is_file()), None)
    if metadata is None:
        problem = f"{folder}: no {name}_METADATA.yaml in it or in {root / 'Metadata'}"
        return TrackFiles(name, "", {}, None, problem)
    instruments = stem_instruments(metadata.read_text(encoding="utf-8", errors="replace"))
    files = {folder / f"{name}_STEMS" / file: i for file, i in instruments.items()}
    missing = [p for p in files if not p.is_file()]
    problem = first_escape(list(files), root)
    if missing:
        problem = (
            f"{missing[0]}: missing, though its metadata lists it ({len(missing)} of {len(files)} files)"
        )
    elif not files:
        problem = f"{metadata}: lists no stems"
    groups: dict[str, list[Path]] = {}
    for path, instrument in files.items():
        groups.setdefault(group_of(instrument), []).append(path)
    stems = {s: Source(tuple(groups[s])) for s in head.stems if s in groups}
    left = unused(audio_files(folder / f"{name}_STEMS"), list(files), head.stems)
    return TrackFiles(name, "", stems, None, problem, left)


def group_of(instrument: str) -> str:
    """Return vocals, bass, drums or other.

    Examples
    --------
    >>> group_of("Female Singer"), group_of("electric bass"), group_of("piano")
    ('vocals', 'bass', 'other')
    """
    return next((g for g, names in GROUPS.items() if instrument.lower() in names), "other")


def stem_instruments(text: str) -> dict[str, str]:
    """Read from MedleyDB's metadata which instrument each stem file holds.

    The files are YAML of one fixed shape: ``stems:``, then ``S01:`` and below it ``filename:``,
    ``instrument:`` and ``raw:``. Reading just that needs no YAML library. A list of instruments
    counts as its first.

    Examples
    --------
    >>> stem_instruments("stems:\\n  S01:\\n    filename: a.wav\\n    instrument: piano\\n    raw:\\n")
    {'a.wav': 'piano'}
    """
    instruments = {}
    stems = re.split(r"(?m)^stems:\s*$", text, maxsplit=1)[-1]
    for block in re.split(r"(?m)^  S\d+:\s*$", stems)[1:]:
        entry = block.split("\n    raw:")[0]  # below it the raw files have a filename and an instrument each
        file = re.search(r"(?m)^    filename: *(\S.*?) *$", entry)
        instrument = re.search(r"(?m)^    instrument: *(?:\n    +- *)?(\S.*?) *$", entry)
        if file:
            instruments[file[1].strip("'\"")] = instrument[1].strip("'\"") if instrument else ""
    return instruments
