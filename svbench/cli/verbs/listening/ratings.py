"""Write the ratings of a test, whether it is being served or not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="FILE.csv (safe for spreadsheets) or FILE.json",
    )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="answers to the questionnaire, in a file of their own"
    )


def run(options: argparse.Namespace) -> int:
    """Write the files and print what is in them."""
    from svbench.errors import DataError
    from svbench.listening.listening_test import load_test
    from svbench.listening.store.export import export_answers, export_ratings
    from svbench.listening.store.store import existing_store

    for path in (options.out, options.answers):
        if path is not None and path.suffix not in (".csv", ".json"):
            raise DataError(f"{path}: expected a name that ends in .csv or .json")
    test = load_test(options.test)
    with existing_store(options.test, test) as store:
        ratings = export_ratings(store, test)
        answers = export_answers(test, store.sessions())
    _write(ratings, options.out)
    print(f"{len(ratings)} ratings of {ratings['assessor'].nunique()} assessors: {options.out}")
    if options.answers:
        _write(answers, options.answers)
        print(f"answers of {len(answers)} sessions: {options.answers}")
    return OK


def _write(table: pd.DataFrame, path: Path) -> None:
    from svbench.listening.store.export import as_json
    from svbench.tables.spreadsheet import frame_csv

    path.write_text(frame_csv(table) if path.suffix == ".csv" else as_json(table), encoding="utf-8")
