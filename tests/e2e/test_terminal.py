"""Every terminal, encoding and kind of closed stream: no traceback, and the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.results.store import find_runs

SVBENCH = f"{sys.executable} -m svbench"
NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HOSTILE = ["\x1b[31mred\x07", "two\nlines", "=HYPERLINK(1)", "\u202egpj.exe", "−1 · é"]


def shell(line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash, ``SV`` standing for svbench."""
    done = subprocess.run(
        ["bash", "-c", line.replace("SV ", f"{SVBENCH} ")],
        cwd=cwd, env={**os.environ, **environment}, capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    for text in (done.stdout, done.stderr):
        assert b"Traceback" not in text, text
        assert b"Exception ignored" not in text, text
    return done


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two systems on tracks with hostile names."""
    root = tmp_path_factory.mktemp("hostile")
    noise = np.random.default_rng(0)
    for name in HOSTILE:
        (root / "music" / name).mkdir(parents=True)
        for stem in ("vocals", "drums", "bass", "other"):
            samples = 0.1 * noise.standard_normal((4000, 2))
            soundfile.write(root / "music" / name / f"{stem}.wav", samples, 8000)
    line = "SV run mdx21 --data folder=music --system mixture hpss --workers 1"
    done = shell(line, root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("SV table runs >/dev/full", 2),
        ("SV --help >/dev/full", 2),
        ("SV --version >/dev/full", 2),
        ("SV run --help >/dev/full", 2),
        ("SV list >&-", 0),
        ("SV table runs >&-", 0),
        ("SV table runs <&- >&- 2>&-", 0),
        ("SV table nothing <&- >&- 2>&-", 2),
        ("SV reprot 2>/dev/full", 2),
        ("SV reprot 2>&-", 2),
        ("SV run mdx21 --data folder=music --system mixture --workers 1 <&- >&- 2>&-", 0),
        ("SV run mdx21 --data folder=music --system mixture --workers 1 2>/dev/full", 0),
        ("set -o pipefail; SV table runs --frames | head -1", 0),
        ("set -o pipefail; SV list | head -c 1", 0),
        ("set -o pipefail; SV list | true", 0),
        ("SV gate --baseline runs/hpss* --candidate runs/mixture* | true; exit ${PIPESTATUS[0]}", 1),
        ("SV gate --baseline runs/hpss* --candidate runs/mixture* >&-", 1),
        ("SV gate --baseline runs/hpss* --candidate runs/mixture* >/dev/full", 2),
    ],
)
def test_closed_full_and_abandoned_streams(runs: Path, line: str, code: int) -> None:
    done = shell(line, runs)
    assert done.returncode == code, done.stderr
    if ">/dev/full" in line and "2>/dev/full" not in line:
        assert done.stderr.startswith(b"svbench: standard output: No space left on device")
        assert done.stderr.count(b"\n") == 1


def test_what_was_closed_does_not_become_a_file_of_the_run(runs: Path) -> None:
    """The files opened next would get the number of the closed stream, and what is printed."""
    line = "SV run mdx21 --data folder=music --system mixture --workers 1 --redo all --out closed >&- 2>&-"
    assert shell(line, runs).returncode == 0
    assert shell("SV diff closed/* runs/mixture*", runs).stdout.startswith(b"bit-equal")


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "cp437"}, NO_UTF8],
    ids=["ascii", "latin-1", "cp437", "C"],
)
def test_other_encodings(runs: Path, environment: dict[str, str]) -> None:
    gate = (
        "SV gate --baseline runs/hpss* --candidate runs/mixture* --max-drop 9 --junit j.xml --markdown m.md"
    )
    done = shell(gate, runs, **environment)
    assert done.returncode == 0
    assert b"baseline -0." in done.stdout  # a minus sign of Unicode's own
    plain = shell(gate.replace("j.xml", "k.xml").replace("m.md", "n.md"), runs)
    assert plain.stdout.decode().count("−") > 1
    for one, other in (("j.xml", "k.xml"), ("m.md", "n.md")):  # files are UTF-8 everywhere
        assert (runs / one).read_bytes() == (runs / other).read_bytes()
    for line in (
        "SV list",
        "SV table runs",
        "SV compare runs",
        "SV show runs/hpss*",
        "SV run mdx21 --data folder=music --system mixture --workers 1 --redo all --out again; rm -r again",
    ):
        done = shell(line, runs, **environment)
        assert done.returncode == 0, done.stderr
        done.stdout.decode(environment.get("PYTHONIOENCODING", "ascii"))


def test_reports_are_the_same_bytes_in_every_locale(runs: Path) -> None:
    assert shell("SV report runs --out report && SV board lab=runs --out board", runs).returncode == 0
    line = "SV report runs --out c/report && SV board lab=runs --out c/board"
    assert shell(line, runs, **NO_UTF8).returncode == 0
    assert shell("diff -r report c/report && diff -r board c/board", runs).returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "SV run mdx21 --data folder=music --system mixture --workers 1 --redo all --out new",
        "SV score music music --protocol mdx21 --tracks --workers 1",
        "SV table runs --frames",
        "SV table runs",
        "SV table runs --format html",
        "SV table runs --format latex",
        "SV table runs --json",
        "SV show runs/hpss*",
        "SV show runs/hpss* --json",
        "SV diff runs/hpss* runs/mixture*",
        "SV gate --baseline runs/hpss* --candidate runs/mixture*",
        "SV compare runs",
        "SV verify folder=music",
        "SV table $'no\\e[31msuch'",
        "SV $'\\e[31mverb'",
    ],
)
def test_no_name_acts_on_a_terminal(runs: Path, line: str) -> None:
    done = shell(line, runs)
    for text in (done.stdout.decode(), done.stderr.decode()):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
        if "--frames" not in line:
            assert not [row for row in text.splitlines() if row.startswith("lines")]


def test_colours_and_rewritten_lines_reach_a_terminal(runs: Path) -> None:
    import pty

    reading, writing = pty.openpty()
    words = [
        "run",
        "mdx21",
        "--data",
        "folder=music",
        "--system",
        "mixture",
        "--workers",
        "1",
        "--redo",
        "all",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "svbench", *words, "--out", "tty"],
        cwd=runs, stdout=writing, stderr=writing, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(writing)
    seen = b""
    while True:
        try:
            part = os.read(reading, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(reading)
    assert process.wait() == 0
    assert b"\r\x1b[2K[1/5]" in seen
    assert rb"\x1b[31mred\x07" in seen
    assert b"\x1b[31m" not in seen
    assert b"\x1b[1m" in seen  # bold is svbench's own


def test_ctrl_c_at_any_moment_leaves_no_traceback(runs: Path) -> None:
    """From the first module of svbench on; before, the interpreter itself has no handler."""
    words = [
        "run",
        "mdx21",
        "--data",
        "folder=music",
        "--system",
        "mixture",
        "--workers",
        "2",
        "--redo",
        "all",
    ]
    starting = (
        "import sys; sys.stderr.write('on\\n'); sys.stderr.flush(); from svbench.__main__ import main; "
    )
    for i in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", f"{starting}sys.exit(main())", *words, "--out", "stopped"],
            cwd=runs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(0.25 * i + 0.02)
        os.killpg(process.pid, signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
        assert b"Traceback" not in errors, errors
        # It was quicker. While the interpreter itself ends, it has given back its handler of Ctrl-C.
        if process.returncode == 0 or (process.returncode == -signal.SIGINT and b"run: " in printed):
            break
        assert process.returncode == 130, errors
        assert b"svbench: interrupted" in errors
    assert len(find_runs([runs / "runs"])) == 2
