"""List systems, protocols, listening protocols, datasets, metrics, adapters, layouts, probes or reports.

Reads only the head of each file and the tables of entry points: nothing is imported.
"""

from __future__ import annotations

import argparse

from svbench.cli.main import OK
from svbench.cli.output import print_json, print_rows
from svbench.specs import library

FILES = {
    "systems": "system",
    "protocols": "protocol",
    "listening": "listening protocol",
    "datasets": "dataset",
    "reports": "report",
}
PLUGINS = {"metrics": "metric", "adapters": "adapter", "layouts": "layout", "probes": "probe"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", nargs="?", choices=[*FILES, *PLUGINS], help="everything when left out")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the listing."""
    wanted = [options.what] if options.what else [*FILES, *PLUGINS]
    listing = {what: _rows(what) for what in wanted}
    if options.json:
        print_json(listing[options.what] if options.what else listing)
        return OK
    for number, (what, rows) in enumerate(listing.items()):
        if options.what:
            print_rows(rows, ["id", "title"])
            continue
        print(f"\n{what}:" if number else f"{what}:")
        print_rows([{"indent": "", **row} for row in rows], ["indent", "id", "title"])
    return OK


def _rows(what: str) -> list[dict[str, str]]:
    if what in FILES:
        entries = library.entries(FILES[what]).values()
        return [{"id": e.id, "title": e.title, "path": e.path} for e in entries]
    return [
        {
            "id": p.name,
            "title": library.summary(PLUGINS[what], p.name),
            "object": p.target,
            "distribution": p.distribution,
        }
        for p in library.plugins(PLUGINS[what]).values()
    ]
