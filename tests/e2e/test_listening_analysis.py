"""Simulated assessors go through the real server, and the analysis of what it stored finds them out."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated.assessors import Assessor, Kind, Truth, by_sound
from simulated.listeners import Listener, running_server

from svbench.cli.main import main
from svbench.testing.listening import make_test

KINDS: tuple[Kind, ...] = ("sound",) * 6 + ("reversed", "reference-blind", "anchors-high")
MEANS = {"reference": 100.0, "anchor35": 15.0, "anchor70": 40.0, "system-1": 75.0, "system-2": 50.0}


@pytest.fixture
def rated_test(tmp_path: Path) -> Path:
    folder = tmp_path / "test"
    test = make_test(folder, n_trials=4, rate_hz=16000)
    truth = Truth(MEANS, {c.id: c.role for c in test.conditions})
    with running_server(folder) as server:

        def take_part(number: int) -> None:
            rate = by_sound(Assessor("", truth, kind=KINDS[number]), test, np.random.default_rng(number))
            Listener(server.address, rate).take_part()

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(take_part, range(len(KINDS))))
    return folder


def analysed(words: Sequence[object], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["listen", "analyse", *map(str, words), "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_from_the_server_to_the_report(
    rated_test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = analysed([rated_test, "--out", tmp_path / "out"], capsys)
    reasons = [r["reasons"] for r in found["tables"]["assessors"] if r["verdict"] == "excluded"]
    assert sum("hidden reference below 90" in r for r in reasons) == 2
    assert sum("mid anchor above 90" in r for r in reasons) == 1
    assert len(found["excluded"]) == 3
    assert [f["assessor"] in found["excluded"] for f in found["flags"] if f["kind"] == "reversed"] == [True]
    means = {r["condition"]: r["mean"] for r in found["tables"]["conditions"]}
    assert means["system-1"] == pytest.approx(75, abs=10)
    assert means["system-2"] == pytest.approx(50, abs=10)
    replicates = [r for r in found["tables"]["reliability"] if r["what"] == "replicates, all assessors"]
    assert replicates[0]["n"] == 6 * 5  # one trial of five stimuli
    assert main(["listen", "analyse", str(rated_test), "--out", str(tmp_path / "out")]) == 0
    odd = [line.split(":")[1] for line in capsys.readouterr().out.splitlines() if line.startswith("odd:")]
    assert sorted(odd) == sorted(f" {name}" for name in {f["assessor"] for f in found["flags"]})
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert f"<dt>sessions</dt><dd>{len(KINDS)} complete</dd>" in page
    for title in ("Design", "Materials", "Conditions and anchors", "Levels", "Training", "Statistics"):
        assert f">{title}</h2>" in page
    assert "ratings of training are left out" in page
    with (tmp_path / "out/tables/materials.csv").open(encoding="utf-8") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["training"] + ["test"] * 4


def test_a_test_without_ratings_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_test(tmp_path / "test", n_trials=1, rate_hz=16000)
    assert main(["listen", "analyse", str(tmp_path / "test"), "--out", str(tmp_path / "out")]) == 2
    assert "nobody has rated yet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
