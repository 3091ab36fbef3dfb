"""Separate and score a data set with one or more systems, under one or more protocols."""

from __future__ import annotations

import argparse

from svbench.cli import arguments
from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import print_json, run_summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "protocol", nargs="+",
        help="protocol ids or TOML files; every track is separated once and scored under all of them",
    )  # fmt: skip
    arguments.data_arguments(parser)
    arguments.systems_argument(parser)
    arguments.run_arguments(parser)
    arguments.strict_argument(parser)
    arguments.random_weights_argument(parser)
    parser.add_argument(
        "--isolate", choices=["none", "sandbox"], default="none",
        help="sandbox: keep each system from the data set, the runs, other processes and the network; for "
        "systems that are not your own (needs svbench-audio[sandbox], Linux)",
    )  # fmt: skip
    arguments.json_argument(parser, "print the summary as JSON")


def run(options: argparse.Namespace) -> int:
    """Run every system in turn and print the leaderboard."""
    from svbench.api.evaluation import evaluate

    runs = evaluate(
        options.system,
        options.data,
        options.protocol,
        tracks=options.track,
        subset=options.subset,
        random_weights=options.random_weights,
        isolation=options.isolate,
        strict=options.strict,
        **arguments.run_options(options),
    )
    if options.json:
        print_json([run_summary(r) for r in runs])
    else:
        from svbench.report.text.terminal import print_leaderboard

        print_leaderboard(runs)
        for done in runs:
            variant = done.record.data.variant
            print(f"run: {done.path}{f' ({variant})' if variant else ''}")
    return SYSTEM_FAILED if runs.failed else OK
