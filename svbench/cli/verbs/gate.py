"""Pass or fail a candidate against a baseline: is it not worse by more than a margin?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.arguments import column_arguments, column_options, json_argument, statistics_arguments
from svbench.cli.main import FINDINGS, OK, USAGE
from svbench.cli.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--baseline", type=Path, required=True, metavar="RUN", help="a run folder")
    parser.add_argument("--candidate", type=Path, required=True, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--max-drop", type=float, default=0.1, metavar="X",
        help="the margin: a drop as large as this is not accepted (default: %(default)s)",
    )  # fmt: skip
    column_arguments(parser)
    statistics_arguments(parser, "one-sided")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a summary for a pull request")
    json_argument(parser, "print JSON, unrounded")


def run(options: argparse.Namespace) -> int:
    """Judge, print and write; exit code 0 pass, 1 fail, 2 unusable."""
    from svbench.api.runs import gate
    from svbench.errors import SvbenchError
    from svbench.report.text import gate as texts

    try:
        verdict = gate(
            options.baseline,
            options.candidate,
            max_drop=options.max_drop,
            **column_options(options),
        )
    except SvbenchError as error:
        # Who reads only the files must learn it too.
        junit = texts.unusable_junit(str(error), options.baseline, options.candidate)
        _write(options, junit, texts.unusable_markdown(str(error)))
        print(f"svbench: {error}", file=sys.stderr)
        return USAGE
    _write(options, texts.gate_junit(verdict), texts.gate_markdown(verdict))
    if options.json:
        print_json(texts.gate_plain(verdict))
    else:
        print(texts.gate_text(verdict))
    return OK if verdict.passes else FINDINGS


def _write(options: argparse.Namespace, junit: str, markdown: str) -> None:
    for path, text in ((options.junit, junit), (options.markdown, markdown)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
