"""What reaches a terminal can be seen, in every encoding."""

from __future__ import annotations

import ast
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import svbench
from svbench.printing.visible import json_text, spelled, visible

ANY = st.text(st.characters(codec=None, exclude_categories=()))
PACKAGE = Path(svbench.__file__).parent


@given(ANY)
def test_no_character_of_a_line_acts_on_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        c for c in shown if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI")
    ]
    assert visible(shown) == shown


@given(ANY)
def test_a_text_keeps_its_lines(text: str) -> None:
    shown = visible(text, lines=True)
    assert shown.count("\n") == text.count("\n")
    lines = (line.split("\t") for line in text.split("\n"))
    assert shown == "\n".join("\t".join(map(visible, cells)) for cells in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r", "utf-8"])
@given(text=ANY)
def test_every_text_can_be_written_in_every_encoding(encoding: str, text: str) -> None:
    spelled(text, encoding).encode(encoding)


def test_what_utf8_can_say_is_left_alone() -> None:
    text = "−3.2 · é 音 🎸"
    assert spelled(text, "utf-8") == text


def signs() -> set[str]:
    """Every character beyond ASCII in a text that svbench prints: all strings but those about documentation."""
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name in ("latex.py", "visible.py"):  # tables of characters, which they do not print
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documentation
            ):
                found |= {c for c in node.value if not c.isascii()}
    return found


def test_svbench_s_own_signs_have_a_spelling_in_ascii() -> None:
    letters = set("éöß")  # of names of people and of test pages
    without = {s for s in signs() - letters if "\\" in spelled(s, "ascii")}
    assert len(signs()) > 15
    assert not without


@given(st.dictionaries(st.text(), st.text()))
def test_json_holds_the_same_values(value: dict[str, str]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text, lines=True) == text
