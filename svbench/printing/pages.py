"""Templates filled in: an undefined name is an error, and markup in names is escaped.

A single page of numbers extends ``sheet.html``, which every folder of templates finds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from svbench.printing.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = Path(__file__).with_name("templates")


def templates(folder: Path) -> Environment:
    """Open a folder of templates; control characters in what fills them are shown.

    Examples
    --------
    >>> templates(Path(".")).from_string("{{ name }}").render(name="<i>")
    '&lt;i&gt;'
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    def shown(value: object) -> object:
        return visible(value, lines=True) if type(value) is str else value  # markup is a subclass of str

    return Environment(
        finalize=shown,
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
