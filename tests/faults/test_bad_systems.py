"""One command runs all bad systems and a good one: each bad one is one failed row, the good one is scored."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from svbench.cli.main import SYSTEM_FAILED, main
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.results.store import find_runs, load_run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")]
PRELUDE = """
import glob, json, os, shutil, signal, subprocess, sys, time
import numpy as np
from svbench.audio import Audio

replies = int(sys.argv[2])

def both(audio):
    return {"vocals": audio, "accompaniment": audio}

def exchange(name="0.npy"):
    (folder,) = glob.glob("exchange-*")
    return os.path.join(folder, name)

def forge(**more):
    reply = {"estimates": [{"target": "vocals", "rate_hz": 8000}, {"target": "accompaniment", "rate_hz": 8000}],
             "wall_s": 0.0, "cpu_s": 0.0, "peak_rss_bytes": 1}
    os.write(replies, json.dumps({**reply, **more}).encode() + b"\\n")
    time.sleep(60)

def changed(mixture, **more):
    audio = Audio(mixture.samples, mixture.rate_hz)
    for name, value in more.items():
        object.__setattr__(audio, name, value)
    return both(audio)

def header(shape):
    np.lib.format.write_array_header_1_0(
        open(exchange(), "wb"), {"descr": "<f8", "fortran_order": False, "shape": shape})
"""
# Name: what separate does, the reason, and more lines of the system file.
PYTHON = {
    "bytes": (r"os.write(replies, b'\xff\xfe\x00\x01\n'); time.sleep(60)", "wrote something else in place", ""),
    "no-object": (r"os.write(replies, b'[1]\n'); time.sleep(60)", "wrote something else in place", ""),
    "deep": (r"os.write(replies, b'[' * 100000 + b'\n'); time.sleep(60)", "wrote something else in place", ""),
    "endless": ("while True: os.write(replies, b'x' * 65536)", "in place of the worker's answer (too long)", ""),
    "old-path": (
        "forge(estimates={'vocals': {'path': '/etc/passwd', 'rate_hz': 8000}})", "wrote something else in place", "",
    ),
    "infinite": ("forge(wall_s=float('inf'))", "wrote something else in place", ""),
    "negative": ("forge(wall_s=-1.0)", "wrote something else in place", ""),
    "hours": ("forge(wall_s=3600.0)", "says it took 3600 s, longer than its answer took", ""),
    "forged-rate": ("forge(estimates=[{'target': 'vocals', 'rate_hz': 10**12}])", "wrote something else", ""),
    "no-file": ("forge()", "estimate of vocals is missing", ""),
    "link": ("os.symlink(exchange('mixture.npy'), exchange()); forge()", "estimate of vocals is a symbolic link", ""),
    "hard-link": ("os.link(exchange('mixture.npy'), exchange()); forge()", "is a link or not a regular file", ""),
    "pipe": ("os.mkfifo(exchange()); forge()", "estimate of vocals is a link or not a regular file", ""),
    "folder": ("os.mkdir(exchange()); forge()", "estimate of vocals is a link or not a regular file", ""),
    "pickle": (
        "np.save(exchange(), np.array([{}], dtype=object), allow_pickle=True); forge()",
        "estimate of vocals: expected a float32 or float64 array, found object", "",
    ),
    "text": ("open(exchange(), 'w').write('hello'); forge()", "estimate of vocals is not an .npy file", ""),
    "huge-shape": ("header((10**15, 2)); forge()", "too large to be one of this mixture", ""),
    "cut": ("header((8000, 2)); forge()", "estimate of vocals is incomplete", ""),
    "object-array": ("return changed(mixture, samples=np.array([['a']], dtype=object))", "array, found object", ""),
    "complex": ("return changed(mixture, samples=mixture.samples * 1j)", "array, found complex128", ""),
    "rate-nan": ("return changed(mixture, rate_hz=float('nan'))", "has nan Hz, expected 1000 to 768000 Hz", ""),
    "rate-0": ("return changed(mixture, rate_hz=0)", "has 0 Hz, expected 1000 to 768000 Hz", ""),
    "rate-negative": ("return changed(mixture, rate_hz=-8000)", "has -8000 Hz, expected", ""),
    "rate-1e12": ("return changed(mixture, rate_hz=1e12)", "has 1000000000000.0 Hz, expected", ""),
    "long": ("return both(Audio(np.zeros((10**7, 2)), 8000))", "has shape (10000000, 2), the mixture (8000, 2)", ""),
    "pipe-in-the-way": ("os.mkfifo(exchange()); return both(mixture)", "FileExistsError", ""),
    "no-scratch": ("shutil.rmtree(os.path.dirname(os.getcwd())); return both(mixture)", "separating raised", ""),
    "other-exchange": (
        "os.rename(os.path.dirname(exchange()), 'gone'); os.symlink('/etc', 'exchange-1'); forge()",
        "estimate of vocals is missing", "",
    ),
    "no-rights": (
        "os.makedirs('a/b/c'); os.chmod('a/b', 0); os.chmod('a', 0); raise ValueError('locked')", "locked", "",
    ),
    "loud": (
        "for _ in range(1600): os.write(1, b'noise ' * 10923)\nraise ValueError('after all that')",
        "ValueError: after all that", "",
    ),
    "long-words": ("raise ValueError('x' * 10**7 + chr(27) + chr(0xd800))", "separating raised ValueError: xxx", ""),
    "orphaned": ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)", "was killed by SIGKILL", ""),
    "closed": ("os.close(replies); time.sleep(60)", "closed its connection while separating", ""),
    "silent-end": ("sys.exit(0)", "ended with exit code 0 without an answer", ""),
    "stopped": ("os.kill(os.getpid(), signal.SIGSTOP)", "took longer than the limit of 2 s", "time_limit_s = 2"),
    "memory": (
        "block = np.ones(10**8); time.sleep(60)", "GB of memory, the limit is 0.3 GB", "memory_limit_bytes = 300_000_000",
    ),
    "disk": (
        "open('big', 'wb').write(bytes(10**8)); time.sleep(60)", "to its scratch folder, the limit is 0.05 GB",
        "disk_limit_bytes = 50_000_000",
    ),
    "odd-name": (r"return {'vocals\ud800': mixture}", "wrote something else in place", ""),
    "many": ("return {str(i): mixture for i in range(300)}", "wrote something else in place", ""),
}  # fmt: skip
COMMAND = {
    "command-link": (
        'ln -s "$1" "$2/vocals.wav"',
        "vocals.wav is a symbolic link, expected a file that sh writes",
    ),
    "command-folder-link": ('ln -s "$(dirname "$1")" "$2/vocals"', "x.wav is a symbolic link, expected"),
    "command-hard-link": ('ln "$1" "$2/vocals.wav"', "vocals.wav is linked from elsewhere, expected"),
    "command-pipe": ('mkfifo "$2/vocals.wav"', "vocals.wav is a pipe, expected"),
    "command-folder": ('mkdir "$2/vocals.wav"', "vocals.wav is a folder, expected"),
    "command-device": ('mknod "$2/vocals.wav" c 1 5', "vocals.wav is a device or a socket, expected"),
    "command-text": ('echo hello > "$2/vocals.wav"', "vocals.wav: cannot be read as audio"),
    "command-loud": (
        "head -c 100000000 /dev/zero; echo no more >&2; exit 3",
        "ended with exit code 3: no more",
    ),
    "command-daemon": ("setsid sleep 7771 & exit 4", "ended with exit code 4 and printed nothing"),
}


def files(folder: Path) -> dict[str, Path]:
    found = {}
    for name, (body, _, more) in PYTHON.items():
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        code = folder / f"{name}.py"
        code.write_text(f"{PRELUDE}\ndef separate(mixture):\n{lines}\n\ndef make():\n    return separate\n")
        factory = f'parameters = {{ factory = "{name}.py:make", targets = ["vocals", "accompaniment"] }}'
        found[name] = write(folder, name, "python", f"{factory}\n{more}")
    for name, (line, _) in COMMAND.items():
        if name == "command-device" and os.geteuid():
            continue  # only root may make one
        output = 'output = "{target}/x.wav"' if name == "command-folder-link" else 'output = "{target}.wav"'
        script = line.replace("x.wav", "vocals.wav")
        words = f"argv = ['sh', '-c', '{script}', 'x', '{{mixture}}', '{{output}}'], targets = ['vocals'], {output}"
        if name == "command-folder-link":
            script = 'ln -s "$(dirname "$1")" "$2/vocals"; ln -s mixture.wav "$(dirname "$1")/x.wav"'
            words = words.replace(line, script)
        found[name] = write(folder, name, "command", f"parameters = {{ {words} }}")
    return found


def write(folder: Path, name: str, adapter: str, more: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\nid = "{name}"\ntitle = "t"\nadapter = "{adapter}"\ntraining_data = []\n{more}\n'
    )
    return path


PROTOCOL = (
    'schema = 1\nid = "short"\ntitle = "t"\nversion = "1"\ndescription = "d"\ncitation = "c"\nheadline = "uSDR"\n'
    '[[target_sets]]\nid = "v"\ntargets = ["vocals"]\n'
    '[[metrics]]\nid = "sdr"\nparameters = { delta = 1e-7 }\nreduce = { frames = "mean", tracks = "mean" }\n'
)


def test_every_bad_system_is_one_failed_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "data", {"t": synthetic_track(0, duration_s=1.0, rate_hz=8000)})
    (tmp_path / "short.toml").write_text(PROTOCOL)
    systems = files(tmp_path)
    words = ["run", str(tmp_path / "short.toml"), "--data", f"folder={tmp_path / 'data'}", "--workers", "1"]
    code = main([*words, "--out", str(tmp_path / "runs"), "--system", *map(str, systems.values()), "mixture"])
    told = capfd.readouterr()
    assert code == SYSTEM_FAILED, told.err
    assert "Traceback" not in told.err
    assert "\x1b" not in told.err
    runs = {r.record.system.id: r for r in map(load_run, find_runs([tmp_path / "runs"]))}
    assert [r.status for r in runs["mixture"].results] == ["ok"]
    reasons = {name: reason for name, (_, reason, _) in PYTHON.items()} | {
        n: r for n, (_, r) in COMMAND.items()
    }
    wrong = {}
    for name in systems:
        (result,) = runs[name].results
        if result.status != "failed" or reasons[name] not in result.reason or len(result.reason) > 700:
            wrong[name] = result.reason
        if name == "no-scratch":
            assert result.log == "", "it deleted its log as well"
        else:
            assert result.log == "logs/t.txt", name
            assert (runs[name].path / result.log).stat().st_size < 10_001_000, name
        left = [p.name for p in runs[name].path.iterdir() if p.name.startswith((".scratch", ".partial"))]
        assert not left, name
    assert not wrong
    assert "ValueError: after all that" in (runs["loud"].path / "logs/t.txt").read_text()[-500:]
    assert "bytes left out" in (runs["loud"].path / "logs/t.txt").read_text()
    assert not [p for p in Path("/proc").glob("[0-9]*") if str(tmp_path).encode() in environment(p)]


def environment(process: Path) -> bytes:
    try:
        marks = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return b""
    return b"".join(m for m in marks if m.startswith(b"SVBENCH_WORKER="))


def test_loading_is_tried_once_and_within_the_limit(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = tmp_path / "tried"
    (tmp_path / "m.py").write_text(
        f"import time\ndef load():\n    open({str(tried)!r}, 'a').write('x')\n    time.sleep(600)\n"
    )
    more = 'time_limit_s = 2\nparameters = { factory = "m.py:load", targets = ["vocals"] }'
    system = write(tmp_path, "slow", "python", more)
    started = time.monotonic()
    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--out",
        str(tmp_path / "runs"),
        "--workers",
        "1",
    ]
    assert main([*words, "--system", str(system)]) == SYSTEM_FAILED
    assert time.monotonic() - started < 60
    assert tried.read_text() == "x"
    (run,) = map(load_run, find_runs([tmp_path / "runs"]))
    assert len(run.failed) == 3
    assert {r.reason for r in run.failed} == {"stopped: loading took longer than the limit of 2 s"}
    assert len({r.log for r in run.failed}) == 1
    assert (run.path / run.failed[0].log).is_file()
    assert "(log: " in capsys.readouterr().err
