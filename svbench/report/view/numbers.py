"""Format numbers for people; scores are rounded here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from svbench.printing.numbers import counted, signed
from svbench.results.aggregate import Summary
from svbench.results.record import RunRecord
from svbench.specs.protocol import Reduce


def decibels(value: float | None, status: str = "ok", digits: int = 2) -> str:
    """Print a score, or its status where it has no value.

    Examples
    --------
    >>> decibels(-0.001), decibels(-3.456), decibels(None, "undefined")
    ('0.00', '−3.46', 'undefined')
    """
    return status if value is None else signed(value, digits)


def with_sign(value: float) -> str:
    """Print a change: two decimals and a sign.

    Examples
    --------
    >>> with_sign(1.0), with_sign(-0.5), with_sign(0.001)
    ('+1.00', '−0.50', '0.00')
    """
    text = signed(value, 2)
    return text if text[0] == "−" or float(text) == 0 else f"+{text}"


def interval_text(low: float | None, high: float | None, *, digits: int = 2, sign: bool = False) -> str:
    """Print an interval in square brackets; empty where there is none, ∞ for an open bound.

    Examples
    --------
    >>> interval_text(-0.5, 1.25), interval_text(None, None), interval_text(1.0, None, sign=True)
    ('[−0.50, 1.25]', '', '[+1.00, ∞]')
    """
    if low is None and high is None:
        return ""

    def text(bound: float) -> str:
        return with_sign(bound) if sign else signed(bound, digits)

    return f"[{'−∞' if low is None else text(low)}, {'∞' if high is None else text(high)}]"


def reducers(label: str) -> str:
    """Describe how frames and tracks were reduced to one number.

    Examples
    --------
    >>> reducers("median/mean")
    'median/mean (median over frames, mean over tracks)'
    >>> reducers("pooled median")
    'pooled median (over all frames of all tracks together)'
    >>> reducers("median/median/mean")
    'median/median/mean (median over frames, median over tracks, mean over targets)'
    """
    first, *others = label.split("/")
    if label.startswith("pooled"):
        words = ["over all frames of all tracks together", *(f"{o} over targets" for o in others)]
    else:
        axes = zip((first, *others), ("frames", "tracks", "targets"), strict=False)
        words = [f"{reducer} over {axis}" for reducer, axis in axes]
    return f"{label} ({', '.join(words)})"


def describe_numbers(what: str, label: str, record: RunRecord) -> str:
    """Say what a table's numbers are: quantities with their unit, reducers, n, and the protocol."""
    return (
        f"{what} · {reducers(label)} · n = {counted(len(record.data.tracks), 'track')} · "
        f"{record.protocol.id} version {record.protocol.version}, {record.protocol_digest[:8]}"
    )


def short_columns(counts: Mapping[str, int], total: int, rule: Reduce) -> str:
    """Name the columns that rest on fewer tracks than the data set has, and say what a mean rests on.

    Examples
    --------
    >>> short_columns({"drums": 5, "bass": 3, "mean": 3}, 5, Reduce(frames="mean", tracks="mean"))
    'bass: 3; mean: over the 3 tracks with all targets'
    >>> own = Reduce(frames="mean", tracks="mean", targets_over="own tracks")
    >>> short_columns({"drums": 5, "bass": 3, "mean": 5}, 5, own)
    'bass: 3; mean: of the numbers of the targets, each over its own tracks'
    """
    short = {c: str(n) for c, n in counts.items() if n < total}
    if short and "mean" in counts:
        short["mean"] = mean_over(counts["mean"], rule)
    return "; ".join(f"{column}: {count}" for column, count in short.items())


def mean_over(n: int, rule: Reduce) -> str:
    """Describe which tracks a mean over targets rests on."""
    if rule.targets_over == "own tracks":
        return "of the numbers of the targets, each over its own tracks"
    return f"over the {counted(n, 'track')} with all targets" if n else "no track has all targets"


def dropped(summaries: Iterable[Summary]) -> tuple[int, int]:
    """Count the frames without a value, and all frames, of several targets.

    Parameters
    ----------
    summaries : iterable of Summary
        Those of single targets; the mean over targets would count every frame twice.
    """
    pairs = [(s.n_dropped, s.n_dropped + s.n_frames) for s in summaries]
    return sum(n for n, _ in pairs), sum(n for _, n in pairs)


def bytes_text(n_bytes: float) -> str:
    """Print a size in MB (10^6 bytes), with decimals where it has few.

    Examples
    --------
    >>> bytes_text(123_456_789), bytes_text(1_234_567)
    ('123 MB', '1.23 MB')
    """
    return f"{n_bytes / 1e6:.{2 if n_bytes < 10e6 else 0}f} MB"


def count_text(n: float) -> str:
    """Print a large count with three significant digits in M or G.

    Examples
    --------
    >>> count_text(4_968_712), count_text(41_473_616), count_text(2.5e9)
    ('4.97 M', '41.5 M', '2.50 G')
    """
    value, unit = (n / 1e9, "G") if n >= 1e9 else (n / 1e6, "M")
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def seconds(value: float) -> str:
    """Print a duration with three significant digits.

    Examples
    --------
    >>> seconds(0.01234), seconds(12.34)
    ('0.012 s', '12.3 s')
    """
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
