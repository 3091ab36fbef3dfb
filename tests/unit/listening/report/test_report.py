from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from simulated.assessors import Assessor, mushra_truth, simulate

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.listening.analysis.pipeline import Analysis, Settings, analyse
from svbench.listening.ratings import ratings_table
from svbench.listening.report.build import Report, build
from svbench.listening.report.table import Column, Table, printed
from svbench.listening.report.write import html, write_report
from svbench.tables.spreadsheet import frame_csv

EVIL = ('=HYPERLINK("x")', "<b>net_1 & 50% #$ \\input{x}</b>")


def whole(settings: Settings | None = None) -> Analysis:
    truth = mushra_truth({EVIL[0]: 70.0, EVIL[1]: 55.0, "plain": 30.0})
    people = [Assessor(f"a{i}", truth) for i in range(8)]
    people += [Assessor("@blind", truth, kind="reference-blind"), Assessor("<i>fast", truth, kind="fast")]
    return analyse(simulate(people, trials=3), settings)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return whole()


@pytest.fixture(scope="module")
def report(analysis: Analysis) -> Report:
    return build(analysis, None, "ratings.csv")


class Tags(HTMLParser):
    """Collects tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else_and_names_stay_text(report: Report) -> None:
    page = html(report)
    tags = Tags(page).found
    names = {tag for tag, _ in tags}
    assert not names & {"script", "img", "iframe", "i", "object"}
    for _, attributes in tags:
        for key in ("src", "href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:")), attributes
    assert "&lt;b&gt;net_1 &amp; 50%" in page
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for t, a in tags if t == "a"} <= {f"#{i}" for i in ids}
    assert all(a.get("scope") in ("col", "row") for t, a in tags if t == "th")
    assert page.count("<caption>") == page.count("<table")


def test_drawings_are_xml_and_have_words(report: Report) -> None:
    assert len(report.figures) == 4  # all items, and each of three
    for figure in report.figures:
        ET.fromstring(figure.svg)
        assert ">Excellent<" in figure.svg
        assert "plain" in figure.text


def test_the_same_ratings_give_the_same_bytes(report: Report) -> None:
    assert html(build(whole(), None, "ratings.csv")) == html(report)


def test_files(report: Report, analysis: Analysis, tmp_path: Path) -> None:
    page = write_report(report, analysis, tmp_path / "out")
    assert page.read_text(encoding="utf-8") == html(report)
    content = json.loads((page.parent / "analysis.json").read_text(encoding="utf-8"))
    assert content["excluded"] == ["@blind"]
    assert content["settings"]["correction"] == "holm"
    for table in report.tables:
        with (page.parent / f"tables/{table.id}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(table.rows) == len(content["tables"][table.id])
        for row in rows:
            assert not any(cell[:1] in ("=", "@", "+") for cell in row.values()), row
    write_report(report, analysis, tmp_path / "out")  # replaces its own
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").touch()
    with pytest.raises(DataError, match="holds other files"):
        write_report(report, analysis, tmp_path / "other")


def test_latex_compiles(report: Report, analysis: Analysis, tmp_path: Path) -> None:
    folder = write_report(report, analysis, tmp_path / "out").parent
    text = (folder / "report.tex").read_text(encoding="utf-8")
    assert text.isascii()
    assert all((folder / f"{name}.tex").exists() for name in re.findall(r"\\input\{([^}]+)\}", text))
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on PATH (Debian: apt-get install texlive-latex-extra texlive-science)")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "report.pdf").stat().st_size > 10_000


def test_what_is_not_known_is_a_dash_and_null() -> None:
    columns = (Column("name", "name"), Column("x", "x", "two"))
    table = Table("t", "T", "", columns, (("a", float("nan")), ("b", float("inf")), ("c", None)))
    assert [cells[1] for cells in table.texts()] == ["–"] * 3
    assert [r["x"] for r in table.records()] == [None] * 3
    assert table.csv() == "name,x\na,\nb,\nc,\n"
    assert printed(3, "count") == "3"


def test_settings_are_told() -> None:
    kept = build(whole(Settings(keep_excluded=True, drop_outliers=True, correction="hochberg")), None, "x")
    page = html(kept)
    assert "excluded by post-screening but kept" in page
    assert "all other numbers are without them" in page
    assert "p (Hochberg)" in page


def test_anchors_take_part_by_choice(analysis: Analysis) -> None:
    assert set(analysis.tests.conditions) == {*EVIL, "plain"}
    tested = whole(Settings(anchors=True)).tests.conditions
    assert set(tested) == {*EVIL, "plain", "reference", "anchor35", "anchor70"}


@pytest.mark.parametrize(("method", "rating"), [("ab", 1.0), ("abx", 1.0), ("acr", 4.0), ("dcr", 2.0)])
def test_every_method_has_a_report(method: str, rating: float, tmp_path: Path) -> None:
    rows = []
    for i in range(6):
        row = {"assessor": f"a{i}", "trial": f"t{i % 2}", "method": method}
        against = method in ("ab", "abx")
        rows.append({**row, "condition": "m", "rating": rating, "against": "n" if against else ""})
        if method == "ab":
            rows.append({**row, "condition": "n", "rating": 0.0, "against": "m"})
        elif method != "abx":
            rows.append({**row, "condition": "n", "rating": rating - 1 + i % 2})
    found = analyse(ratings_table(rows))
    page = write_report(build(found, None, "x"), found, tmp_path / "out").read_text(encoding="utf-8")
    expected = {"ab": "preferences", "abx": "discriminations"}.get(method, "conditions")
    assert f'<table id="{expected}">' in page
    assert ("No common scale" in page) is (method == "ab")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], analysis: Analysis) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(frame_csv(analysis.panel.table.drop(columns="item")), encoding="utf-8")
    assert main(["listen", "analyse", str(path), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "excluded: @blind: rated the hidden reference below 90 in 3 of 3 items" in told
    assert "odd: <i>fast: took less than 1 s a stimulus" in told
    assert f"report: {tmp_path / 'out/index.html'}" in told
    assert main(["listen", "analyse", str(tmp_path / "gone.csv"), "--out", str(tmp_path / "no")]) == 2
    assert "gone.csv: cannot be read" in capsys.readouterr().err
    assert main(["listen", "analyse", str(tmp_path), str(path), "--out", str(tmp_path / "no")]) == 2
    assert "one folder of a test, or files of ratings" in capsys.readouterr().err
