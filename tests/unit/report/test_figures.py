from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from svbench.report.figures.scores import box_plot


def draw(names: list[str], name: str = "p") -> str:
    return box_plot(names, ["system"] * len(names), [[1.0, 2.0, 4.0]] * len(names), "SDR [dB]", name)


def test_a_drawing_is_xml_with_real_text_and_the_same_bytes_again() -> None:
    svg = draw(["net", "other"])
    ET.fromstring(svg)
    assert ">net<" in svg
    assert ">SDR [dB]<" in svg
    assert svg == draw(["net", "other"])


def test_ids_start_with_the_name_and_references_resolve() -> None:
    svg = draw(["net"], "here")
    ids = re.findall(r' id="([^"]+)"', svg)
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert ids
    assert all(i.startswith("here-") for i in ids)
    assert set(wanted) == set(ids)


def test_odd_names_are_drawn_as_they_are() -> None:
    svg = draw(["a$b$c", "<i>&", "🎤 sing"])
    ET.fromstring(svg)
    assert "🎤 sing" in svg
    assert "<i>" not in svg
    assert "a$b$c" in svg


def test_no_scores_and_one_score_are_no_error() -> None:
    ET.fromstring(box_plot(["a", "b"], ["oracle", "baseline"], [[], [3.0]], "SDR [dB]", "p"))


HOSTILE = """\
text.usetex: True
savefig.bbox: tight
savefig.dpi: 31
path.sketch: 1, 100, 2
font.family: Comic Sans MS
font.sans-serif: Comic Sans MS
axes.spines.left: False
axes.unicode_minus: False
axes.formatter.use_locale: True
axes.prop_cycle: cycler('color', ['r'])
boxplot.whiskers: 0.1
svg.fonttype: path
image.lut: 4
backend: nonsense
no.such.key: 1
"""


def drawn_by_another_process(folder: Path, **environment: str) -> str:
    code = (
        "import hashlib\n"
        "from svbench.report.figures.scores import box_plot\n"
        "from svbench.report.listen.signals import _colours\n"
        "print(box_plot(['net', 'a'], ['system'] * 2, [[-1.0, 2.0, 4.0]] * 2, 'SDR [dB]', 'p'))\n"
        "print(hashlib.sha256(_colours().tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_a_hostile_matplotlibrc_changes_no_byte(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / "matplotlibrc").write_text(HOSTILE)
    plain = drawn_by_another_process(tmp_path)
    assert drawn_by_another_process(hostile) == plain  # the one of the working directory comes first
    assert drawn_by_another_process(tmp_path, MATPLOTLIBRC=str(hostile / "matplotlibrc")) == plain
    assert drawn_by_another_process(tmp_path, MPLCONFIGDIR=str(hostile)) == plain


def test_a_matplotlibrc_that_matplotlib_cannot_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"font.family: caf\xe9\n")
    code = (
        "from svbench.errors import DataError\n"
        "from svbench.report.figures.scores import box_plot\n"
        "try:\n"
        "    box_plot(['net'], ['system'], [[1.0]], 'x', 'p')\n"
        "except DataError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "broken matplotlibrc" in done.stdout


def test_the_settings_of_the_caller_come_back() -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0, "savefig.bbox": "tight"}):
        draw(["net"])
        assert matplotlib.rcParams["font.size"] == 31.0
        assert matplotlib.rcParams["savefig.bbox"] == "tight"
