"""Delete an assessor with all sessions, answers and ratings, for good."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument("assessor", metavar="ASSESSOR", help="opaque id, as `svbench listen status` has it")


def run(options: argparse.Namespace) -> int:
    """Delete the assessor, unless the test is being served: a server keeps its own copy in memory."""
    from svbench.errors import UnknownNameError
    from svbench.listening.listening_test import load_test
    from svbench.listening.store.store import existing_store

    with existing_store(options.test, load_test(options.test), serving=True) as store:
        sessions = store.sessions()
        gone = [s.id for s in sessions if s.assessor == options.assessor]
        if not gone:
            raise UnknownNameError("assessor", options.assessor, [s.assessor for s in sessions])
        store.save([*store.forget(gone, options.assessor), *store.log("deleted an assessor")]).result()
        store.clean_up()
    print(f"deleted {options.assessor}; files exported before still have those ratings")
    return OK
