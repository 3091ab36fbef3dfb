"""Box plots as SVG with real text, the same bytes for the same scores."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

# Okabe and Ito's colours, told apart with any kind of colour vision.
COLOURS = {"system": "#0072B2", "baseline": "#8a8f98", "oracle": "#D55E00"}
INK = "#767b84"  # readable on white and on near-black


def box_plot(
    names: Sequence[str], kinds: Sequence[str], scores: Sequence[Sequence[float]], label: str
) -> str:
    """Draw one horizontal box per system over its tracks, with every track as a dot.

    Parameters
    ----------
    names, kinds : sequence of str
        Systems and their kinds, best first.
    scores : sequence of sequence of float
        One score per track; may be empty.
    label : str
        Of the axis, with the unit.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "svbench",
        "font.family": "sans-serif",
        "font.size": 9.0,
    }
    with rc_context(style):
        figure = Figure(figsize=(6.4, 0.8 + 0.34 * len(names)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        heights = list(range(len(names), 0, -1))
        for height, kind, values in zip(heights, kinds, scores, strict=True):
            if not values:
                continue
            colour = COLOURS[kind]
            axes.boxplot(
                [list(values)],
                positions=[height],
                orientation="horizontal",
                widths=0.56,
                showfliers=False,
                patch_artist=True,
                manage_ticks=False,
                boxprops={"facecolor": colour + "33", "edgecolor": colour},
                medianprops={"color": colour, "lw": 2},
                whiskerprops={"color": colour},
                capprops={"color": colour},
            )
            axes.plot(values, [height] * len(values), "o", ms=3.2, mfc=colour, mec="none", alpha=0.75)
        axes.set_yticks(heights, labels=[_plain(n) for n in names])
        axes.set_ylim(0.4, len(names) + 0.6)
        axes.set_xlabel(_plain(label), color=INK)
        axes.tick_params(colors=INK, length=0)
        axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
        for spine in axes.spines.values():
            spine.set_visible(False)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :].strip()


def _plain(text: str) -> str:
    """Keep matplotlib from reading a dollar sign as mathematics."""
    return text.replace("$", r"\$")
