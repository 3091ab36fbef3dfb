"""What a run folder keeps of a track beside its result: estimates, and the log of a worker that failed.

Estimates and the result that names them are several files, which cannot change in one step. So a mark
stands beside the estimates from before the first is replaced until the result is written. Where a kill
leaves the mark, the track is done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from svbench.audio import Audio, write_audio
from svbench.disk import remove_tree, replacing, sync
from svbench.results.scores import TrackResult
from svbench.results.store import slug, track_file, write_record
from svbench.systems.exchange import blamed

_CHANGING = ".changing"


def keep_estimates(folder: Path, track: str, estimates: Mapping[str, Audio]) -> dict[str, str]:
    """Write estimates as float WAV inside a run folder; return their relative paths.

    `keep_result` must follow.
    """
    home = _home(folder, track)
    kept = {}
    with ExitStack() as written:  # all are written before the first takes its place
        for target, audio in estimates.items():
            path = home / f"{slug(target)}.wav"
            write_audio(written.enter_context(replacing(path)), audio)
            kept[target] = path.relative_to(folder).as_posix()
        (home / _CHANGING).touch()
        sync(home)
    return kept


def keep_result(folder: Path, result: TrackResult) -> None:
    """Write the result of a track, after its estimates."""
    write_record(track_file(folder, result.track), result)
    (_home(folder, result.track) / _CHANGING).unlink(missing_ok=True)
    if not result.log:
        (folder / _log(result.track)).unlink(missing_ok=True)


def is_changing(folder: Path, track: str) -> bool:
    """Whether a kill may have left estimates that are not those of the track's result."""
    return (_home(folder, track) / _CHANGING).exists()


def hand_over(scratch: Path, track: str, estimates: Mapping[str, Audio]) -> dict[str, Path]:
    """Write estimates to scratch for the process that scores them; return their paths.

    Raises
    ------
    SystemFailure
        The scratch folder cannot be used because of what a system did to it.
    """
    folder = scratch / slug(track)
    paths = {target: folder / f"{slug(target)}.npy" for target in estimates}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, audio in estimates.items():
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


def _home(folder: Path, track: str) -> Path:
    return folder / "estimates" / slug(track)


def _log(track: str) -> str:
    return f"logs/{slug(track)}.txt"
