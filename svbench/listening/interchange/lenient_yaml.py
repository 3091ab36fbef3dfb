"""YAML as webMUSHRA reads it, without the surprises: every scalar is text until a key says what it is.

PyYAML's ``safe_load`` makes ``no`` False and ``12:30`` 750, and keeps the last of two equal keys in silence;
here a condition called ``no`` is called "no", and equal keys are refused. On the other hand webMUSHRA takes
``content: Note: listen well``, which is no YAML; such a value is read as text up to the end of its line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from svbench.errors import SpecError

MOST_BYTES = 1 << 20
# A key, perhaps after dashes, and text that is not quoted, nested or a block.
_PLAIN = re.compile(
    r"^(?P<key>\s*(?:- +)*[\w-]+\s*:\s+)(?P<text>[^\s'\"\[{|>&*!#%@`].*?)(?P<rest>\s+#.*|\s*)$"
)


class _Loader(yaml.BaseLoader):  # type: ignore[misc]  # PyYAML has no types here
    """Text, lists and mappings alone: no numbers, no dates, no tags."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key is not text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands twice", key_node.start_mark
            )
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_yaml(path: Path) -> tuple[dict[str, Any], list[int]]:
    """Read a file; also return the lines that were read as text although they are no YAML.

    Returns
    -------
    dict
        Of str, list and dict.
    list of int
        From 1.

    Raises
    ------
    SpecError
        A file that cannot be read, is not YAML, or not a mapping of keys.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(path, "", f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SpecError(path, "", "is not UTF-8 text; expected a webMUSHRA configuration") from error
    if len(raw) > MOST_BYTES:
        raise SpecError(path, "", f"has {len(raw)} bytes; a configuration has {MOST_BYTES} at most")
    lines, quoted = text.splitlines(), list[int]()
    while True:
        try:
            # _Loader builds nothing but text, lists and mappings, so it is as safe as SafeLoader.
            content = yaml.load("\n".join(lines), Loader=_Loader)
            break
        except yaml.MarkedYAMLError as error:
            number = error.problem_mark.line if error.problem_mark else 0
            found = _PLAIN.match(lines[number]) if number < len(lines) else None
            if found is None or ": " not in found["text"]:
                raise SpecError(path, "", f"line {number + 1}: not YAML ({error.problem})") from error
            inner = found["text"].replace("'", "''")
            lines[number] = f"{found['key']}'{inner}'{found['rest']}"
            quoted.append(number + 1)
        except (yaml.YAMLError, RecursionError) as error:
            raise SpecError(path, "", f"not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise SpecError(path, "", "holds no keys; expected a webMUSHRA configuration (testname, pages, …)")
    return content, quoted
