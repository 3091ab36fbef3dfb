"""Compare systems: intervals, paired differences, tests, ranks."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli import arguments
from svbench.cli.main import OK
from svbench.cli.output import print_json, print_line

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli.main
if TYPE_CHECKING:
    from svbench.statistics.comparison import Comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.runs_argument(parser)
    parser.add_argument("--protocol", help="only runs of this protocol")
    arguments.column_arguments(parser)
    parser.add_argument(
        "--seeds", action="append", default=[], metavar="NAME=ID,ID…",
        help="take these systems as one trained with several seeds",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", choices=("all", "adjacent", "best"),
        help="pairs to print (default: all up to 15, else adjacent)",
    )  # fmt: skip
    arguments.statistics_arguments(parser)
    parser.add_argument(
        "--diagram", type=Path, metavar="FOLDER", help="write critical-difference diagrams here, as SVG"
    )
    arguments.strict_argument(parser)
    arguments.every_run_argument(parser)
    arguments.json_argument(parser, "print JSON, unrounded, all pairs")


def run(options: argparse.Namespace) -> int:
    """Print one comparison for each target set."""
    from svbench.api.runs import compare, load_runs
    from svbench.report.text.comparison import comparison_plain, comparison_text
    from svbench.report.view.caveats import footnotes

    runs = load_runs(options.runs, protocol=options.protocol, strict=options.strict, all_versions=options.all)
    comparisons = compare(
        runs,
        seeds=_seeds(options.seeds),
        **arguments.column_options(options),
    )
    record = runs[0].record
    diagrams = _write_diagrams(comparisons, record.protocol.id, options.diagram) if options.diagram else []
    if options.json:
        print_json(
            {
                "protocol": record.protocol.id,
                "protocol_digest": record.protocol_digest,
                "dataset": record.data.id,
                "comparisons": [comparison_plain(c) for c in comparisons],
                "notes": footnotes(runs),
            }
        )
        return OK
    print("\n\n".join(comparison_text(c, record, options.pairs) for c in comparisons))
    for line in (*footnotes(runs), *(f"diagram: {path}" for path in diagrams)):
        print_line(line)
    return OK


def _write_diagrams(comparisons: list[Comparison], protocol: str, folder: Path) -> list[Path]:
    from svbench.errors import DataError
    from svbench.report.text.comparison import critical_difference_plot
    from svbench.results.store import slug

    written = []
    for one in comparisons:
        if one.critical is None:
            raise DataError("a critical-difference diagram needs three ranked systems and two tracks")
        folder.mkdir(parents=True, exist_ok=True)
        column = one.column
        name = f"{protocol}-{column.target_set}-{column.target}-{column.metric}"
        written.append(folder / f"{slug(name)}.svg")
        written[-1].write_text(critical_difference_plot(one.critical, "cd"), encoding="utf-8")
    return written


def _seeds(words: list[str]) -> dict[str, list[str]]:
    from svbench.errors import DataError

    seeds = {}
    for word in words:
        name, _, members = word.partition("=")
        ids = [m for m in members.split(",") if m]
        if not name or len(ids) < 2:
            raise DataError(f"--seeds {word!r}: expected NAME=ID,ID with two systems or more")
        seeds[name] = ids
    return seeds
