from __future__ import annotations

from pathlib import Path

import pytest

from svbench.errors import SpecError
from svbench.listening.interchange.configuration import MOST_BYTES, load_yaml


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_scalars_stay_text(tmp_path: Path) -> None:
    text = "\ufeffno: off\n12:30: 2021-01-01\n1e3: 0x10\nempty:\nlist: [yes, ~, 007]\n'true': !!int 5\n"
    content, quoted = load_yaml(written(tmp_path, text))
    assert content == {
        "no": "off", "12:30": "2021-01-01", "1e3": "0x10", "empty": "", "list": ["yes", "~", "007"], "true": "5",
    }  # fmt: skip
    assert quoted == []


def test_colons_in_plain_text_are_text(tmp_path: Path) -> None:
    text = (
        "block: |\n  Note: leave: this\n"
        "pages:\n"
        "    - content: Mind: it's here: listen  # a remark\n"
        "      name: a: b\n"
        "      other: 'x: y'\n"
    )
    content, quoted = load_yaml(written(tmp_path, text))
    assert content["block"] == "Note: leave: this\n"
    assert content["pages"] == [{"content": "Mind: it's here: listen", "name": "a: b", "other": "x: y"}]
    assert quoted == [4, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4: not YAML .the key 'c' stands twice"),
        ("a: [1\nb: 2", "line 2: not YAML"),
        ("a: 'open", "line 1: not YAML"),
        ("? [a]\n: b\n", "line 1: not YAML .a key is not text"),
        ("- a\n- b\n", "holds no keys"),
        ("", "holds no keys"),
        ("a: &x [*x]\n", "not YAML .found unconstructable recursive node"),
        ("a: " + "[" * 5000, "not YAML"),
        ("a: \x01", "not YAML .unacceptable character"),
        (b"\xff\xfe\x00a", "is not UTF-8 text"),
        ("a: " + "x" * MOST_BYTES, "a configuration has 1048576 at most"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        load_yaml(written(tmp_path, text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.yaml: cannot be read \(No such file"):
        load_yaml(tmp_path / "none.yaml")
