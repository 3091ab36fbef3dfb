"""Leaks are marked in every table, defects are set beside, unequal track sets take no rank."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.report.layouts.costs import cost_table
from svbench.report.layouts.default import paper_table
from svbench.report.pages.site import write_report
from svbench.report.text.terminal import print_leaderboard
from svbench.report.view.boards import boards
from svbench.report.view.caveats import affected_cells, footnotes, overlap_of, refuse_leaks
from svbench.results.store import Run, write_run
from svbench.specs.relations import overlap
from svbench.specs.report import load_report

MakeRun = Callable[..., Run]


def even(value: float) -> dict[str, float]:
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


TRACKS = ("Zeno - Signs", "Al James - Schoolboy Facination", "PR - Oh No")
VOCALS = dict(zip(TRACKS, (5.0, 2.0, -4.0), strict=True))
SCORES = {t: {"vocals": v, "drums": 10.0, "bass": 10.0, "other": 10.0} for t, v in VOCALS.items()}


def musdb(run: Run, training_data: tuple[str, ...] = ()) -> Run:
    """The run as if measured on MUSDB18-HQ by a system trained on given data."""
    record = run.record
    data = msgspec.structs.replace(record.data, id="musdb18-hq", version="1", manifest="gone/manifest.toml")
    system = msgspec.structs.replace(record.system, training_data=training_data)
    made = msgspec.structs.replace(record, data=data, system=system, system_digest=system.digest)
    return Run(run.path, made, run.results)


@pytest.mark.parametrize(
    ("training", "tracks"),
    [
        ((), []),
        (("musdb18",), list(TRACKS)),
        (("musdb18-hq/train",), []),
        (("musdb18/test",), list(TRACKS)),
        (("dsd100",), list(TRACKS[:2])),
        (("medleydb",), []),
        (("moisesdb-6", "dsd100/Dev"), list(TRACKS[:2])),
    ],
)
def test_what_a_system_was_trained_on(training: tuple[str, ...], tracks: list[str]) -> None:
    assert list(overlap(training, "musdb18-hq", TRACKS).tracks) == tracks


def test_training_data_that_cannot_be_compared_is_listed() -> None:
    found = overlap(("unknown", "my own records", "musdb18/tset"), "musdb18", TRACKS)
    assert found.unchecked == ("unknown", "my own records", "musdb18/tset")
    assert found.tracks == {}


def test_data_sets_know_one_another_both_ways() -> None:
    ours = ("001 - ANiMAL - Clinic A", "051 - AM Contra - Heart Peripheral")
    assert list(overlap(("musdb18/test",), "dsd100", ours).tracks) == [ours[1]]
    assert list(overlap(("musdb18-hq/train",), "medleydb", ("FacesOnFilm_WaitingForGa",)).tracks)


def test_relations_of_the_user_add_to_those_of_svbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data_manifests").mkdir()
    (tmp_path / "data_manifests/relations.toml").write_text(
        'schema = 1\n[[within]]\npart = "mine"\ndata = "musdb18"\ntracks = ["Zeno - Signs"]\n'
    )
    monkeypatch.chdir(tmp_path)
    assert overlap(("mine",), "musdb18-hq", TRACKS).tracks == {"Zeno - Signs": "mine"}
    assert len(overlap(("dsd100",), "musdb18-hq", TRACKS).tracks) == 2


def test_leaks_are_marked_in_every_table(make: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [musdb(make("clean", SCORES)), musdb(make("leaky", SCORES), ("dsd100",))]
    for format, mark in (
        ("markdown", "| leaky 🔴 leak |"),
        ("latex", r"leaky \textcolor{red}{leak}"),
        ("html", 'leaky <b style="color:#b00020">leak</b>'),
    ):
        text = paper_table(runs, format=format)
        assert mark in text, format
        assert "leaky was trained on dsd100, which holds 2 of the 3 tracks" in text
        assert "clean 🔴" not in text
    rows = {r["system"]: r for r in json.loads(paper_table(runs, format="json"))[0]["rows"]}
    assert rows["leaky"]["leaked_tracks"] == dict.fromkeys(TRACKS[:2], "dsd100")
    assert rows["clean"]["leaked_tracks"] == {}
    lines = list(csv.DictReader(io.StringIO(paper_table(runs, format="csv"))))
    assert {(r["system"], r["n_leaked_tracks"]) for r in lines} == {("clean", "0"), ("leaky", "2")}
    print_leaderboard(runs)
    printed = capsys.readouterr().out
    assert "leaky leak " in printed
    assert "leak: leaky was trained on dsd100" in printed
    with pytest.raises(DataError, match="leaky was trained on dsd100, which holds 2 of the 3 tracks; leave"):
        refuse_leaks(runs)
    refuse_leaks(runs[:1])


def test_strict_refuses(make: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = musdb(make("leaky", SCORES), ("musdb18",))
    write_run(tmp_path / "runs/leaky", run.record, run.results)
    assert main(["table", str(tmp_path / "runs")]) == 0
    assert "🔴 leak" in capsys.readouterr().out
    assert main(["table", str(tmp_path / "runs"), "--strict"]) == 2
    assert "holds 3 of the 3 tracks" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "runs"), "--strict", "--out", str(tmp_path / "out")]) == 2
    assert main(["report", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert 'class="badge leak"' in page
    assert "leaky was trained on musdb18, which holds 3 of the 3 tracks" in page


def test_every_headline_has_the_one_without_defects_beside_it(
    make: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run = musdb(make("one", SCORES))
    stems = ("vocals", "drums", "bass", "other")  # a mixture that is no sum affects all of them
    assert set(affected_cells(run)) == {
        *((TRACKS[1], t) for t in ("vocals", "other", "accompaniment")),
        *((TRACKS[2], t) for t in (*stems, "accompaniment")),
    }
    (board,) = boards([run])
    assert (board.rows[0].cells["vocals"].score, board.rows[0].clean["vocals"].score) == (1.0, 5.0)
    assert (board.rows[0].cells["mean"].n_tracks, board.rows[0].clean["mean"].n_tracks) == (3, 1)
    text = paper_table([run])
    assert "1.00 (5.00)" in text
    assert "In round brackets: without the 8 cells of known defects" in text
    scores = json.loads(paper_table([run], format="json"))[0]["rows"][0]["scores"]
    assert scores[0]["without_errata"] == {"score": 5.0, "status": "ok", "n_tracks": 1}
    print_leaderboard([run])
    assert "1.00 (5.00)" in capsys.readouterr().out


def test_sound_data_has_no_brackets(make: MakeRun) -> None:
    run = make("one", {"a": even(1.0)})
    assert boards([run])[0].rows[0].clean == {}
    assert "In round brackets" not in paper_table([run])


def test_a_manifest_that_is_invalid_is_not_called_missing(make: MakeRun, tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    record = make("one", SCORES).record
    for text, reason in (
        ("schema = 2\n", "…/manifest.toml: is no valid manifest; run `svbench check` on it for the reason"),
        ("schema = \n", "…/manifest.toml: is no valid manifest; run `svbench check` on it for the reason"),
        (None, "the manifest of mine is not here"),
    ):
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        data = msgspec.structs.replace(record.data, id="mine", manifest=str(path))
        run = Run(tmp_path, msgspec.structs.replace(record, data=data), ())
        note = footnotes([run])[0]
        assert note.startswith(f"Known defects of the tracks of mine could not be looked up: {reason}")


def test_a_note_names_a_manifest_of_another_version(make: MakeRun) -> None:
    run = musdb(make("one", SCORES))
    data = msgspec.structs.replace(run.record.data, version="0")
    old = Run(run.path, msgspec.structs.replace(run.record, data=data), run.results)
    assert affected_cells(old) == {}
    assert footnotes([old]) == [
        "Measured on version 0 of musdb18-hq, its manifest here is version 1: known defects were not looked up."
    ]


def test_training_data_is_only_looked_up_for_the_tracks_measured(make: MakeRun) -> None:
    run = musdb(make("one", {"PR - Oh No": SCORES["PR - Oh No"]}), ("dsd100",))
    assert overlap_of(run).tracks == {}


def test_fewer_scored_tracks_take_no_rank(make: MakeRun) -> None:
    whole = make("whole", {t: even(1.0) for t in "abc"})
    undefined = make("half", {t: even(9.0) for t in "abc"})
    results = list(undefined.results)
    series = [msgspec.structs.replace(s, score=[None], status=["undefined"]) for s in results[0].series]
    results[0] = msgspec.structs.replace(results[0], series=tuple(series))
    half = Run(undefined.path, undefined.record, tuple(results))
    (board,) = boards([whole, half])
    assert [(r.run.record.system.id, r.rank) for r in board.rows] == [("whole", 1), ("half", None)]


def test_run_refuses_leaks_when_strict_and_reports_them_otherwise(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = tmp_path / "taught.toml"
    system.write_text(
        'schema = 1\nid = "taught"\ntitle = "T"\nadapter = "mixture"\ntraining_data = ["folder"]\n'
    )
    words = [
        "run",
        "mdx21",
        "--data",
        f"folder={small_folder}",
        "--track",
        "track 0",
        "--system",
        str(system),
    ]
    words += ["--out", str(tmp_path / "runs"), "--workers", "1"]
    assert main([*words, "--strict"]) == 2
    assert "taught was trained on folder, which holds 1 of the 1 tracks" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert main([*words, "--json"]) == 0
    (printed,) = json.loads(capsys.readouterr().out)
    assert printed["leaked_tracks"] == {"track 0": "folder"}
    assert (printed["errata"], printed["summaries_without_errata"]) == ([], [])


def test_what_was_left_out_is_counted_in_every_table(
    make: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make("net", SCORES)
    extra = tuple(f"bonus {i}: not in the manifest" for i in range(7))
    data = msgspec.structs.replace(run.record.data, left_out=extra)
    run = Run(tmp_path / "run", msgspec.structs.replace(run.record, data=data), run.results)
    sentence = "Left out: 7 (bonus 0: not in the manifest; "
    print_leaderboard([run])
    told = " ".join(capsys.readouterr().out.split())
    pages = [told, cost_table([run])]
    pages += [paper_table([run], format=f) for f in ("markdown", "latex", "html", "json")]
    pages += [write_report([run], load_report("default"), tmp_path / "report").read_text(encoding="utf-8")]
    for page in pages:
        assert sentence in page
        assert "and 2 more" in page
    assert {r["n_left_out"] for r in csv.DictReader(io.StringIO(paper_table([run], format="csv")))} == {"7"}
