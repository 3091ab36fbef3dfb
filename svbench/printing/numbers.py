"""Numbers as text."""

from __future__ import annotations


def counted(n: int, what: str) -> str:
    """Print how many of something there are.

    Examples
    --------
    >>> counted(1, "track"), counted(50, "track")
    ('1 track', '50 tracks')
    """
    return f"{n} {what}{'' if n == 1 else 's'}"


def signed(value: float, digits: int) -> str:
    """Print with a real minus sign and never as minus zero.

    Examples
    --------
    >>> signed(-0.001, 2), signed(-3.456, 2)
    ('0.00', '−3.46')
    """
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", "−")


def clock(seconds: float) -> str:
    """Return a duration as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
