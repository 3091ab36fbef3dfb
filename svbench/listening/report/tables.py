"""Every table of the report, from an analysis."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.listening.analysis.describe import Summary
from svbench.listening.analysis.pipeline import Analysis
from svbench.listening.report.table import Column, Kind, Table

C = Column


def score_kind(analysis: Analysis) -> Kind:
    """One decimal on a scale of 100 points, two on one of five."""
    return "one" if analysis.panel.method == "mushra" else "two"


def assessors(analysis: Analysis) -> Table:
    """Who rated how much, and what is said of each."""
    flags: dict[str, list[str]] = {}
    for flag in analysis.flags:
        flags.setdefault(flag.assessor, []).append(flag.told)
    rows = tuple(
        (
            v.assessor,
            v.n_items,
            v.reference_items,
            v.reference_low,
            v.mid_items,
            v.mid_high,
            "excluded" if v.is_excluded else "stays",
            "; ".join([*v.reasons, *(f"not a rule of the standard: {t}" for t in flags.get(v.assessor, []))]),
        )
        for v in analysis.verdicts
    )
    columns = (
        C("assessor", "assessor"), C("items", "items", "count"),
        C("reference_items", "reference rated", "count"), C("reference_low", "below 90", "count"),
        C("mid_items", "mid anchor rated", "count"), C("mid_high", "above 90", "count"),
        C("verdict", "verdict"), C("reasons", "why, and what else was odd", "prose"),
    )  # fmt: skip
    about = "Numbers of items; above 90 without those whose mid anchor many put there."
    return Table("assessors", "Assessors", about, columns, rows)


def conditions(analysis: Analysis) -> Table:
    """All items together."""
    return _summaries(
        "conditions", "Conditions over all items",
        "n pools assessors × items, and so does the first 95 % interval (t, n − 1); the second one is that "
        "of the assessors' means (t, assessors − 1), which does not take several ratings of one person for "
        "those of several.",
        analysis.summaries, analysis,
    )  # fmt: skip


def outlier_table(analysis: Analysis) -> Table:
    """Conditions with and without outlying ratings."""
    kind = score_kind(analysis)
    without = {s.condition: s for s in analysis.without_outliers}
    rows = tuple(
        (s.condition, s.n, s.median, s.mean, w.n, w.median, w.mean)
        for s in analysis.with_outliers
        if (w := without.get(s.condition)) is not None
    )
    columns = (
        C("condition", "condition"), C("n", "n", "count"), C("median", "median", kind),
        C("mean", "mean", kind), C("n_without", "n without", "count"),
        C("median_without", "median without", kind), C("mean_without", "mean without", kind),
    )  # fmt: skip
    used = "without them" if analysis.settings.drop_outliers else "with them"
    about = (
        f"{len(analysis.outlying)} ratings lie beyond 1.5 times the distance of Tukey's hinges in their item "
        f"and condition; all other numbers are {used}."
    )
    return Table("outliers", "With and without outlying ratings", about, columns, rows)


def outlying(analysis: Analysis) -> Table:
    """Every outlying rating."""
    names = ("assessor", "item", "condition", "rating")
    rows = tuple(analysis.outlying[list(names)].itertuples(index=False, name=None))
    columns = (*(C(n, n) for n in names[:3]), C("rating", "rating", score_kind(analysis)))
    return Table("outlying-ratings", "Outlying ratings", "", columns, rows)


def items(analysis: Analysis) -> Table:
    """Every condition in every item."""
    about = (
        "n is assessors. Bimodality above 5/9 (marked) means that assessors may have been of two opinions; a "
        "mean and a median then stand for nobody."
    )
    kind = score_kind(analysis)
    heard = analysis.table.drop_duplicates("item").set_index("item")
    rows = tuple(
        (
            s.item, heard.at[s.item, "track"], heard.at[s.item, "target"], s.condition, s.n, s.median,
            s.lower, s.upper, s.mean, s.deviation, s.half, s.bimodality,
            "split" if s.is_split else "",
        )
        for s in analysis.items
    )  # fmt: skip
    columns = (
        C("item", "item"), C("track", "track"), C("target", "target"), C("condition", "condition"),
        *_numbers(kind), C("deviation", "s", kind),
        C("half", "± 95 %", kind), C("bimodality", "bimodality", "two"), C("split", "opinions"),
    )  # fmt: skip
    return Table("items", "Conditions in each item", about, columns, rows)


def _summaries(name: str, caption: str, about: str, found: Sequence[Summary], analysis: Analysis) -> Table:
    kind, roles = score_kind(analysis), analysis.panel.roles
    rows = tuple(
        (
            s.condition, roles[s.condition].replace("_", " "), s.n, s.median, s.lower, s.upper, s.mean,
            s.half, s.n_assessors, s.half_assessors, s.n_items,
        )
        for s in found
    )  # fmt: skip
    columns = (
        C("condition", "condition"), C("role", "role"), *_numbers(kind), C("half", "± 95 %", kind),
        C("n_assessors", "assessors", "count"), C("half_assessors", "± 95 % (assessors)", kind),
        C("n_items", "items", "count"),
    )  # fmt: skip
    return Table(name, caption, about, columns, rows)


def _numbers(kind: Kind) -> tuple[Column, ...]:
    return (
        C("n", "n", "count"), C("median", "median", kind), C("lower", "25 %", kind), C("upper", "75 %", kind),
        C("mean", "mean", kind),
    )  # fmt: skip


def effects(analysis: Analysis) -> Table:
    """Friedman's test and the analysis of variance."""
    rows: list[tuple[str | float | int | None, ...]] = []
    rank = analysis.tests.friedman
    if rank is not None:
        rows.append(
            ("Friedman", "condition", rank.chi2, rank.df, None, rank.p, None, None, None, rank.p, "W", rank.w)
        )
    rows += [
        (
            "ANOVA", e.name, e.f, e.df, e.df_error, e.p, e.epsilon_gg, e.epsilon_hf,
            "GG" if e.p_corrected is e.p_gg else "HF", e.p_corrected, "partial eta squared", e.partial_eta2,
        )
        for e in analysis.tests.effects
    ]  # fmt: skip
    columns = (
        C("test", "test"), C("effect", "effect"), C("statistic", "chi-square or F", "two"),
        C("df", "df", "count"), C("df_error", "df of error", "count"), C("p_plain", "p, uncorrected", "p"),
        C("epsilon_gg", "epsilon (GG)", "two"), C("epsilon_hf", "epsilon (HF)", "two"),
        C("correction", "taken"), C("p", "p", "p"), C("effect_size_name", "effect size"),
        C("effect_size", "its value", "two"),
    )  # fmt: skip
    about = (
        "Assessors are the blocks of Friedman's test (their means over items) and the subjects of the "
        "analysis of variance with repeated measures. Its degrees of freedom are corrected for sphericity by "
        "Greenhouse and Geisser's epsilon below 0.75, else by Huynh and Feldt's. No F: assessors "
        "agree to the last digit."
    )
    return Table("effects", "Tests of all conditions", about, columns, tuple(rows))


def pairs(analysis: Analysis) -> Table:
    """Every two conditions."""
    kind, correction = score_kind(analysis), analysis.settings.correction.capitalize()
    rows = tuple(
        (
            p.first, p.second, p.n_assessors, p.n, p.median, p.mean, p.half, p.p, p.p_adjusted, p.p_median,
            p.p_median_adjusted, p.rank_biserial,
        )
        for p in analysis.tests.pairs
    )  # fmt: skip
    columns = (
        C("first", "first"), C("second", "second"), C("n_assessors", "assessors", "count"),
        C("n", "n", "count"), C("median", "median diff.", kind), C("mean", "mean diff.", kind),
        C("half", "± 95 %", kind), C("p", "p (Wilcoxon)", "p"), C("p_adjusted", f"p ({correction})", "p"),
        C("p_median", "p (medians)", "p"), C("p_median_adjusted", f"p ({correction})", "p"),
        C("rank_biserial", "rank-biserial", "two"),
    )  # fmt: skip
    about = (
        "Differences are first − second, on the items that an assessor rated under both. Wilcoxon's signed "
        "rank test compares assessors' means; the other p is of 9999 permutations of the difference of "
        f"medians, whole assessors swapped. Both are corrected by {correction} over all pairs."
    )
    return Table("pairs", "Pairs of conditions", about, columns, rows)


def reliability(analysis: Analysis) -> Table:
    """Replicates and agreement."""
    found = analysis.reliability
    rows: list[tuple[str | float | int | None, ...]] = []
    if found is not None:
        rows += [
            ("Krippendorff's alpha, all conditions", None, found.alpha, None),
            ("Krippendorff's alpha, systems", None, found.alpha_systems, None),
        ]
        if found.together is not None:
            rows.append(
                (
                    "replicates, all assessors",
                    found.together.n,
                    found.together.concordance,
                    found.together.difference,
                )
            )
        rows += [(f"replicates, {r.assessor}", r.n, r.concordance, r.difference) for r in found.each]
    columns = (
        C("what", "what"), C("n", "ratings given twice", "count"), C("coefficient", "coefficient", "two"),
        C("difference", "mean absolute difference", score_kind(analysis)),
    )  # fmt: skip
    about = (
        "Alpha (interval) is 1 for full agreement of assessors and 0 for chance; the coefficient of "
        "replicates is Lin's concordance correlation of first and second ratings."
    )
    return Table("reliability", "Reliability", about, columns, tuple(rows))


def comparisons(analysis: Analysis) -> list[Table]:
    """Tables of preferences, of strengths and of telling apart; those that hold anything."""
    correction = analysis.settings.correction.capitalize()
    counted = (
        C("n_assessors", "assessors", "count"), C("share", "share", "percent"), C("low", "from", "percent"),
        C("high", "to", "percent"), C("p", "p", "p"), C("p_adjusted", f"p ({correction})", "p"),
    )  # fmt: skip
    preferred = Table(
        "preferences", "Preferences",
        "Share of the first among answers that are no tie, with its exact 95 % interval (Clopper and "
        "Pearson); two-sided binomial test. Answers are counted alike, whoever gave them.",
        (
            C("first", "first"), C("second", "second"), C("wins", "first preferred", "count"),
            C("ties", "ties", "count"), C("losses", "second preferred", "count"), *counted,
        ),
        tuple(
            (
                f.first, f.second, f.wins, f.ties, f.losses, f.n_assessors, f.share, f.low, f.high, f.p,
                f.p_adjusted,
            )
            for f in analysis.preferences
        ),
    )  # fmt: skip
    scale = Table(
        "strengths", "Scale of Bradley and Terry",
        "Log strength with its 95 % interval: a is preferred to b with probability 1 / (1 + exp(b − a)). A "
        "tie is half a preference of each.",
        (
            C("condition", "condition"), C("strength", "strength", "two"), C("low", "from", "two"),
            C("high", "to", "two"),
        ),
        tuple((s.condition, s.strength, s.low, s.high) for s in analysis.strengths),
    )  # fmt: skip
    told = Table(
        "discriminations", "Telling apart",
        "How often X was told rightly, with its exact 95 % interval; one-sided binomial test against "
        "guessing.",
        (
            C("condition", "condition"), C("against", "against"), C("correct", "right", "count"),
            C("n", "answers", "count"), *counted,
        ),
        tuple(
            (f.condition, f.against, f.correct, f.n, f.n_assessors, f.share, f.low, f.high, f.p, f.p_adjusted)
            for f in analysis.discriminations
        ),
    )  # fmt: skip
    return [table for table in (preferred, scale, told) if table.rows]
