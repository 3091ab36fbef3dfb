"""Recordings of a data set that something was measured on earlier, found again and known to be the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from svbench.datasets.api import Track, open_dataset
from svbench.errors import DataError, UnknownNameError
from svbench.specs.manifest import Manifest


class Recorded:
    """Tracks below a folder, checked against the digests they had.

    Parameters
    ----------
    manifest : Manifest
        Of the data set.
    root : path
        Where the recordings are.

    Raises
    ------
    DataError
        There is no such folder.
    """

    def __init__(self, manifest: Manifest, root: Path | str) -> None:
        self._manifest, self._root = manifest, root
        if not Path(root).is_dir():
            raise DataError(f"{root}: no such folder")
        self._tracks: dict[str, tuple[Track, str]] = {}

    def track(self, name: str, digests: Iterable[str]) -> Track:
        """Return a track whose files are those that were measured.

        Parameters
        ----------
        name : str
        digests : iterable of str
            What `Track.digest` was then; empty ones do not count, but there must be one. What is read from
            a run may name any folder, and nothing is heard of files that it does not know.

        Raises
        ------
        DataError
            It is gone, has changed since, or its digest is not known.
        """
        known = {digest for digest in digests if digest}
        if not known:
            raise DataError("no run says which recordings it was measured on")
        if name not in self._tracks:
            try:
                # One by one: a part of the data set may have been measured, and only that be there.
                (track,) = open_dataset(self._manifest, self._root, tracks=[name]).tracks
            except UnknownNameError:
                raise DataError("no longer in the data set") from None
            self._tracks[name] = track, track.digest()
        track, digest = self._tracks[name]
        if known != {digest}:
            raise DataError("its recordings have changed since the run")
        return track
