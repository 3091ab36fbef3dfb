"""Analyse the ratings of a listening test: post-screening, numbers, tests, and a report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK

if TYPE_CHECKING:
    import pandas as pd

    from svbench.listening.analysis.pipeline import Analysis
    from svbench.listening.listening_test import ListeningTest
    from svbench.listening.report.build import Report
    from svbench.listening.report.table import Table
    from svbench.listening.store.state import SessionState


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "ratings", nargs="+", type=Path, metavar="TEST|FILE",
        help="folder of a test; or files of ratings: svbench's or webMUSHRA's CSV, pymushra's CSV or JSON",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out/listening"), metavar="DIR",
        help="folder of the report (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--keep-excluded", action="store_true", help="also analyse assessors that post-screening excludes"
    )
    parser.add_argument(
        "--drop-outliers", action="store_true", help="leave out ratings beyond Tukey's fences"
    )
    parser.add_argument(
        "--correction", choices=("holm", "hochberg"), default="holm",
        help="of p over all pairs (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--anchors", action="store_true", help="test reference and anchors too, not systems only"
    )
    parser.add_argument("--seed", type=int, default=42, help="of permutations (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Analyse, write the report and print its main tables."""
    from svbench.cli.output import print_json
    from svbench.listening.analysis.pipeline import Settings, analyse
    from svbench.listening.report.build import build
    from svbench.listening.report.write import as_json, write_report

    settings = Settings(
        correction=options.correction,
        keep_excluded=options.keep_excluded,
        drop_outliers=options.drop_outliers,
        anchors=options.anchors,
        seed=options.seed,
    )
    ratings, test, sessions = _read(options.ratings)
    analysis = analyse(ratings, settings)
    report = build(analysis, test, ", ".join(p.name for p in options.ratings), sessions)
    page = write_report(report, analysis, options.out)
    if options.json:
        print_json(as_json(report, analysis))
    else:
        _print_report(report, analysis)
        print(f"\nreport: {page}")
    return OK


def _read(paths: list[Path]) -> tuple[pd.DataFrame, ListeningTest | None, list[SessionState] | None]:
    """Read ratings; of the folder of a test also the test and its sessions."""
    from svbench.errors import DataError
    from svbench.listening.readers import read_ratings

    if not any(path.is_dir() for path in paths):
        return read_ratings(paths), None, None
    if len(paths) > 1:
        raise DataError("give one folder of a test, or files of ratings; to join tests, export their ratings")
    from svbench.listening.listening_test import load_test
    from svbench.listening.store.export import export_ratings
    from svbench.listening.store.store import existing_store

    test = load_test(paths[0])
    with existing_store(paths[0], test) as store:
        return export_ratings(store, test), test, store.sessions()


def _print_report(report: Report, analysis: Analysis) -> None:
    from svbench.cli.output import print_line

    print_line(report.summary)
    for verdict in analysis.verdicts:
        if verdict.is_excluded:
            print_line(f"excluded: {verdict.assessor}: {'; '.join(verdict.reasons)}")
    for assessor in dict.fromkeys(flag.assessor for flag in analysis.flags):
        remarks = "; ".join(flag.told for flag in analysis.flags if flag.assessor == assessor)
        print_line(f"odd: {assessor}: {remarks}")
    known = {table.id: table for table in report.tables}
    for name in (
        "conditions",
        "preferences",
        "strengths",
        "discriminations",
        "effects",
        "pairs",
        "reliability",
    ):
        if name in known:
            _print(known[name])
    for section in report.sections:
        for note in section.notes:
            print_line(f"note: {note}")


def _print(table: Table) -> None:
    from svbench.cli.output import print_rows

    heads = {c.key: c.head for c in table.columns}
    rows = [heads, *(dict(zip(heads, cells, strict=True)) for cells in table.texts())]
    print(f"\n{table.caption}")
    print_rows(rows, list(heads))
    print(table.about)
