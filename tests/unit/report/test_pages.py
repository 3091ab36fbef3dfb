"""What the report's further pages are made of: frames over time, colours, fronts, pictures, topics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from svbench.report.figures.costs import Point, front, front_plots
from svbench.report.figures.heat import coloured
from svbench.report.listen.signals import HEIGHT, RANGE_DB, WIDTH, difference_picture, levels
from svbench.report.pages.frames import curves, framed_quantity, playlists, worst_windows
from svbench.report.pages.site import TEMPLATES, topic, write_report
from svbench.report.view.content import Cell, Row
from svbench.results.record import Quantity
from svbench.results.scores import series
from svbench.results.store import Run
from svbench.specs.protocol import load_protocol
from svbench.specs.report import Listening, load_report

SDR = Quantity(name="SDR", unit="dB", higher_is_better=True, metric="bss-eval-v4")
NAN = float("nan")


def framed(make: Any, system: str, frames: dict[str, list[float]], window_s: float = 1.0) -> Run:
    """Make a run under ``sisec18`` with frames of SDR of vocals, by track."""
    protocol = load_protocol("sisec18")
    run = make(system, {t: {"vocals": 0.0} for t in frames}, protocol=protocol, quantities=(SDR,))
    results = [
        msgspec.structs.replace(
            r,
            series=(
                series(
                    protocol.target_sets[0].id,
                    "vocals",
                    "SDR",
                    [float(i) for i in range(len(frames[r.track]))],
                    [window_s] * len(frames[r.track]),
                    frames[r.track],
                ),
            ),
        )
        for r in run.results
    ]
    return msgspec.structs.replace(run, results=tuple(results))


def test_the_worst_frames_come_worst_first_and_undefined_ones_not_at_all(make: Any) -> None:
    run = framed(make, "net", {"a": [3.0, NAN, -5.0], "b": [1.0, 9.0]})
    found = worst_windows(run, SDR, 3)
    assert [(w.track, w.start_s, w.score) for w in found] == [
        ("a", 2.0, -5.0),
        ("b", 0.0, 1.0),
        ("a", 0.0, 3.0),
    ]
    lower = msgspec.structs.replace(SDR, higher_is_better=False)
    assert [w.score for w in worst_windows(run, lower, 2)] == [9.0, 3.0]


def test_frames_without_sound_are_not_said_to_be_playable(make: Any, tmp_path: Path) -> None:
    run = framed(make, "net", {"a": [3.0, -5.0]})
    (listed,), note = playlists([run], Listening(), tmp_path, page_of=lambda window: "", budget=1e6)
    assert listed.player is None
    assert "No estimates were kept" in note
    assert "played" not in note


def test_of_overlapping_frames_only_the_worst_counts(make: Any) -> None:
    run = framed(make, "net", {"a": [1.0, 0.0, 2.0, 7.0]}, window_s=2.0)
    assert [w.start_s for w in worst_windows(run, SDR, 4)] == [1.0, 3.0]


def test_only_scores_with_frames_have_worst_ones(make: Any, three: list[Run]) -> None:
    assert framed_quantity(three) is None
    assert framed_quantity([framed(make, "net", {"a": [1.0, 2.0]})]) == SDR


def test_curves_keep_gaps_and_leave_out_systems_without_a_value(make: Any) -> None:
    runs = [framed(make, "net", {"a": [3.0, NAN, 1.23456]}), framed(make, "mute", {"a": [NAN] * 3})]
    found = curves(runs, "a", "4-stems", "vocals", [0.5])
    assert found is not None
    assert found.duration_s == 10.0
    assert [line.system for line in found.strips[0].lines] == ["net"]
    assert found.strips[0].lines[0].score == (3.0, None, 1.235)
    assert found.grids[0].start == (0.0, 1.0, 2.0)
    assert curves(runs[1:], "a", "4-stems", "vocals") is None
    assert curves(runs, "a", "4-stems", "drums") is None


def test_heat_follows_ranks_and_is_reversed_where_lower_is_better() -> None:
    rows = [Row("a", "", tuple(Cell("", float(v)) for v in (-80, 1, 2))), Row("b", "", (Cell("no", None),))]
    assert [c.heat for c in coloured(rows, True)[0].cells] == [0, 4, 8]
    assert [c.heat for c in coloured(rows, False)[0].cells] == [8, 4, 0]
    assert coloured(rows, True)[1].cells[0].heat is None
    alike = [Row("a", "", (Cell("", 1.0), Cell("", 1.0)))]
    assert [c.heat for c in coloured(alike, True)[0].cells] == [None, None]


def test_heat_colours_grow_lighter_and_their_words_can_be_read() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    style = (TEMPLATES / "assets/tables.css").read_text()
    pairs = re.findall(r"\.h\d \{ background: #(\w{6}); color: #(\w{6})", style)
    assert len(pairs) == 9
    paper = [light(p) for p, _ in pairs]
    assert paper == sorted(paper)
    assert len(set(paper)) == 9
    for on, ink in pairs:
        high, low = sorted((light(on), light(ink)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_front_where_lower_is_better_and_equal_points_count_once() -> None:
    points = [Point("a", "", 1, 5), Point("b", "", 2, 5), Point("c", "", 3, 2)]
    assert [p.name for p in front(points)] == ["a"]
    assert [p.name for p in front(points, higher_is_better=False)] == ["a", "c"]


def test_fronts_leave_oracles_out_and_need_two_systems(three: list[Run]) -> None:
    plots = front_plots(three, "g")
    assert [f.caption for f in plots] == [
        "uSDR mean against real-time factor",
        "uSDR mean against peak memory",
    ]
    assert "net 6.00 at 0.2" in plots[0].text
    assert "ideal" not in plots[0].svg
    assert front_plots([three[0], three[2]], "g") == []


def test_a_tone_is_bright_in_its_row_and_half_of_it_is_missing() -> None:
    time = np.arange(44100)[:, None] / 44100
    tone = np.sin(2 * np.pi * 1000 * time)
    found = levels(tone, 44100)
    assert found.shape == (HEIGHT, WIDTH)
    row = int(np.argmax(found[:, WIDTH // 2]))
    share = 1 - (row + 0.5) / HEIGHT  # from the bottom, on the logarithmic axis
    assert 50 * (16000 / 50) ** share == pytest.approx(1000, rel=0.05)
    assert levels(tone / 2, 44100)[row, 300] - found[row, 300] == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize(("gain", "colour"), [(0.1, "blue"), (10.0, "red"), (1.0, "none")])
def test_missing_is_blue_and_bleed_is_red(gain: float, colour: str) -> None:
    import io

    from PIL import Image

    flat = np.zeros((HEIGHT, WIDTH))
    image = difference_picture(flat + 20 * np.log10(gain), flat, float(RANGE_DB) / 2)
    red, _, blue, alpha = Image.open(io.BytesIO(image)).convert("RGBA").getpixel((300, 80))
    assert (alpha > 60) == (colour != "none")
    if colour != "none":
        assert (blue > red + 60) == (colour == "blue")
        assert (red > blue + 60) == (colour == "red")


def test_topics(make: Any) -> None:
    assert topic(make("net", {"a": {"vocals": 1.0}})) == "scores"
    stereo = load_protocol("svc-stereo")
    ssa = Quantity(name="SSA", unit="dB", higher_is_better=False, metric="ssa")
    run = make("net", {"a": {"vocals": 1.0}}, protocol=stereo, quantities=(ssa,))
    assert topic(run) == "stereo"
    for name in ("generalisation", "robustness"):
        assert topic(make("net", {"a": {"vocals": 1.0}}, protocol=load_protocol(name))) == name


def test_a_second_topic_has_a_page_of_its_own(make: Any, three: list[Run], tmp_path: Path) -> None:
    protocol = load_protocol("svc-stereo")
    quantities = (Quantity(name="SSA", unit="dB", higher_is_better=False, metric="ssa"),)
    alone = make("net", {}, protocol=protocol, quantities=quantities, data_tracks=("a",))
    text = write_report([*three, alone], load_report("default"), tmp_path / "both").read_text()
    assert '<a href="pages/stereo.html">Stereo</a>' in text
    assert "svc-stereo" not in text
    page = (tmp_path / "both/pages/stereo.html").read_text()
    assert "svc-stereo" in page
    assert 'href="../assets/report.css"' in page
    only = write_report([alone], load_report("default"), tmp_path / "one").read_text()
    assert "svc-stereo" in only
    assert not (tmp_path / "one/pages/stereo.html").exists()


def test_odd_names_and_many_systems(make: Any, tmp_path: Path) -> None:
    odd = ["🎤 sing", "a$b$c", r"\textbf{x}", "<b>&amp;", "☃_^%"]
    frames = {"café 🎶": [1.0, 2.0], "b'c\"</script>": [NAN, 3.0]}
    runs = [framed(make, name, frames) for name in [*odd, *(f"n{i}" for i in range(30))]]
    write_report(runs, load_report("default"), tmp_path)
    for path in tmp_path.glob("tracks/*/*.html"):
        text = path.read_text()
        assert "<b>&amp;" not in text
        assert "&lt;b&gt;&amp;amp;" in text
        assert set(map(int, re.findall(r'class="line-(\d+)"', text))) == set(range(16))
        values = json.loads(re.findall(r'class="values">(.+?)</script>', text)[0])
        assert {line["system"] for line in values["strips"][0]["lines"]} >= set(odd)
