"""Serve a test to listeners."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument("--host", default="127.0.0.1", help="(default: %(default)s: this machine alone)")
    parser.add_argument("--port", type=int, default=8000, help="(default: %(default)s; 0: any free one)")
    parser.add_argument("--url", default="", help="public address, such as https://listen.example.org")
    parser.add_argument(
        "--proxy", action="store_true", help="trust X-Forwarded-* headers: only behind a proxy that sets them"
    )
    parser.add_argument(
        "--admin-token", action="store_true", help="make a new admin token; the old one no longer works"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> int:
    """Check the test, then serve it until interrupted."""
    from svbench.listening.web.server import Settings, serve

    serve(
        options.test,
        Settings(
            host=options.host,
            port=options.port,
            url=options.url,
            proxy=options.proxy,
            new_admin_token=options.admin_token,
            json=options.json,
        ),
    )
    return OK
