"""Drawings as SVG with real text, the same bytes for the same numbers; one style for all of them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from svbench.errors import DataError
from svbench.printing.visible import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any kind of colour vision.
COLOURS = {"system": "#0072B2", "baseline": "#8a8f98", "oracle": "#D55E00"}
INK = "#767b84"  # readable on white and on near-black
# Left as they are: drawings here have no window, and setting a backend imports it.
_OF_WINDOWS = ("backend", "backend_fallback", "interactive", "toolbar", "webagg.port", "webagg.address")


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Open a figure, sizes in inches; draw and save it inside, where the style is in force.

    A matplotlibrc of the user's has no part in it: one that asks for LaTeX, another box or sketched lines
    would break reports or change their bytes.

    Raises
    ------
    DataError
        A matplotlibrc is so broken that matplotlib itself does not start.
    """
    matplotlib = _matplotlib()
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {
        **_defaults(matplotlib),
        "svg.fonttype": "none",
        "svg.hashsalt": "svbench",
        "font.family": "sans-serif",
        "font.size": 9.0,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # The text stays text, so the reader's fonts count and not those that matplotlib measures with.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


def _defaults(matplotlib: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)
        return {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in _OF_WINDOWS}


def _matplotlib() -> Any:
    try:
        import matplotlib
    except (UnicodeDecodeError, OSError) as error:  # it reads the matplotlibrc when imported
        raise DataError(f"matplotlib does not start, mostly for a broken matplotlibrc: {error}") from error
    return matplotlib


def box(axes: Any, values: Sequence[float], height: float, colour: str) -> None:
    """Draw one horizontal box: quartiles, median, whiskers to the last value within 1.5 of their distance."""
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


def quiet(axes: Any) -> None:
    """Leave the frame out and let numbers stand back."""
    axes.tick_params(colors=INK, length=0, which="both")
    for spine in axes.spines.values():
        spine.set_visible(False)


def svg_text(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element whose ids start with a name."""
    out = io.StringIO()
    # To find the layout, saving would draw everything once before the drawing that counts.
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine("none")
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return _own_ids(text[text.index("<svg") :].strip(), name)


def shortened(name: str, most: int = 28) -> str:
    """Leave out the middle of a long name, which would push the drawing out of its frame.

    Examples
    --------
    >>> shortened("hpss"), shortened("a-network-with-a-very-long-name-v2", most=16)
    ('hpss', 'a-networ…name-v2')
    """
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}"


def plain(text: str) -> str:
    """Keep matplotlib from reading a dollar sign as mathematics, and control characters out of the SVG."""
    return visible(text).replace("$", r"\$")


def _own_ids(svg: str, name: str) -> str:
    """Give a drawing ids of its own.

    The drawings of a page share one document, and a clip path that lies in a closed section
    does not clip the drawings that borrow it by the same id.
    """
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
