"""A comparison as lines of text, as plain values for JSON, and as a diagram of critical differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Literal

from svbench.printing.drawing import COLOURS, INK, drawing, plain, quiet, shortened, svg_text
from svbench.printing.numbers import counted, signed
from svbench.printing.visible import visible
from svbench.report.view.numbers import decibels, interval_text, reducers, with_sign
from svbench.results.record import RunRecord
from svbench.statistics.comparison import Comparison, against_best
from svbench.statistics.pairs import SystemPair
from svbench.statistics.ranks import CriticalDifference
from svbench.statistics.track_values import IntervalSettings

Which = Literal["all", "adjacent", "best"]
MOST_PAIRS = 15  # of all pairs in a readable table
SHORT = 12  # letters of a name that leave a narrow diagram room for its ranks


def comparison_text(comparison: Comparison, record: RunRecord, which: Which | None = None) -> str:
    """Print a comparison: intervals and ranks, then pairs, then what a reader must know.

    Parameters
    ----------
    comparison : Comparison
    record : RunRecord
        Of any of the runs: names protocol and data set.
    which : {"all", "adjacent", "best"}, optional
        Pairs to print: all up to 15, else the neighbours in rank.
    """
    column, level = comparison.column, 100 * (1 - comparison.settings.alpha)
    quantity = comparison.quantity
    head = (
        f"{record.protocol.id} {record.protocol_digest[:8]} · {column.target_set} · {column.target} · "
        f"{quantity.name}{f' [{quantity.unit}]' if quantity.unit else ''}, {reducers(comparison.label)}"
    )
    ranks = {r.system: r for r in comparison.ranks}
    rows = [["", "system", quantity.name, f"{level:g} % interval", "rank interval", "tracks", ""]]
    known = [e for e in comparison.numbers if e.status != "unknown"]
    if not known:
        return f"{head}: {' '.join(comparison.notes)}"
    for estimate in known:
        own = ranks.get(estimate.system)
        rows.append(
            [
                str(comparison.places.get(estimate.system, "")),
                f"{estimate.system} ({estimate.kind})" if estimate.kind != "system" else estimate.system,
                decibels(estimate.value, estimate.status),
                interval_text(estimate.low, estimate.high) or "–",
                f"{own.best} to {own.worst}" if own else "–",
                f"{estimate.n_tracks} of {comparison.n_tracks_total}",
                estimate.note,
            ]
        )
    shown = chosen_pairs(comparison, which)
    sections = [head, _aligned(rows)]
    if shown:
        sections.append(_aligned([_pair_head(level), *(_pair_row(p) for p in shown)]))
    return "\n\n".join([*sections, "\n".join(map(visible, _sentences(comparison, shown)))])


def p_text(p: float) -> str:
    """Print a p value, never as zero.

    Examples
    --------
    >>> p_text(0.00004), p_text(0.0321), p_text(1.0)
    ('< 0.001', '0.032', '1.000')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def chosen_pairs(comparison: Comparison, which: Which | None = None) -> list[SystemPair]:
    """Return the pairs to print, best systems first."""
    pairs = list(comparison.pairs)
    which = which or ("all" if len(pairs) <= MOST_PAIRS else "adjacent")
    if which == "all":
        return pairs
    if which == "best":
        return list(against_best(comparison).values())
    order = list(dict.fromkeys(name for p in pairs for name in (p.first, p.second)))
    neighbours = set(pairwise(order))
    return [p for p in pairs if (p.first, p.second) in neighbours]


def settings_text(settings: IntervalSettings) -> str:
    """Name what makes the intervals the same again."""
    return (
        f"{settings.resamples} resamples of tracks, seed {settings.seed}, alpha {settings.alpha:g}; "
        "see docs/statistics.md for the methods."
    )


def _pair_head(level: float) -> list[str]:
    return [
        "first", "second", "difference", f"{level:g} % interval", "detectable", "paired",
        f"{level:g} % interval", "win/tie/loss", "p", "p (Holm)", "effect", "d_z", "tracks", "",
    ]  # fmt: skip


def _pair_row(pair: SystemPair) -> list[str]:
    tests, typical = pair.tests, pair.typical
    return [
        pair.first,
        pair.second,
        "–" if pair.value is None else with_sign(pair.value),
        interval_text(pair.low, pair.high, sign=True) or "–",
        "–" if pair.detectable is None else signed(pair.detectable, 2),
        with_sign(typical.value) if typical and typical.value is not None else "–",
        (interval_text(typical.low, typical.high, sign=True) if typical else "") or "–",
        f"{tests.wins}/{tests.ties}/{tests.losses}" if tests else "–",
        p_text(tests.p) if tests else "–",
        p_text(pair.p_holm) if tests else "–",
        with_sign(tests.rank_biserial) if tests else "–",
        with_sign(tests.standardised) if tests and tests.standardised is not None else "–",
        str(pair.n_tracks),
        pair.note,
    ]


def _sentences(comparison: Comparison, shown: Sequence[SystemPair]) -> list[str]:
    sentences = list(comparison.notes)
    if comparison.pairs:
        pairs = counted(len(comparison.pairs), "pair")
        sentences.append(
            f"{len(shown)} of {pairs}. difference: between the two numbers. detectable: the smallest true "
            "difference that would be found four times out of five. paired: the typical difference on a "
            "track (Hodges–Lehmann). p: of Wilcoxon's signed rank test over tracks, which tests the paired "
            f"difference. p (Holm): corrected for {pairs}. effect: rank-biserial, positive where the first "
            "is better."
        )
    sentences += contradictions(shown, comparison.label)
    sentences += smallest_p(comparison)
    critical = comparison.critical
    if critical:
        sentences.append(
            f"Mean ranks over {critical.n_tracks} tracks: "
            + ", ".join(f"{name} {rank:.2f}" for name, rank in critical.mean_ranks)
            + f"; critical difference {critical.difference:.2f} (Nemenyi, Friedman p {p_text(critical.p)})."
        )
    return [*sentences, settings_text(comparison.settings)]


def contradictions(pairs: Sequence[SystemPair], label: str) -> list[str]:
    """Say in words where two printed numbers favour one system and the paired tracks the other."""
    reducer = label.split("/")[0 if label.startswith("pooled") else 1].removeprefix("pooled ")
    sentences = [
        f"{pair.first} and {pair.second} {with_sign(pair.value)} of {reducer}s, "
        f"{with_sign(typical.value)} paired (plain median {with_sign(typical.median)}), p {tests.p:.2g}"
        for pair in pairs
        if pair.signs_differ
        and (typical := pair.typical)
        and (tests := pair.tests)
        and (pair.value is not None and typical.value is not None and typical.median is not None)
    ]
    if not sentences:
        return []
    return [
        "Opposite signs: the printed numbers favour one system, the typical track the other. "
        f"The test is of the typical track: {'; '.join(sentences)}."
    ]


def smallest_p(comparison: Comparison) -> list[str]:
    """Say so where there are too few tracks for any corrected p to be small."""
    n_tested = max((p.n_tracks for p in comparison.pairs), default=0)
    least = min(1.0, 2.0 ** (1 - n_tested) * len(comparison.pairs))
    if not comparison.pairs or least < comparison.settings.alpha:
        return []
    return [
        f"With {counted(n_tested, 'track')} and {counted(len(comparison.pairs), 'pair')} "
        f"no p (Holm) can fall below {p_text(least)}: this test cannot tell systems apart here."
    ]


def _aligned(rows: list[list[str]]) -> str:
    used = [i for i in range(len(rows[0])) if any(r[i] for r in rows)]
    widths = {i: max(len(r[i]) for r in rows) for i in used}
    return "\n".join("  ".join(r[i].ljust(widths[i]) for i in used).rstrip() for r in rows)


def comparison_plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison unrounded, of plain values, for JSON."""
    critical = comparison.critical
    return {
        **asdict(comparison.column),
        "unit": comparison.quantity.unit,
        "higher_is_better": comparison.quantity.higher_is_better,
        "label": comparison.label,
        "settings": asdict(comparison.settings),
        "n_tracks_total": comparison.n_tracks_total,
        "systems": [{**asdict(e), "rank": comparison.places.get(e.system)} for e in comparison.numbers],
        "pairs": [{**asdict(p), "signs_differ": p.signs_differ} for p in comparison.pairs],
        "ranks": [asdict(r) for r in comparison.ranks],
        "critical_difference": asdict(critical) if critical else None,
        "notes": list(comparison.notes),
    }


def critical_difference_plot(critical: CriticalDifference, name: str) -> str:
    """Draw mean ranks on a line, with bars under systems that no test tells apart.

    Parameters
    ----------
    critical : CriticalDifference
    name : str
        Unique on the page: ids inside the drawing start with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    ranked, n = critical.mean_ranks, len(critical.mean_ranks)
    place = dict(ranked)
    left = (n + 1) // 2  # the better half is named on the left
    bars = len(critical.cliques)
    # Narrow where names are short: at the width of a phone the letters stay larger.
    width = 4.8 if max(len(system) for system, _ in ranked) <= SHORT else 7.2
    with drawing(width, 0.9 + 0.12 * bars + 0.22 * left) as figure:
        axes = figure.add_subplot()
        colour = COLOURS["system"]
        deepest = 0.6 + 0.35 * bars
        axes.plot([1, n], [0, 0], color=INK, lw=1)
        for tick in range(1, n + 1):
            axes.plot([tick, tick], [0, 0.18], color=INK, lw=1)
            axes.text(tick, 0.3, str(tick), ha="center", va="bottom", color=INK)
        for i, (system, rank) in enumerate(ranked):
            on_left = i < left
            depth = -deepest - 0.6 * (i if on_left else n - 1 - i)
            edge = 1 - 0.04 * n if on_left else n + 0.04 * n
            axes.plot([rank, rank, edge], [0, depth, depth], color=colour, lw=1)
            gap = 0.02 * n
            axes.text(
                edge - gap if on_left else edge + gap,
                depth,
                f"{plain(shortened(system))} {rank:.2f}",
                ha="right" if on_left else "left",
                va="center",
                color=INK,
            )
        for i, clique in enumerate(critical.cliques):
            ends = [place[clique[0]] - 0.03, place[clique[-1]] + 0.03]
            axes.plot(ends, [-0.35 - 0.35 * i] * 2, color=COLOURS["oracle"], lw=3, solid_capstyle="round")
        axes.plot([1, 1 + critical.difference], [1.3, 1.3], color=INK, lw=2)
        axes.text(1, 1.5, f"critical difference {critical.difference:.2f}", ha="left", va="bottom", color=INK)
        axes.set_xlim(1 - 0.45 * n, n + 0.45 * n)
        axes.set_ylim(-deepest - 0.6 * left, 2.4)
        axes.set_xticks([])
        axes.set_yticks([])
        quiet(axes)
        return svg_text(figure, name)


def critical_difference_words(critical: CriticalDifference) -> str:
    """Say what the diagram shows, for those who do not see it."""
    ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in critical.mean_ranks)
    groups = "; ".join(", ".join(c) for c in critical.cliques) or "none"
    return (
        f"Mean ranks over {critical.n_tracks} tracks, best first: {ranks}. Not sentences apart at a critical "
        f"difference of {critical.difference:.2f}: {groups}."
    )
