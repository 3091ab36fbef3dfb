"""Recordings of a data set that something was measured on earlier, found again and known to be the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from svbench.datasets.api import Track, open_dataset
from svbench.errors import DataError, UnknownNameError
from svbench.specs.manifest import load_manifest


class Recorded:
    """Tracks below a folder, checked against the digests they had.

    Parameters
    ----------
    manifest : str
        Path or id of the data set's manifest.
    root : path
        Where the recordings are.

    Raises
    ------
    DataError
        There is no such folder.
    """

    def __init__(self, manifest: str, root: Path | str) -> None:
        self._manifest, self._root = load_manifest(manifest), root
        if not Path(root).is_dir():
            raise DataError(f"{root}: no such folder")
        self._tracks: dict[str, Track] = {}

    def track(self, name: str, digests: Iterable[str]) -> Track:
        """Return a track whose files are those that were measured.

        Parameters
        ----------
        name : str
        digests : iterable of str
            What `Track.digest` was then; empty ones do not count.

        Raises
        ------
        DataError
            It is gone, or has changed since.
        """
        if name not in self._tracks:
            try:
                # One by one: a part of the data set may have been measured, and only that be there.
                (track,) = open_dataset(self._manifest, self._root, tracks=[name]).tracks
            except UnknownNameError:
                raise DataError("no longer in the data set") from None
            if any(digest != track.digest() for digest in set(digests) if digest):
                raise DataError("its recordings have changed since the run")
            self._tracks[name] = track
        return self._tracks[name]
