"""Shorten absolute paths in texts that are published, such as failure reasons in reports."""

from __future__ import annotations

import re

# An absolute path of two parts or more, in POSIX or Windows form. A part between two slashes may hold
# blanks, brackets that close again and an apostrophe inside a word; where it ends with a blank or "=", the
# next slash begins another path ("copy /a/b to /c/d"). Web addresses are matched first, so they stay whole.
_LAST = r"[^\s/\\:;,'\"`<>|()\[\]]+"
_INSIDE = r"(?:[^/\\:;'\"`<>|()\[\]\n]|(?<=\w)'(?=\w)|:(?=[^\s/\\])|\([^()/\\\n]*\)|\[[^\[\]/\\\n]*\])"
_PART = rf"(?!\s){_INSIDE}+(?<![\s=])"
_PATH = re.compile(
    rf"(?P<address>\b(?!file:)[a-z][a-z0-9+.-]*://\S+)"
    rf"|(?<![\w.…/\\])(?:file://)?(?:~|[A-Za-z]:|\\\\{_LAST})?[/\\](?:{_PART}[/\\]+)+(?P<last>{_LAST})?"
)


def without_paths(text: str) -> str:
    r"""Shorten the absolute paths in a text to their last part.

    They name users, laboratories and the disks of one machine, and help nobody elsewhere: tables,
    boards and reports are published. The run folder keeps the whole text.

    Examples
    --------
    >>> without_paths("/home/jane/my est/t1: no folder; expected vocals.wav as in /data/x.wav")
    '…/t1: no folder; expected vocals.wav as in …/x.wav'
    >>> without_paths(r"cannot open 'C:\Users\jane\a.wav' (see https://svbench.org/a/b)")
    "cannot open '…/a.wav' (see https://svbench.org/a/b)"
    """
    return _PATH.sub(lambda found: found["address"] or f"…/{found['last'] or ''}".rstrip("/"), text)
