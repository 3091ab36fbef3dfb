"""A drawing is laid out before it is saved, as matplotlib itself would lay it out."""

from __future__ import annotations

import io
import re

import pytest

from svbench.printing.drawing import drawing, svg_text


@pytest.mark.parametrize("layout", ["constrained", "tight", "none"])
def test_the_layout_is_that_of_saving_without_it(layout: str) -> None:
    texts = []
    for laid_out_first in (True, False):
        with drawing(3, 2) as figure:
            figure.set_layout_engine(layout)
            axes = figure.add_subplot()
            axes.plot([0, 1], [0, 1])
            axes.set_yticks([0, 1], labels=["a long name of a system", "b"])
            axes.set_xlabel("SDR in dB")
            if laid_out_first:
                texts.append(svg_text(figure, "x"))
            else:
                out = io.StringIO()
                figure.savefig(out, format="svg", transparent=True)
                texts.append(out.getvalue())
    placed = [re.findall(r' (?:d|x|y|transform)="([^"]*)"', text) for text in texts]
    assert placed[0] == placed[1]
    assert len(placed[0]) > 10
