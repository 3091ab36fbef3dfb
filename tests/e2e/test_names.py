"""Folders as people have them: two stems, other names, absent stems, stray files, wrong mixtures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from svbench.audio import Audio, write_audio
from svbench.cli.main import main
from svbench.datasets.api import open_dataset
from svbench.errors import DataError
from svbench.results.store import slug
from svbench.specs.manifest import load_manifest

RATE = 8000
STEMS = ("vocals", "drums", "bass", "other")
REST = STEMS[1:]
Signals = Mapping[str, np.ndarray]
Printed = Callable[..., dict[str, object]]


def track(seed: int) -> dict[str, np.ndarray]:
    """Draw four stems of 16 bits, and their accompaniment."""
    random = np.random.default_rng(seed)
    found = {s: np.round(random.uniform(-0.2, 0.2, (RATE, 2)) * 2**15) / 2**15 for s in STEMS}
    return {**found, "accompaniment": np.sum([found[s] for s in REST], axis=0)}


ONE, TWO = track(1), track(2)


def write(folder: Path, signals: Signals, subtype: str = "PCM_16") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in signals.items():
        write_audio(folder / f"{name}.wav", Audio(samples, RATE), subtype=subtype)


def estimates(root: Path, names: Mapping[str, Mapping[str, str]]) -> None:
    """Write nine tenths of references (20 dB), by track and by what the files are called."""
    for name, files in names.items():
        signals = {"one": ONE, "two": TWO}[name]
        write(root / name, {f: 0.9 * signals[t] for f, t in files.items()}, "FLOAT")


def folder_system(root: Path) -> str:
    path = root.with_suffix(".toml")
    path.write_text(
        f'schema = 1\nid = "{root.name}"\ntitle = "t"\nadapter = "folder"\ntraining_data = ["unknown"]\n'
        f'parameters = {{ root = "{root}" }}\n'
    )
    return str(path)


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Global SDR as mdx21 defines it."""
    error = np.sum((reference - estimate) ** 2)
    return float(10 * np.log10((np.sum(reference**2) + 1e-7) / (error + 1e-7)))


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Run a command with --json and return what it printed, its exit code and stderr among it."""

    def call(verb: str, *words: object, system: str = "") -> dict[str, object]:
        where = ["--system", system, "--out", str(tmp_path / "runs")] if system else []
        capsys.readouterr()
        code = main([verb, *map(str, words), *where, "--json", "--workers", "1"])
        out, err = capsys.readouterr()
        assert code in (0, 3), err
        found = json.loads(out)
        return {**(found[0] if verb == "run" else found), "code": code, "stderr": err}

    return call


def scores(found: Mapping[str, object]) -> dict[tuple[str, str], float | None]:
    rows: list[dict[str, object]] = found["summaries"]  # type: ignore[assignment]
    return {(r["target_set"], r["target"]): r["score"] for r in rows}  # type: ignore[misc]


PAIR = "vocals-accompaniment"
HIDDEN = "target set 4-stems: drums, bass, other not known, since accompaniment may hold them"


@pytest.mark.parametrize("name", ["accompaniment", "Instrumental", "no_vocals", "instrum", "backing"])
def test_two_stems_are_scored_as_what_they_are(tmp_path: Path, printed: Printed, name: str) -> None:
    for folder, signals in {"one": ONE, "two": TWO}.items():
        write(tmp_path / f"d/{folder}", {"vocals": signals["vocals"], name: signals["accompaniment"]})
    found = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system="mixture")
    # The mixture as the estimate of each: the error is the other one.
    expected = {
        (PAIR, target): np.mean([usdr(s[target], s["vocals"] + s["accompaniment"]) for s in (ONE, TWO)])
        for target in ("vocals", "accompaniment")
    }
    got = scores(found)
    assert {key: got[key] for key in expected} == pytest.approx(expected, abs=1e-6)
    assert {s for s, _ in got} == {PAIR}
    assert found["left_out"] == [HIDDEN]
    assert found["read_as"] == (
        [] if name == "accompaniment" else [f"{name}.wav read as accompaniment in 2 tracks"]
    )


def test_run_and_score_agree_on_two_stems(tmp_path: Path, printed: Printed) -> None:
    write(tmp_path / "d/one", {"vocals": ONE["vocals"], "instrumental": ONE["accompaniment"]})
    write(tmp_path / "d/two", {s: TWO[s] for s in STEMS})
    files = {"Vocals": "vocals", "no_vocals": "accompaniment"}
    estimates(tmp_path / "e", {"one": files, "two": {**{s: s for s in STEMS}}})
    run = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system=folder_system(tmp_path / "e"))
    score = printed("score", tmp_path / "d", tmp_path / "e", "--protocol", "mdx21")
    assert scores(run) == scores(score)
    assert {r["n_tracks"] for r in run["summaries"] if r["target_set"] == "4-stems"} == {1}
    assert {r["n_tracks"] for r in run["summaries"] if r["target_set"] == PAIR} == {2}
    assert scores(run) == pytest.approx(dict.fromkeys(scores(run), 20), abs=1e-3)
    told = "target set 4-stems of 1 of 2 tracks (the first is one): drums, bass, other not known, since "
    assert told + "accompaniment may hold them" in run["left_out"]
    assert told + "accompaniment may hold them" in score["left_out"]
    rows = [r for r in score["tracks"] if (r["track"], r["target_set"]) == ("one", "4-stems")]
    assert {r["status"] for r in rows} == {"unknown"}
    assert "names: estimate no_vocals.wav read as accompaniment in 1 track" in str(score["stderr"])
    assert "names: reference instrumental.wav read as accompaniment in 1 track" in str(score["stderr"])


@pytest.mark.parametrize("system", ["irm1", "mwf"])
def test_an_oracle_takes_the_accompaniment_whole(tmp_path: Path, printed: Printed, system: str) -> None:
    write(tmp_path / "two/one", {t: ONE[t] for t in ("vocals", "accompaniment")})
    write(tmp_path / "four/one", {t: ONE[t] for t in ("vocals", "drums")})
    write(tmp_path / "pair/one", {"vocals": ONE["vocals"], "accompaniment": ONE["drums"]})
    found = scores(printed("run", "mdx21", "--data", f"folder={tmp_path / 'two'}", system=system))
    assert found[PAIR, "accompaniment"] is not None
    assert found[PAIR, "accompaniment"] > usdr(ONE["accompaniment"], ONE["accompaniment"] + ONE["vocals"])
    four, pair = (
        scores(printed("run", "mdx21", "--data", f"folder={tmp_path / d}", system=system))
        for d in ("four", "pair")
    )
    # Drums alone are the same accompaniment whatever their file is called.
    assert pair[PAIR, "accompaniment"] == pytest.approx(four[PAIR, "accompaniment"])


def test_what_lies_in_the_accompaniment_is_not_added_twice(tmp_path: Path, printed: Printed) -> None:
    write(tmp_path / "d/one", {t: ONE[t] for t in ("vocals", "accompaniment", "drums")})
    write(tmp_path / "d/two", {t: TWO[t] for t in (*STEMS, "accompaniment")})
    tracks = open_dataset(load_manifest("folder"), tmp_path / "d").tracks
    for found, signals in zip(tracks, (ONE, TWO), strict=True):
        np.testing.assert_array_equal(found.mixture().samples, signals["vocals"] + signals["accompaniment"])
        reference = found.reference("accompaniment")
        assert reference is not None
        np.testing.assert_array_equal(reference.samples, signals["accompaniment"])
    assert [t.knows("bass") for t in tracks] == [False, True]
    assert tracks[0].unknown_stems == ("bass", "other")
    found = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system="mixture")
    assert found["data_notes"] == []
    write(tmp_path / "d/two", {"accompaniment": TWO["drums"]})
    found = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system="mixture")
    (note,) = found["data_notes"]
    assert note.startswith("two: accompaniment differs from the sum of drums, bass, other by")
    assert main(["verify", f"folder={tmp_path / 'd'}"]) == 1


def test_manifests_of_two_stems(tmp_path: Path) -> None:
    write(tmp_path / "d/one", {"Vocals": ONE["vocals"], "instrumental": ONE["accompaniment"]})
    assert main(["manifest", "make", str(tmp_path / "d"), "--out", str(tmp_path / "pair")]) == 0
    head = load_manifest(str(tmp_path / "pair")).head
    assert (head.stems, head.mixture.source) == (("vocals", "accompaniment"), "sum")
    write(tmp_path / "d/two", {s: TWO[s] for s in STEMS})
    assert main(["manifest", "make", str(tmp_path / "d"), "--out", str(tmp_path / "both")]) == 0
    manifest = load_manifest(str(tmp_path / "both"))
    assert manifest.head.stems == STEMS
    assert manifest.head.targets["accompaniment"] == REST
    assert [t.knows("drums") for t in open_dataset(manifest, tmp_path / "d").tracks] == [False, True]
    assert main(["verify", f"{tmp_path / 'both'}={tmp_path / 'd'}"]) == 0
    own = (tmp_path / "pair/manifest.toml").read_text().replace('"accompaniment"', '"instrumental"')
    (tmp_path / "pair/manifest.toml").write_text(own)
    (tmp_path / "pair/files.csv").unlink()
    (found,) = open_dataset(load_manifest(str(tmp_path / "pair")), tmp_path / "d").tracks
    assert sorted(found.stems) == ["instrumental", "vocals"]


def test_a_stray_file_beside_a_summed_mixture_is_refused(tmp_path: Path, printed: Printed) -> None:
    write(tmp_path / "d/one", {**{s: ONE[s] for s in STEMS}, "guitar": TWO["other"]})
    sentence = r"one: guitar.wav belongs to no stem, and the mixture is the sum .* `svbench manifest make`"
    with pytest.raises(DataError, match=sentence):
        open_dataset(load_manifest("folder"), tmp_path / "d")
    estimates(tmp_path / "e", {"one": {s: s for s in STEMS}})
    assert main(["score", str(tmp_path / "d"), str(tmp_path / "e"), "--protocol", "mdx21"]) == 2
    assert main(["verify", f"folder={tmp_path / 'd'}"]) == 1
    # With a mixture that holds it, it is a note, and the mixture's difference a warning.
    write(tmp_path / "d/one", {"mixture": np.sum([*(ONE[s] for s in STEMS), TWO["other"]], axis=0)})
    found = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system="mixture")
    assert found["left_out"] == ["one: guitar.wav belongs to no stem"]
    (note,) = found["data_notes"]
    assert note.startswith("one: mixture differs from the sum of stems by")
    again = printed("score", tmp_path / "d", tmp_path / "e", "--protocol", "mdx21")
    assert again["data_notes"] == [note]


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("protocol", ["mdx21", "sisec18"])
def test_a_track_without_bass_on_both_sides(
    tmp_path: Path, printed: Printed, silent: bool, protocol: str
) -> None:
    write(tmp_path / "d/one", {s: ONE[s] for s in STEMS})
    write(tmp_path / "d/two", {s: TWO[s] for s in STEMS if s != "bass"})
    if silent:
        write(tmp_path / "d/two", {"bass": np.zeros_like(TWO["bass"])})
    here = {s: s for s in STEMS if s != "bass"}
    estimates(tmp_path / "e", {"one": {s: s for s in STEMS}, "two": here})
    run = printed("run", protocol, "--data", f"folder={tmp_path / 'd'}", system=folder_system(tmp_path / "e"))
    score = printed("score", tmp_path / "d", tmp_path / "e", "--protocol", protocol)
    assert scores(run) == scores(score)
    if silent and protocol == "mdx21":  # which scores silence, so that an estimate of it is wanted
        assert run["failed"] == {"two": "no estimate of bass; found vocals, drums, other"}
        assert score["failed"] == run["failed"]
        return
    assert (run["code"], score["code"]) == (0, 0)
    headline = {"mdx21": "uSDR", "sisec18": "SDR"}[protocol]
    counts = {
        (r["target_set"], r["target"]): r["n_tracks"] for r in run["summaries"] if r["metric"] == headline
    }
    assert counts["4-stems", "bass"] == 1
    assert counts["4-stems", "drums"] == counts[PAIR, "accompaniment"] == 2
    got = {(r["target_set"], r["target"]): r["score"] for r in run["summaries"] if r["metric"] == headline}
    assert got == pytest.approx(dict.fromkeys(got, 20), abs=1e-3)


def test_an_estimate_that_lacks_fails_on_its_track_alone(tmp_path: Path, printed: Printed) -> None:
    for name, signals in {"one": ONE, "two": TWO}.items():
        write(tmp_path / f"d/{name}", {s: signals[s] for s in STEMS})
    estimates(tmp_path / "e", {"one": {s: s for s in STEMS}, "two": {s: s for s in STEMS if s != "bass"}})
    run = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system=folder_system(tmp_path / "e"))
    score = printed("score", tmp_path / "d", tmp_path / "e", "--protocol", "mdx21")
    assert run["failed"] == {"two": "no estimate of bass, accompaniment; found vocals, drums, other"}
    assert run["failed"] == score["failed"]
    assert scores(run) == scores(score) == pytest.approx(dict.fromkeys(scores(run), 20), abs=1e-3)


def test_foreign_folders_among_estimates(tmp_path: Path, printed: Printed) -> None:
    for name, signals in {"one": ONE, "two": TWO}.items():
        write(tmp_path / f"d/{name}", {s: signals[s] for s in STEMS})
    estimates(tmp_path / "e", {name: {s: s for s in STEMS} for name in ("one", "two")})
    for hidden in ("__MACOSX/one", ".@__thumb/one", "@eaDir/one", ".ipynb_checkpoints"):
        write(tmp_path / "e" / hidden, {"._vocals": ONE["drums"], "vocals": ONE["drums"]})
        write(tmp_path / "d" / hidden, {"vocals": ONE["drums"]})
    write(tmp_path / "e/my demo", {"vocals": ONE["drums"]})
    run = printed("run", "mdx21", "--data", f"folder={tmp_path / 'd'}", system=folder_system(tmp_path / "e"))
    score = printed("score", tmp_path / "d", tmp_path / "e", "--protocol", "mdx21")
    assert (run["code"], score["code"], run["left_out"]) == (0, 0, [])
    assert scores(run) == scores(score) == pytest.approx(dict.fromkeys(scores(run), 20), abs=1e-3)
    assert score["left_out"] == ["my demo: no reference has this name"]


def test_kept_estimates_are_found_by_the_name_of_the_track(tmp_path: Path, printed: Printed) -> None:
    for name, signals in {"a b": ONE, "ü": TWO}.items():
        write(tmp_path / f"d/{name}", {s: signals[s] for s in STEMS})
    data = ["--data", f"folder={tmp_path / 'd'}"]
    kept = Path(str(printed("run", "mdx21", *data, "--keep-estimates", system="hpss")["run"])) / "estimates"
    assert {p.name for p in kept.iterdir()} == {slug("a b"), slug("ü")}
    moved = tmp_path / "moved"
    shutil.copytree(kept, moved)
    score = printed("score", tmp_path / "d", moved, "--protocol", "msst")
    run = printed("run", "msst", *data, system=folder_system(moved))
    assert (score["code"], run["code"], scores(run)) == (0, 0, scores(score))


def test_left_out_is_what_is_left_out_now(tmp_path: Path, printed: Printed) -> None:
    write(tmp_path / "d/one", {s: ONE[s] for s in STEMS})
    words = ("run", "mdx21", "--data", f"folder={tmp_path / 'd'}")
    found = printed(*words, system="mixture")
    path = Path(str(found["run"])) / "run.json"
    before = json.loads(path.read_text())
    (tmp_path / "d/two").mkdir()
    (told,) = printed(*words, system="mixture")["left_out"]
    assert told.startswith("two: no audio file")
    after = json.loads(path.read_text())
    assert after["data"]["left_out"] == [told]
    assert {**after, "data": {**after["data"], "left_out": []}} == before
    (tmp_path / "d/two").rmdir()
    assert printed(*words, system="mixture")["left_out"] == []
    assert json.loads(path.read_text()) == before


@pytest.mark.parametrize("protocol", ["mdx21", "sisec18", "sisec18-22k", "bsrnn-amanteur", "kuielab"])
def test_a_wrong_mixture_is_reported_by_its_measure(
    tmp_path: Path, printed: Printed, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture = np.sum([ONE[s] for s in STEMS], axis=0)
    wrong = mixture + 0.01 * TWO["vocals"]
    write(tmp_path / "d/one", {**{s: ONE[s] for s in STEMS}, "mixture": wrong}, "FLOAT")
    write(tmp_path / "d/two", {**{s: TWO[s] for s in STEMS}})
    found = printed("run", protocol, "--data", f"folder={tmp_path / 'd'}", system="mixture")
    relative = np.sqrt(np.sum((wrong - mixture) ** 2) / np.sum(wrong**2))
    sentence = f"mixture differs from the sum of stems by {relative:.3g} relative RMS, expected at most 0.001"
    assert found["data_notes"] == [f"one: {sentence}"]
    assert f"one: warning: {sentence}" in str(found["stderr"])
    main(["verify", f"folder={tmp_path / 'd'}"])
    assert f"{relative:.3g} relative RMS" in capsys.readouterr().out
    main(["table", str(tmp_path / "runs")])
    assert f"Wrong with the data: 1 (one: {sentence})" in capsys.readouterr().out


def test_vocals_alone_are_no_problem_of_two_targets(tmp_path: Path) -> None:
    write(tmp_path / "d/one", {"vocals": ONE["vocals"], "mixture": ONE["vocals"] + ONE["drums"]})
    words = ["run", "mdx21", "--data", f"folder={tmp_path / 'd'}", "--system", "mixture"]
    assert main([*words, "--out", str(tmp_path / "runs")]) == 2
