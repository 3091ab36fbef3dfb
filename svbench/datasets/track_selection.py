"""Which of the tracks found are measured: chosen first, then checked, so that others cannot be in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from svbench.datasets.files import Finding, TrackFiles
from svbench.errors import DataError, UnknownNameError
from svbench.naming.names import nfc
from svbench.specs.manifest import Manifest


def choose(
    manifest: Manifest, found: Sequence[TrackFiles], root: Path, subset: str | None, tracks: Sequence[str]
) -> tuple[list[TrackFiles], list[Finding]]:
    """Return the tracks of a subset or by their names, and what a reader must know was left out.

    Parameters
    ----------
    manifest : Manifest
    found : sequence of TrackFiles
    root : Path
    subset : str or None
        Only this one; also one that the manifest names beside those of its tracks.
    tracks : sequence of str
        Only these; all where empty.

    Returns
    -------
    list of TrackFiles
        In the manifest's order, or as found where the manifest lists no tracks.
    list of Finding

    Raises
    ------
    UnknownNameError
        No such subset or track.
    DataError
        Of what is chosen, a track is missing, cannot be used or is there twice.
    """
    head = manifest.head
    there = [f for f in found if not f.no_track]
    lost = {f.name: f.no_track for f in found if f.no_track}
    rows = (
        {f.name: f.subset for f in there} if head.discover else {t.track: t.subset for t in manifest.tracks}
    )
    names = _names(manifest, there, rows, subset)
    written = {nfc(n): n for n in (*rows, *lost)}
    tracks = [written.get(nfc(n), n) for n in tracks]
    for name in tracks:
        if name not in names and head.discover and name in lost:
            raise DataError(f"{root}: track {name!r}: {lost[name]}")
        if name not in names:
            raise UnknownNameError("track", name, names)
    names = [n for n in names if not tracks or n in tracks]
    missing = [n for n in names if n not in {f.name for f in there}]
    if missing:
        whole = f"{head.id}/{subset}" if subset else head.id
        reason = f" ({lost[missing[0]]})" if missing[0] in lost else ""
        raise DataError(
            f"{root}: {len(missing)} of {len(names)} tracks of {whole} are missing, the first is "
            f"{missing[0]!r}{reason}; `svbench verify {head.id}={root}` lists them"
        )
    chosen = [_only([f for f in there if f.name == n], root, subset) for n in names]
    broken = next((f for f in chosen if f.problem), None)
    if broken:
        raise DataError(f"{broken.problem}; `svbench verify {head.id}={root}` lists all such findings")
    skipped = [] if tracks else _left_out(manifest, found, rows, subset)
    skipped += [Finding(f.name, "", "unused", told, "note") for f in chosen for told in f.unused]
    if not head.discover:
        chosen = [replace(f, subset=rows[f.name]) for f in chosen]
    return chosen, skipped


def _names(
    manifest: Manifest, there: Sequence[TrackFiles], rows: dict[str, str], subset: str | None
) -> list[str]:
    """Return the names of all tracks of a subset, whether they are there or not."""
    named = manifest.head.named_subsets
    if subset is None:
        return list(rows)
    if subset in named:
        gone = [n for n in named[subset] if n not in rows] if manifest.head.discover else []
        return [*(n for n in rows if n in named[subset]), *gone]
    # A name that stands twice is in two subsets, though it can have one row only.
    pairs = [(f.name, f.subset) for f in there] if manifest.head.discover else list(rows.items())
    names = [n for n, s in pairs if s == subset]
    if not names:
        # The empty name is that of tracks that lie in no subset.
        raise UnknownNameError("subset", subset, ({s for _, s in pairs} | set(named)) - {""})
    return list(dict.fromkeys(names))


def _only(twins: Sequence[TrackFiles], root: Path, subset: str | None) -> TrackFiles:
    """Return the one track of a name, by its folder where a subset was chosen."""
    twins = [f for f in twins if f.subset == subset] or twins
    if len(twins) > 1:
        raise DataError(
            f"{root}: two tracks are called {twins[0].name!r} (in {twins[0].subset or '.'} and "
            f"{twins[1].subset or '.'}); names must be unique, also in two Unicode forms; choose one "
            "--subset folder or rename"
        )
    return twins[0]


def _left_out(
    manifest: Manifest, found: Sequence[TrackFiles], rows: dict[str, str], subset: str | None
) -> list[Finding]:
    """Tell what lies there and is no track of the manifest, and how many tracks are not there at all."""
    head = manifest.head
    told = [
        Finding(f.name, "", "no track", f.no_track) if f.no_track
        else Finding(f.name, "", "extra", "not in the manifest", "note")
        for f in found
        if (f.no_track or f.name not in rows) and subset in (None, f.subset)
    ]  # fmt: skip
    if head.discover and head.n_tracks and len(rows) < head.n_tracks and subset is None:
        told.append(Finding("", "", "missing", f"{len(rows)} of {head.n_tracks} tracks found"))
    return told
