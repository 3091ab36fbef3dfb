"""Correlate metrics with the ratings of a test: which one agrees best here, and how surely."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK
from svbench.cli.output import Progress, print_json, print_line, print_rows
from svbench.cli.verbs.run import workers_argument

if TYPE_CHECKING:
    import pandas as pd

    from svbench.agreement.report import Agreement
    from svbench.listening.listening_test import ListeningTest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("test", type=Path, metavar="TEST", help="folder made by `svbench listen build`")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN",
        help="the runs it was built from, with their kept estimates, or folders of them",
    )  # fmt: skip
    parser.add_argument(
        "--ratings", type=Path, metavar="FILE", help="ratings from a file (default: the test's database)"
    )
    parser.add_argument(
        "--protocol", action="extend", nargs="+", default=[], metavar="ID",
        help="score by these (default: those of the runs, and si-sdr, mdx21, sisec18, msst-community)",
    )  # fmt: skip
    parser.add_argument(
        "--with-anchors", action="store_true",
        help="correlate anchors too; they inflate correlations, since every metric tells them from systems",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where the recordings are, if not where the runs found them"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/agreement"), metavar="DIR",
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=42, help="of the resamples (default: %(default)s)")
    workers_argument(parser)
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(options: argparse.Namespace) -> int:
    """Score the excerpts, correlate, and write the page."""
    from svbench.agreement.report import content, write_agreement
    from svbench.listening.listening_test import load_test

    test = load_test(options.test)
    found = _agreement(options, test, _ratings(options, test))
    page = write_agreement(found, options.out)
    if options.json:
        print_json(content(found))
        return OK
    _print(found)
    print(f"page: {page}")
    return OK


def _ratings(options: argparse.Namespace, test: ListeningTest) -> pd.DataFrame:
    """Read the ratings, and refuse those of another test."""
    from svbench.errors import DataError
    from svbench.listening.readers import read_ratings
    from svbench.listening.store.export import stored_ratings

    if options.ratings is None:
        ratings, where = stored_ratings(options.test, test), options.test
    else:
        ratings, where = read_ratings([options.ratings]), options.ratings
    if ratings.empty:
        raise DataError(
            f"{where}: nobody has rated yet; `svbench listen serve {options.test}` collects ratings"
        )
    unknown = set(ratings["trial"]) - {t.id for t in test.trials}
    if unknown:
        raise DataError(
            f"{where}: has ratings of trial {min(unknown)!r}, which {options.test} does not have; "
            "give the ratings of this test"
        )
    return ratings


def _agreement(options: argparse.Namespace, test: ListeningTest, ratings: pd.DataFrame) -> Agreement:
    import msgspec
    import pandas as pd

    from svbench.agreement.evaluate import evaluate
    from svbench.agreement.excerpts import chosen_protocols, score_excerpts
    from svbench.agreement.report import Agreement
    from svbench.agreement.stimuli import SCORED, joined, rated_stimuli
    from svbench.agreement.stimulus_match import systems_of
    from svbench.listening.analysis.panel import panel
    from svbench.listening.analysis.screening import screen
    from svbench.scoring.pool import n_cores, scoring_pool

    raters = panel(ratings)
    excluded = tuple(v for v in screen(raters) if v.is_excluded)
    without = tuple(v.assessor for v in excluded)
    rated = rated_stimuli(raters, without)
    runs, own, notes = systems_of(test, options.runs)
    protocols = chosen_protocols(options.protocol, own)
    progress: Progress | None = None

    def tell(text: str, total: int) -> None:
        nonlocal progress
        progress = progress or Progress(total)
        progress.step(text)

    with scoring_pool(options.workers or n_cores()) as pool:
        scores, more = score_excerpts(
            options.test, test, runs, protocols, pool,
            data=options.data, must=bool(options.protocol), tell=tell,
        )  # fmt: skip
    table = joined(rated, pd.DataFrame([msgspec.to_builtins(s) for s in scores], columns=SCORED))
    roles = {c.id: c.role for c in test.conditions}
    wanted = [c for c in roles if roles[c] == "system" or (options.with_anchors and roles[c] != "reference")]
    counted = raters.table[~raters.table["assessor"].isin(without)]
    return Agreement(
        title=test.title,
        test=test.id,
        digest=test.digest,
        method=raters.method,
        n_assessors=int(counted["assessor"].nunique()),
        excluded=excluded,
        conditions=tuple(c for c in wanted if c in set(table["condition"])),
        with_anchors=options.with_anchors,
        targets=evaluate(table, counted, wanted, options.seed),
        notes=(*notes, *more, *raters.notes),
        seed=options.seed,
        table=table,
    )


def _print(found: Agreement) -> None:
    """Print the table of each target, and the warning."""
    from svbench.agreement.page import best_sentence, ceiling_sentence, cell
    from svbench.agreement.report import WARNING

    for verdict in found.excluded:
        print_line(f"excluded: {verdict.assessor} {'; '.join(verdict.reasons)}")
    for target in found.targets:
        print_line(f"{target.target}: {best_sentence(target)}")
        rows = [
            {
                "rank": f"{one.rank}{'†' if one.is_tied else ''}",
                "metric": one.measure.label,
                **{
                    name: f"{(c := cell(coefficient)).value}{f' [{c.interval}]' if c.interval else ''}"
                    for name, coefficient in (
                        ("spearman", one.stimuli.spearman), ("pearson", one.stimuli.pearson),
                        ("kendall", one.stimuli.kendall), ("within", one.within.spearman),
                        ("systems", one.systems.spearman),
                    )
                },
                "n": f"n = {one.n_stimuli}",
            }
            for one in target.measures
        ]  # fmt: skip
        head = {name: name for name in rows[0]} | {"systems": "spearman of systems", "within": "in excerpts"}
        print_rows([head, *rows], list(rows[0]))
        print(ceiling_sentence(target))
        for note in target.notes:
            print_line(f"note: {note}")
    for note in found.notes:
        print_line(f"note: {note}")
    print(f"warning: {WARNING}")
