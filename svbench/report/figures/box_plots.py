"""Box plots of scores."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.printing.drawing import COLOURS, INK, box, drawing, plain, quiet, shortened, svg_text

MOST_DRAWN = 40  # systems of a drawing with a dot for each track: thousands of dots are slow and tell nothing


def only_first(n_systems: int) -> str:
    """Say, behind a caption, that a drawing leaves systems out; empty where it has all."""
    return "" if n_systems <= MOST_DRAWN else f", the first {MOST_DRAWN} of {n_systems} systems"


def box_plot(
    names: Sequence[str], kinds: Sequence[str], scores: Sequence[Sequence[float]], label: str, name: str
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
    name : str
        Unique on the page: ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    with drawing(4.8, 0.7 + 0.3 * len(names)) as figure:
        axes = figure.add_subplot()
        heights = list(range(len(names), 0, -1))
        for height, kind, values in zip(heights, kinds, scores, strict=True):
            if not values:
                continue
            colour = COLOURS[kind]
            box(axes, values, height, colour)
            axes.plot(values, [height] * len(values), "o", ms=3.2, mfc=colour, mec="none", alpha=0.75)
        told = [
            shortened(n) if k == "system" else f"{shortened(n)} ({k})"
            for n, k in zip(names, kinds, strict=True)
        ]
        axes.set_yticks(heights, labels=[plain(n) for n in told])
        axes.set_ylim(0.4, len(names) + 0.6)
        axes.set_xlabel(plain(label), color=INK)
        axes.grid(axis="x", color=INK, alpha=0.25, lw=0.6)
        quiet(axes)
        return svg_text(figure, name)
