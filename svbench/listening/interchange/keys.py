"""The keys of a webMUSHRA configuration: what each may hold, and errors that name the path of the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from svbench.errors import SpecError, suggestion

Kind = Literal["text", "flag", "number", "texts", "list"]
_HEAD: dict[str, Kind] = {"type": "text", "id": "text", "name": "text", "content": "text"}
_PLAYER: dict[str, Kind] = {
    "showWaveform": "flag", "enableLooping": "flag", "reference": "text", "stimuli": "texts",
}  # fmt: skip
# By type of page; "" is the file itself, and those in angle brackets are parts of a page.
KEYS: dict[str, dict[str, Kind]] = {
    "": {
        "testname": "text", "testId": "text", "bufferSize": "number", "stopOnErrors": "flag",
        "showButtonPreviousPage": "flag", "remoteService": "text", "language": "text", "pages": "list",
    },
    "generic": _HEAD,
    "consent": {**_HEAD, "mustConsent": "flag"},
    "volume": {**_HEAD, "stimulus": "text", "defaultVolume": "number"},
    "mushra": {
        **_HEAD, **_PLAYER, "strict": "flag", "createAnchor35": "flag", "createAnchor70": "flag",
        "randomize": "flag", "showConditionNames": "flag", "switchBack": "flag",
    },
    "paired_comparison": {**_HEAD, **_PLAYER, "unforced": "text"},
    "finish": {
        **_HEAD, "popupContent": "text", "showResults": "flag", "showErrors": "flag", "writeResults": "flag",
        "questionnaire": "list",
    },
    "<question>": {
        "type": "text", "label": "text", "name": "text", "optional": "flag", "min": "number", "max": "number",
        "default": "text", "response": "list",
    },
    "<response>": {
        "value": "text", "label": "text", "img": "text", "imgSelected": "text",
        "imgHigherResponseSelected": "text",
    },
}  # fmt: skip


class Keys:
    """One mapping of a configuration, all keys of it known and of their kinds.

    Parameters
    ----------
    path : Path
        The file.
    place : str
        Key path of the mapping; empty for the whole file.
    found : object
        What stands there.
    kind : str
        A key of `KEYS`.

    Raises
    ------
    SpecError
        Not a mapping, an unknown key, or a value of another kind.
    """

    def __init__(self, path: Path, place: str, found: object, kind: str) -> None:
        self.path, self.place, self._kinds = path, place, KEYS[kind]
        if not isinstance(found, dict):
            raise SpecError(
                path, place, f"is {describe_value(found)}, expected keys such as {', '.join(self._kinds)}"
            )
        self._found: dict[str, Any] = found
        for name in found:
            if name not in self._kinds:
                raise self.wrong(name, f"unknown key; {suggestion(name, self._kinds)}")
        for name in found:
            self._check(name)

    def key(self, name: str) -> str:
        """Return the key path of one of the keys."""
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str, problem: str) -> SpecError:
        """Make the error that tells what is wrong with a key."""
        return SpecError(self.path, self.key(name), problem)

    def has(self, name: str) -> bool:
        """Whether a key stands there with a value."""
        return self._found.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return text; nothing where there is none."""
        return str(self._found.get(name, "")).strip()

    def needed(self, name: str) -> str:
        """Return text that must be there."""
        if not self.text(name):
            raise self.wrong(name, "missing; it must be given")
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        return str(self._found[name]).lower() == "true" if self.has(name) else default

    def texts(self, name: str) -> dict[str, str]:
        """Return texts by name; there is at least one."""
        if not self.has(name):
            raise self.wrong(name, "missing; it must be given")
        return {key: str(value).strip() for key, value in self._found[name].items()}

    def list(self, name: str) -> list[Any]:
        """Return a list; an empty one where there is none."""
        return list(self._found[name]) if self.has(name) else []

    def _check(self, name: str) -> None:
        value, kind = self._found[name], self._kinds[name]
        if value == "":
            return
        if kind == "list" and not isinstance(value, list):
            raise self.wrong(name, f"is {describe_value(value)}, expected a list")
        if kind == "texts":
            if not isinstance(value, dict):
                raise self.wrong(
                    name, f"is {describe_value(value)}, expected lines such as `C1: path/to/file.wav`"
                )
            for inner, text in value.items():
                if not inner or not isinstance(text, str) or not text.strip():
                    raise self.wrong(
                        f"{name}.{inner}", f"is {describe_value(text)}, expected the path of a file"
                    )
        if kind in ("text", "flag", "number") and not isinstance(value, str):
            raise self.wrong(
                name, f"is {describe_value(value)}, expected {'text' if kind == 'text' else f'a {kind}'}"
            )
        if kind == "flag" and value.lower() not in ("true", "false"):
            raise self.wrong(name, f"is {value!r}, expected true or false")
        if kind == "number":
            try:
                float(value)
            except ValueError as error:
                raise self.wrong(name, f"is {value!r}, expected a number") from error


def describe_value(value: object) -> str:
    """Say what stands at a key.

    Examples
    --------
    >>> describe_value(["a"]), describe_value({}), describe_value(""), describe_value("no")
    ('a list', 'a mapping', 'empty', "'no'")
    """
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return repr(value) if value else "empty"
