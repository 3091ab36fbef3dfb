"""Runs as long tables for pandas: one row per frame, a superset of museval's column names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from svbench.results.aggregate import admitted
from svbench.results.store import Run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "system", "protocol", "dataset", "track", "target_set", "target", "metric",
    "frame", "time", "duration", "score", "status", "variant",
)  # fmt: skip


def long_table(runs: Iterable[Run]) -> pd.DataFrame:
    """All frames of all runs.

    Parameters
    ----------
    runs : iterable of Run

    Returns
    -------
    DataFrame
        Columns ``system, protocol, dataset, track, target_set, target, metric, frame, time,
        duration, score, status, variant``; ``score`` is NaN exactly where ``status`` is not ``ok``;
        ``variant`` is empty without a probe.
    """
    import pandas as pd

    rows = [
        (
            run.record.system.id, run.record.protocol.id, run.record.data.id, result.track,
            s.target_set, s.target, s.metric, frame, *values, run.record.data.variant,
        )
        for run in runs
        for result in admitted(run).results
        for s in result.series
        for frame, values in enumerate(zip(s.time_s, s.duration_s, s.score, s.status, strict=True))
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"score": "float64", "time": "float64", "duration": "float64", "frame": "int64"})
