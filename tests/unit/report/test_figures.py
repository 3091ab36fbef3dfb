from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from svbench.report.figures import box_plot


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
