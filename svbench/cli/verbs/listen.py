"""Listening tests: build one from runs, serve it, analyse its ratings.

``svbench listen ACTION --help`` lists the options of an action.
"""

from __future__ import annotations

import argparse
import importlib

from svbench.cli.main import Parser, module_name
from svbench.errors import SvbenchError
from svbench.installation import not_installed

ACTIONS = {
    "build": "choose, cut and level excerpts of runs: a folder that can be served",
    "serve": "serve a test to listeners",
    "invite": "make signed addresses for listeners",
    "status": "how far a test has come",
    "ratings": "write the ratings of a test as CSV or JSON",
    "forget": "delete an assessor with all answers and ratings",
    "analyse": "screen assessors, test and plot ratings: a report",
    "agree": "how well each metric agrees with the ratings",
    "import": "build a test from a webMUSHRA configuration",
    "export": "write a test as webMUSHRA configuration and ratings",
}
# Modules of the extra `listen`, by the name they are imported under; psycopg is an extra of its own.
EXTRA = frozenset(
    {"itsdangerous", "pyloudnorm", "python_multipart", "sqlalchemy", "starlette", "uvicorn", "yaml"}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action; its own options are declared by its module."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "actions:\n" + "\n".join(f"  {name:9} {summary}" for name, summary in ACTIONS.items())
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help="one of those listed below")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="…", help="options of the action")


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    module = importlib.import_module(f"svbench.cli.verbs.listening.{module_name(options.action)}")
    parser = Parser(
        prog=f"svbench listen {options.action}", description=(module.__doc__ or "").splitlines()[0]
    )
    module.add_arguments(parser)
    given = parser.parse_args(options.options)
    try:
        code: int = module.run(given)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise SvbenchError(not_installed(package, "listen")) from error
    return code
