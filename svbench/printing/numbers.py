"""Numbers as text."""

from __future__ import annotations


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
