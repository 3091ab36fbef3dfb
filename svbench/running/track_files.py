"""Files of a track in a run folder beside its estimates: the result, and the log of a failed worker.

Estimates and the result that names them are several files, which cannot change in one step. So a mark
stands beside the estimates from before the first is replaced until the result is written. Where a kill
leaves the mark, the track is done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from svbench.audio import Audio
from svbench.disk import remove_tree, replacing, sync
from svbench.results.scores import TrackResult
from svbench.results.store import slug, track_file, write_record
from svbench.systems.worker.exchange import blamed

_CHANGING = ".changing"


def estimates_folder(folder: Path, track: str) -> Path:
    """Return where a run folder keeps the estimates of a track."""
    return folder / "estimates" / slug(track)


def mark_changing(folder: Path, track: str) -> None:
    """Mark the estimates of a track as being replaced, until `keep_result` writes their result."""
    home = estimates_folder(folder, track)
    home.mkdir(parents=True, exist_ok=True)
    (home / _CHANGING).touch()
    sync(home)


def is_changing(folder: Path, track: str) -> bool:
    """Whether the estimates may not belong to the result, because svbench was killed in between."""
    return (estimates_folder(folder, track) / _CHANGING).exists()


def keep_result(folder: Path, result: TrackResult) -> None:
    """Write the result of a track, after its estimates."""
    write_record(track_file(folder, result.track), result)
    (estimates_folder(folder, result.track) / _CHANGING).unlink(missing_ok=True)
    if not result.log:
        (folder / _log(result.track)).unlink(missing_ok=True)


def hand_over(folder: Path, estimates: Mapping[str, Audio], digests: Mapping[str, str]) -> dict[str, Path]:
    """Write estimates to scratch for the processes that score them; return their paths.

    Parameters
    ----------
    folder : Path
        Where the files are named by their digests, so that equal samples are written once.
    estimates : mapping of str to Audio
    digests : mapping of str to str

    Raises
    ------
    SystemFailure
        The scratch folder cannot be used because of what a system did to it.
    """
    paths = {target: folder / f"{digests[target]}.npy" for target in estimates}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, audio in estimates.items():
            if not paths[target].exists():
                np.save(paths[target], audio.samples)
    except OSError as error:
        remove_tree(folder)
        raise blamed(error) from error
    return paths


class KeptLogs:
    """The logs of failed workers in a run folder, each kept once however many tracks failed with it.

    Parameters
    ----------
    folder : Path
        The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[Path, str] = {}

    def keep(self, log: Path | None, track: str) -> str:
        """Copy a log; return its path inside the run folder, empty where there is none.

        A log that was kept already, that of a system which could not be loaded, stays under the first
        track's name.
        """
        if log is None or not log.is_file():
            return ""
        if log not in self._kept:
            path = self.folder / _log(track)
            with replacing(path) as partial:
                shutil.copyfile(log, partial)
            self._kept[log] = path.relative_to(self.folder).as_posix()
        return self._kept[log]


def _log(track: str) -> str:
    return f"logs/{slug(track)}.txt"
