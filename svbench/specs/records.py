"""Strict records: a TOML or JSON file becomes a frozen, typed value with a digest.

Unknown keys, wrong types and missing keys are errors that name the file and the path
of the key. Two files with the same content have the same digest, whatever
their comments and spacing.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from svbench.errors import SpecError, suggestion
from svbench.printing.visible import shown
from svbench.specs.library import find

SCHEMA = 1  # version of all hand-written files
T = TypeVar("T", bound=msgspec.Struct)


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records read from files.

    The three options are repeated on every subclass, since msgspec does not inherit them.
    """


def load_toml(path: Path, kind: type[T]) -> T:
    """Read a TOML file as a record.

    Parameters
    ----------
    path : Path
    kind : type
        A Record class.

    Returns
    -------
    record

    Raises
    ------
    SpecError
        The file is missing, cannot be read, is not TOML, or its content does not fit the schema.
    """
    content = toml_content(path)
    found = content.get("schema", SCHEMA)
    if isinstance(found, int) and found != SCHEMA:
        raise SpecError(path, "", f"schema {found} is from another version, this svbench reads {SCHEMA}")
    _refuse_beyond_json(content, "", path)
    return convert(content, kind, path)


def _refuse_beyond_json(value: Any, key: str, path: Path) -> None:
    """Refuse values that TOML has and JSON, the format of records and requests, has not."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_beyond_json(item, f"{key}.{name}" if key else name, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_beyond_json(item, f"{key}[{number}]", path)
    elif isinstance(value, (datetime.date, datetime.time)):
        raise SpecError(path, key, f'is a date or time, expected text: put it in quotes, "{value}"')
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpecError(path, key, f"is {value}, expected a finite number")
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise SpecError(path, key, "is a whole number of more than 64 bits")


def toml_content(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain values; a byte order mark and any line endings are allowed.

    Raises
    ------
    SpecError
        It names the line and its key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(path, "", f"cannot be read ({_reason(error)})") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(path, *_bad_line(text, str(error))) from error


def _bad_line(text: str, message: str) -> tuple[str, str]:
    """Return the line and key of a TOML error, and what to write there.

    Examples
    --------
    >>> _bad_line("id = null", "Invalid value (at line 1, column 6)")
    ('line 1: id', 'found null, which TOML does not have; leave the key out')
    """
    where = re.search(r"at line (\d+)", message)
    if where is None:
        return "", f"not valid TOML: {message}"
    number = int(where.group(1))
    line = text.split("\n")[number - 1].strip()
    key, equals, value = (part.strip() for part in line.partition("="))
    value = value.partition("#")[0].strip()
    place = f"line {number}" + (f": {key}" if equals or line.startswith("[") else "")
    if value.lower() in ("null", "none", "nil", "~"):
        return place, f"found {value}, which TOML does not have; leave the key out"
    if value.lower() in ("yes", "no", "on", "off", "true", "false"):
        return place, f"found {value}; expected true or false, in small letters"
    if "overwrite" in message or "twice" in message:
        return place, "stands twice; keep one of the two"
    return place, f"not valid TOML: {message}; found {line!r}"


def load_by_id(sort: str, name_or_path: str | Path, kind: type[T]) -> tuple[T, Path]:
    """Read a record by its id or path; the file must carry the record's id.

    Parameters
    ----------
    sort : str
        Kind of file, as `svbench.specs.library.find` takes it, such as ``"protocol"``.
    name_or_path : str or Path
    kind : type
        A Record class with an ``id``.

    Raises
    ------
    SpecError, UnknownNameError
    """
    path = find(sort, str(name_or_path))
    record = load_toml(path, kind)
    name = getattr(record, "id", None)
    if name != path.stem:
        raise SpecError(path, "id", f"is {name!r}, but the file is called {path.name}")
    return record, path


def convert(content: Any, kind: type[T], path: object) -> T:
    """Turn parsed content into a record; an error names the key and what was expected."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        key, problem = _explain(str(error), content, kind)
        raise SpecError(path, key, problem) from error


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces), as 64 hex digits.

    Examples
    --------
    >>> digest({"b": 1, "a": [2.0]}) == digest({"a": [2.0], "b": 1})
    True
    """
    return hashlib.sha256(msgspec.json.encode(_canonical(value), order="sorted")).hexdigest()


def without(record: msgspec.Struct, *prose: str) -> dict[str, Any]:
    """Return a record's fields, ready for `digest`, without those that determine nothing."""
    content: dict[str, Any] = _canonical(record)
    return {key: value for key, value in content.items() if key not in prose}


def _canonical(value: Any) -> Any:
    """Return the plain values of a record, without fields at their defaults.

    A later version can then add a field with a default without changing the digests of old files.
    """
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        given = {f.encode_name: (getattr(value, f.name), _default(f)) for f in fields}
        return {name: _canonical(v) for name, (v, default) in given.items() if v != default}
    if isinstance(value, dict):
        return {_canonical(key): _canonical(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(v) for v in value]
    return shown(value) if isinstance(value, str) and not value.isascii() else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _explain(message: str, content: Any, kind: type[msgspec.Struct]) -> tuple[str, str]:
    """Turn msgspec's message into a key path and a sentence that says what was found."""
    problem, _, where = message.partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".").replace("[...]", "")
    if field := re.search(r"(unknown|missing required) field `(.+)`", problem):
        what, name = field.groups()
        advice = f"unknown key; {suggestion(name, _fields_at(kind, key))}"
        return f"{key}.{name}" if key else name, advice if what == "unknown" else "missing; it must be given"
    found = _value_at(content, key)
    sentence = problem[0].lower() + problem[1:]
    return key, f"{sentence}; found {found!r}" if found is not None else sentence


def _steps(key: str) -> list[str | int]:
    return [int(i) if i else name for name, i in re.findall(r"([^.\[\]]+)(?![^\[]*\])|\[(\d+)\]", key)]


def _value_at(content: Any, key: str) -> Any:
    for step in _steps(key):
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            return None
    return content


def _fields_at(kind: type[msgspec.Struct], key: str) -> list[str]:
    """Return the names allowed at a key path, from the record's type annotations."""
    info: Any = msgspec.inspect.type_info(kind)
    for step in _steps(key):
        if isinstance(step, int):
            info = getattr(info, "item_type", info)
        else:
            by_name = {f.encode_name: f.type for f in getattr(info, "fields", ())}
            info = by_name.get(step, getattr(info, "value_type", info))
        for inner in getattr(info, "types", ()):
            if isinstance(inner, msgspec.inspect.StructType):
                info = inner
    return [f.encode_name for f in getattr(info, "fields", ())]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
