"""Where hand-written files live: the user's folders first, then the ones shipped with svbench.

Listing reads only the head of each file, ``id`` and ``title`` before the first table, and spares
itself pathlib and typing, so that ``svbench list`` stays as quick as Python itself.
"""

from __future__ import annotations

import os
from collections import namedtuple

from svbench.errors import SpecError, UnknownNameError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = {
    "protocol": "protocols",
    "listening protocol": os.path.join("protocols", "listening"),
    "dataset": "data_manifests",
    "system": "systems",
    "report": "reports",
}


class Entry(namedtuple("Entry", ["id", "title", "path"])):
    """One spec file, known by its id."""

    id: str
    title: str
    path: str


def shipped() -> str:
    """Return the folder that holds protocols/, data_manifests/, systems/ and reports/ of svbench."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    packed = os.path.join(package, "_specs")
    # An editable install has no packed copy: there the repository root holds the four folders.
    return packed if os.path.isdir(packed) else os.path.dirname(package)


def entries(kind: str) -> dict[str, Entry]:
    """All spec files of a kind by id; the current folder's own come before the shipped ones.

    Parameters
    ----------
    kind : {"protocol", "listening protocol", "dataset", "system", "report"}

    Raises
    ------
    SpecError
        Two files of one folder carry the same id.
    """
    found: dict[str, Entry] = {}
    for root in dict.fromkeys(map(os.path.realpath, [os.getcwd(), shipped()])):
        local: dict[str, Entry] = {}
        for path in _files(kind, os.path.join(root, FOLDERS[kind])):
            entry = _head(path)
            if entry.id in local:
                raise SpecError(path, "id", f"{entry.id!r} is also the id of {local[entry.id].path}")
            local[entry.id] = entry
        found = {**local, **found}
    return dict(sorted(found.items()))


def shipped_ids(kind: str) -> set[str]:
    """Return the ids of all spec files of a kind that come with svbench."""
    return {_head(path).id for path in _files(kind, os.path.join(shipped(), FOLDERS[kind]))}


def find(kind: str, name_or_path: str) -> Path:
    """Resolve an id or a path to a spec file.

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
    """Return an existing spec file's path; a data set's folder stands for its manifest.

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
    """Read ``id`` and ``title``, which stand as plain strings before the first table."""
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
