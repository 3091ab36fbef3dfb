"""The plug-in registry: entry points, found without importing anything.

``importlib.metadata`` costs as much as three starts of Python, so the tables of
entry points are read here directly; a test holds the two to the same answer.
"""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from functools import cache

from svbench.errors import SpecError, SvbenchError, UnknownNameError

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    from typing import Any

GROUPS = {
    "adapter": "svbench.adapters",
    "metric": "svbench.metrics",
    "layout": "svbench.layouts",
    "probe": "svbench.probes",
}


class Plugin(namedtuple("Plugin", ["name", "target", "distribution"])):
    """One entry point: its name, ``module:object``, and the distribution that ships it."""

    name: str
    target: str
    distribution: str


@cache
def plugins(kind: str) -> dict[str, Plugin]:
    """All plug-ins of a kind, by name, sorted.

    Parameters
    ----------
    kind : {"adapter", "metric", "layout", "probe"}

    Raises
    ------
    SvbenchError
        Two distributions register one name.
    """
    found: dict[str, Plugin] = {}
    for plugin in _entry_points(GROUPS[kind]):
        other = found.get(plugin.name)
        if other and other.target != plugin.target:
            raise SvbenchError(
                f"{kind} {plugin.name!r} is registered twice: by {other.distribution} ({other.target}) "
                f"and by {plugin.distribution} ({plugin.target}); uninstall one of them"
            )
        found[plugin.name] = plugin
    return dict(sorted(found.items()))


def load_plugin(kind: str, name: str) -> Any:
    """Import the object behind a plug-in name.

    Raises
    ------
    UnknownNameError
        Nobody registered that name; near ones are suggested.
    SpecError
        It is registered, but importing it fails.
    """
    import importlib

    table = plugins(kind)
    if name not in table:
        raise UnknownNameError(kind, name, table)
    plugin = table[name]
    module, _, attribute = plugin.target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            plugin.distribution, f"entry point {kind} {name!r}", f"cannot load {plugin.target} ({error})"
        ) from error


def summary(plugin: Plugin) -> str:
    """Return the first docstring line of a plug-in's module, read without importing it."""
    relative = plugin.target.partition(":")[0].replace(".", "/")
    for folder in sys.path:
        for ending in (".py", "/__init__.py"):
            candidate = os.path.join(folder, relative + ending)
            if os.path.isfile(candidate):
                with open(candidate, encoding="utf-8") as lines:
                    first = lines.readline().strip()
                return first.strip('"').strip() if first.startswith('"""') else ""
    return ""


def _entry_points(group: str) -> list[Plugin]:
    """Read ``entry_points.txt`` of every installed distribution, first on sys.path wins."""
    seen: set[str] = set()
    result = []
    for folder in dict.fromkeys(sys.path):
        names = sorted(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            distribution = name.rsplit(".", 1)[0].split("-")[0].lower().replace("_", "-")
            table = os.path.join(folder, name, "entry_points.txt")
            if distribution in seen or not os.path.isfile(table):
                continue
            seen.add(distribution)
            with open(table, encoding="utf-8") as file:
                result += _section(file.read(), group, distribution)
    return result


def _section(text: str, group: str, distribution: str) -> list[Plugin]:
    rows, inside = [], False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            rows.append(Plugin(name.strip(), target.split("[")[0].strip(), distribution))
    return rows
