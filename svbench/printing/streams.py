"""Standard output and standard error, guarded so that printing never ends a command.

Inside `Streams` the two streams show control characters instead of sending them, spell out what their
encoding lacks, and remember a failed write instead of raising it. A reader that has left (``| head -1``)
and a stream that was closed on purpose (``>&-``) are no errors; a full disk is one.
"""

from __future__ import annotations

import os
import sys

from svbench.printing.visible import spelled, visible

TYPE_CHECKING = False  # spares the import of typing, see svbench.cli
if TYPE_CHECKING:
    from typing import Any, TextIO


class Styled:
    """A stream for escape sequences of svbench itself, such as colours and rewritten lines.

    Parameters
    ----------
    stream : TextIO
        What it writes to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | None = None  # of the first write that failed; what follows is dropped

    def write(self, text: str) -> int:
        """Write text unchanged, except for characters that the encoding of the stream lacks."""
        if self.failure is None:
            try:
                self.stream.write(spelled(text, self.stream.encoding or "utf-8"))
            except OSError as error:
                self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Flush the buffer."""
        if self.failure is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._drop(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _drop(self, error: OSError) -> None:
        self.failure = error
        # The buffer still holds the text, and Python would complain once more when it shuts down.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)


class Guarded:
    """A stream on which control characters are shown, except line breaks and tabs.

    Parameters
    ----------
    stream : TextIO
        What it writes to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.styled = Styled(stream)

    def write(self, text: str) -> int:
        """Write text with control characters as escapes."""
        self.styled.write(visible(text, lines=True))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.styled, name)


def styled(stream: Any) -> Any:
    """Return the part of a guarded stream that takes escape sequences; another stream as it is."""
    return stream.styled if isinstance(stream, Guarded) else stream


class Streams:
    """Guard standard output and standard error in a context.

    Examples
    --------
    >>> with Streams() as streams:
    ...     print("a\\x1b[31mb")
    a\\x1b[31mb
    >>> streams.failure is None
    True
    """

    def __enter__(self) -> Streams:
        self._before: tuple[Any, Any] = (sys.stdout, sys.stderr)
        # Python has None for a stream that was closed before it started.
        self._guarded = [Guarded(s or _nowhere()) for s in self._before]
        sys.stdout, sys.stderr = self._guarded
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before
        for guarded, before in zip(self._guarded, self._before, strict=True):
            guarded.flush()
            if before is None:
                guarded.close()

    @property
    def failure(self) -> OSError | None:
        """Why text is missing on standard output; None where the reader left by itself."""
        self._guarded[0].flush()
        error: OSError | None = self._guarded[0].styled.failure
        return None if isinstance(error, BrokenPipeError) else error


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def fill_closed() -> None:
    """Open the null device for each of the three standard streams that is closed.

    The next files opened would have their numbers, and what child processes print would end up in them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
