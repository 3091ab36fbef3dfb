"""Who vouches for a run, and what becomes of a run that was changed afterwards."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.errors import DataError, SpecError, SvbenchError
from svbench.results.folders import refuse_links_out
from svbench.results.seal import content_digest, new_key, read_keys, seal_run, vouchers
from svbench.results.store import load_run


@pytest.fixture
def run(small_runs: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "hpss"
    shutil.copytree(next(small_runs.glob("hpss--mdx21--*")), folder)
    return folder


def test_a_sealed_run_names_who_vouches_for_it(run: Path, tmp_path: Path) -> None:
    assert vouchers(run, {}) == ([], [])
    public = new_key(tmp_path / "keys/lab", "Lab of Tokyo")
    made = seal_run(run, tmp_path / "keys/lab")
    trusted = read_keys(tmp_path / "keys")
    assert trusted == read_keys(public) == {made.key: "Lab of Tokyo"}
    assert vouchers(run, trusted) == (["Lab of Tokyo"], [])
    assert vouchers(run, {}) == ([], [made.key[:8]])
    assert len(load_run(run).results) == 3


def test_several_may_vouch_and_each_once(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        new_key(tmp_path / name, name)
        seal_run(run, tmp_path / name)
    seal_run(run, tmp_path / "one")
    (tmp_path / "keys").write_text("".join((tmp_path / f"{n}.pub").read_text() for n in ("one", "two")))
    assert sorted(vouchers(run, read_keys(tmp_path / "keys"))[0]) == ["one", "two"]


@pytest.mark.parametrize("file", ["run.json", "tracks"])
def test_a_changed_run_is_no_unsigned_run(run: Path, tmp_path: Path, file: str) -> None:
    new_key(tmp_path / "key", "me")
    seal_run(run, tmp_path / "key")
    path = run / file if file == "run.json" else sorted((run / "tracks").iterdir())[0]
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(
        DataError, match=r"seal.json: does not match: the run was changed after it was sealed"
    ):
        load_run(run)
    with pytest.raises(DataError, match="does not match"):
        seal_run(run, tmp_path / "key")


def test_a_forged_signature_is_refused(run: Path, tmp_path: Path) -> None:
    new_key(tmp_path / "key", "me")
    new_key(tmp_path / "other", "another")
    seal_run(run, tmp_path / "key")
    seal = json.loads((run / "seal.json").read_text())
    (seal["signatures"][0]["key"],) = read_keys(tmp_path / "other.pub")
    (run / "seal.json").write_text(json.dumps(seal))
    for read in (lambda: vouchers(run, read_keys(tmp_path / "other.pub")), lambda: load_run(run)):
        with pytest.raises(DataError, match="is forged"):
            read()
    for text in ("{}", "[", "[" * 100_000):
        (run / "seal.json").write_text(text)
        with pytest.raises(DataError, match="is no seal"):
            load_run(run)


def test_a_changed_run_with_the_digest_brought_up_to_date_is_refused(run: Path, tmp_path: Path) -> None:
    new_key(tmp_path / "key", "me")
    seal_run(run, tmp_path / "key")
    path = sorted((run / "tracks").iterdir())[0]
    path.write_bytes(path.read_bytes() + b"\n")
    seal = json.loads((run / "seal.json").read_text())
    (run / "seal.json").write_text(json.dumps({**seal, "digest": content_digest(run)}))
    with pytest.raises(DataError, match="is forged"):
        load_run(run)


def test_sealing_writes_through_no_link_in_the_run(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (run / ".seal.json.new").symlink_to(mine)
    new_key(tmp_path / "key", "me")
    seal_run(run, tmp_path / "key")
    assert mine.read_text() == "precious"
    assert not (run / "seal.json").is_symlink()


def test_private_keys_are_ones_own(tmp_path: Path) -> None:
    new_key(tmp_path / "key", "me")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(SvbenchError, match="already exists"):
        new_key(tmp_path / "key", "me")


def test_keys_that_are_none(run: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("ssh-rsa AAAA me\n")
    for path, sentence in (
        (tmp_path / "text", "is no Ed25519 key"),
        (tmp_path / "none", "cannot be read as keys"),
    ):
        with pytest.raises(SpecError, match=sentence):
            read_keys(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match="holds no keys"):
        read_keys(tmp_path / "empty")
    with pytest.raises(SpecError, match="is no private key"):
        seal_run(run, tmp_path / "text")


def test_a_run_that_goes_on_loses_its_seal(small_folder: Path, tmp_path: Path) -> None:
    words = ["run", "mdx21", "--data", f"folder={small_folder}", "--system", "mixture", "--workers", "1"]
    words += ["--out", str(tmp_path / "runs")]
    assert main(words) == 0
    (run,) = (tmp_path / "runs").iterdir()
    new_key(tmp_path / "key", "me")
    seal_run(run, tmp_path / "key")
    assert main(words) == 0  # nothing is new
    assert (run / "seal.json").exists()
    assert main([*words, "--redo", "all"]) == 0
    assert not (run / "seal.json").exists()


@pytest.mark.parametrize("name", ["tracks", "estimates", "logs", "estimates/t", ".lock"])
def test_a_run_is_not_written_through_links(tmp_path: Path, name: str) -> None:
    (tmp_path / "run" / name).parent.mkdir(parents=True)
    (tmp_path / "run" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="leads out of the run folder"):
        refuse_links_out(tmp_path / "run")


def test_the_board_says_who_vouches(
    run: Path, small_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(next(small_runs.glob("irm1--mdx21--*")), run.parent / "irm1")
    shutil.copytree(next(small_runs.glob("mixture--mdx21--*")), run.parent / "mixture")
    assert main(["seal", "--new-key", str(tmp_path / "keys/lab"), "--name", "Lab of Tokyo"]) == 0
    assert main(["seal", "--new-key", str(tmp_path / "stranger"), "--name", "Stranger"]) == 0
    assert main(["seal", str(run), "--key", str(tmp_path / "keys/lab")]) == 0
    assert main(["seal", str(run.parent / "mixture"), "--key", str(tmp_path / "stranger")]) == 0
    site = ["board", str(run.parent), "--out", str(tmp_path / "site")]
    assert main([*site, "--trust", str(tmp_path / "keys")]) == 0
    printed = capsys.readouterr().out
    page = (tmp_path / "site/index.html").read_text()
    pages = "".join(p.read_text() for p in (tmp_path / "site/systems").iterdir())
    for told in ("Lab of Tokyo", "unsigned", "nobody you trust"):
        assert told in printed
        assert told in page
        assert told in pages
    assert main(site) == 0
    assert "vouched" not in (tmp_path / "site/index.html").read_text()
    assert main(["seal", str(run), "--trust", str(tmp_path / "keys")]) == 0
    assert capsys.readouterr().out.endswith(": Lab of Tokyo\n")
