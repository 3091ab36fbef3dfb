"""Correlate metrics with the ratings of a test: which one agrees best, and how certain that is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.arguments import json_argument, workers_argument
from svbench.cli.main import OK
from svbench.cli.output import Progress, print_json, print_line, print_rows

if TYPE_CHECKING:
    from svbench.agreement.evaluate import Agreement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN",
        help="the runs it was built from, with their kept estimates, or folders of them",
    )  # fmt: skip
    parser.add_argument(
        "--ratings", type=Path, metavar="FILE", help="ratings from a file (default: the test's database)"
    )
    parser.add_argument(
        "--protocol", action="extend", nargs="+", default=[], metavar="ID",
        help="score by these (default: those of the runs, and si-sdr, mdx21, sisec18, msst-community)",
    )  # fmt: skip
    parser.add_argument(
        "--with-anchors", action="store_true",
        help="correlate anchors too; they inflate correlations, since every metric tells them from systems",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where the recordings are, if not where the runs found them"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/agreement"), metavar="DIR",
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=42, help="of the resamples (default: %(default)s)")
    workers_argument(parser)
    json_argument(parser, "print all of it as JSON")


def run(options: argparse.Namespace) -> int:
    """Score the excerpts, correlate, and write the page."""
    from svbench.agreement.report import content, write_agreement
    from svbench.api.agreement import agree

    agreement = agree(
        options.test,
        options.runs,
        ratings=options.ratings,
        protocols=options.protocol,
        with_anchors=options.with_anchors,
        data=options.data,
        seed=options.seed,
        workers=options.workers,
        progress=Progress(),
    )
    page = write_agreement(agreement, options.out)
    if options.json:
        print_json(content(agreement))
        return OK
    _print(agreement)
    print(f"page: {page}")
    return OK


def _print(agreement: Agreement) -> None:
    """Print the table of each target, and the warning."""
    from svbench.agreement.evaluate import WARNING
    from svbench.agreement.page import best_sentence, ceiling_sentence, cell

    for verdict in agreement.excluded:
        print_line(f"excluded: {verdict.assessor} {'; '.join(verdict.reasons)}")
    for target in agreement.targets:
        print_line(f"{target.target}: {best_sentence(target)}")
        rows = [
            {
                "rank": f"{one.rank}{'†' if one.is_tied else ''}",
                "metric": one.measure.label,
                **{
                    name: f"{(c := cell(coefficient)).value}{f' [{c.interval}]' if c.interval else ''}"
                    for name, coefficient in (
                        ("spearman", one.stimuli.spearman), ("pearson", one.stimuli.pearson),
                        ("kendall", one.stimuli.kendall), ("within", one.within.spearman),
                        ("systems", one.systems.spearman),
                    )
                },
                "n": f"n = {one.n_stimuli}",
            }
            for one in target.measures
        ]  # fmt: skip
        head = {name: name for name in rows[0]} | {"systems": "spearman of systems", "within": "in excerpts"}
        print_rows([head, *rows], list(rows[0]))
        print(ceiling_sentence(target))
        for note in target.notes:
            print_line(f"note: {note}")
    for note in agreement.notes:
        print_line(f"note: {note}")
    print(f"warning: {WARNING}")
