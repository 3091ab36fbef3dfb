"""Systems derived from one: the same adapter and weights with other values of some parameters."""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec

from svbench.errors import SpecError
from svbench.specs.records import digest
from svbench.specs.system import LocatedSystem

_WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|\[[^\[\]]*\]|[^,"'\[\]]*)\s*(,|$)""")


class Variant(msgspec.Struct, frozen=True):
    """A derived system and the values that make it."""

    values: dict[str, Any]
    located: LocatedSystem


def parameter_values(text: str) -> tuple[str, list[Any]]:
    """Read ``name=value,value,…``; what TOML does not know as a value is a word.

    Raises
    ------
    SpecError
        No name, no values, or a value twice.

    Examples
    --------
    >>> parameter_values("overlap=0,0.25,0.5")
    ('overlap', [0, 0.25, 0.5])
    >>> parameter_values("window=hann,0x10,true")
    ('window', ['hann', 16, True])
    >>> parameter_values('bands=[1, 2],[1],"a, b"')
    ('bands', [[1, 2], [1], 'a, b'])
    """
    name, equals, listing = text.partition("=")
    words = _words(listing)
    if not equals or not name.strip() or not words:
        raise SpecError("--param", "", f"expected NAME=VALUE,VALUE,…, found {text!r}")
    values = [_value(word) for word in words]
    if len({value_text(v) for v in values}) < len(values):
        raise SpecError("--param", name, f"a value stands twice in {listing!r}")
    return name.strip(), values


def variants(located: LocatedSystem, parameters: Sequence[tuple[str, list[Any]]]) -> list[Variant]:
    """Derive one system for every combination of values, the first parameter changing slowest.

    Parameters
    ----------
    located : LocatedSystem
    parameters : sequence of (name, values)

    Raises
    ------
    SpecError
        A parameter stands twice.

    Examples
    --------
    >>> from svbench.specs.system import load_system
    >>> grid = variants(load_system("hpss"), [("length", [9, 17]), ("mode", ["a b"])])
    >>> [v.located.spec.id for v in grid]
    ['hpss-length_9-mode_a_b', 'hpss-length_17-mode_a_b']
    """
    names = [name for name, _ in parameters]
    for name in names:
        if names.count(name) > 1:
            raise SpecError("--param", name, "stands twice; give all its values at once")
    found = []
    for combination in itertools.product(*(values for _, values in parameters)):
        values = dict(zip(names, combination, strict=True))
        spec = located.spec
        told = ", ".join(f"{n} = {value_text(v)}" for n, v in values.items())
        derived = msgspec.structs.replace(
            spec,
            id=_safe(spec.id + "".join(f"-{n}_{value_text(v)}" for n, v in values.items())),
            title=f"{spec.title} ({told})",
            parameters={**spec.parameters, **values},
        )
        found.append(Variant(values, LocatedSystem(derived, located.folder)))
    return [_unique(v, found) for v in found]


def value_text(value: Any) -> str:
    """Write a value as a user would type it.

    Examples
    --------
    >>> value_text(0.25), value_text(True), value_text("hann")
    ('0.25', 'true', 'hann')
    """
    return value if isinstance(value, str) else json.dumps(value)


def _words(listing: str) -> list[str]:
    """Split at commas outside of quotes and brackets; nothing if that cannot be."""
    words: list[str] = []
    at = 0
    while (found := _WORD.match(listing, at)) and found[1].strip():
        words.append(found[1].strip())
        at = found.end()
        if not found[2]:
            return words
    return []


def _value(word: str) -> Any:
    try:
        value = tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError as error:
        if word[0] in "\"'[":
            raise SpecError("--param", "", f"{word} is no TOML value: {error}") from error
        return word
    if isinstance(value, list) and all(isinstance(v, (bool, int, str)) or _is_finite(v) for v in value):
        return value
    # Dates and tables are no values of a parameter here; nan and inf cannot be written as JSON.
    return value if isinstance(value, (bool, int, str)) or _is_finite(value) else word


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _safe(text: str) -> str:
    """Keep what ids may hold; they become names of folders, where '--' separates the parts."""
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._+-]+", "_", text))


def _unique(variant: Variant, among: list[Variant]) -> Variant:
    """Add a few digits to an id that another variant has too, since both held unusual characters."""
    spec = variant.located.spec
    if sum(v.located.spec.id == spec.id for v in among) == 1:
        return variant
    renamed = msgspec.structs.replace(spec, id=f"{spec.id}-{digest(variant.values)[:6]}")
    return Variant(variant.values, LocatedSystem(renamed, variant.located.folder))
