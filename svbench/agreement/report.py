"""Write the agreement of metrics with ratings: a page, two CSV files and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from svbench import __version__
from svbench.agreement.coefficients import ALPHA, RESAMPLES, Coefficient
from svbench.agreement.evaluate import WARNING, Agreement, MeasureAgreement, TargetAgreement
from svbench.agreement.page import page_text
from svbench.results.folders import replaced
from svbench.tables.spreadsheet import csv_text

if TYPE_CHECKING:
    import pandas as pd

MARK = ".svbench-agreement"
STATISTICS = ("pearson", "spearman", "kendall")
HEAD = (
    "target", "metric", "protocol", "target_set", "unit", "higher_is_better", "rank", "level", "statistic",
    "value", "low", "high", "n_stimuli", "n_tracks", "n_systems", "n_left_out",
)  # fmt: skip


def content(found: Agreement) -> dict[str, Any]:
    """Return the agreement as plain values; None where there is no number."""
    return {
        "schema": 1,
        "svbench": __version__,
        "title": found.title,
        "test": found.test,
        "test_digest": found.digest,
        "method": found.method,
        "n_assessors": found.n_assessors,
        "excluded": [{"assessor": v.assessor, "reasons": list(v.reasons)} for v in found.excluded],
        "conditions": list(found.conditions),
        "with_anchors": found.with_anchors,
        "warning": WARNING,
        "settings": {"resamples": RESAMPLES, "alpha": ALPHA, "seed": found.seed},
        "targets": [
            {
                "target": t.target,
                "ceiling": msgspec.to_builtins(t.ceiling),
                "notes": list(t.notes),
                "measures": [msgspec.to_builtins(m) for m in t.measures],
            }
            for t in found.targets
        ],
        "notes": list(found.notes),
        "stimuli": list(_stimuli(found.table)),
    }


def write_agreement(found: Agreement, out: Path) -> Path:
    """Write ``index.html``, ``agreement.csv``, ``agreement.json`` and ``stimuli.csv``.

    Parameters
    ----------
    found : Agreement
    out : Path
        New, empty, or an earlier one, which is replaced.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    DataError
        The folder holds other things.
    """
    stimuli = list(_stimuli(found.table))
    with replaced(out, MARK, "agreement") as new:
        (new / "index.html").write_text(page_text(found), encoding="utf-8")
        (new / "agreement.csv").write_text(csv_text(HEAD, _rows(found.targets)), encoding="utf-8")
        (new / "stimuli.csv").write_text(
            csv_text(list(stimuli[0]), [list(s.values()) for s in stimuli]), encoding="utf-8"
        )
        text = msgspec.json.format(msgspec.json.encode(content(found)), indent=1)
        (new / "agreement.json").write_bytes(text + b"\n")
    return out / "index.html"


def levels(one: MeasureAgreement) -> Iterator[tuple[str, str, Coefficient]]:
    """Yield every coefficient of a measure with its level and its name."""
    for level, trio in (("stimuli", one.stimuli), ("systems", one.systems)):
        for name in STATISTICS:
            yield level, name, getattr(trio, name)
    yield "within excerpts", "spearman", one.within.spearman
    yield "stimuli", "spearman behind best", one.behind


def _rows(targets: Sequence[TargetAgreement]) -> Iterator[list[object]]:
    for target in targets:
        for one in target.measures:
            m = one.measure
            for level, name, found in levels(one):
                yield [
                    target.target, m.metric, m.protocol, m.target_set, m.unit, m.higher_is_better, one.rank,
                    level, name, found.value, found.low, found.high, one.n_stimuli, one.n_tracks,
                    one.n_systems, sum(one.left_out.values()),
                ]  # fmt: skip


def _stimuli(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of the joined table, without NaN."""
    for row in table.to_dict("records"):
        yield {str(k): None if isinstance(v, float) and v != v else v for k, v in row.items()}
