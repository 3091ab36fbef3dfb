"""Show everything known about a system, protocol, data set, metric, plug-in, report, run or test."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svbench.cli.main import OK
from svbench.cli.output import print_json
from svbench.cli.spec_files import kind_of, load_spec
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

KIND_OF_WORD = {kind.split()[0]: kind for kind in KINDS}  # --kind takes single words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", help="an id, the path of a file, a run folder, or that of a listening test")
    parser.add_argument(
        "--kind", choices=[*KIND_OF_WORD], help="needed only when one id names several things"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the record."""
    kind, content = _find(options.name, options.kind and KIND_OF_WORD[options.kind])
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
    from svbench.specs import library

    if (Path(name) / "run.json").is_file():
        from svbench.results.store import load_run

        loaded = load_run(Path(name))
        content = msgspec.to_builtins(loaded.record)
        content["tracks"] = {r.track: _outcome(r) for r in loaded.results}
        content["scores"] = _scores(loaded)
        return "run", content
    if (Path(name) / "test.json").is_file():
        from svbench.cli.describe_test import test_content
        from svbench.listening.listening_test import load_test

        return "listening test", test_content(load_test(name))
    if Path(name).suffix == ".toml" or "/" in name:
        kind = kind or kind_of(library.spec_path(name))
        return kind, _load(kind, name)
    tables = {k: library.entries(k) if k in library.FOLDERS else library.plugins(k) for k in KINDS}
    matching = [k for k in KINDS if name in tables[k] and kind in (None, k)]
    if not matching:
        raise UnknownNameError(
            kind or "name", name, {n for k in KINDS if kind in (None, k) for n in tables[k]}
        )
    # Where a system or protocol has the name of its plug-in, people mean the system or protocol.
    if len(matching) > 1 and matching not in (["system", "adapter"], ["protocol", "probe"]):
        raise SpecError(name, "", f"names a {' and a '.join(matching)}; say which with --kind")
    return matching[0], _load(matching[0], name)


def _scores(run: Run) -> list[dict[str, Any]]:
    """Return a run's printed numbers with their 95 % intervals, unrounded."""
    import msgspec

    from svbench.results.aggregate import summarise
    from svbench.statistics.comparison import run_intervals
    from svbench.statistics.track_values import Column, IntervalSettings, every_column

    intervals = run_intervals(run, every_column(run), IntervalSettings())
    scores = []
    for summary in summarise(run, allow_incomplete=True):
        interval = intervals.get(Column(summary.target_set, summary.target, summary.metric))
        bounds = {"low": interval.low, "high": interval.high} if interval else {"low": None, "high": None}
        scores.append({**msgspec.to_builtins(summary), **bounds})
    return scores


def _load(kind: str, name: str) -> dict[str, Any]:
    import msgspec

    if kind in ("adapter", "layout", "probe"):
        from svbench.specs.library import plugins, summary

        plugin = plugins(kind)[name]
        return {"id": name, "summary": summary(kind, name), **plugin._asdict()}
    if kind == "metric":
        return _metric(name)
    record, extra = load_spec(kind, name)
    return {**msgspec.to_builtins(record), **extra}


def _metric(name: str) -> dict[str, Any]:
    from dataclasses import asdict

    from svbench.specs.library import load_plugin

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
