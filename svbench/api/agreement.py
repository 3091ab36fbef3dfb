"""Correlate metrics with the ratings of a listening test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from svbench.agreement.evaluate import Agreement, evaluate
from svbench.agreement.excerpts import chosen_protocols, score_excerpts
from svbench.agreement.stimuli import SCORED, joined, rated_stimuli
from svbench.agreement.stimulus_match import systems_of
from svbench.api.inputs import Progress, Step, ignore
from svbench.errors import DataError
from svbench.listening.analysis.panel import panel
from svbench.listening.analysis.screening import screen
from svbench.listening.listening_test import ListeningTest, load_test
from svbench.listening.readers import read_ratings
from svbench.listening.store.export import stored_ratings
from svbench.scoring.pool import n_cores, scoring_pool

if TYPE_CHECKING:
    import pandas as pd


def agree(
    test: str | Path,
    runs: Sequence[str | Path],
    *,
    ratings: str | Path | None = None,
    protocols: Sequence[str] = (),
    with_anchors: bool = False,
    data: str | Path | None = None,
    seed: int = 42,
    workers: int | None = None,
    progress: Progress = ignore,
) -> Agreement:
    """Score the excerpts of a listening test and correlate the scores with its ratings.

    Parameters
    ----------
    test : path
        Folder made by ``svbench listen build``.
    runs : sequence of path
        The runs it was built from, with their kept estimates, or folders of them.
    ratings : path, optional
        A file of ratings; those in the test's database by default.
    protocols : sequence of str, optional
        Score by these; by default those of the runs and a few more.
    with_anchors : bool
        Correlate anchors too. They inflate correlations, since every metric tells them from systems.
    data : path, optional
        Where the recordings are, if not where the runs found them.
    seed : int
        Of the resamples.
    workers, progress
        As in `svbench.evaluate`.

    Returns
    -------
    Agreement

    Raises
    ------
    DataError
        No ratings, ratings of another test, or runs that the test was not built from.
    """
    folder = Path(test)
    built = load_test(folder)
    raters = panel(_ratings(folder, built, ratings))
    excluded = tuple(v for v in screen(raters) if v.is_excluded)
    without = tuple(v.assessor for v in excluded)
    rated = rated_stimuli(raters, without)
    systems, own, notes = systems_of(built, [Path(run) for run in runs])
    with scoring_pool(workers or n_cores()) as pool:
        scores, more = score_excerpts(
            folder, built, systems, chosen_protocols(protocols, own), pool,
            data=(data and Path(data)) or None, must=bool(protocols),
            tell=lambda text, total: progress(Step(total, text)),
        )  # fmt: skip
    table = joined(rated, _frame(scores))
    roles = {c.id: c.role for c in built.conditions}
    wanted = [c for c in roles if roles[c] == "system" or (with_anchors and roles[c] != "reference")]
    counted = raters.table[~raters.table["assessor"].isin(without)]
    return Agreement(
        title=built.title,
        test=built.id,
        digest=built.digest,
        method=raters.method,
        n_assessors=int(counted["assessor"].nunique()),
        excluded=excluded,
        conditions=tuple(c for c in wanted if c in set(table["condition"])),
        with_anchors=with_anchors,
        targets=evaluate(table, counted, wanted, seed),
        notes=(*notes, *more, *raters.notes),
        seed=seed,
        table=table,
    )


def _frame(scores: Sequence[msgspec.Struct]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([msgspec.to_builtins(s) for s in scores], columns=SCORED)


def _ratings(folder: Path, test: ListeningTest, file: str | Path | None) -> pd.DataFrame:
    """Read the ratings, and refuse those of another test."""
    if file is None:
        ratings, where = stored_ratings(folder, test), folder
    else:
        ratings, where = read_ratings([Path(file)]), Path(file)
    if ratings.empty:
        raise DataError(f"{where}: nobody has rated yet; `svbench listen serve {folder}` collects ratings")
    unknown = set(ratings["trial"]) - {t.id for t in test.trials}
    if unknown:
        raise DataError(
            f"{where}: has ratings of trial {min(unknown)!r}, which {folder} does not have; "
            "give the ratings of this test"
        )
    return ratings
