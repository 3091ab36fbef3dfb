"""Kill the server of a listening test while assessors rate, again and again; is anything lost?

    python benchmarks/listening_kill.py --kills 20
    DATABASE_URL=postgresql://… python benchmarks/listening_kill.py --kills 20

Assessors revise their ratings without a pause, each value once in its life. The server is ended with
SIGKILL at random moments and started again on the same database; unanswered requests are sent again, as
the page's script does. In the end every acknowledged value must be in the database's history (else it
is lost), and no value twice (else a retry was recorded twice). The exit code is 1 otherwise.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from svbench.listening.store import schema
from svbench.listening.store.store import Store
from svbench.testing.listening import make_test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
from simulated.listeners import Answered, Listener, ServerProcess


def main() -> int:
    options = parse()
    database = os.environ.get("DATABASE_URL")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "test"
        test = make_test(folder, n_trials=1, n_systems=3, length_s=0.1, rate_hz=16000)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        server = ServerProcess(folder, "--port", port, database=database)
        stop, players = threading.Event(), [Player(server.address, n) for n in range(options.assessors)]
        threads = [threading.Thread(target=player.play, args=(stop,)) for player in players]
        for thread in threads:
            thread.start()
        draw, under_way = random.Random(options.seed), 0
        for number in range(options.kills):
            time.sleep(draw.uniform(0.5, 2.0))
            under_way += sum(player.waiting for player in players)
            server.kill()
            server = ServerProcess(folder, "--port", port, database=database)
            acknowledged = sum(len(p.acknowledged) for p in players)
            print(f"kill {number + 1}: {acknowledged} acknowledged so far", flush=True)
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
        server.stop()
        store = Store(folder, test, database)
        with store.engine.connect() as connection:
            stored = Counter(connection.scalars(select(schema.ratings.c.rating)))
        store.close()
    wanted = [value for player in players for value in player.acknowledged]
    lost = sum(value not in stored for value in wanted)
    doubled = sum(count > 1 for count in stored.values())
    print(
        f"{options.kills} kills, {under_way} ratings under way at them, {sum(p.retries for p in players)} "
        f"sent again; {len(wanted)} acknowledged, {stored.total()} stored: {lost} lost, {doubled} doubled"
    )
    return 1 if lost or doubled or not wanted else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--assessors", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Player:
    """An assessor who revises ratings until stopped."""

    def __init__(self, address: str, number: int) -> None:
        self.listener = Listener(address, lambda sound, screen, slot: 0.0, listens=False)
        self.draw = random.Random(number)
        self.acknowledged: list[float] = []
        self.retries, self.waiting = 0, False

    def play(self, stop: threading.Event) -> None:
        """Rate until asked to stop."""
        one = self.listener
        self.insist(lambda: one.open("/"))
        for form in ("consent", "volume", "training"):
            self.insist(lambda form=form: one.submit(form, **one.filled(form)))
        screen = self.insist(lambda: one.call("screen", "GET", "/api/screen")).json()
        revisions = dict.fromkeys((slot["token"] for slot in screen["slots"]), 0)
        while not stop.is_set():
            token = self.draw.choice(list(revisions))
            value = self.draw.uniform(0, 100)
            answer = self.insist(
                lambda token=token, value=value: one.call(
                    "rating", "PUT", "/api/rating", screen=screen["screen"], token=token, rating=value,
                    revision=revisions[token], heard=True,
                )
            )  # fmt: skip
            told = answer.json()
            if told["rating"] != value:
                raise RuntimeError(f"another rating than the one sent: {told}")
            revisions[token] = told["revision"]
            self.acknowledged.append(value)
        one.close()

    def insist(self, send) -> Answered:  # type: ignore[no-untyped-def]
        """Send until there is an answer."""
        while True:
            try:
                self.waiting = True
                answer: Answered = send()
                self.waiting = False
                if answer.status < 400:
                    return answer
                if answer.status not in (429, 503):
                    raise RuntimeError(f"{answer.status}: {answer.body!r}")
            except (OSError, http.client.HTTPException):
                self.listener.close()
                self.retries += 1
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
