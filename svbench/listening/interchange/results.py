"""Ratings as webMUSHRA and pymushra write them: whole sessions, a row a rating, safe for spreadsheets.

Both know a trial by one name, an assessor by one, and no replicates: a trial rated twice stands there twice,
and ``replicate`` in the comment tells the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from svbench.listening.interchange.questions import answer_told
from svbench.listening.listening_test import ListeningTest, Trial
from svbench.listening.readers.rows import is_training
from svbench.listening.store.export import export_ratings
from svbench.listening.store.store import Store
from svbench.tables.spreadsheet import csv_text

Format = Literal["webmushra", "pymushra"]


@dataclass(frozen=True)
class Rated:
    """One rating; ``answers`` are those of the questionnaire, by question."""

    answers: Mapping[str, str]
    assessor: str
    trial: str
    stimulus: str
    score: float
    milliseconds: int | None
    comment: str
    complete_at: str


def trial_names(test: ListeningTest) -> dict[str, str]:
    """Return a name for each trial, by its id: its track, and more only where that is not enough.

    Names of training begin with "train", and no others do: that is how both tools' files tell them apart.
    """
    ways: tuple[Callable[[Trial], str], ...] = (
        lambda t: t.track,
        lambda t: f"{t.track} ({t.target})",
        lambda t: f"{t.track} ({t.target}, {t.start_s:g} s)",
        lambda t: f"{t.track} ({t.target}, {t.start_s:g} s, {t.id})",
    )
    found: dict[str, str] = {}
    for way in ways:
        names = {t.id: _by_kind(t, way(t)) for t in test.trials if t.id not in found}
        taken = [*names.values(), *found.values()]
        found |= {identity: name for identity, name in names.items() if taken.count(name) == 1}
    return found


def _by_kind(trial: Trial, words: str) -> str:
    name = " ".join(words.split())
    if (trial.kind == "training") == is_training(name):
        return name
    return f"{'training' if trial.kind == 'training' else 'test'} {name}"


def rated(store: Store, test: ListeningTest, language: str) -> Iterator[Rated]:
    """Return the ratings of all complete sessions, in the order in which they were asked for."""
    sessions = {s.id: s for s in store.sessions()}
    questions, names = test.protocol.listeners.questionnaire, trial_names(test)
    for row in export_ratings(store, test).itertuples():
        session = sessions.get(str(row.session))
        if session is None or session.complete_at is None:
            continue
        yield Rated(
            answers={q.id: answer_told(q, session.questionnaire.get(q.id, ""), language) for q in questions},
            assessor=session.assessor,
            trial=names[str(row.trial)],
            stimulus=str(row.condition),
            score=float(str(row.rating)),
            milliseconds=_milliseconds(float(str(row.seconds))),
            comment="replicate" if row.replicate else "",
            complete_at=session.complete_at,
        )


def _milliseconds(seconds: float) -> int | None:
    return None if seconds != seconds else round(1000 * seconds)


def results_csv(test: ListeningTest, ratings: list[Rated], form: Format) -> str:
    """Return ratings as webMUSHRA's ``mushra.csv``, or as pymushra's download of the same.

    Parameters
    ----------
    test : ListeningTest
    ratings : list of Rated
    form : {"webmushra", "pymushra"}

    Returns
    -------
    str
        pymushra's is separated by semicolons.
    """
    questions = [question.id for question in test.protocol.listeners.questionnaire]
    if form == "webmushra":
        tail = [
            "session_uuid",
            "trial_id",
            "rating_stimulus",
            "rating_score",
            "rating_time",
            "rating_comment",
        ]
        # A question may have the name of a column; two columns of one name could not be read.
        asked = [f"answer_{q}" if q in ("session_test_id", *tail) else q for q in questions]
        rows: list[list[object]] = [
            [
                test.id,
                *r.answers.values(),
                r.assessor,
                r.trial,
                r.stimulus,
                _score(r),
                r.milliseconds,
                r.comment,
            ]
            for r in ratings
        ]
        return csv_text(["session_test_id", *asked, *tail], rows)
    head = [
        "wm_testId", "wm_type", "wm_id", "wm_date", "responses_stimulus", "responses_score", "responses_time",
        "responses_comment", *(f"questionaire_{q if q != 'uuid' else 'answer_uuid'}" for q in questions),
        "questionaire_uuid",
    ]  # fmt: skip
    rows = [
        [test.id, "mushra", r.trial, r.complete_at, r.stimulus, _score(r), r.milliseconds, r.comment,
         *r.answers.values(), r.assessor]
        for r in ratings
    ]  # fmt: skip
    return csv_text(head, rows, delimiter=";")


def _score(rating: Rated) -> float | int:
    return int(rating.score) if rating.score.is_integer() else rating.score
