from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from simulated.assessors import Assessor, mushra_truth, simulate

from svbench.errors import DataError
from svbench.listening.ratings import COLUMNS, ratings_table
from svbench.listening.readers import read_ratings
from svbench.tables.spreadsheet import frame_csv

WEBMUSHRA = """session_test_id,email,age,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment
vocals,=x@y,31,u1,training,reference,100,9000,
vocals,=x@y,31,u1,song1,reference,100,61000,"fine, or so"
vocals,=x@y,31,u1,song1,anchor35,12,61000,
vocals,=x@y,31,u1,song1,net,70.5,61000,
vocals,=x@y,31,u1,song1,net,68,50000,
vocals,=x@y,31,u2,song1,anchor70,40,,
"""


def written(folder: Path, text: str, name: str = "ratings.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_webmushra(tmp_path: Path) -> None:
    table = read_ratings([written(tmp_path, "\ufeff" + WEBMUSHRA.replace("\n", "\r\n"))])
    assert list(table.columns) == list(COLUMNS)
    assert table["assessor"].tolist() == ["u1"] * 5 + ["u2"]
    assert table["kind"].tolist() == ["training"] + ["test"] * 5
    assert table["role"].tolist() == [
        "reference",
        "reference",
        "low_anchor",
        "system",
        "system",
        "mid_anchor",
    ]
    assert table["replicate"].tolist() == [0, 0, 0, 0, 1, 0]
    assert table["screen"].tolist() == [0, 1, 1, 1, 2, 0]
    assert table["seconds"].tolist()[:5] == [9.0, 61.0, 61.0, 61.0, 50.0]
    assert math.isnan(table["seconds"].iloc[5])
    assert "=x@y" not in frame_csv(table)  # what was asked of people is not read


def test_pymushra(tmp_path: Path) -> None:
    head = "responses_score;wm_id;questionaire_uuid;wm_type;responses_stimulus;wm_testId;responses_time;wm_date\n"
    lines = (
        "80;song1;u1;mushra;net;vocals;1500;2020-01-01\n99;song1;u1;mushra;reference;vocals;1500;2020-01-01\n"
    )
    by_csv = read_ratings([written(tmp_path, head + lines)])
    assert by_csv[["test", "assessor", "trial", "condition", "rating", "seconds"]].to_numpy().tolist() == [
        ["vocals", "u1", "song1", "net", 80.0, 1.5], ["vocals", "u1", "song1", "reference", 99.0, 1.5],
    ]  # fmt: skip
    columns = head.strip().split(";")
    download = [dict(zip(columns, line.split(";"), strict=True)) for line in lines.strip().split("\n")]
    by_json = read_ratings([written(tmp_path, json.dumps(download), "ratings.json")])
    pd.testing.assert_frame_equal(by_csv, by_json)
    trial = {
        "type": "mushra", "id": "song1", "testId": "vocals", "date": "2020", "questionaire": {"uuid": "u1", "age": 3},
        "responses": [
            {"stimulus": "net", "score": 80, "time": 1500}, {"stimulus": "reference", "score": 99, "time": 1500}
        ],
    }  # fmt: skip
    database = written(tmp_path, json.dumps({"_default": {}, "vocals": {"1": trial}}), "db.json")
    pd.testing.assert_frame_equal(by_csv, read_ratings([database]))


def test_own_files_come_back_as_they_were(tmp_path: Path) -> None:
    people = [Assessor(name, mushra_truth({"=cmd()": 70.0, "-old": 50.0})) for name in ("@a", "b,c")]
    table = simulate(people, trials=2)
    table.loc[0, ["seconds", "complete"]] = [float("nan"), False]
    text = frame_csv(table)
    assert "\n=" not in text
    assert ",=cmd" not in text
    pd.testing.assert_frame_equal(read_ratings([written(tmp_path, text)]), table)


def test_several_files_are_one_table(tmp_path: Path) -> None:
    first = written(tmp_path, "assessor,trial,condition,rating\na,t,net,50\n", "1.csv")
    second = written(tmp_path, "rating,assessor,trial,condition,role\n99,b,t,reference,reference\n", "2.csv")
    assert read_ratings([first, second])["rating"].tolist() == [50.0, 99.0]


HEAD = "session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment\n"
OWN = "assessor,trial,condition,rating,seconds,complete,kind,screen\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; expected"),
        ("a,b\n1,2\n", r"line 1: not a known head \(a, b\); expected svbench's own"),
        (HEAD, "has a head and no ratings"),
        (HEAD + "v,u,t,net,101,1,\n", "line 2: rating_score: '101', expected a number from 0 to 100"),
        (HEAD + "v,u,t,net,nan,1,\n", "line 2: rating_score: 'nan', expected"),
        (HEAD + "v,u,t,net,,1,\n", "line 2: rating_score: missing, expected a number from 0 to 100"),
        (HEAD + "v,,t,net,1,1,\n", "line 2: session_uuid: missing, expected a name"),
        (HEAD + "v,u,t,net,1,-5,\n", "line 2: rating_time: '-5', expected a number from 0"),
        (HEAD + "v,u,t,net,1,1,\n" * 2, "line 3: repeats line 2 in every column"),
        (HEAD + 'v,u,t,net,1,1,"two\nlines"\nv,u,t,net,1,1\n', "line 4: has 6 columns, the head has 7"),
        (HEAD + 'v,u,t,net,1,1,"open\n', "not CSV"),
        ("trial_id,rating_stimulus,rating_score\nt,net,5\n", "line 1: has no column 'session_uuid'"),
        ("a,a\n", "two columns are called 'a'"),
        ("assessor,trial,condition,rating,reting\n", "unknown column 'reting'; did you mean 'rating'"),
        (OWN + "a,t,net,5,,perhaps,test,0\n", "line 2: complete: 'perhaps', expected true or false"),
        (OWN + "a,t,net,5,,true,exam,0\n", "line 2: kind: 'exam', expected one of training, test"),
        (OWN + "a,t,net,5,,true,test,0.5\n", "line 2: screen: '0.5', expected a whole number"),
        ("wm_id;responses_stimulus;responses_score;questionaire_uuid;wm_type\nt;n;5;u;bs1116\n", "bs1116', expected"),
        ("[1, 2]", "not pymushra's JSON"),
        ('{"a": {"1": {"responses": [{}]}}}', "not pymushra's JSON"),
        ('[{"wm_id": "t"}]', "row 1: questionaire_uuid: missing"),
        ("[{", "line 1: not JSON"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_ratings([written(tmp_path, text)])


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read"):
        read_ratings([tmp_path / "gone.csv"])
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_ratings([tmp_path / "binary"])


def test_ratings_of_five_points_have_their_own_scale(tmp_path: Path) -> None:
    text = "assessor,trial,condition,rating,method\na,t,net,{},dcr\n"
    assert read_ratings([written(tmp_path, text.format(5))])["rating"].tolist() == [5.0]
    with pytest.raises(DataError, match="expected a number from 1 to 5"):
        read_ratings([written(tmp_path, text.format(6))])
    assert ratings_table([]).empty
