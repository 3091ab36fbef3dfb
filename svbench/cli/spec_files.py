"""Find out what kind of hand-written file a file is, and load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def kind_of(path: Path) -> str:
    """Find the kind of a spec file from its keys, else from the name of its folder.

    Raises
    ------
    SpecError
        It is of no known kind.
    """
    from svbench.errors import SpecError
    from svbench.specs.library import FOLDERS
    from svbench.specs.records import toml_content

    if path.name == "manifest.toml":
        return "dataset"
    keys = set(toml_content(path))
    for kind, mark in (
        ("protocol", "target_sets"),
        ("listening protocol", "method"),
        ("system", "adapter"),
        ("report", "sections"),
        ("report", "table"),
        ("published", "rows"),
        ("dataset", "layout"),
    ):
        if mark in keys:
            return kind
    folders = {Path(folder).name: kind for kind, folder in FOLDERS.items()}
    if path.resolve().parent.name in folders:
        return folders[path.resolve().parent.name]
    raise SpecError(
        path,
        "",
        "is of no known kind; expected the key target_sets (a protocol), adapter (a system) or sections "
        "(a report), or a file called manifest.toml",
    )


def load_spec(kind: str, name: str) -> tuple[Any, dict[str, Any]]:
    """Load a spec of any kind by id or path, with its digest."""
    if kind == "protocol":
        from svbench.scoring.bound import bind
        from svbench.specs.protocol import load_protocol

        protocol = load_protocol(name)
        bind(protocol)
        return protocol, {"digest": protocol.digest}
    if kind == "listening protocol":
        from svbench.specs.listening import load_listening_protocol

        listening = load_listening_protocol(name)
        return listening, {"digest": listening.digest}
    if kind == "system":
        from svbench.specs.library import load_plugin
        from svbench.specs.system import load_system

        located = load_system(name)
        load_plugin("adapter", located.spec.adapter)
        return located.spec, {"digest": located.spec.digest}
    if kind == "dataset":
        from svbench.specs.manifest import load_manifest

        manifest = load_manifest(name)
        return manifest.head, {"digest": manifest.digest, "n_tracks": len(manifest.tracks)}
    if kind == "published":
        from svbench.specs.records import load_toml
        from svbench.specs.report import Published

        return load_toml(Path(name), Published), {}
    from svbench.specs.report import load_definition

    return load_definition(name), {}
