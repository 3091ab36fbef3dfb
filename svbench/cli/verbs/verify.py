"""Compare a data set on disk with its manifest."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import Progress, print_json, print_rows
from svbench.printing.numbers import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "data", metavar="MANIFEST=PATH", help="data set id or manifest, and where its files are"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print a row for each finding."""
    from svbench.api.inputs import located_data
    from svbench.datasets.verify import verify
    from svbench.specs.manifest import load_manifest

    name, root = located_data(options.data)
    findings = verify(load_manifest(name), root, progress=Progress().count)
    rows = [
        {"severity": f.severity, "kind": f.kind, "track": f.track, "stem": f.stem, "message": f.message}
        for f in findings
    ]
    errors = [r for r in rows if r["severity"] == "error"]
    if options.json:
        print_json(rows)
    elif rows:
        print_rows(rows, ["severity", "kind", "track", "stem", "message"])
    if not options.json:
        print(f"{Path(root)}: {counted(len(errors), 'error')}, {counted(len(rows) - len(errors), 'note')}")
    return FINDINGS if errors else OK
