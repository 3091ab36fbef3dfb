"""Errors that a user can cause; each message says in one sentence what is wrong and what to do.

The command line prints the message without a traceback; the Python interface raises it. A bug in svbench
itself is never reported as one of these errors.
"""

from __future__ import annotations

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    from collections.abc import Iterable


class SvbenchError(Exception):
    """Base of all errors whose message is meant for the user."""


class SpecError(SvbenchError):
    """A hand-written file (protocol, manifest, system, report) breaks its schema.

    Parameters
    ----------
    path : object
        The file, or a name for text that came from elsewhere.
    key : str
        Key path inside the file, such as ``metrics[0].window_s``; empty for the whole file.
    problem : str
        What was found and what was expected.
    """

    def __init__(self, path: object, key: str, problem: str) -> None:
        self.path, self.key, self.problem = str(path), key, problem
        where = f"{path}: {key}" if key else str(path)
        super().__init__(f"{where}: {problem}")


class AudioError(SvbenchError):
    """Audio that cannot be read, or that is not what was asked for."""


class WriteError(SvbenchError):
    """A file that cannot be written, usually because the disk is full."""


class DataError(SvbenchError):
    """A data set, run folder or result file that is not what it claims to be."""


class SystemFailure(SvbenchError):
    """A separation system crashed, ran out of a limit or returned something unusable."""


class OutOfTime(SystemFailure):
    """A system took longer than it may, and was stopped.

    Parameters
    ----------
    doing : str
        ``"loading"`` or ``"separating"``.
    limit_s : float
    """

    def __init__(self, doing: str, limit_s: float) -> None:
        self.doing, self.limit_s = doing, limit_s
        super().__init__(f"stopped: {doing} took longer than the limit of {limit_s:g} s")


class OverBudget(SystemFailure):
    """A system broke a limit that the protocol sets, and was stopped.

    Parameters
    ----------
    limit : {"memory", "time", "set-up time"}
        Which one.
    excess : str
        By how much, such as ``"17.2 GB of 16 GB"``.
    """

    def __init__(self, limit: str, excess: str) -> None:
        self.limit, self.excess = limit, excess
        super().__init__(f"over the budget: {excess}")


class UnknownNameError(SvbenchError):
    """A name that is not registered.

    Parameters
    ----------
    kind : str
        What was looked up, such as ``"protocol"``.
    name : str
        The name that was not found.
    known : iterable of str
        All names of that kind; the nearest ones are suggested.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(known))
        super().__init__(f"unknown {kind} {name!r}: {suggestion(name, self.known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Suggest the known names that a mistyped one may stand for.

    Examples
    --------
    >>> suggestion("sisec81", ["mdx21", "sisec18"])
    "did you mean 'sisec18'? Known: mdx21, sisec18"
    """
    import difflib

    names = sorted(known)
    listing = ", ".join(names) if names else "none"
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    if not near:
        return f"known: {listing}"
    return f"did you mean {' or '.join(map(repr, near))}? Known: {listing}"
