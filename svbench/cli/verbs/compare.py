"""Compare systems: intervals, paired differences, tests, ranks."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import every_run_argument, print_json, print_line, strict_argument

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    from svbench.results.store import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of runs")
    parser.add_argument("--protocol", help="only runs of this protocol")
    parser.add_argument("--metric", help="another quantity than the protocol's headline, e.g. SIR")
    parser.add_argument("--target-set", help="only this target set")
    parser.add_argument("--target", help="this target instead of the mean over targets")
    parser.add_argument(
        "--seeds", action="append", default=[], metavar="NAME=ID,ID…",
        help="take these systems as one trained with several seeds",
    )  # fmt: skip
    parser.add_argument(
        "--pairs",
        choices=("all", "adjacent", "best"),
        help="pairs to print (default: all up to 15, else adjacent)",
    )
    statistics_arguments(parser)
    parser.add_argument(
        "--diagram", type=Path, metavar="FOLDER", help="write critical-difference diagrams here, as SVG"
    )
    strict_argument(parser)
    every_run_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, unrounded, all pairs")


def statistics_arguments(parser: argparse.ArgumentParser, sides: str = "two-sided") -> None:
    """Declare what every interval depends on."""
    parser.add_argument(
        "--alpha",
        type=float,
        default=0.05,
        help=f"1 − level of the intervals, {sides} (default: %(default)s)",
    )
    parser.add_argument("--resamples", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="(default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Print one comparison for each target set."""
    from svbench.errors import DataError
    from svbench.report.text.comparison import (
        comparison_plain,
        comparison_text,
        critical_difference_plot,
    )
    from svbench.report.view.leak_notes import footnotes, refuse_leaks
    from svbench.results.latest import read_runs
    from svbench.results.store import slug
    from svbench.statistics.comparison import compare
    from svbench.statistics.material import Settings, columns

    settings = Settings(options.resamples, options.seed, options.alpha)
    runs = read_runs(options.runs, every=options.all)
    runs = _of_one_protocol(runs, options.protocol)
    if options.strict:
        refuse_leaks(runs)
    wanted = columns(runs[0], options.metric, options.target_set, options.target)
    found = compare(runs, wanted, settings, _seeds(options.seeds))
    if not found:
        raise DataError("no system of these runs offers this target set")
    record = runs[0].record
    diagrams = []
    for one in found if options.diagram else ():
        if one.critical is None:
            raise DataError("a critical-difference diagram needs three ranked systems and two tracks")
        options.diagram.mkdir(parents=True, exist_ok=True)
        name = f"{record.protocol.id}-{one.column.target_set}-{one.column.target}-{one.column.metric}"
        diagrams.append(options.diagram / f"{slug(name)}.svg")
        diagrams[-1].write_text(critical_difference_plot(one.critical, "cd"), encoding="utf-8")
    if options.json:
        print_json(
            {
                "protocol": record.protocol.id,
                "protocol_digest": record.protocol_digest,
                "dataset": record.data.id,
                "comparisons": [comparison_plain(c) for c in found],
                "notes": footnotes(runs),
            }
        )
        return OK
    print("\n\n".join(comparison_text(c, record, options.pairs) for c in found))
    for line in (*footnotes(runs), *(f"diagram: {path}" for path in diagrams)):
        print_line(line)
    return OK


def _of_one_protocol(runs: list[Run], protocol: str | None) -> list[Run]:
    from svbench.errors import DataError
    from svbench.report.view.boards import combinations, comparable

    chosen = [r for r in runs if protocol in (None, r.record.protocol.id)]
    if not chosen:
        present = ", ".join(sorted({r.record.protocol.id for r in runs}))
        raise DataError(f"no run of protocol {protocol!r}; there are runs of {present}")
    groups = comparable(chosen)
    if len(groups) > 1:
        raise DataError(
            f"these runs hold {len(groups)} combinations of protocol and data "
            f"({'; '.join(combinations(groups))}); "
            "a comparison takes one: choose with --protocol, or name the runs of one"
        )
    return chosen


def _seeds(words: list[str]) -> dict[str, list[str]]:
    from svbench.errors import DataError

    found = {}
    for word in words:
        name, _, members = word.partition("=")
        ids = [m for m in members.split(",") if m]
        if not name or len(ids) < 2:
            raise DataError(f"--seeds {word!r}: expected NAME=ID,ID with two systems or more")
        found[name] = ids
    return found
