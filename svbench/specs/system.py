"""System files: adapter, parameters, weights and training data of a measured system; and variants of one.

A variant has the same adapter and weights as its system, with other values of some parameters.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from svbench.errors import SpecError
from svbench.specs.library import find
from svbench.specs.records import Record, digest, load_toml, without

Kind = Literal["system", "baseline", "oracle"]
Isolation = Literal["none", "sandbox"]
# Adapters that can build their networks without weights, to measure their cost.
UNTRAINED = frozenset({"zoo"})
# Not part of the digest: raising a limit for the sake of one track must not repeat all others.
_GUARDS = ("memory_limit_bytes", "disk_limit_bytes", "log_limit_bytes", "default_limits")
# Adapters that return exactly the targets they are asked for. Only protocols with the same targets share
# their estimates: they cost nothing, and a file that is missing for one protocol must not fail another.
AS_ASKED = frozenset({"mixture", "silence", "folder"})


class Weights(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A weights file, relative to the system file, and the hash of its content.

    ``source`` says, in words or as an address, where to get the file; error messages repeat it.
    """

    path: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    source: str = ""


class SystemSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One submitted system.

    ``training_data`` names manifests (or ``["unknown"]``, or ``[]`` for a system that was not
    trained); it is required, because leaks are found through it. ``python`` names
    another interpreter, which needs only numpy and soundfile. ``threads`` limits the numeric
    threads of the worker. An ``oracle`` sees the references and is marked as such everywhere.
    The limits replace the default ones, see `svbench.systems.worker.limits`; ``default_limits = false``
    removes those.
    ``random_weights`` is never in a file: `permitted` sets it.
    """

    schema: Literal[1]
    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    title: str
    adapter: str
    training_data: tuple[str, ...]
    kind: Kind = "system"
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    weights: tuple[Weights, ...] = ()
    python: str | None = None
    threads: Annotated[int, msgspec.Meta(ge=1)] = 1
    time_limit_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    memory_limit_bytes: Annotated[int, msgspec.Meta(gt=0)] | None = None
    disk_limit_bytes: Annotated[int, msgspec.Meta(gt=0)] | None = None
    log_limit_bytes: Annotated[int, msgspec.Meta(gt=0)] | None = None
    default_limits: bool = True
    random_weights: bool = False
    citation: str = ""
    licence: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of what determines the output; prose and limits that protect the machine do not count."""
        content = without(self, "title", "citation", "licence", *_GUARDS)
        if self.weights:
            content["weights"] = [without(w, "source") for w in self.weights]
        return digest(content)


class LocatedSystem(msgspec.Struct, frozen=True):
    """A system, the folder that its relative paths start from, and how its worker is isolated.

    ``hidden`` are files and folders that a sandbox must not show it.
    """

    spec: SystemSpec
    folder: Path
    isolation: Isolation = "none"
    hidden: tuple[Path, ...] = ()


def load_system(name_or_path: str | Path) -> LocatedSystem:
    """Load a system by id or path.

    Raises
    ------
    SpecError, UnknownNameError

    Examples
    --------
    >>> load_system("mixture").spec.kind
    'baseline'
    """
    path = find("system", str(name_or_path))
    spec = load_toml(path, SystemSpec)
    if "--" in spec.id:
        raise SpecError(path, "id", f"{spec.id!r} holds '--', which separates the parts of a run's name")
    if spec.random_weights:
        raise SpecError(path, "random_weights", "is not for files; give --random-weights instead")
    return LocatedSystem(spec, path.resolve().parent)


def permitted(located: LocatedSystem, *, random_weights: bool) -> LocatedSystem:
    """Return a system as it may be measured: with its weights or, if permitted, with random ones.

    With random weights it is another system, and its id says so wherever its numbers appear.

    Parameters
    ----------
    located : LocatedSystem
    random_weights : bool
        Whether a system that names no weights, although its adapter needs some, may have random ones.

    Raises
    ------
    SpecError
        The system names no weights, and random ones are not permitted.
    """
    spec = located.spec
    if spec.adapter not in UNTRAINED or spec.weights:
        return located
    if not random_weights:
        raise SpecError(
            f"system {spec.id}",
            "weights",
            "names no checkpoint; name one, or measure with --random-weights what it costs",
        )
    marked = msgspec.structs.replace(spec, id=untrained(spec.id), random_weights=True)
    return msgspec.structs.replace(located, spec=marked)


def unlimited(located: LocatedSystem) -> LocatedSystem:
    """Return a system without the default limits; those of its file and of the protocol remain."""
    spec = msgspec.structs.replace(located.spec, default_limits=False)
    return msgspec.structs.replace(located, spec=spec)


def isolated(located: LocatedSystem, hidden: Iterable[Path]) -> LocatedSystem:
    """Return a system whose worker will run in a sandbox.

    Parameters
    ----------
    located : LocatedSystem
    hidden : iterable of Path
        What it must not see: the data set, the runs.

    Raises
    ------
    SpecError
        The system's own folder, which a sandbox shows it, holds some of that.
    """
    folder, hidden = located.folder.resolve(), tuple(path.resolve() for path in hidden)
    for path in hidden:
        if path.is_relative_to(folder):
            raise SpecError(
                folder,
                "",
                f"holds the system {located.spec.id} and {path}, which a system in a sandbox must not see; "
                "put the system into a folder of its own",
            )
    return msgspec.structs.replace(located, isolation="sandbox", hidden=hidden)


def untrained(system_id: str) -> str:
    """Return the id of a system with random weights.

    Examples
    --------
    >>> untrained("lightsaft")
    'lightsaft+random-weights'
    """
    return f"{system_id}+random-weights"


_WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|\[[^\[\]]*\]|[^,"'\[\]]*)\s*(,|$)""")


class Variant(msgspec.Struct, frozen=True):
    """A system derived from another, and the parameter values in which it differs."""

    values: dict[str, Any]
    located: LocatedSystem


def parameter_values(text: str) -> tuple[str, list[Any]]:
    """Parse ``name=value,value,…``; what is not a value in TOML is a word.

    Raises
    ------
    SpecError
        There is no name or no value, or a value occurs twice.

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
        A parameter occurs twice.

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
    spec, found = located.spec, []
    for combination in itertools.product(*(values for _, values in parameters)):
        values = dict(zip(names, combination, strict=True))
        listed = ", ".join(f"{n} = {value_text(v)}" for n, v in values.items())
        derived = msgspec.structs.replace(
            spec,
            id=_safe(spec.id + "".join(f"-{n}_{value_text(v)}" for n, v in values.items())),
            title=f"{spec.title} ({listed})",
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
    """Split at commas outside of quotes and brackets; return nothing if the text is malformed."""
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
    if isinstance(value, list) and all(map(_is_plain, value)):
        return value
    # Dates and tables are not accepted as values, and nan and inf cannot be written as JSON: these are words.
    return value if _is_plain(value) else word


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def _safe(text: str) -> str:
    """Replace characters that an id may not have; ids become parts of folder names, separated by '--'."""
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._+-]+", "_", text))


def _unique(variant: Variant, among: list[Variant]) -> Variant:
    """Add a few digits to an id that another variant has too, as replaced characters may make them equal."""
    spec = variant.located.spec
    if sum(v.located.spec.id == spec.id for v in among) == 1:
        return variant
    renamed = msgspec.structs.replace(spec, id=f"{spec.id}-{digest(variant.values)[:6]}")
    return Variant(variant.values, LocatedSystem(renamed, variant.located.folder))
