"""A server killed while assessors rate loses nothing that it acknowledged, and doubles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/listening_kill.py"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_server_loses_no_acknowledged_rating() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    words = [sys.executable, str(SCRIPT), "--kills", "2", "--assessors", "6"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost, 0 doubled" in done.stdout
