"""How svbench is installed: the command that adds an extra, and other packages called svbench.

The distribution is called ``svbench-audio``, because ``svbench`` on PyPI is a genomics tool. Both install a
folder ``svbench``, so installing that tool overwrites files of this package, and pip does not warn.
"""

from __future__ import annotations

import os
import sys
from collections import namedtuple

import svbench

DISTRIBUTION = "svbench-audio"


class Foreign(namedtuple("Foreign", ["version", "folder"])):
    """Another project's package called ``svbench``: its version and the folder it is installed in."""

    version: str
    folder: str


def install_line(extra: str) -> str:
    """Return the command that installs svbench with an extra, as it works for this installation.

    Parameters
    ----------
    extra : str
        Of pyproject.toml, e.g. ``"listen"``; several are separated by commas.

    Returns
    -------
    str
        From a checkout, also one that was installed with ``pip install .``, the line to run in it; else
        the line that takes the released package.

    Examples
    --------
    >>> install_line("listen") in (
    ...     "pip install '.[listen]' in the checkout of svbench", "pip install 'svbench-audio[listen]'"
    ... )
    True
    """
    if _is_from_checkout():
        return f"pip install '.[{extra}]' in the checkout of svbench"
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def not_installed(package: str, extra: str) -> str:
    """Return the sentence for a package that is missing and that an extra brings.

    Examples
    --------
    >>> not_installed("starlette", "listen")  # doctest: +ELLIPSIS
    "starlette is not installed in ...; pip install '...[listen]'..."
    """
    return f"{package} is not installed in {sys.executable}; {install_line(extra)}"


def foreign_packages() -> list[Foreign]:
    """Find other projects' packages called ``svbench`` on this Python's path.

    Returns
    -------
    list of Foreign
        In the order of ``sys.path``. svbench's own first versions, which had that name too, do not count.
    """
    return [
        Foreign(name.rsplit(".", 1)[0].partition("-")[2].partition("-")[0], folder)
        for folder in dict.fromkeys(sys.path)
        for name in _listed(folder)
        if name.startswith("svbench-") and name.endswith((".dist-info", ".egg-info"))
        and not _is_ours(os.path.join(folder, name))
    ]  # fmt: skip


def foreign_warning() -> str:
    """Return a sentence about another package called ``svbench``, or nothing where there is none."""
    found = foreign_packages()
    if not found:
        return ""
    version, folder = found[0]
    return (
        f"{folder} also holds svbench {version}, a genomics tool of other authors that installs into the "
        f"same folder; it {'has' if is_overwritten() else 'may have'} replaced files of {DISTRIBUTION}. "
        f"Run `pip uninstall svbench`, then install {DISTRIBUTION} again"
    )


def is_overwritten() -> bool:
    """Whether another package has replaced ``svbench/__init__.py``."""
    return getattr(svbench, "__distribution__", None) != DISTRIBUTION


def _is_from_checkout() -> bool:
    """Whether the package lies in a checkout, or pip recorded that it was installed from a folder."""
    package = os.path.dirname(os.path.abspath(__file__))
    if os.path.isfile(os.path.join(os.path.dirname(package), "pyproject.toml")):
        return True
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        # PEP 610: only packages that were not installed from an index have this file.
        return '"dir_info"' in (distribution(DISTRIBUTION).read_text("direct_url.json") or "")
    except PackageNotFoundError:
        return False


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or "."))
    except OSError:
        return []


def _is_ours(folder: str) -> bool:
    """Whether the metadata of a distribution called ``svbench`` is that of an early svbench."""
    try:
        with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="replace") as file:
            return "music source separation" in file.read(4096)
    except OSError:
        return False
