"""Adapter ``folder``: estimates made elsewhere, matched by names of tracks and targets, never by order."""

from __future__ import annotations

import difflib
from typing import Any

from svbench.audio import Audio, read_audio
from svbench.naming.folders import EstimateFolder
from svbench.naming.names import ALIASES, MIXTURE
from svbench.systems.adapters.shared import check_parameters
from svbench.systems.api import Context, SystemInfo


class Folder:
    """Reads estimates from a folder in one of the layouts of `svbench.naming.folders`.

    Parameters
    ----------
    parameters : dict
        ``root``: the folder, relative to the system file. ``targets``: which to read; by default
        every target that the protocol asks for and some track has a file of, and the stems of which other
        targets may be sums.
    context : Context

    Raises
    ------
    FileNotFoundError
        There is no such folder, or it contains no estimates.
    ValueError
        Parameters are unknown or missing.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("folder", parameters, ["root", "targets"], ["root"])
        root = context.folder / parameters["root"]
        if not root.is_dir():
            raise FileNotFoundError(f"{root}: no such folder of estimates")
        asked = tuple(parameters.get("targets", context.targets))
        stems = () if "targets" in parameters else tuple(name for name in ALIASES if name != MIXTURE)
        self.estimates = EstimateFolder(root, tuple(dict.fromkeys((*asked, *stems))))
        if not self.estimates.tracks and not self.estimates.loose:
            raise FileNotFoundError(f"{root}: no audio files in it or in its folders")
        offered = self.estimates.offered()
        chosen = [t for t in asked if t in offered]
        if len(chosen) < len(asked):
            chosen += [t for t in stems if t in offered and t not in chosen]
        if not chosen:
            raise FileNotFoundError(f"{root}: no file is named after one of the targets {', '.join(asked)}")
        self.info = SystemInfo(context.system_id, tuple(chosen), needs=frozenset({"track"}))

    def separate(self, mixture: Audio, *, track: str) -> dict[str, Audio]:
        """Read the estimates of a track for all targets that have a file."""
        files = self.estimates.of(track)
        if files is None:
            names = sorted({*self.estimates.tracks.values(), *(p.stem for p in self.estimates.loose)})
            near = difflib.get_close_matches(track, names, n=1)
            hint = f"; is it {near[0]!r}?" if near else ""
            raise FileNotFoundError(f"{self.estimates.root}: no estimates of track {track!r}{hint}")
        return {t: read_audio(files[t]) for t in self.info.targets if t in files}
