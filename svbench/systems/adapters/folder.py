"""Estimates made elsewhere, paired by the names of tracks and targets and never by order."""

from __future__ import annotations

import difflib
from typing import Any

from svbench.audio import Audio, read_audio
from svbench.naming.folders import EstimateFolder
from svbench.naming.names import ALIASES, MIXTURE
from svbench.systems.api import Context, SystemInfo


class Folder:
    """Reads estimates from a folder in one of the layouts of `svbench.naming.folders`.

    Parameters
    ----------
    parameters : dict
        ``root``: the folder, relative to the system file. ``targets``: those to read; by default
        every target the protocol asks for that has a file of some track, and the stems that others may be
        sums of.
    context : Context

    Raises
    ------
    FileNotFoundError
        No such folder, or no estimates in it.
    ValueError
        Unknown or missing parameters.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        if unknown := set(parameters) - {"root", "targets"}:
            raise ValueError(f"parameters: unknown key {sorted(unknown)[0]!r}; known: root, targets")
        if "root" not in parameters:
            raise ValueError("parameters: root is missing; expected the folder of the estimates")
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
        """Read the estimates of a track, of as many of the targets as there are files of."""
        files = self.estimates.of(track)
        if files is None:
            names = sorted({*self.estimates.tracks.values(), *(p.stem for p in self.estimates.loose)})
            near = difflib.get_close_matches(track, names, n=1)
            hint = f"; is it {near[0]!r}?" if near else ""
            raise FileNotFoundError(f"{self.estimates.root}: no estimates of track {track!r}{hint}")
        return {t: read_audio(files[t]) for t in self.info.targets if t in files}
