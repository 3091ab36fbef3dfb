"""What the headers of a track's files say, compared with one another and with the manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from svbench.audio import AudioInfo
from svbench.audio.sources import Source
from svbench.specs.manifest import MIXTURE, ManifestHead

UNITS = {"n_samples": "samples", "rate_hz": "Hz", "n_channels": "channels"}


def file_infos(sources: Mapping[str, Source]) -> list[tuple[str, AudioInfo]]:
    """Read the headers of all files of a track, each with the name to call it by."""
    return [
        (part.name, info) for source in sources.values() for part in source.files() for info in part.infos()
    ]


def lacking(names: Collection[str], head: ManifestHead) -> list[str]:
    """Return the files that every track of a complete data set has, and this one has not.

    Parameters
    ----------
    names : collection of str
        Stems found, ``"mixture"`` among them if there is one.
    """
    if not head.complete:
        return []
    return [s for s in (*head.stems, *([MIXTURE] if head.mixture.source == "file" else [])) if s not in names]


def disagreements(
    infos: Sequence[tuple[str, AudioInfo]], head: ManifestHead, n_samples: int | None = None
) -> list[tuple[str, str, int, int, str]]:
    """Compare the files of a track with one another and with what a manifest declares.

    Parameters
    ----------
    infos : sequence of (name, AudioInfo)
    head : ManifestHead
        Its rate and channels, and what it allows to differ.
    n_samples : int, optional
        The declared length.

    Returns
    -------
    list of (name, what, found, wanted, reason)
        ``what`` is n_samples, rate_hz or n_channels; ``reason`` is empty where the manifest leaves
        it open and a file differs from the first one.
    """
    declared = {"n_samples": n_samples, "rate_hz": head.rate_hz, "n_channels": head.n_channels}
    allowed = {"n_samples": head.lengths != "refuse", "rate_hz": False, "n_channels": head.mono == "copy"}
    found = []
    for name, info in infos:
        for what, wanted in declared.items():
            value = getattr(info, what)
            first = getattr(infos[0][1], what)
            if allowed[what] and (what == "n_samples" or value == 1):
                continue
            if wanted is not None:
                if value != wanted:
                    found.append((name, what, value, wanted, f"the manifest {head.id} declares"))
            elif value != first:
                found.append((name, what, value, first, ""))
    return found
