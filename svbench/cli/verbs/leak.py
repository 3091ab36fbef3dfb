"""Find recordings that two folders share, whatever their names."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import Progress, print_json, print_line, print_rows

COLUMNS = ("a", "b", "from_a_s", "from_b_s", "duration_s", "hashes", "share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("a", type=Path, metavar="A", help="a folder, e.g. of training music")
    parser.add_argument("b", type=Path, metavar="B", help="another, e.g. of test music")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print a row for each pair of files; exit code 1 when there is any."""
    from svbench.datasets.leak import compare_folders

    comparison = compare_folders(options.a, options.b, Progress().count)
    rows = [
        {
            "a": m.a,
            "b": m.b,
            "from_a_s": round(m.a_s, 2),
            "from_b_s": round(m.b_s, 2),
            "duration_s": round(m.duration_s, 1),
            "hashes": m.n_hashes,
            "share": round(m.share, 3),
        }
        for m in comparison.matches
    ]
    for sentence in comparison.unreadable:
        print_line(f"not compared: {sentence}", file=sys.stderr)
    if options.json:
        print_json(
            {
                "matches": rows,
                "not_compared": comparison.unreadable,
                "n_a": comparison.n_a,
                "n_b": comparison.n_b,
            }
        )
    else:
        if rows:
            print_rows([{c: c for c in COLUMNS}, *rows], COLUMNS)
        print(
            f"{len(rows)} pairs with common music among {comparison.n_a} and {comparison.n_b} files, "
            f"{len(comparison.unreadable)} files not compared"
        )
    return FINDINGS if rows or comparison.unreadable else OK
