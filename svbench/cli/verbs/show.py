"""Show all that is known of a system, protocol, data set, metric, report, plug-in, run or listening test."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svbench.cli.main import OK
from svbench.cli.output import print_json
from svbench.printing.visible import visible

if TYPE_CHECKING:
    from svbench.results.scores import TrackResult
    from svbench.results.store import Run

KINDS = (
    "system",
    "protocol",
    "listening protocol",
    "dataset",
    "report",
    "metric",
    "adapter",
    "layout",
    "probe",
)

WORDS = {kind.split()[0]: kind for kind in KINDS}  # one word each on the command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", help="an id, the path of a file, a run folder, or that of a listening test")
    parser.add_argument("--kind", choices=[*WORDS], help="needed only when one id names several things")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the record."""
    kind, content = _find(options.name, options.kind and WORDS[options.kind])
    if options.json:
        print_json({"kind": kind, **content})
        return OK
    if kind == "listening test":
        from svbench.cli.describe_test import print_test

        print_test(content)
        return OK
    print(f"{kind} {options.name}")
    _print({k: v for k, v in content.items() if k != "scores"}, "  ")
    if kind == "run":
        _print_scores(Path(options.name))
    return OK


def _print_scores(folder: Path) -> None:
    """Print a run's numbers with their intervals."""
    from svbench.report.text.terminal import print_scores
    from svbench.results.store import load_run

    loaded = load_run(folder)
    print()
    print_scores(loaded, with_intervals=True)
    n_tracks = len(loaded.record.data.tracks)
    print(
        "In square brackets: 95 % intervals over tracks, for each number by itself."
        if n_tracks > 1
        else "One track has no interval."
    )


def _outcome(result: TrackResult) -> str:
    log = f" (log: {result.log})" if result.log else ""
    return f"{result.reason}{log}" if result.reason else result.status


def _find(name: str, kind: str | None) -> tuple[str, dict[str, Any]]:
    import msgspec

    from svbench.errors import SpecError, UnknownNameError
    from svbench.specs import library, plugins

    if (Path(name) / "run.json").is_file():
        from svbench.results.store import load_run

        loaded = load_run(Path(name))
        content = msgspec.to_builtins(loaded.record)
        content["tracks"] = {r.track: _outcome(r) for r in loaded.results}
        content["scores"] = _scores(loaded)
        return "run", content
    if (Path(name) / "test.json").is_file():
        from svbench.cli.describe_test import told_test
        from svbench.listening.listening_test import load_test

        return "listening test", told_test(load_test(name))
    if Path(name).suffix == ".toml" or "/" in name:
        kind = kind or kind_of(library.spec_path(name))
        return kind, _load(kind, name)
    tables = {k: library.entries(k) if k in library.FOLDERS else plugins.plugins(k) for k in KINDS}
    having = [k for k in KINDS if name in tables[k] and kind in (None, k)]
    if not having:
        raise UnknownNameError(
            kind or "name", name, {n for k in KINDS if kind in (None, k) for n in tables[k]}
        )
    # A system or protocol named like its one plug-in is what people mean.
    if len(having) > 1 and having not in (["system", "adapter"], ["protocol", "probe"]):
        raise SpecError(name, "", f"names a {' and a '.join(having)}; say which with --kind")
    return having[0], _load(having[0], name)


def _scores(run: Run) -> list[dict[str, Any]]:
    """Return a run's printed numbers with their 95 % intervals, unrounded."""
    import msgspec

    from svbench.results.aggregate import summarise
    from svbench.statistics.headline import run_intervals
    from svbench.statistics.material import Column, Settings, every_column

    intervals = run_intervals(run, every_column(run), Settings())
    scores = []
    for summary in summarise(run, allow_incomplete=True):
        found = intervals.get(Column(summary.target_set, summary.target, summary.metric))
        bounds = {"low": found.low, "high": found.high} if found else {"low": None, "high": None}
        scores.append({**msgspec.to_builtins(summary), **bounds})
    return scores


def kind_of(path: Path) -> str:
    """Guess what a spec file is from its folder's name, else from its keys.

    Raises
    ------
    SpecError
        It looks like none of the known kinds.
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


def _load(kind: str, name: str) -> dict[str, Any]:
    import msgspec

    if kind in ("adapter", "layout", "probe"):
        from svbench.specs.plugins import plugins, summary

        plugin = plugins(kind)[name]
        return {"id": name, "summary": summary(plugin), **plugin._asdict()}
    if kind == "metric":
        return _metric(name)
    record, extra = load_spec(kind, name)
    return {**msgspec.to_builtins(record), **extra}


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
        from svbench.specs.plugins import load_plugin
        from svbench.specs.system import load_system

        located = load_system(name)
        load_plugin("adapter", located.spec.adapter)
        return located.spec, {"digest": located.spec.digest}
    if kind == "dataset":
        from svbench.specs.manifest import load_manifest

        manifest = load_manifest(name)
        return manifest.head, {"digest": manifest.digest, "n_tracks": len(manifest.tracks)}
    if kind == "published":
        from svbench.specs.tables import load_published

        return load_published(Path(name)), {}
    from svbench.specs.report import load_definition

    return load_definition(name), {}


def _metric(name: str) -> dict[str, Any]:
    from dataclasses import asdict

    from svbench.specs.plugins import load_plugin

    content = asdict(load_plugin("metric", name))
    function = content.pop("function")
    return {
        **content,
        "function": f"{function.__module__}:{function.__name__}",
        "documentation": function.__doc__,
    }


def _print(value: dict[str, Any], indent: str) -> None:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            print(f"{indent}{visible(key)}:")
            _print(item, indent + "  ")
        elif isinstance(item, (list, tuple)) and item and isinstance(item[0], dict):
            print(f"{indent}{visible(key)}:")
            for part in item:
                _print(part, indent + "  ")
        elif isinstance(item, (list, tuple)):
            print(f"{indent}{visible(key)}: {', '.join(map(visible, item)) or '–'}")
        else:
            text = "–" if item in (None, "", {}) else str(item).strip().replace("\n", f"\n{indent}  ")
            print(f"{indent}{visible(key)}: {text}")
