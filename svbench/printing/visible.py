"""Make text safe for a terminal: escape control characters, and replace those its encoding lacks.

Names of files, titles and reasons come from strangers. An escape sequence in one of them could recolour,
rewrite or hide what a terminal shows, and a bidirectional override can make a name read as another.
"""

from __future__ import annotations

import codecs
import re

# Controls (C0, DEL, C1), marks that turn the direction of writing, characters without a width, line
# separators, noncharacters, and the surrogates that stand for bytes that are not UTF-8. Joiners of emoji
# and of Indic scripts (U+200C, U+200D) are left alone.
_ACTING = (
    "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff"
)
_IN_A_LINE = re.compile(f"[{_ACTING}]")
_IN_A_TEXT = re.compile(f"(?![\n\t])[{_ACTING}]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

# Replacements for the special characters that svbench prints, for encodings that lack them.
_SPELLED = {
    "−": "-",
    "–": "-",
    "—": "-",
    "·": "-",
    "•": "*",
    "×": "x",
    "±": "+/-",
    "≤": "<=",
    "≥": ">=",
    "∞": "inf",
    "…": "...",
    "²": "^2",
    "†": "+",
    "§": "section ",
    "Δ": "Delta ",
    "Σ": "sum ",
    "μ": "u",
    "τ": "tau",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "\N{NO-BREAK SPACE}": " ",
    "🔴": "!",
    "✅": "PASS:",
    "❌": "FAIL:",
    "⚠": "!",
    "\N{VARIATION SELECTOR-16}": "",
    "\N{REPLACEMENT CHARACTER}": "?",
}


def visible(text: object, *, lines: bool = False) -> str:
    r"""Return text in which all characters are visible; those that would control a terminal are escaped.

    Parameters
    ----------
    text : object
        A name, a path, a reason, an exception.
    lines : bool
        Keep line breaks and tabs: the text is a whole output rather than a part of one line.

    Examples
    --------
    >>> print(visible("\x1b[31mred\x07\n"))
    \x1b[31mred\x07\n
    >>> print(visible(b"caf\xe9".decode(errors="surrogateescape")))
    caf\xe9
    """
    plain = str(text)
    if plain.isprintable():  # the common case, ten times as fast as the search
        return plain
    return (_IN_A_TEXT if lines else _IN_A_LINE).sub(lambda found: _escaped(found[0]), plain)


def shown(name: object) -> str:
    r"""Return a file name, or text with one in it, as UTF-8: other bytes are given by their numbers.

    Examples
    --------
    >>> print(shown(b"caf\xe9".decode(errors="surrogateescape")))
    caf\xe9
    """
    return str(name).encode(errors="surrogateescape").decode(errors="backslashreplace")


def json_text(value: object) -> str:
    r"""Return a value as indented JSON that is safe to print; NaN is refused, for JSON has none.

    Examples
    --------
    >>> print(json_text({"name": "−é\u202e\x9b"}))
    {
      "name": "−é\u202e\u009b"
    }
    """
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    # Those below U+0020 are escapes already; line breaks stand between the values only.
    return _IN_A_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def spelled(text: str, encoding: str) -> str:
    r"""Return text that an encoding can write: − · × ≥ … become ASCII, other characters their escapes.

    Examples
    --------
    >>> print(spelled("−3.2 dB · Beyoncé · 音", "ascii"))
    -3.2 dB - Beyonc\xe9 - \u97f3
    >>> print(spelled("−3.2 dB · Beyoncé", "latin-1"))
    -3.2 dB · Beyoncé
    """
    if text.isascii():
        return text
    return text.encode(encoding, "svbench.spelled").decode(encoding)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python holds it in a name
        code -= 0xDC00
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SPELLED[c] if c in _SPELLED else _escaped(c) for c in lacking), error.end


codecs.register_error("svbench.spelled", _spell)
