"""What svbench knows by name: hand-written files, and the plug-ins of installed packages.

Files in the user's current folder come before those shipped with svbench. Listing reads only the head of each
file, ``id`` and ``title`` before the first table.

Plug-ins are found through entry points, without importing them. ``importlib.metadata`` takes as long as
three starts of Python, so the tables of entry points are read here directly; a test checks that both agree.

This module avoids importing pathlib and typing, so that ``svbench list`` starts as fast as Python itself.
"""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from functools import cache

from svbench.errors import SpecError, SvbenchError, UnknownNameError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

FOLDERS = {
    "protocol": "protocols",
    "listening protocol": os.path.join("protocols", "listening"),
    "dataset": "data_manifests",
    "system": "systems",
    "report": "reports",
}
GROUPS = {
    "adapter": "svbench.adapters",
    "metric": "svbench.metrics",
    "layout": "svbench.layouts",
    "probe": "svbench.probes",
}


class Entry(namedtuple("Entry", ["id", "title", "path"])):
    """One hand-written file, known by its id."""

    id: str
    title: str
    path: str


class Plugin(namedtuple("Plugin", ["name", "target", "distribution"])):
    """One entry point: its name, ``module:object``, and the distribution that contains it."""

    name: str
    target: str
    distribution: str


def shipped() -> str:
    """Return the folder that holds protocols/, data_manifests/, systems/ and reports/ of svbench."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    packed = os.path.join(package, "_specs")
    # An editable install has no packed copy: there the repository root holds the four folders.
    return packed if os.path.isdir(packed) else os.path.dirname(package)


def entries(kind: str) -> dict[str, Entry]:
    """Return all files of a kind by id; those of the current folder come before the shipped ones.

    Parameters
    ----------
    kind : {"protocol", "listening protocol", "dataset", "system", "report"}

    Raises
    ------
    SpecError
        Two files of one folder have the same id.
    """
    by_id: dict[str, Entry] = {}
    for root in dict.fromkeys(map(os.path.realpath, [os.getcwd(), shipped()])):
        local: dict[str, Entry] = {}
        for path in _files(kind, os.path.join(root, FOLDERS[kind])):
            entry = _head(path)
            if entry.id in local:
                raise SpecError(path, "id", f"{entry.id!r} is also the id of {local[entry.id].path}")
            local[entry.id] = entry
        by_id = {**local, **by_id}
    return dict(sorted(by_id.items()))


def shipped_ids(kind: str) -> set[str]:
    """Return the ids of all files of a kind that come with svbench."""
    return {_head(path).id for path in _files(kind, os.path.join(shipped(), FOLDERS[kind]))}


def find(kind: str, name_or_path: str) -> Path:
    """Return the file of an id or a path.

    A name that ends in ``.toml`` or contains a path separator is a path, anything else an id.

    Raises
    ------
    UnknownNameError
        No file has that id.
    SpecError
        The path does not exist.
    """
    from pathlib import Path

    if name_or_path.endswith(".toml") or "/" in name_or_path:
        return spec_path(name_or_path)
    known = entries(kind)
    if name_or_path not in known:
        raise UnknownNameError(kind, name_or_path, known)
    return Path(known[name_or_path].path)


def spec_path(text: str) -> Path:
    """Return the path of an existing file; the folder of a data set stands for its manifest.

    Raises
    ------
    SpecError
        There is no such file.
    """
    from pathlib import Path

    path = Path(text)
    if path.is_dir():
        path = path / "manifest.toml"
    if not path.is_file():
        raise SpecError(path, "", "no such file")
    return path


def _files(kind: str, folder: str) -> list[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    if kind == "dataset":
        paths = [os.path.join(folder, name, "manifest.toml") for name in names]
    else:
        paths = [os.path.join(folder, name) for name in names if name.endswith(".toml")]
    return [path for path in paths if os.path.isfile(path)]


def _head(path: str) -> Entry:
    """Read ``id`` and ``title``, which are plain strings before the first table."""
    values = {}
    with open(path, encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            key, equals, value = line.partition("=")
            value = value.strip()
            if line.startswith("["):
                break
            if equals and value[:1] == value[-1:] == '"' and not value.startswith('"""'):
                values[key.strip()] = value[1:-1]
    name = os.path.basename(path)
    default = os.path.basename(os.path.dirname(path)) if name == "manifest.toml" else name[: -len(".toml")]
    return Entry(values.get("id", default), values.get("title", ""), path)


@cache
def plugins(kind: str) -> dict[str, Plugin]:
    """Return all plug-ins of a kind by name, sorted.

    Parameters
    ----------
    kind : {"adapter", "metric", "layout", "probe"}

    Raises
    ------
    SvbenchError
        Two distributions register one name.
    """
    by_name: dict[str, Plugin] = {}
    for plugin in _entry_points(GROUPS[kind]):
        other = by_name.get(plugin.name)
        if other and other.target != plugin.target:
            raise SvbenchError(
                f"{kind} {plugin.name!r} is registered twice: by {other.distribution} ({other.target}) "
                f"and by {plugin.distribution} ({plugin.target}); uninstall one of them"
            )
        by_name[plugin.name] = plugin
    return dict(sorted(by_name.items()))


def load_plugin(kind: str, name: str) -> Any:
    """Import the object behind a plug-in's name.

    Raises
    ------
    UnknownNameError
        No package registers that name; similar names are suggested.
    SpecError
        The plug-in cannot be imported.
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


def summary(kind: str, name: str) -> str:
    """Return the first docstring line of a plug-in's module, read without importing it.

    If several plug-ins share the module, it is that of the plug-in's own class or function.
    """
    module, _, attribute = plugins(kind)[name].target.partition(":")
    relative = module.replace(".", "/")
    candidates = (os.path.join(f, relative + end) for f in sys.path for end in (".py", "/__init__.py"))
    path = next(filter(os.path.isfile, candidates), None)
    if path is None:
        return ""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    start = 0
    if sum(p.target.startswith(f"{module}:") for p in plugins(kind).values()) > 1:
        heads = tuple(f"{word} {attribute}{end}" for word in ("class", "def") for end in ("(", ":"))
        # Other objects, such as the record of a metric, have no docstring.
        start = next((i for i, line in enumerate(lines) if line.startswith(heads)), 0)
    first = next((line for line in lines[start:] if line.startswith('"""')), "")
    return first.strip('"').strip()


def _entry_points(group: str) -> list[Plugin]:
    """Read ``entry_points.txt`` of every installed distribution; the first one on sys.path counts."""
    seen: set[str] = set()
    points = []
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
                points += _section(file.read(), group, distribution)
    return points


def _section(text: str, group: str, distribution: str) -> list[Plugin]:
    rows, inside = [], False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            rows.append(Plugin(name.strip(), target.split("[")[0].strip(), distribution))
    return rows
