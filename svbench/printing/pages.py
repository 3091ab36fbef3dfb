"""Templates filled in: an undefined name is an error, and markup in names is escaped.

A single page of numbers extends ``sheet.html``, which every folder of templates finds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = Path(__file__).with_name("templates")


def templates(folder: Path) -> Environment:
    """Open a folder of templates.

    Examples
    --------
    >>> templates(Path(".")).from_string("{{ name }}").render(name="<i>")
    '&lt;i&gt;'
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
