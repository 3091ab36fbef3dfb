"""Make signed addresses, each of which admits one listener."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument("--count", type=int, required=True, metavar="N", help="how many")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", help="public address of the test (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(options: argparse.Namespace) -> int:
    """Print the addresses."""
    from svbench.errors import DataError
    from svbench.listening.listening_test import load_test
    from svbench.listening.store.store import Store
    from svbench.listening.web.server import checked_url
    from svbench.listening.web.signing import Signer

    if options.count < 1:
        raise DataError(f"--count {options.count}: expected a number from 1 on")
    url = checked_url(options.url)
    store = Store(options.test, load_test(options.test))
    store.close()
    addresses = Signer(store.facts["secret"]).invitations(url, options.count)
    if options.json:
        print_json(addresses)
    else:
        print("\n".join(addresses))
    return OK
