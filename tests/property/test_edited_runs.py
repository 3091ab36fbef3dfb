"""No run folder, however edited, gives a traceback: a sentence comes out, or a table of numbers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from svbench.cli.main import main

VERBS = (
    ("table", "{runs}"),
    ("table", "{runs}", "--format", "csv"),
    ("table", "{runs}", "--format", "json"),
    ("table", "{runs}", "--cost"),
    ("table", "{runs}", "--frames"),
    ("compare", "{runs}"),
    ("show", "{run}"),
    ("diff", "{run}", "{other}"),
    ("gate", "--baseline", "{run}", "--candidate", "{other}"),
    ("export", "museval", "{run}", "--out", "{out}"),
    ("board", "{runs}", "--out", "{out}"),
    ("seal", "{run}", "--trust", "{run}"),
)
VALUES: list[Any] = [
    None, True, 0, -1, 1, 2**63, 2**70, 1e300, -1e300, 1.5, "", "ok", "nan", "../..", "/etc/passwd", "\0", "\ud7ff", "–",
    "a" * 5000, [], {}, [1.0], [None], ["ok"], {"a": {"b": [1]}},
]  # fmt: skip
TEXTS = (
    b"",
    b"null",
    b"NaN",
    b"[",
    b"\xff\xfe{",
    b'{"schema": 1}',
    b'{"schema": 2}',
    b"[" * 5000,
    b'{"a":' * 900,
)


def _places(content: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key path of a JSON value, down to single frames."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in items:
        found.append((*place, key))
        if isinstance(value, (dict, list)):
            found += _places(value, (*place, key))
    return found


def _at(content: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        content = content[key]
    return content


def _edit_value(content: Any, draw: random.Random) -> None:
    place = draw.choice(_places(content))
    holder, key = _at(content, place[:-1]), place[-1]
    match draw.randrange(4):
        case 0:
            holder[key] = draw.choice(VALUES)
        case 1:
            del holder[key]
        case 2:
            other = draw.choice(_places(content))
            holder[key] = json.loads(json.dumps(_at(content, other)))
        case _ if isinstance(holder, list):
            holder.insert(key, holder[key])
        case _:
            holder[draw.choice(["more", "schema", "digest"])] = holder[key]


def _edit_json(path: Path, draw: random.Random) -> None:
    content = json.loads(path.read_bytes())
    _edit_value(content, draw)
    if draw.random() < 0.8:  # an edit that keeps the digests right reaches further
        _claim(content)
    path.write_text(json.dumps(content))


def _claim(content: Any) -> None:
    """Let the record claim the digests of what it holds now, where that is possible."""
    from svbench.errors import SvbenchError
    from svbench.specs.protocol import Protocol
    from svbench.specs.records import convert
    from svbench.specs.system import SystemSpec

    for name, kind in (("protocol", Protocol), ("system", SystemSpec)):
        with contextlib.suppress(SvbenchError, KeyError, TypeError, OverflowError, ValueError):
            content[f"{name}_digest"] = convert(content[name], kind, "run.json").digest


def _cut(path: Path, draw: random.Random) -> None:
    text = path.read_bytes()
    path.write_bytes(text[: draw.randrange(len(text))] + draw.choice([b"", b"\xff", b"NaN", text[:50]]))


def _replace(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.choice(TEXTS))


def _other_kind(path: Path, draw: random.Random) -> None:
    path.unlink()
    match draw.randrange(5):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(draw.choice(["/etc/passwd", "/dev/zero", path.name, "nowhere", "/"]))
        case 2:
            os.mkfifo(path)
        case 3:
            path.write_bytes(b"")
            path.chmod(0)
        case _:
            pass  # gone


def _copy(path: Path, draw: random.Random) -> None:
    others = [p for p in path.parents[1].rglob("*.json") if p.is_file() and not p.is_symlink()]
    text = draw.choice(others).read_bytes() if others else b""
    path.with_name(draw.choice([path.name, "more.json", "seal.json", "run.json"])).write_bytes(text)


EDITS: tuple[Callable[[Path, random.Random], None], ...] = (
    _edit_json, _edit_json, _edit_json, _cut, _replace, _other_kind, _copy,
)  # fmt: skip


def damage(run: Path, draw: random.Random) -> None:
    """Make one to three edits in a run folder; one that no longer applies is left out."""
    if (
        draw.random() < 0.5
    ):  # results of before do not say what they were made from, and may be of any protocol
        for path in sorted((run / "tracks").iterdir()):
            path.write_text(
                json.dumps({k: v for k, v in json.loads(path.read_bytes()).items() if k != "made_from"})
            )
    for _ in range(draw.randint(1, 3)):
        files = sorted(p for p in run.rglob("*.json") if not p.is_symlink())
        if not files:
            return
        path = run / "run.json" if draw.random() < 0.5 and (run / "run.json") in files else draw.choice(files)
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError, RecursionError):
            if path.is_file():
                draw.choice(EDITS)(path, draw)


@pytest.fixture(scope="module")
def honest(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs without their estimates, so that a copy is quick."""
    root = tmp_path_factory.mktemp("honest")
    for name, protocol in (("run", "sisec18"), ("other", "sisec18")):
        source = next(small_runs.glob(f"{'hpss' if name == 'run' else 'irm1'}--{protocol}--*"))
        shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("estimates"))
    return root


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), verb=st.sampled_from(VERBS))
def test_no_edit_gives_a_traceback(honest: Path, seed: int, verb: tuple[str, ...]) -> None:
    root = honest.parent / "edited"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(honest, root / "runs")
    run, other = root / "runs/run", root / "runs/other"
    damage(run, random.Random(seed))
    places = {"runs": run.parent, "run": run, "other": other, "out": root / "out"}
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([word.format(**places) for word in verb])
    assert code in (0, 1, 2), err.getvalue()
    assert "Traceback" not in err.getvalue()
    if code == 2:
        assert err.getvalue().startswith("svbench")
    elif verb[0] == "table" and "json" in verb:
        json.loads(out.getvalue(), parse_constant=pytest.fail)  # no NaN and no Infinity
