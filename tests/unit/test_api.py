"""The Python API: what a user of `import svbench` sees."""

from __future__ import annotations

import doctest
import functools
import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import svbench
from svbench.api.inputs import located_data
from svbench.datasets.synthetic import synthetic_track, write_folder
from svbench.errors import DataError, SpecError, SvbenchError, UnknownNameError
from svbench.results.aggregate import track_scores
from svbench.results.store import slug
from svbench.systems.api import Context
from svbench.systems.baselines import HarmonicPercussive
from svbench.systems.in_process import CALLABLE, NOTE, callable_system

ROOT = Path(__file__).parents[2]
STEMS = ("vocals", "drums", "bass", "other")


def half(mixture: svbench.Audio) -> dict[str, np.ndarray]:
    return {"vocals": mixture.samples / 2, "accompaniment": mixture.samples / 2}


def quick(system: Any, data: Any, protocol: Any = "mdx21", **more: Any) -> svbench.Results:
    return svbench.evaluate(system, data, protocol, workers=1, **more)


@pytest.fixture(scope="module")
def results(small_folder: Path) -> svbench.Results:
    return quick([half, "mixture", "irm1"], small_folder)


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for name in svbench.__all__:
        assert getattr(svbench, name) is not None
        assert name == "__version__" or f"`{name}" in page, f"{name} is not in docs/api.md"
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        svbench.evaluat  # noqa: B018


def test_results_in_memory_leave_no_folder(small_folder: Path) -> None:
    results = quick(half, small_folder)
    folder = results[0].path.parent
    assert folder.is_dir()
    run = results[0]
    del results
    gc.collect()
    assert not folder.exists()
    assert len(run.frame()) == 6  # what was read stays


def test_a_failed_call_leaves_no_folder(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def stop(step: svbench.Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(half, small_folder, progress=stop)
    assert not list(tmp_path.iterdir())


def test_scores_of_a_function_equal_those_of_its_adapter(small_folder: Path, tmp_path: Path) -> None:
    """Also where the system works at a rate of its own, so that its estimates are resampled."""
    (tmp_path / "mine.py").write_text(
        "from svbench.audio import Audio\n"
        "def factory():\n"
        "    def split(mixture):\n"
        "        vocals = mixture.samples.mean(axis=1, keepdims=True).repeat(2, axis=1)\n"
        "        parts = {'vocals': vocals, 'accompaniment': mixture.samples - vocals}\n"
        "        return {target: Audio(samples, mixture.rate_hz) for target, samples in parts.items()}\n"
        "    return split\n"
    )
    (tmp_path / "mine.toml").write_text(
        'schema = 1\nid = "mine"\ntitle = "Mine"\nadapter = "python"\ntraining_data = []\n'
        '[parameters]\nfactory = "mine.py:factory"\ntargets = ["vocals", "accompaniment"]\nrate_hz = 8000\n'
    )
    names: dict[str, Any] = {}
    exec((tmp_path / "mine.py").read_text(), names)
    split = names["factory"]()
    split.rate_hz = 8000
    hpss = HarmonicPercussive({}, Context("hpss", tmp_path, STEMS)).separate
    for function, system, protocol in [(split, tmp_path / "mine.toml", "mdx21"), (hpss, "hpss", "sisec18")]:
        mine, theirs = quick([function, system], small_folder, protocol)
        assert (mine.record.system.adapter, mine.failed, theirs.failed) == (CALLABLE, (), ())
        assert [r.series for r in mine.results] == [r.series for r in theirs.results]
        assert [r.estimate_digests for r in mine.results] == [r.estimate_digests for r in theirs.results]


def test_the_record_says_that_a_function_was_not_isolated(results: svbench.Results) -> None:
    record = results[0].record
    assert (record.system.id, record.system.adapter, record.system_folder) == ("half", CALLABLE, "")
    assert NOTE in results[0].results[0].notes
    assert record.provenance[0].command == ("svbench.evaluate",)
    assert "limits of half: none" in record.provenance[0].arguments["limits"]
    assert results[1].record.system.adapter == "mixture"


def test_a_function_is_measured_anew_by_every_call(small_folder: Path, tmp_path: Path) -> None:
    gain = 0.5

    def scaled(mixture: svbench.Audio) -> dict[str, np.ndarray]:
        return dict.fromkeys(("vocals", "accompaniment"), gain * mixture.samples)

    first = quick(scaled, small_folder, out=tmp_path)
    gain = 0.25
    second = quick(scaled, small_folder, out=tmp_path)
    assert first[0].path != second[0].path
    assert first.summary()["score"].iloc[0] != second.summary()["score"].iloc[0]
    assert len(svbench.load_runs(tmp_path)) == 1  # the newest, by the second
    assert len(svbench.load_runs(tmp_path, all_versions=True)) == 2
    with pytest.raises(DataError, match=r"call svbench\.evaluate with the function again"):
        svbench.rerun(first[0], tmp_path / "again", trust=True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda m: 1 / 0, "separating raised ZeroDivisionError: division by zero"),
        (lambda m: m.samples, "returned ndarray, expected a dict of target to array"),
        (lambda m: {"vocals": [0.0]}, "estimate of 'vocals' is list, expected a NumPy array"),
        (lambda m: {"vocals": m.samples.T}, "transpose it, so that samples come first"),
        (lambda m: {"vocals": m.samples * np.nan}, "gave unusable audio"),
        (lambda m: {"vocals": m.samples}, "gives vocals; mdx21 scores other targets"),
        (lambda m: {}, "gives nothing; mdx21 scores other targets"),
    ],
)
def test_what_a_function_does_wrong_is_a_failed_row(
    small_folder: Path, tmp_path: Path, answer: Any, reason: str
) -> None:
    results = quick(answer, small_folder, out=tmp_path, tracks=["track 0"], name="wrong")
    assert list(results.failed) == ["wrong, mdx21, track 0"]
    assert reason in results.failed["wrong, mdx21, track 0"]
    assert results.summary()["status"].unique().tolist() == ["failed"]


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("rate_hz", 16000.0, "rate_hz must be a positive whole number of Hz, found 16000.0"),
        ("targets", "vocals", "targets must be a list of names, found 'vocals'"),
    ],
)
def test_wrong_attributes_of_a_function(
    small_folder: Path, tmp_path: Path, attribute: str, value: object, reason: str
) -> None:
    function = functools.partial(half)
    setattr(function, attribute, value)
    results = quick(function, small_folder, out=tmp_path, tracks="track 0", name="f")
    assert results.failed == {"f, mdx21, track 0": reason}


def test_the_log_of_a_function_that_raised_is_kept(small_folder: Path, tmp_path: Path) -> None:
    run = quick(lambda m: 1 / 0, small_folder, out=tmp_path, tracks=["track 0"])[0]
    assert "ZeroDivisionError" in (run.path / run.results[0].log).read_text()


def test_mono_arrays_and_other_names_of_targets(tmp_path: Path) -> None:
    write_folder(tmp_path / "music", {"one": synthetic_track(1, duration_s=1, rate_hz=8000, n_channels=1)})
    function = callable_system(lambda m: {"vocals": m.samples[:, 0], "no_vocals": m.samples[:, 0]}, "a b/c")
    results = quick(function, tmp_path / "music")
    assert results[0].record.system.id == "a-b-c"
    assert "no_vocals read as accompaniment" in results[0].results[0].notes
    assert set(results.summary()["target"]) == {"vocals", "accompaniment", "mean"}


def test_protocols_with_limits_refuse_functions(small_folder: Path) -> None:
    with pytest.raises(SpecError, match=r'limits: cannot be enforced on half.*adapter = "python"'):
        quick(half, small_folder, "mdx21-round1")


def test_several_systems_and_protocols_are_separated_once(small_folder: Path, tmp_path: Path) -> None:
    steps: list[svbench.Step] = []
    options = {"out": tmp_path, "tracks": ["track 1"], "progress": steps.append, "keep_estimates": True}
    results = quick(["hpss", "mixture"], small_folder, ["mdx21", svbench.load_protocol("si-sdr")], **options)
    ids = [(r.record.system.id, r.record.protocol.id) for r in results]
    assert ids == [("hpss", "mdx21"), ("hpss", "si-sdr"), ("mixture", "mdx21"), ("mixture", "si-sdr")]
    assert {s.total for s in steps} == {4}
    assert steps[0].text == ""
    assert steps[0].messages[0].startswith("limits: ")
    assert [s.text for s in steps[1:3]] == ["mdx21 · hpss · track 1", "si-sdr · hpss · track 1"]
    steps.clear()
    again = quick(["hpss", "mixture"], small_folder, ["mdx21", "si-sdr"], **options)
    assert all(s.text.endswith("(kept)") and not s.is_new for s in steps[1:])
    assert again.summary().equals(results.summary())


def test_data_as_a_string_a_path_and_a_data_set(small_folder: Path) -> None:
    manifest = svbench.load_manifest("folder")
    dataset = svbench.open_dataset(manifest, small_folder)
    scores = [
        quick("mixture", given, tracks=["track 0"]).summary()["score"].tolist()
        for given in (small_folder, str(small_folder), f"folder={small_folder}", dataset)
    ]
    assert scores == [scores[0]] * 4
    assert located_data("demo")[0] == "everything-is-free-demo"


def test_a_script_without_a_main_guard_runs_once(small_folder: Path, tmp_path: Path) -> None:
    """Scoring processes are spawned; they must not import the caller's script again."""
    script = tmp_path / "train.py"
    script.write_text(
        "import svbench\nprint('epoch')\n"
        "def net(m):\n    return {'vocals': m.samples, 'accompaniment': m.samples}\n"
        f"print(svbench.evaluate(net, {str(small_folder)!r}, 'mdx21', workers=2))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "epoch\nResults(1 run: net under mdx21, 3 of 3 tracks)\n", done.stderr


def test_errors_are_in_plain_words(small_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown system 'hpsss'.*did you mean 'hpss'"):
        quick("hpsss", small_folder)
    with pytest.raises(UnknownNameError, match="unknown protocol"):
        quick("hpss", small_folder, "mdx")
    with pytest.raises(UnknownNameError, match="unknown track 'x'"):
        quick("hpss", small_folder, tracks=["x"])
    with pytest.raises(
        SpecError, match=r"data: expected MANIFEST=PATH .*, a folder or demo, found 'nowhere'"
    ):
        quick("hpss", "nowhere")
    with pytest.raises(SpecError, match="data: /nowhere: no such folder"):
        quick("hpss", Path("/nowhere"))
    with pytest.raises(SpecError, match="system: expected an id, a system file or a function, found 3"):
        quick(3, small_folder)
    with pytest.raises(SpecError, match="system: the list is empty"):
        quick([], small_folder)
    with pytest.raises(SpecError, match="rate_hz: is needed for arrays"):
        svbench.score({}, {}, "mdx21")  # type: ignore[call-overload]
    with pytest.raises(DataError, match=r"no run\.json in it or in its folders"):
        svbench.load_runs(tmp_path)
    with pytest.raises(SvbenchError, match="trust=True in Python"):
        svbench.rerun(quick("mixture", small_folder)[0])


def test_leaks_are_refused_before_anything_is_separated(small_folder: Path) -> None:
    def leaky(mixture: svbench.Audio) -> dict[str, np.ndarray]:
        raise AssertionError("was called")

    leaky.training_data = ["folder"]  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="leaky was trained on folder, which holds 3 of the 3 tracks"):
        quick(leaky, small_folder, strict=True)


# ----------------------------------------------------------------------------------------- Results and Run


def test_results_are_a_sequence(results: svbench.Results) -> None:
    assert len(results) == 3
    assert [r.record.system.id for r in results] == ["half", "mixture", "irm1"]
    assert isinstance(results[1:], svbench.Results)
    assert isinstance(results[0], svbench.Run)
    assert repr(results[:1]) == "Results(1 run: half under mdx21, 3 of 3 tracks)"
    assert repr(results[0]) == "Run(half under mdx21, 3 of 3 tracks)"
    assert repr(results).count("\n") == 0
    assert repr(results[:0]) == "Results(no run)"
    with pytest.raises(DataError, match="there is no run"):
        results[:0].summary()


def test_frame_is_the_long_table(results: svbench.Results) -> None:
    assert results.frame().equals(svbench.long_table(results))
    assert set(results[0].frame()["system"]) == {"half"}


def test_summary_has_the_numbers_of_the_leaderboard(results: svbench.Results) -> None:
    table = results.summary()
    board = table[table["target_set"] == "vocals-accompaniment"]
    assert board["system"].drop_duplicates().tolist() == ["half", "mixture", "irm1"]  # oracles come last
    assert board["rank"].drop_duplicates().tolist()[:2] == [1, 2]
    assert board[board["system"] == "irm1"]["rank"].isna().all()
    printed = {(s.target_set, s.target): s.score for s in svbench.summarise(results[1])}
    rows = table[table["system"] == "mixture"]
    assert {(r.target_set, r.target): r.score for r in rows.itertuples()} == pytest.approx(printed)
    assert (board["low"] <= board["score"]).all()
    assert (board["score"] <= board["high"]).all()
    assert results[1].summary()["score"].tolist() == rows["score"].tolist()
    with pytest.raises(UnknownNameError, match="unknown metric 'SIRR'"):
        results.summary("SIRR")


def test_summary_of_one_track_has_no_interval(small_folder: Path) -> None:
    table = quick(half, small_folder, tracks=["track 0"]).summary()
    assert table[["low", "high"]].isna().all(axis=None)
    assert table["score"].notna().all()


def test_summary_of_another_metric(small_runs: Path) -> None:
    table = svbench.load_runs(small_runs).summary("SIR")
    assert set(table["protocol"]) == {"sisec18"}
    assert set(table["metric"]) == {"SIR"}


def test_compare_gives_the_pairs_of_the_comparison(results: svbench.Results) -> None:
    pairs = results.compare(target_set="vocals-accompaniment")
    (comparison,) = svbench.compare(results, target_set="vocals-accompaniment")
    assert len(pairs) == len(comparison.pairs) == 1
    assert (pairs["first"][0], pairs["second"][0]) == ("half", "mixture")
    assert pairs["difference"][0] == comparison.pairs[0].value
    assert 0 < pairs["p"][0] <= pairs["p_holm"][0] <= 1
    assert results[0].compare(results[1]).equals(pairs)


def test_compare_refuses_runs_of_two_protocols(small_runs: Path) -> None:
    with pytest.raises(DataError, match="2 combinations of protocol and data"):
        svbench.load_runs(small_runs).compare()
    assert len(svbench.compare(small_runs, protocol="mdx21")) == 2
    with pytest.raises(DataError, match="no run of protocol 'x'; there are runs of mdx21, sisec18"):
        svbench.compare(small_runs, protocol="x")


def test_plot_draws_a_panel_for_each_board(results: svbench.Results, tmp_path: Path) -> None:
    figure = results.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["mdx21 · 4-stems", "mdx21 · vocals-accompaniment"]
    labels = [t.get_text() for t in figure.axes[-1].get_yticklabels()]
    assert labels == ["half", "mixture", "irm1"]
    assert "uSDR [dB], mean" in figure.axes[-1].get_xlabel()
    figure.savefig(tmp_path / "scores.png")
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_notebooks_show_a_small_table(results: svbench.Results) -> None:
    html = results._repr_html_()
    assert html.startswith("<table")
    for text in ("vocals-accompaniment", "irm1", "uSDR of mean", "["):
        assert text in html
    assert "irm1" not in results[0]._repr_html_()


def test_names_in_the_html_table_are_escaped(small_folder: Path, tmp_path: Path) -> None:
    rule = svbench.load_protocol("mdx21")
    results = quick(half, small_folder, replace(rule, id="<b>&"))
    assert "<b>" not in results._repr_html_()
    assert "&lt;b&gt;&amp;" in results._repr_html_()


# ------------------------------------------------------------------------------------- the other use cases


def test_score_of_folders_and_of_arrays_agree(small_folder: Path, small_runs: Path, tmp_path: Path) -> None:
    made = next(r for r in svbench.load_runs(small_runs) if r.record.system.id == "hpss")
    run = svbench.score(small_folder, made.path / "estimates", "mdx21", name="mine", out=tmp_path, workers=1)
    assert run.path.parent == tmp_path
    assert run.record.system.id == "mine"
    folder = svbench.load_run(run.path)
    assert folder.summary().equals(run.summary())
    dataset = svbench.open_dataset(svbench.load_manifest("folder"), small_folder, tracks=["track 0"])
    references = {t: a.samples for t, a in dataset.tracks[0].references(STEMS).items()}
    estimates = {
        t: svbench.read_audio(made.path / "estimates" / slug("track 0") / f"{t}.wav").samples
        for t in references
    }
    arrays = {
        (s.target_set, s.target): s.score
        for s in svbench.score(references, estimates, "mdx21", rate_hz=dataset.tracks[0].rate_hz)
    }
    files = {(s.target_set, s.target): s.score for s in track_scores(run) if s.track == "track 0"}
    assert arrays == {key: pytest.approx(files[key], abs=1e-5) for key in arrays}


def test_tables_reports_and_boards_are_written_from_results(results: svbench.Results, tmp_path: Path) -> None:
    assert "half" in svbench.table(results, target_set="vocals-accompaniment")
    assert svbench.table(results, format="csv").startswith("target_set,system,kind")
    assert svbench.write_report(results, tmp_path / "report").name == "index.html"
    with pytest.raises(DataError, match="quoted rows need a layout"):
        svbench.table(results, published=[""])


def test_write_board(small_runs: Path, tmp_path: Path) -> None:
    site = svbench.write_board([f"lab={small_runs}"], tmp_path / "board", protocol="mdx21")
    assert site.page.is_file()
    assert site.conflicts == []
    assert {e.run.record.system.id for board in site.boards for e in board} == {"mixture", "hpss", "irm1"}


def test_gate(small_runs: Path) -> None:
    runs = {r.record.system.id: r for r in svbench.load_runs(small_runs, protocol="mdx21")}
    assert svbench.gate(runs["hpss"], runs["hpss"].path).passes
    assert not svbench.gate(runs["irm1"], runs["mixture"]).passes
    with pytest.raises(DataError, match="holds 6 runs; name one of them"):
        svbench.gate(runs["hpss"], small_runs)


def test_crosscheck_scores(small_runs: Path, small_folder: Path) -> None:
    run = svbench.load_runs(small_runs, protocol="mdx21")[0]
    checked = svbench.crosscheck_scores(run)
    assert checked.crosscheck.agrees(1e-5)
    with pytest.raises(SpecError, match="protocol: cannot be given for a run"):
        svbench.crosscheck_scores(run, protocol="mdx21")


def test_rerun_gives_the_same_scores(small_runs: Path, tmp_path: Path) -> None:
    before = svbench.load_runs(small_runs, protocol="mdx21")[0]
    after = svbench.rerun(before, tmp_path, trust=True, workers=1)
    assert [r.series for r in after.results] == [r.series for r in before.results]


def test_sweep_and_repeat(small_folder: Path, tmp_path: Path) -> None:
    options = {"tracks": ["track 0"], "out": tmp_path, "workers": 1}
    swept = svbench.sweep("hpss", ["length=9,17"], small_folder, "mdx21", **options)  # type: ignore[arg-type]
    assert [p.values for p in swept.sweep.points] == [{"length": 9}, {"length": 17}]
    assert {p.name for p in swept.folder.iterdir()} == {"sweep.json", "sweep.csv", "sweep.svg"}
    repeated, failed = svbench.repeat(["hpss"], small_folder, "mdx21", n_tracks=1)
    assert (repeated[0].is_equal, failed) == (True, {})


def test_profile_and_lookahead(tmp_path: Path) -> None:
    cost = svbench.profile(
        "centre", seconds=[0.5], repeats=1, threads=[1], out=tmp_path / "profiles/centre.json"
    )
    assert cost.system.id == "centre"
    assert (tmp_path / "profiles/centre.json").is_file()
    (found,) = svbench.lookahead(["mixture"], duration_s=1.0)
    assert (found["failed"], found["lookahead"].lookahead_samples) == (False, 0)
    with pytest.raises(SpecError, match=r"duration_s: is 0\.5; it must be at least 1 s"):
        svbench.lookahead(["mixture"], duration_s=0.5)


def test_the_page_of_the_api_shows_real_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, n_examples = doctest.testfile(str(ROOT / "docs/api.md"), module_relative=False)
    assert (failed, n_examples > 15) == (0, True)
    assert (tmp_path / "scores.png").is_file()
