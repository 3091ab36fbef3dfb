from __future__ import annotations

import csv
import io
import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import msgspec
import pytest

from svbench.report.figures.costs import CurvePoint, cost_curve
from svbench.report.layouts.sweeps import sweep_csv, sweep_curve, sweep_of
from svbench.results.scores import Resources
from svbench.results.store import Run

Make = Callable[..., Run]
TARGETS = ("vocals", "drums", "bass", "other")


def priced(run: Run, rtf: list[float], rss: list[int]) -> Run:
    """The run with other costs."""
    results = [
        msgspec.structs.replace(
            r, resources=Resources(load_s=0.5, wall_s=1.0, cpu_s=1.0, peak_rss_bytes=m, rtf=f)
        )
        if r.resources
        else r
        for r, f, m in zip(run.results, [*rtf, 0.0], [*rss, 0], strict=False)
    ]
    return msgspec.structs.replace(run, results=tuple(results))


def run_of(make: Make, name: str, score: float) -> Run:
    scores = {f"t{i}": dict.fromkeys(TARGETS, score + i) for i in range(3)}
    return make(name, scores)


@pytest.fixture
def runs(make: Make) -> list[Run]:
    return [
        priced(run_of(make, "net-o_0", 1.0), [0.1, 0.3, 0.2], [5, 9, 7]),
        priced(run_of(make, "net-o_0.5", 3.0), [0.4, 0.4, 0.5], [8, 8, 8]),
    ]


def test_a_point_is_score_median_time_and_largest_memory(runs: list[Run]) -> None:
    sweep = sweep_of("net", runs, [{"o": 0}, {"o": 0.5}])
    assert (sweep.score, sweep.unit, sweep.n_tracks) == ("uSDR mean, 4-stems", "dB", 3)
    first, second = sweep.points
    assert (first.score, first.rtf, first.peak_rss_bytes, first.n_tracks) == (2.0, 0.2, 9, 3)
    assert (second.score, second.rtf) == (4.0, 0.4)
    rows = list(csv.DictReader(io.StringIO(sweep_csv(sweep))))
    assert [(r["o"], r["score"], r["rtf"]) for r in rows] == [("0", "2.0", "0.2"), ("0.5", "4.0", "0.4")]


def test_what_speaks_against_the_numbers_is_told(runs: list[Run]) -> None:
    record = runs[0].record
    data = msgspec.structs.replace(record.data, id="musdb18-hq", tracks=("PR - Oh No", "t1", "t2"))
    leaky = msgspec.structs.replace(record.system, training_data=("musdb18/test",))
    first = Run(runs[0].path, msgspec.structs.replace(record, data=data, system=leaky), runs[0].results)
    second = Run(runs[1].path, msgspec.structs.replace(runs[1].record, data=data), runs[1].results[1:])
    sweep = sweep_of("net", [first, second], [{"o": 0}, {"o": 0.5}])
    assert [p.n_leaked_tracks for p in sweep.points] == [1, 0]
    assert any("trained on musdb18/test" in note for note in sweep.notes)
    assert "Tracks that were not run: net-o_0 1 of 3, net-o_0.5 1 of 3." in sweep.notes


def test_a_failed_run_is_a_row_and_no_point_of_the_curve(runs: list[Run], make: Make) -> None:
    tracks = {f"t{i}": "no such overlap" for i in range(3)}
    failed = make("net-o_7", {}, failed=tracks)
    sweep = sweep_of("net", [*runs, failed], [{"o": 0}, {"o": 0.5}, {"o": 7}])
    last = sweep.points[2]
    assert (last.score, last.status, last.rtf, last.n_failed) == (None, "failed", None, 3)
    svg = sweep_curve(sweep, "p")
    assert ">0.5<" in svg
    assert ">7<" not in svg
    assert sweep_csv(sweep).splitlines()[-1].startswith("7,net-o_7,")


def test_the_curve_is_xml_with_its_words_and_the_same_bytes_again(runs: list[Run]) -> None:
    sweep = sweep_of("net", runs, [{"o": 0}, {"o": 0.5}])
    svg = sweep_curve(sweep, "p")
    ET.fromstring(svg)
    assert ">uSDR mean, 4-stems [dB]<" in svg
    assert ">real-time factor (beside the points: o)<" in svg
    assert svg == sweep_curve(sweep, "p")


def test_points_lie_where_their_numbers_say() -> None:
    """Three points evenly spaced in cost and score are evenly spaced on the paper, higher is up."""
    points = [CurvePoint("", str(k), 1.0 + k, 10.0 + 5 * k) for k in range(3)]
    svg = cost_curve(points, cost="c", score="s", name="p")
    path = next(d for d in re.findall(r'<path d="(M [^"]+)" clip-path[^>]*stroke: #0072b2', svg))
    xy = [tuple(map(float, p)) for p in re.findall(r"([\d.]+) ([\d.]+)", path)]
    assert len(xy) == 3
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(xy)]
    assert steps[0] == pytest.approx(steps[1], abs=1e-3)
    assert steps[0][0] > 0 > steps[0][1]


def test_a_grid_has_a_line_per_value_of_the_second_parameter(make: Make) -> None:
    values = [{"o": o, "shifts": s} for o in (0, 1) for s in (1, 2)]
    runs = [priced(run_of(make, f"n{i}", i), [i + 1.0] * 3, [1] * 3) for i in range(4)]
    svg = sweep_curve(sweep_of("net", runs, values), "p")
    assert ">shifts = 1<" in svg
    assert ">shifts = 2<" in svg


def test_nothing_to_draw_is_no_error() -> None:
    ET.fromstring(cost_curve([], cost="c", score="s", name="p"))
