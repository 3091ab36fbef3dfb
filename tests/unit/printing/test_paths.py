"""Published reasons hold no folder of anybody's machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svbench.printing.paths import without_paths

PARTS = st.text("abc .,-_é", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.lists(PARTS, min_size=2, max_size=5))
def test_of_a_path_its_name_stays(parts: list[str]) -> None:
    *_, last = parts
    told = without_paths(f"/home/{'/'.join(parts)}/t1.wav: no such file; see /data/{last}/t2.wav")
    assert told == "…/t1.wav: no such file; see …/t2.wav"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("copy /a/b to /c/d", "copy …/b to …/d"),
        ("cmd --in=/home/jane/x.wav --out=/home/jane/y", "cmd --in=…/x.wav --out=…/y"),
        ("cannot stat '/home/jane/my music/z.wav'", "cannot stat '…/z.wav'"),
        ("/home/jane (lab)/est/t1: gone", "…/t1: gone"),
        ("PATH=/home/jane/bin:/usr/bin", "PATH=…/bin:…/bin"),
        ("file:///home/jane/a.wav", "…/a.wav"),
        ("~/est/a.wav", "…/a.wav"),
        (r"\\server\share\jane\a.wav", "…/a.wav"),
        (r"C:\Users\jane doe\a.wav: gone", "…/a.wav: gone"),
        ("/home/jane/", "…"),
    ],
)
def test_paths_are_shortened(text: str, told: str) -> None:
    assert without_paths(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "1/2 of 3/4",
        "uSDR/SDR",
        "dB/s and/or",
        "https://svbench.org/a/b",
        "est/t1/vocals.wav",
        "a / b / c",
        "",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert without_paths(text) == text


@pytest.mark.parametrize("piece", ["/a b", "/a(", "/((", "/a'", " /a(b", "/a:"])
def test_a_hostile_reason_takes_no_time(piece: str) -> None:
    without_paths(piece * 20_000)  # minutes, if it took the square of the length
