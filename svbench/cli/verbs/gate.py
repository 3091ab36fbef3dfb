"""Pass or fail a candidate against a baseline: is it not worse by more than a margin?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.main import FINDINGS, OK, USAGE
from svbench.cli.output import print_json
from svbench.cli.verbs.compare import statistics_arguments

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    from svbench.results.store import Run
    from svbench.statistics.gate import Gate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--baseline", type=Path, required=True, metavar="RUN", help="a run folder")
    parser.add_argument("--candidate", type=Path, required=True, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--max-drop", type=float, default=0.1, metavar="X",
        help="the margin: a drop as large as this is not accepted (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--metric", help="another quantity than the protocol's headline, e.g. SIR")
    parser.add_argument("--target-set", help="only this target set (default: all that the baseline has)")
    parser.add_argument("--target", help="this target instead of the column that ranks")
    statistics_arguments(parser, "one-sided")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a summary for a pull request")
    parser.add_argument("--json", action="store_true", help="print JSON, unrounded")


def run(options: argparse.Namespace) -> int:
    """Judge, print and write; exit code 0 pass, 1 fail, 2 unusable."""
    from svbench.errors import SvbenchError
    from svbench.report.text import gate as texts

    try:
        found = _gate(options)
    except SvbenchError as error:
        # Who reads only the files must learn it too.
        junit = texts.unusable_junit(str(error), options.baseline, options.candidate)
        _write(options, junit, texts.unusable_markdown(str(error)))
        print(f"svbench: {error}", file=sys.stderr)
        return USAGE
    _write(options, texts.gate_junit(found), texts.gate_markdown(found))
    if options.json:
        print_json(texts.gate_plain(found))
    else:
        print(texts.gate_text(found))
    return OK if found.passes else FINDINGS


def _gate(options: argparse.Namespace) -> Gate:
    from svbench.statistics.gate import gate
    from svbench.statistics.material import Settings, columns

    settings = Settings(options.resamples, options.seed, options.alpha)
    baseline, candidate = _one_run(options.baseline), _one_run(options.candidate)
    wanted = columns(baseline, options.metric, options.target_set, options.target)
    return gate(baseline, candidate, wanted, options.max_drop, settings)


def _one_run(path: Path) -> Run:
    from svbench.errors import DataError
    from svbench.results.latest import read_runs

    found = read_runs([path])
    if len(found) > 1:
        raise DataError(f"{path}: holds {len(found)} runs; name one of them, e.g. {found[0].path}")
    return found[0]


def _write(options: argparse.Namespace, junit: str, markdown: str) -> None:
    for path, text in ((options.junit, junit), (options.markdown, markdown)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
