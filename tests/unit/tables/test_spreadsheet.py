"""Cells that no spreadsheet runs, and that svbench reads back as they were."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import svbench
from svbench.tables.spreadsheet import csv_text, frame_csv, records_csv, shielded, unshielded

PACKAGE = Path(svbench.__file__).parent
CELLS = st.one_of(st.text("=+-@\t\r\n' ＝ab1.,\""), st.text())


@given(CELLS)
def test_a_shielded_cell_is_no_formula_and_comes_back(text: str) -> None:
    cell = shielded(text)
    assert unshielded(cell) == text
    if cell.strip()[:1] in tuple("=+-@＝＋－＠"):
        float(cell)  # a number alone may begin with a sign


@pytest.mark.parametrize("number", ["-3.2", "+1", "-1e-05", "-.5", "3"])
def test_numbers_stay_numbers(number: str) -> None:
    assert shielded(number) == number


@pytest.mark.parametrize(
    "text", ["=1+1", "-1+1", "+A1", "@x", "\t=1", "\r", " =1", "-", "-1 ", "＝1", "-inf", "'a"]
)
def test_formulas_are_shielded(text: str) -> None:
    assert shielded(text) == f"'{text}"


def test_the_three_writers_agree() -> None:
    rows = [{"name": "=1+1", "score": -2.5, "n": 3}, {"name": "'quoted", "score": None, "n": 4}]
    wanted = "name,score,n\n'=1+1,-2.5,3\n''quoted,,4\n"
    assert records_csv(rows) == wanted
    assert csv_text(list(rows[0]), (r.values() for r in rows)) == wanted
    assert frame_csv(pd.DataFrame(rows)) == wanted
    assert [unshielded(row[0]) for row in csv.reader(io.StringIO(wanted))][1:] == ["=1+1", "'quoted"]


def test_nothing_else_writes_csv() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter", "to_csv"):
                assert path.name == "spreadsheet.py", path
