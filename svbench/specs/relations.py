"""Which data sets share tracks, and therefore which tracks a system may have been trained on.

``data_manifests/relations.toml`` declares it; a user's own file of that name adds to the shipped one.
Training data is given as ``<data set>`` or, if only part of it was used, ``<data set>/<subset>``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.errors import SvbenchError
from svbench.specs.library import FOLDERS, shipped
from svbench.specs.manifest import Manifest, load_manifest
from svbench.specs.records import Record, load_toml

UNKNOWN = "unknown"  # in training_data: not published


class Same(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data sets with the same tracks under the same names, in the same subsets."""

    ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]


class Within(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tracks of ``data``, by their names there, that ``part`` contains too."""

    part: str
    data: str
    tracks: tuple[str, ...]


class Relations(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All declared relations."""

    schema: Literal[1]
    same: tuple[Same, ...] = ()
    within: tuple[Within, ...] = ()

    def alike(self, name: str) -> frozenset[str]:
        """Return the ids of all data sets with the same tracks as this one, and its own.

        Examples
        --------
        >>> sorted(load_relations().alike("musdb18"))
        ['musdb18', 'musdb18-hq']
        """
        return frozenset({name}).union(*(s.ids for s in self.same if name in s.ids))


class Overlap(msgspec.Struct, frozen=True):
    """The tracks that a system's training data shares with the tracks it is measured on.

    Attributes
    ----------
    tracks : dict of str to str
        Measured tracks that were trained on, with the training data that contains them.
    unchecked : tuple of str
        Training data that no manifest describes, including ``"unknown"``.
    """

    tracks: dict[str, str]
    unchecked: tuple[str, ...]


def load_relations() -> Relations:
    """Load the relations of the current folder and those shipped with svbench.

    Raises
    ------
    SpecError
    """
    roots = dict.fromkeys([Path.cwd().resolve(), Path(shipped()).resolve()])
    paths = [root / FOLDERS["dataset"] / "relations.toml" for root in roots]
    loaded = [_load(p, p.stat().st_mtime_ns) for p in paths if p.is_file()]
    return Relations(
        schema=1,
        same=tuple(s for r in loaded for s in r.same),
        within=tuple(w for r in loaded for w in r.within),
    )


@lru_cache(maxsize=8)
def _load(path: Path, mtime_ns: int) -> Relations:
    """Read a file, again only after it has changed."""
    return load_toml(path, Relations)


def overlap(training_data: tuple[str, ...], data: str, tracks: tuple[str, ...]) -> Overlap:
    """Find the tracks of a measurement that a system was trained on.

    Parameters
    ----------
    training_data : tuple of str
        As in a system file.
    data : str
        Id of the data set that is measured on.
    tracks : tuple of str
        Names of its tracks that are measured.

    Examples
    --------
    >>> list(overlap(("dsd100",), "musdb18-hq", ("Zeno - Signs", "PR - Oh No")).tracks)
    ['Zeno - Signs']
    >>> overlap(("musdb18/train",), "musdb18-hq", ("Zeno - Signs",)).tracks
    {}
    """
    relations = load_relations()
    found: dict[str, str] = {}
    unchecked = []
    for entry in training_data:
        shared = _shared(entry, data, relations)
        if shared is None:
            unchecked.append(entry)
            continue
        keys = None if shared == "all" else {track_key(t) for t in shared}
        for track in tracks:
            if keys is None or track_key(track) in keys:
                found.setdefault(track, entry)
    return Overlap({t: found[t] for t in tracks if t in found}, tuple(unchecked))


def track_key(name: str) -> str:
    """Return what the names of a track in several data sets have in common.

    Examples
    --------
    >>> {track_key(n) for n in ("001 - ANiMAL - Clinic A", "ANiMAL - Clinic A", "ANiMAL_ClinicA")}
    {'animalclinica'}
    """
    return re.sub(r"\W|_", "", re.sub(r"^\d{3} - ", "", name)).lower()


def _shared(entry: str, data: str, relations: Relations) -> frozenset[str] | Literal["all"] | None:
    """Return the names of shared tracks; "all" if training and test data are the same; None if unknown."""
    name, _, subset = entry.partition("/")
    manifest = _manifest(name)
    here, there = relations.alike(data), relations.alike(name)
    named = {w.part for w in relations.within} | {w.data for w in relations.within}
    if entry == UNKNOWN or (manifest is None and name != data and not (there - {name} or name in named)):
        return None
    if here == there:
        if not subset:
            return "all"
        if manifest is None:
            return None
        try:
            return manifest.subset_tracks(subset)
        except SvbenchError:
            # The manifest does not list the tracks, so its subsets cannot be distinguished.
            return "all" if manifest.head.discover else None
    shared: frozenset[str] = frozenset()
    for relation in relations.within:
        if relation.part in there and relation.data in here:
            shared |= frozenset(relation.tracks)
        elif relation.part in here and relation.data in there:
            shared |= frozenset(relation.tracks) & _subset(manifest, subset, relation)
    return shared


def _subset(manifest: Manifest | None, subset: str, relation: Within) -> frozenset[str]:
    """Return the tracks of a subset; all tracks of the relation if the manifest does not list them."""
    try:
        return manifest.subset_tracks(subset) if manifest and subset else frozenset(relation.tracks)
    except SvbenchError:
        return frozenset(relation.tracks)


def _manifest(name: str) -> Manifest | None:
    try:
        return load_manifest(name)
    except SvbenchError:
        return None
