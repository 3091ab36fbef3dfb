"""Export a test as a webMUSHRA configuration with its audio, and its ratings as ``mushra.csv``.

Whoever can read the exported folder knows which sound is which: webMUSHRA needs the names of the conditions
and sends them to the browsers of listeners. Ratings of complete sessions are exported, one row for each
rating, safe for spreadsheets. webMUSHRA and pymushra know a trial by one name and have no replicates: a trial
that was rated twice appears twice, and ``replicate`` in the comment marks the second time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from svbench.errors import DataError
from svbench.listening.interchange.configuration import LANGUAGES
from svbench.listening.interchange.questions import answer_told, as_html, in_language, write_questions
from svbench.listening.listening_test import ListeningTest, Stimulus, Trial, load_test, stimulus_path
from svbench.listening.readers import is_training
from svbench.listening.store.export import export_ratings
from svbench.listening.store.store import Store, existing_store, has_database
from svbench.listening.web.pages import texts
from svbench.results.folders import replaced
from svbench.tables.spreadsheet import csv_text

CONFIGURATION, RESULTS, SOUNDS = "config.yaml", "mushra.csv", "stimuli"
LONGEST_S = 12.0  # that webMUSHRA takes for compliant
UNBLINDED = (
    "names of conditions stand in this folder, and webMUSHRA shows them to every browser: whoever looks is "
    "no longer blind"
)
Format = Literal["webmushra", "pymushra"]


def export_webmushra(folder: Path, out: Path) -> tuple[str, ...]:
    """Write a test as webMUSHRA has it, with its ratings if there are any.

    Parameters
    ----------
    folder : Path
        That of the test.
    out : Path
        New or empty; it belongs into ``configs`` of webMUSHRA, under the same name.

    Returns
    -------
    tuple of str
        What must be known of it, and what webMUSHRA does in another way.

    Raises
    ------
    DataError
        Not a MUSHRA test, sounds missing, a database of another version, or a folder with other things.
    """
    test, language = _mushra(folder)
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out}: is not empty; give a new folder")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", out.resolve().name):
        raise DataError(f"{out}: its name is part of addresses; take letters, digits, '.', '_' and '-' alone")
    notes = [UNBLINDED, *_differences(test, language)]
    with replaced(out, ".svbench-export", "export") as new:
        config = _configuration(test, language, f"configs/{out.resolve().name}/{SOUNDS}")
        (new / CONFIGURATION).write_text(_yaml(config), encoding="utf-8")
        for stimulus, name in _sounds(test):
            place, source = new / SOUNDS / name, stimulus_path(folder, stimulus)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, place)
            except FileNotFoundError as error:
                raise DataError(
                    f"{stimulus_path(folder, stimulus)}: not there; build the test anew"
                ) from error
        if has_database(folder):
            text, summary = _results(folder, test, language, "webmushra")
            (new / RESULTS).write_text(text, encoding="utf-8")
        else:
            summary = f"no {RESULTS}: nobody has rated yet"
    return (*notes, summary)


def export_pymushra(folder: Path, out: Path) -> tuple[str, ...]:
    """Write the ratings of a test as pymushra's CSV.

    Parameters
    ----------
    folder : Path
        That of the test.
    out : Path
        The file.

    Returns
    -------
    tuple of str
        What must be known of it.

    Raises
    ------
    DataError
        Not a MUSHRA test, nobody has rated yet, or a database of another version.
    """
    test, language = _mushra(folder)
    if out.exists():
        raise DataError(f"{out}: is there already; give a new name")
    text, summary = _results(folder, test, language, "pymushra")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return (summary,)


def _mushra(folder: Path) -> tuple[ListeningTest, str]:
    """The test, and the language to write it in: one that webMUSHRA has, if there is one."""
    test = load_test(folder)
    method, languages = test.protocol.method, test.protocol.listeners.languages
    if method != "mushra":
        raise DataError(f"{folder}: is of method {method}; tests and ratings are exported of mushra alone")
    return test, next((code for code in languages if code in LANGUAGES), languages[0])


def _results(folder: Path, test: ListeningTest, language: str, form: Format) -> tuple[str, str]:
    with existing_store(folder, test) as store:
        ratings = list(rated(store, test, language))
        n_open = sum(session.complete_at is None for session in store.sessions())
    n = len({rating.assessor for rating in ratings})
    summary = f"{len(ratings)} ratings of {n} complete sessions"
    return results_csv(test, ratings, form), summary + (
        f"; {n_open} unfinished are left out" if n_open else ""
    )


def _configuration(test: ListeningTest, language: str, sounds: str) -> dict[str, Any]:
    """What ``config.yaml`` says; ``sounds`` is the folder of the stimuli as webMUSHRA sees it."""
    listeners = test.protocol.listeners
    words = texts(language)
    consent = in_language(listeners.consent, language) or words["consent_default"]
    question = in_language(test.protocol.question, language) or words["question_mushra"]
    names, files = trial_names(test), {s.id: f"{sounds}/{name}" for s, name in _sounds(test)}
    pages: list[Any] = [
        {
            "type": "consent", "id": "consent", "name": words["consent_heading"], "mustConsent": True,
            "content": as_html(consent),
        }
    ]  # fmt: skip
    if listeners.volume:
        page = {"type": "volume", "id": "volume", "name": words["volume_heading"]}
        sound = files[_open(test.trials[0]).id]
        pages.append(
            {**page, "content": as_html(words["volume_lead"]), "stimulus": sound, "defaultVolume": 0.5}
        )
    rating = {
        kind: [
            {
                "type": "mushra",
                "id": names[trial.id],
                "name": as_html(test.title),
                "content": as_html(question),
                "showWaveform": True,
                "enableLooping": True,
                **({"strict": False} if trial.length_s > LONGEST_S else {}),
                "reference": files[_open(trial).id],
                # The files of svbench's anchors go along: webMUSHRA's own break the mask.
                "createAnchor35": False,
                "createAnchor70": False,
                "randomize": True,
                "stimuli": {s.condition: files[s.id] for s in _compared(test, trial)},
            }
            for trial in test.trials
            if trial.kind == kind
        ]
        for kind in ("training", "test")
    }
    finish: dict[str, Any] = {
        "type": "finish", "id": "finish", "name": words["thanks_heading"], "content": "",
        "showResults": False, "writeResults": True,
    }  # fmt: skip
    if listeners.questionnaire:
        finish["questionnaire"] = write_questions(listeners.questionnaire, language)
    return {
        "testname": " ".join(test.title.split()),
        "testId": test.id,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "language": language if language in LANGUAGES else "en",
        "pages": [*pages, *rating["training"], ["random", *rating["test"]], finish],
    }


def _yaml(content: dict[str, Any]) -> str:
    """YAML that webMUSHRA can read: it knows no text over several lines, and no ``- -``."""
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=float("inf"))
    return re.sub(r"(?m)^( *)- - ", r"\1-\n\1  - ", text)


def _open(trial: Trial) -> Stimulus:
    assert trial.reference is not None  # a MUSHRA test has one; the server refuses others too
    return trial.reference


def _compared(test: ListeningTest, trial: Trial) -> list[Stimulus]:
    """All but the hidden reference, which webMUSHRA adds by itself."""
    return [s for s in trial.stimuli if test.condition(s.condition).role != "reference"]


def _sounds(test: ListeningTest) -> list[tuple[Stimulus, str]]:
    """Each file that goes along, and its name: plain, and no two alike wherever capitals do not count."""
    found = []
    for i, trial in enumerate(test.trials, start=1):
        found.append((_open(trial), f"{i:02d}/reference.wav"))
        for k, stimulus in enumerate(_compared(test, trial), start=1):
            plain = re.sub(r"[^A-Za-z0-9.-]+", "_", stimulus.condition)
            found.append((stimulus, f"{i:02d}/{k:02d}-{plain}.wav"))
    return found


def _differences(test: ListeningTest, language: str) -> list[str]:
    listeners, sessions = test.protocol.listeners, test.protocol.sessions
    rates = sorted({trial.rate_hz for trial in test.trials})
    notes = [f"webMUSHRA plays it where the audio device runs at {' and '.join(map(str, rates))} Hz"]
    if len(listeners.languages) > 1:
        notes.append(f"texts are those in {language!r} alone")
    if language not in LANGUAGES:
        notes.append(f"webMUSHRA's own words are in English, since it has none in {language!r}")
    if listeners.headphones != "none":
        notes.append("the headphones check does not go along")
    if sessions.replicates or sessions.trials:
        notes.append("every session has each trial once: replicates and shares of trials do not go along")
    return notes


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
