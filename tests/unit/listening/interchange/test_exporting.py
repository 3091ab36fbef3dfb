from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from svbench.audio import read_audio
from svbench.errors import DataError
from svbench.listening.design import assign
from svbench.listening.interchange.exporting import export_pymushra, export_webmushra, trial_names
from svbench.listening.interchange.importing import import_webmushra
from svbench.listening.listening_test import ListeningTest, stimulus_path
from svbench.listening.readers import read_ratings
from svbench.listening.store.export import export_ratings, stored_ratings
from svbench.listening.store.state import Rating, SessionState, now
from svbench.listening.store.store import Store
from svbench.results.record import collect
from svbench.specs.listening import Listeners, Question, Sessions
from svbench.testing.listening import make_test

QUESTIONS = (
    Question(id="age", kind="number", label={"en": "Age & more: all"}, required=True),
    Question(
        id="plays_music",
        kind="choice",
        label={"en": "Do you <play>?"},
        choices=({"en": "no"}, {"en": "=yes"}),
    ),
    Question(id="trial_id", kind="text", label={"en": "A name that a column has"}),
)
LISTENERS = Listeners(
    languages=("en",), consent={"en": "1 < 2 & so on.\n\nno: yes # or\n- not"}, questionnaire=QUESTIONS
)


@pytest.fixture
def test(folder: Path) -> ListeningTest:
    more: dict[str, Any] = {"listeners": LISTENERS, "question": {"en": "How good?\nReally: how?"}}
    return make_test(folder, n_trials=2, length_s=0.5, rate_hz=16000, **more)


def rate(
    folder: Path, test: ListeningTest, number: int, *, complete: bool = True, value: float = 0.25
) -> None:
    """Rate every slot of a session; the ratings are ``value`` apart."""
    store = Store(folder, test)
    plan = assign(test, number, {}, {})
    state = SessionState(
        id=f"s{number}", assessor=f"@{number}", number=number, row=plan.row, screens=plan.screens, language="en",
        consent_version="1", step="screen", began_at=now(), seen_at=now(),
    )  # fmt: skip
    assessor = {"id": state.assessor, "crowd": None, "submission": None, "invitation": None}
    operations = store.begin(state, assessor)
    n = 0
    for screen, planned in enumerate(plan.screens):
        for slot in range(len(planned.slots)):
            seconds = None if screen == 0 else 1.5 + screen
            operations += store.rate(state.id, screen, slot, Rating(1, value * n), seconds, now())
            n += 1
    answers = {"age": "=30", "plays_music": "1", "trial_id": ""}
    operations += store.change(state.id, questionnaire=answers, complete_at=now() if complete else None)
    store.save(operations).result(30)
    store.close()


def test_export_and_import_give_the_same_test(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    export_webmushra(folder, tmp_path / "wm")
    back = import_webmushra(tmp_path / "wm" / "config.yaml", tmp_path / "back", collect([], {}))
    assert back.title == test.title
    assert [(c.id, c.role) for c in back.conditions] == [(c.id, c.role) for c in test.conditions]
    assert [t.kind for t in back.trials] == ["training", "test", "test"]
    assert [t.track for t in back.trials] == ["training Track 1", "Track 2", "Track 3"]
    wanted, found = test.protocol.listeners, back.protocol.listeners
    assert (found.consent, found.questionnaire, found.volume) == (wanted.consent, QUESTIONS, True)
    assert (back.protocol.question, back.protocol.anchors) == (test.protocol.question, test.protocol.anchors)
    for mine, theirs in zip(test.trials, back.trials, strict=True):
        assert [s.condition for s in mine.stimuli] == [s.condition for s in theirs.stimuli]
        assert (mine.n_samples, mine.rate_hz, mine.n_channels) == (
            theirs.n_samples,
            theirs.rate_hz,
            theirs.n_channels,
        )
        assert mine.reference is not None
        for left, right in zip(mine.files(), theirs.files(), strict=True):
            # Both references come from the open one: webMUSHRA has one file of them.
            file = mine.reference if left.condition == "reference" else left
            original = read_audio(stimulus_path(folder, file)).samples
            again = read_audio(stimulus_path(tmp_path / "back", right)).samples
            assert np.abs(original - again).max() <= 2 * 2.0**-23


def test_webmushra_can_read_the_yaml(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    """Its reader takes a list in a list only from a new line on, and text only on one."""
    export_webmushra(folder, tmp_path / "wm")
    text = (tmp_path / "wm" / "config.yaml").read_text(encoding="utf-8")
    assert all(re.match(r" *-$| *- \w+$| *(- )?[\w-]+:( |$)", line) for line in text.splitlines())
    assert "- - " not in text
    config = yaml.safe_load(text)
    trials = config["pages"][3]
    assert trials[0] == "random"
    assert [page["type"] for page in trials[1:]] == ["mushra", "mushra"]
    for page in trials[1:]:
        assert list(page["stimuli"]) == ["anchor35", "anchor70", "system-1", "system-2"]
        assert not page["createAnchor35"]  # the files of ours go along
        for name in (page["reference"], *page["stimuli"].values()):
            assert (tmp_path / name.replace("configs/wm", "wm")).is_file()
    assert not config["pages"][-1]["showResults"]


def test_the_same_ratings_are_read_back(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    for number in range(2):
        rate(folder, test, number)
    rate(folder, test, 2, complete=False)
    told = export_webmushra(folder, tmp_path / "wm")
    export_pymushra(folder, tmp_path / "pymushra.csv")
    own = stored_ratings(folder, test)
    own = own[own["complete"]].reset_index(drop=True)
    own["trial"] = own["trial"].map(trial_names(test))
    for file in (tmp_path / "wm" / "mushra.csv", tmp_path / "pymushra.csv"):
        read = read_ratings([file])
        for column in (
            "test",
            "trial",
            "kind",
            "condition",
            "role",
            "replicate",
            "screen",
            "rating",
            "seconds",
        ):
            assert read[column].equals(own[column]), column
        assert read["assessor"].str.removeprefix("'").tolist() == own["assessor"].tolist()
    assert own["replicate"].max() == 1
    assert any("2 complete sessions; 1 unfinished are left out" in note for note in told)


def test_the_columns_are_webmushras_and_safe(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    rate(folder, test, 0)
    export_webmushra(folder, tmp_path / "wm")
    text = (tmp_path / "wm" / "mushra.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0] == [
        "session_test_id", "age", "plays_music", "answer_trial_id", "session_uuid", "trial_id", "rating_stimulus",
        "rating_score", "rating_time", "rating_comment",
    ]  # fmt: skip
    assert rows[1][:6] == [test.id, "'=30", "'=yes", "", "'@0", "training Track 1"]
    assert rows[1][7:] == ["0", "", ""]
    assert rows[2][7] == "0.25"
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert {row[-1] for row in rows[1:]} == {"", "replicate"}


def test_equal_ratings_of_a_replicate_are_read_back(folder: Path, tmp_path: Path) -> None:
    """Two rows alike would be taken for a session that was sent twice."""
    test = make_test(folder, n_trials=3, length_s=0.1, rate_hz=16000, sessions=Sessions(replicates=1))
    rate(folder, test, 0, value=0.0)
    export_webmushra(folder, tmp_path / "wm")
    assert len(read_ratings([tmp_path / "wm" / "mushra.csv"])) == 5 * 5


def test_names_of_trials_tell_them_apart(folder: Path, test: ListeningTest) -> None:
    def trial(number: int, **changes: Any) -> Any:
        return msgspec.structs.replace(test.trials[1], id=f"{number:016x}", **changes)

    trials = (
        trial(1, kind="training", track="Song"),
        trial(2, track="Song"),
        trial(3, track="Twice", start_s=1.0),
        trial(4, track="Twice", start_s=2.5),
        trial(5, track="Twice", target="bass"),
        trial(6, track="Train  whistle"),
        trial(7, track="Same"),
        trial(8, track="Same"),
    )
    names = trial_names(msgspec.structs.replace(test, trials=trials))
    assert [names[t.id] for t in trials] == [
        "training Song",
        "Song",
        "Twice (vocals, 1 s)",
        "Twice (vocals, 2.5 s)",
        "Twice (bass)",
        "test Train whistle",
        "Same (vocals, 0 s, 0000000000000007)",
        "Same (vocals, 0 s, 0000000000000008)",
    ]


def test_nobody_has_rated_yet(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    told = export_webmushra(folder, tmp_path / "wm")
    assert "no mushra.csv: nobody has rated yet" in told
    assert not (tmp_path / "wm" / "mushra.csv").exists()
    assert not (folder / "ratings.sqlite").exists()
    with pytest.raises(DataError, match="so nobody has rated yet"):
        export_pymushra(folder, tmp_path / "ratings.csv")


def test_what_does_not_go_along_is_told(folder: Path, tmp_path: Path) -> None:
    listeners = Listeners(languages=("ja",), headphones="woods", consent={"ja": "同意"})
    make_test(folder, n_trials=1, length_s=12.5, rate_hz=8000, anchors=(), listeners=listeners)
    told = "\n".join(export_webmushra(folder, tmp_path / "wm"))
    for note in (
        "whoever looks is no longer blind",
        "where the audio device runs at 8000 Hz",
        "webMUSHRA's own words are in English, since it has none in 'ja'",
        "the headphones check does not go along",
        "replicates and shares of trials do not go along",
    ):
        assert note in told
    config = yaml.safe_load((tmp_path / "wm" / "config.yaml").read_text(encoding="utf-8"))
    assert (config["language"], config["pages"][0]["content"]) == ("en", "同意")
    assert config["pages"][2]["strict"] is False  # longer than 12 s


def test_what_is_refused(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    make_test(tmp_path / "abx", length_s=0.1, method="abx")
    for export in (export_webmushra, export_pymushra):
        with pytest.raises(
            DataError, match="is of method abx; tests and ratings are exported of mushra alone"
        ):
            export(tmp_path / "abx", tmp_path / "wm")
    with pytest.raises(DataError, match="is not empty; give a new folder"):
        export_webmushra(folder, tmp_path)
    with pytest.raises(DataError, match="its name is part of addresses; take letters"):
        export_webmushra(folder, tmp_path / "a b")
    (tmp_path / "there.csv").touch()
    with pytest.raises(DataError, match=r"there.csv: is there already"):
        export_pymushra(folder, tmp_path / "there.csv")
    stimulus_path(folder, test.trials[0].stimuli[1]).unlink()
    with pytest.raises(DataError, match=r"\.wav: not there; build the test anew"):
        export_webmushra(folder, tmp_path / "wm")
    assert not (tmp_path / "wm").exists()


def test_ratings_of_a_deleted_assessor_are_gone(folder: Path, test: ListeningTest, tmp_path: Path) -> None:
    for number in range(2):
        rate(folder, test, number)
    store = Store(folder, test)
    store.save(store.forget(["s0"], "@0")).result(30)
    assert set(export_ratings(store, test)["session"]) == {"s1"}
    store.close()
    export_webmushra(folder, tmp_path / "wm")
    assert "@0" not in (tmp_path / "wm" / "mushra.csv").read_text(encoding="utf-8")
