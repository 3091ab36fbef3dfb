"""Sign a run, so that others see who vouches for it and that it was not changed."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="run folders, or folders of runs")
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign with this private Ed25519 key")
    parser.add_argument(
        "--new-key", type=Path, metavar="FILE",
        help="write a new private key there, and FILE.pub for others to trust",
    )  # fmt: skip
    parser.add_argument("--name", help="who the new key belongs to (default: your user name)")
    parser.add_argument(
        "--trust", type=Path, metavar="KEYS",
        help="print who vouches for the runs: a file of public keys, or a folder of .pub files",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Make a key, sign runs, or print who signed them."""
    from getpass import getuser

    from svbench.errors import SvbenchError
    from svbench.results.seal import new_key, read_keys, seal_run, vouched
    from svbench.results.store import find_runs, load_run

    if options.new_key:
        public = new_key(options.new_key, " ".join((options.name or getuser()).split()))
        print(f"key: {options.new_key} (keep it to yourself)")
        print(f"public key: {public} (give it to those who want to check your seals)")
    elif not options.runs or not (options.key or options.trust):
        raise SvbenchError(
            "give runs and --key FILE to sign them, runs and --trust KEYS to see who signed them, or "
            "--new-key FILE to make a key"
        )
    trusted = read_keys(options.trust) if options.trust else {}
    for folder in find_runs(options.runs) if options.runs else ():
        load_run(folder)  # nobody should vouch for a run that contradicts itself
        if options.key:
            print(f"sealed: {folder} with key {seal_run(folder, options.key).key[:8]}")
        if options.trust:
            print(f"{folder}: {vouched(folder, trusted)}")
    return OK
