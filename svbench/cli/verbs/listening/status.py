"""Print how far a test has come: listeners, ratings by trial and condition, who would be excluded now."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK
from svbench.cli.output import print_json, print_line, print_rows

if TYPE_CHECKING:
    from svbench.listening.listening_test import ListeningTest
    from svbench.listening.live import Screening
    from svbench.listening.store.status import Health, Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Read the database and print; no value of any rating is shown."""
    import msgspec

    from svbench.listening.listening_test import load_test
    from svbench.listening.live import screening
    from svbench.listening.store.status import health, progress
    from svbench.listening.store.store import existing_store

    test = load_test(options.test)
    with existing_store(options.test, test) as store:
        sessions, deleted, database = store.sessions(), len(store.deleted()), health(store)
        state = progress(test, sessions, store.facts["open"] == "yes")
    screened = screening(test, sessions)
    if options.json:
        content = {"progress": state, "screening": screened, "database": database, "deleted": deleted}
        print_json({"test": test.id, "title": test.title, **msgspec.to_builtins(content)})
        return OK
    _print(test, state, screened, database, deleted)
    return OK


def _print(test: ListeningTest, state: Progress, screened: Screening, database: Health, deleted: int) -> None:
    bound = f" of {state.seats.wanted}" if state.seats.wanted else ""
    print(f"{test.title}, test {test.id}: {state.seats.state}, {state.seats.taken}{bound} seats taken")
    counts = ", ".join(f"{n} {standing}" for standing, n in state.standings.items())
    print(f"sessions: {counts}, {deleted} deleted\n")
    _print_cells(test, state)
    _print_sessions(state)
    print(f"\nscreening: {screened.note or f'{len(screened.excluded)} of {screened.screened} excluded now'}")
    for one in screened.excluded:
        print_line(f"  {one.assessor}: {'; '.join(one.reasons)}")
    print(f"database: {database.database}, integrity {database.integrity}, {database.size_bytes} bytes")
    print(f"last write: {database.written_at or 'none yet'}")


def _print_cells(test: ListeningTest, state: Progress) -> None:
    names = [c.id for c in test.conditions]
    head = {"trial": "ratings of", **{name: name for name in names}}
    rows = [
        {"trial": f"{t.track}, {t.target} from {t.start_s:g} s"}
        | {name: str(state.cells[t.id].get(name, "–")) for name in names}
        for t in test.trials
        if t.kind == "test"
    ]
    print_rows([head, *rows], list(head))


def _print_sessions(state: Progress) -> None:
    if not state.sessions:
        return
    names = ["assessor", "state", "step", "screens", "began", "seen", "language", "headphones"]
    rows = [
        {
            "assessor": s.assessor,
            "state": s.standing,
            "step": s.step,
            "screens": f"{s.done}/{s.total}",
            "began": s.began_at[:19],
            "seen": s.seen_at[:19],
            "language": s.language,
            "headphones": ", ".join(map(str, s.headphones)) or "–",
        }
        for s in state.sessions
    ]
    print()
    print_rows([{name: name for name in names}, *rows], names)
