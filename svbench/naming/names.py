"""Understand the names of files and folders, with one table of aliases for data, estimates and systems.

Adapters use this module in the worker process, also under a foreign interpreter, so it imports the
standard library only.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache

from svbench.printing.visible import shown

MIXTURE = "mixture"
# What other tools and data sets call the stems of svbench, in plain form: lower case, and one underscore
# for blanks, hyphens and underscores. docs/datasets.md prints this table.
ALIASES = {
    "vocals": ("vocal", "voice", "vox", "singing", "singing_voice", "acapella", "acappella", "a_cappella"),
    "drums": ("drum",),
    "bass": ("bass_guitar",),
    "other": ("others",),
    "accompaniment": (
        "accompaniments", "accomp", "instrumental", "instrumentals", "instrum", "inst", "no_vocals",
        "no_vocal", "novocals", "non_vocals", "backing", "backing_track", "karaoke",
    ),
    MIXTURE: ("mix", "mixdown", "original_mix"),
}  # fmt: skip
_CANONICAL = {alias: name for name, aliases in ALIASES.items() for alias in (name, *aliases)}


def nfc(name: str) -> str:
    """Return a name in Unicode's composed form: é as one sign, as most systems but macOS write it."""
    return unicodedata.normalize("NFC", name)


@lru_cache(maxsize=1 << 14)  # the same few names are compared with one another again and again
def plain(name: str) -> str:
    """Normalise a name for comparison: composed, lower case, one underscore for blanks and hyphens.

    Examples
    --------
    >>> plain("No Vocals"), plain("no-vocals"), plain("NO__VOCALS")
    ('no_vocals', 'no_vocals', 'no_vocals')
    """
    return re.sub(r"[\s_-]+", "_", nfc(name).casefold()).strip("_")


def canonical(name: str, known: Collection[str] = ()) -> str:
    """Return the name that svbench uses for a stem or target; unknown names are returned unchanged.

    Parameters
    ----------
    name : str
    known : collection of str
        Names that a manifest or protocol declares itself; they win over the table.

    Examples
    --------
    >>> canonical("Instrumental"), canonical("no_vocals"), canonical("piano")
    ('accompaniment', 'accompaniment', 'piano')
    >>> canonical("accompaniment", known=["instrumental", "vocals"])
    'instrumental'
    """
    return _match(name, known) or _CANONICAL.get(plain(name), name)


def target_named(name: str, known: Collection[str], track: str = "") -> str | None:
    """Return which of the known targets a file is named after, or None.

    Parameters
    ----------
    name : str
        The file's name without its ending.
    known : collection of str
    track : str, optional
        The track that the file belongs to. The file's name may begin with the track's, or with ``mixture``,
        since tools name their output after ``mixture.wav``.

    Examples
    --------
    >>> target_named("no_vocals", ["vocals", "accompaniment"])
    'accompaniment'
    >>> target_named("song_(Vocals)_UVR-MDX", ["vocals", "drums"], track="song")
    'vocals'
    >>> target_named("song_instrumental", ["vocals", "accompaniment"], track="song")
    'accompaniment'
    >>> target_named("piano", ["vocals", "drums"])
    """
    words = (name, *_after(name, track), *_after(name, MIXTURE))
    return next((target for word in words if (target := _match(word, known))), None)


def spellings(track: str) -> tuple[str, ...]:
    """Return the names that a track's folder may have: in both Unicode forms, and that of kept estimates.

    Examples
    --------
    >>> spellings("track 1")
    ('track 1', 'track_1-440630')
    """
    forms = dict.fromkeys((track, nfc(track), unicodedata.normalize("NFD", track)))
    return tuple(dict.fromkeys((*forms, *(slug(form) for form in forms))))


def slug(name: str) -> str:
    """Make a file name of a track name; different names never share one.

    Examples
    --------
    >>> slug("Actions - One Minute Smile")
    'Actions_-_One_Minute_Smile-da1796'
    >>> slug("plain")
    'plain'
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "track"
    if safe == name and len(name) <= 80:
        return name
    # The digest of svbench.specs.records, without its libraries.
    content = json.dumps(shown(name), ensure_ascii=False).encode("utf-8")
    return f"{safe[:80]}-{hashlib.sha256(content).hexdigest()[:6]}"


def _match(word: str, known: Collection[str]) -> str | None:
    """Find a name among known ones: exactly, then normalised, then as an alias."""
    if word in known:
        return word
    wanted = plain(word)
    forms = (plain, lambda text: _CANONICAL.get(plain(text), plain(text)))
    return next((k for form in forms for k in known if form(k) == form(wanted)), None)


def _after(name: str, track: str) -> Iterator[str]:
    """Yield the words in a file's name that may be a target: ``track_target``, ``track_(Target)_model``."""
    if not (before := plain(track)):
        return
    # Ultimate Vocal Remover numbers the files of a queue: 1_track_(Vocals).
    for number in ("", r"\d+_"):
        if match := re.match(rf"{number}{re.escape(before)}_(\(([^()]+)\))?(.*)", plain(name), re.DOTALL):
            yield match[2] or match[3]
