"""Scatter plots: every stimulus as a dot, every system as a colour and a shape, its mean as a ring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from svbench.agreement.stimuli import Points
from svbench.printing.drawing import INK, drawing, plain, quiet, svg_text

# Okabe and Ito's colours but black and yellow, which a dark or a light page would swallow.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p", "h", "*", "<", ">")


def scatter(found: Points, systems: Sequence[str], scale: str, name: str) -> str:
    """Draw one measure against the mean ratings.

    Parameters
    ----------
    found : Points
    systems : sequence of str
        All of the page, so that each looks the same in every plot.
    scale : str
        What the axis of the ratings says.
    name : str
        Unique on the page: ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    measure = found.measure
    unit = f", {measure.unit}" if measure.unit else ""
    sign = 1.0 if measure.higher_is_better else -1.0
    with drawing(3.6, 3.1 + 0.16 * ((len(systems) + 1) // 2)) as figure:
        axes = figure.add_subplot()
        for number, system in enumerate(systems):
            own = found.systems == system
            if not own.any():
                continue
            scores, ratings = sign * found.scores[own], found.ratings[own]
            style: Any = {"marker": SHAPES[number % len(SHAPES)], "color": PALETTE[number % len(PALETTE)]}
            axes.plot(scores, ratings, ls="", ms=4, mec="none", alpha=0.75, label=plain(system), **style)
            axes.plot([np.mean(scores)], [np.mean(ratings)], ls="", ms=10, mfc="none", mew=1.6, **style)
        if not measure.higher_is_better:
            axes.invert_xaxis()
        axes.set_xlabel(plain(f"{measure.metric}{unit}"), color=INK)
        axes.set_ylabel(plain(scale), color=INK)
        axes.grid(color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        if len(found.scores):
            figure.legend(
                loc="outside lower center",
                ncols=2,
                frameon=False,
                labelcolor=INK,
                fontsize=8,
                handletextpad=0.2,
            )
        return svg_text(figure, name)
