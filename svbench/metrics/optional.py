"""Packages that svbench does without until a metric asks for one."""

from __future__ import annotations

import importlib
from types import ModuleType

from svbench.errors import SvbenchError
from svbench.installation import not_installed


def optional_package(module: str, *, extra: str) -> ModuleType:
    """Import a package of one of svbench's extras.

    Raises
    ------
    SvbenchError
        It is not installed; the sentence says how to install it.

    Examples
    --------
    >>> optional_package("no_such_package", extra="log-wmse")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    svbench.errors.SvbenchError: no_such_package is not installed in ...[log-wmse]'...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise SvbenchError(not_installed(module, extra)) from error
