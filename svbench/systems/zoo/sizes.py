"""Choosing among the published sizes of an architecture."""

from __future__ import annotations

from typing import Any


def sized(sizes: dict[str, dict[str, Any]], size: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a size, some of them changed.

    Parameters
    ----------
    sizes : dict
        The architecture's.
    size : str
    settings : dict
        Replace keywords of the size.

    Raises
    ------
    ValueError
        There is no such size or keyword.

    Examples
    --------
    >>> sized({"small": {"blocks": 3, "hop": 8}}, "small", {"hop": 16})
    {'blocks': 3, 'hop': 16}
    >>> sized({"small": {"blocks": 3, "hop": 8}}, "large", {})
    Traceback (most recent call last):
    ValueError: there is no size 'large'; the sizes are small
    """
    if size not in sizes:
        raise ValueError(f"there is no size {size!r}; the sizes are {', '.join(sizes)}")
    unknown = sorted(set(settings) - set(sizes[size]))
    if unknown:
        raise ValueError(f"the network takes {', '.join(sizes[size])}; found {', '.join(unknown)}")
    return {**sizes[size], **settings}
