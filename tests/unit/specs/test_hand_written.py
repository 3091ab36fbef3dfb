"""Hand-written files as editors save them, and what is wrong with others in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.cli.spec_files import kind_of
from svbench.datasets.api import open_dataset
from svbench.errors import SpecError
from svbench.specs.library import entries
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import load_protocol
from svbench.specs.system import load_system

ROOT = Path(__file__).resolve().parents[3]
BOM = b"\xef\xbb\xbf"
SAVED: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda text: BOM + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "both": lambda text: BOM + text.replace(b"\n", b"\r\n"),
    "no last line end": lambda text: text.rstrip(b"\n"),
}


def save(source: Path, target: Path, how: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(SAVED[how](source.read_bytes()))
    return target


@pytest.mark.parametrize("how", SAVED)
def test_toml_means_the_same_however_it_is_saved(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = save(ROOT / "protocols/mdx21.toml", tmp_path / "protocols/mdx21.toml", how)
    assert load_protocol(protocol).digest == load_protocol("mdx21").digest
    system = save(ROOT / "systems/irm1.toml", tmp_path / "systems/irm1.toml", how)
    assert load_system(system).spec.digest == load_system("irm1").spec.digest
    assert (kind_of(protocol), kind_of(system)) == ("protocol", "system")
    assert main(["check", str(protocol), str(system)]) == 0
    # The list reads the head of each file only, in which an id may come first.
    own = tmp_path / "systems/own.toml"
    own.write_bytes(
        SAVED[how](b'id = "mine"\nschema = 1\ntitle = "Mine"\nadapter = "mixture"\ntraining_data = []\n')
    )
    monkeypatch.chdir(tmp_path)
    assert entries("system")["mine"].title == "Mine"
    assert load_system("mine").spec.id == "mine"


@pytest.mark.parametrize("how", SAVED)
def test_csv_means_the_same_however_it_is_saved(how: str, small_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert main(["manifest", "make", str(small_folder), "--out", str(folder)]) == 0
    (folder / "errata.csv").write_text("track,stem,defect\ntrack 1,bass,hum\n")
    before = load_manifest(folder)
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    for path in again.iterdir():
        save(path, path, how)
    after = load_manifest(again)
    assert after.digest == before.digest
    assert (after.tracks, after.files, after.errata) == (before.tracks, before.files, before.errata)
    assert len(open_dataset(after, small_folder).tracks) == 3


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("rate_hz = null", r"line 2: rate_hz: found null, which TOML does not have; leave the key out"),
        ("rate_hz = None  # any", "line 2: rate_hz: found None, which TOML does not have"),
        ('id = "a"\nid = "b"', "line 3: id: stands twice; keep one of the two"),
        ("[limits]\ntime_s = 1\n[limits]\n", r"line 4: \[limits\]: stands twice"),
        ("cpu_only = yes", "line 2: cpu_only: found yes; expected true or false"),
        ("cpu_only = True", "line 2: cpu_only: found True; expected true or false, in small letters"),
        ("id = mine", "line 2: id: not valid TOML: Invalid value .*; found 'id = mine'"),
        ("what is this", "line 2: not valid TOML: .*; found 'what is this'"),
    ],
)
def test_bad_toml_names_line_and_key(line: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f"schema = 1\n{line}\n")
    for load in (load_protocol, load_system, kind_of):
        with pytest.raises(SpecError, match=rf"p\.toml: {sentence}"):
            load(path)
