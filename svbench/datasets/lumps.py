"""Find the files of a track that add up to a target or the mixture, where one file may contain several stems.

A *lump* is a file named after a target that is a sum of stems, such as ``accompaniment.wav`` on data whose
stems are vocals, drums, bass and other. A stem that lies in a lump and has no file of its own is not
absent from the track: it is *unknown*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

Targets = Mapping[str, tuple[str, ...]]


def lumps(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the names of files that are lumps, the largest first.

    Examples
    --------
    >>> targets = {"vocals": ("vocals",), "drums": ("drums",), "rest": ("drums", "bass")}
    >>> lumps(["vocals", "rest", "drums"], targets)
    ('rest',)
    >>> lumps(["piano", "other"], {"other": ("piano", "other")})
    ()
    """
    # Only the sums of MoisesDB show why: its target other is the stem other and some more.
    stems = {s for parts in targets.values() for s in parts}
    found = [name for name in files if name in targets and name not in stems]
    return tuple(sorted(found, key=lambda name: (-len(targets[name]), name)))


def unknown_stems(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the stems that lie in a lump and have no file of their own.

    Examples
    --------
    >>> unknown_stems(["vocals", "rest", "drums"], {"vocals": ("vocals",), "rest": ("drums", "bass")})
    ('bass',)
    """
    hidden = (s for lump in lumps(files, targets) for s in targets[lump] if s not in files)
    return tuple(dict.fromkeys(hidden))


def parts_of(target: str, files: Collection[str], targets: Targets) -> tuple[str, ...] | None:
    """Return the files that add up to a target: none where it is absent, None where it is unknown.

    Examples
    --------
    >>> targets = {"drums": ("drums",), "bass": ("bass",), "rest": ("drums", "bass")}
    >>> parts_of("rest", ["vocals", "drums"], targets)
    ('drums',)
    >>> parts_of("rest", ["vocals", "rest"], targets), parts_of("drums", ["vocals", "rest"], targets)
    (('rest',), None)
    """
    left = list(targets[target])
    parts = []
    for lump in lumps(files, targets):
        if lump == target:
            return (lump,)
        if set(targets[lump]) <= set(left):
            parts.append(lump)
            left = [s for s in left if s not in targets[lump]]
    if set(left) & set(unknown_stems(files, targets)):
        return None
    return (*parts, *(s for s in left if s in files))


def mixture_parts(files: Collection[str], targets: Targets) -> tuple[str, ...]:
    """Return the files that add up to the mixture: stems that are part of a lump are not added again.

    Examples
    --------
    >>> targets = {"vocals": ("vocals",), "drums": ("drums",), "rest": ("drums", "bass")}
    >>> mixture_parts(["vocals", "rest", "drums"], targets)
    ('vocals', 'rest')
    """
    found = lumps(files, targets)
    chosen, inside = set[str](), set[str]()
    for lump in found:
        if not set(targets[lump]) <= inside:
            chosen.add(lump)
            inside |= set(targets[lump])
    return tuple(f for f in files if f in chosen or f not in {*found, *inside})


def overlapping(files: Collection[str], targets: Targets) -> tuple[str, str] | None:
    """Return two lumps that share a stem without one holding the other, so that no sum is the mixture."""
    found = lumps(files, targets)
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            shared = set(targets[one]) & set(targets[other])
            if shared and shared != set(targets[other]):
                return one, other
    return None
