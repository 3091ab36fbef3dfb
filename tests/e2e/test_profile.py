"""A profile from the command line, and in the report of the runs it lies beside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from svbench.cli.main import OK, USAGE, main
from svbench.errors import DataError
from svbench.report.text.profiles import profile_lines, profile_table
from svbench.results.profile import Macs, Model, Profile, Size, read_profile

WORDS = ["profile", "hpss", "--seconds", "0.5", "1", "--repeats", "2", "--threads", "1"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "profiles/hpss.json"
    assert main([*WORDS, "--out", str(path)]) == OK
    assert [p.name for p in path.parent.iterdir()] == ["hpss.json"]
    return path


def test_json_is_what_is_stored(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json", "--out", str(tmp_path / "again.json")]) == OK
    printed = msgspec.convert(json.loads(capsys.readouterr().out), Profile)
    assert printed == read_profile(tmp_path / "again.json")
    assert printed.system_digest == read_profile(stored).system_digest
    assert [t.seconds for t in printed.settings[0].timings] == [0.5, 1.0]


def test_the_report_shows_it_beside_its_runs(small_runs: Path, stored: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(small_runs, runs)
    assert main(["report", str(runs), "--out", str(tmp_path / "plain")]) == OK
    assert not (tmp_path / "plain/pages/resources.html").exists()
    profile = read_profile(stored)
    name = f"hpss--cpu--{profile.system_digest[:8]}.json"
    (runs / "profiles").mkdir()
    shutil.copy(stored, runs / "profiles" / name)
    assert main(["report", str(runs), "--out", str(tmp_path / "report")]) == OK
    assert 'href="pages/resources.html"' in (tmp_path / "report/index.html").read_text(encoding="utf-8")
    page = (tmp_path / "report/pages/resources.html").read_text(encoding="utf-8")
    assert "Profile (mdx21)" in page
    assert page.count("above empty worker") == 2  # once for each protocol
    (runs / "profiles" / name).write_text('{"schema": 7}')
    assert main(["report", str(runs), "--out", str(tmp_path / "report")]) == USAGE


def test_damaged_profiles_are_told(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"schema": 7}')
    with pytest.raises(
        DataError, match=r"p\.json: schema 7, this svbench reads 1; it was written by a newer"
    ):
        read_profile(tmp_path / "p.json")


def test_lines_and_table_say_what_is_known(stored: Path) -> None:
    plain = read_profile(stored)
    known = msgspec.structs.replace(
        plain,
        size=Size(
            models=tuple(Model(name=n, type="Net", parameters=8_893_348, trainable=5) for n in ("vocals", "bass")),
            parameters=17_786_696, trainable=10, dtypes={"float32": 17_786_696}, file_bytes=71_146_784,
        ),
        macs=Macs(seconds=10.0, macs=40_000_000_000, uncounted={"mul": 3}),
    )  # fmt: skip
    lines = dict(profile_lines(known))
    assert lines["parameters"] == "17,786,696 in 2 models"
    assert lines["  vocals"] == "8,893,348 (Net)"
    assert lines["MACs per s of audio"] == "4 G, counted on 10 s"
    assert lines["  not counted"] == "mul (3 values)"
    assert lines["on disk"] == "71.1 MB"
    assert "above the empty worker's" in lines["  peak memory"]
    assert dict(profile_lines(plain))["parameters"] == "not known: no network library is loaded in the worker"
    table = profile_table([known, plain], "g", "mdx21")
    first, second = ({h: c.text for h, c in zip(table.head[1:], r.cells, strict=True)} for r in table.rows)
    assert (first["parameters"], first["models"], first["MACs per s"]) == ("17.79 M", "2", "4 G")
    assert (second["parameters"], second["models"], second["MACs per s"]) == ("not known",) * 3
    assert "Operations without a count of MACs: mul." in table.note


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seconds", "0"], "expected seconds from 0.1 to 3600, found '0'"),
        (["--seconds", "nan"], "found 'nan'"),
        (["--repeats", "0"], "expected a whole number of at least 1, found '0'"),
        (["--threads", "5000"], "--threads: 5000 asked for"),
    ],
)
def test_wrong_words(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "mixture", *words, "--out", str(tmp_path / "p.json")]) == USAGE
    assert sentence in capsys.readouterr().err
