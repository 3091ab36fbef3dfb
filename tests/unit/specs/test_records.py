"""A wrong key is named with its path, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from svbench.errors import SpecError, SvbenchError, UnknownNameError
from svbench.specs import library
from svbench.specs.library import entries, shipped
from svbench.specs.protocol import load_protocol
from svbench.specs.report import load_report
from svbench.specs.system import load_system

SISEC = (Path(shipped()) / "protocols/sisec18.toml").read_text(encoding="utf-8")


def protocol(folder: Path, text: str, name: str = "sisec18") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("hop_s = 1.0", "hop_s = ", "not valid TOML"),
        ('frames = "median"', 'frames = "medain"', r"metrics\[0\]\.reduce\.frames: .*'medain'"),
        ("quantum_db", "quantum", r"metrics\[0\]\.reduce\.quantum: unknown key; did you mean 'quantum_db'"),
        ('headline = "SDR"\n', "", "headline: missing; it must be given"),
        ("schema = 1", "schema = 2", "schema 2 is from another version, this svbench reads 1"),
        ('targets = ["vocals", "accompaniment"]', "targets = []", r"target_sets\[1\]\.targets"),
        ('targets = ["vocals", "accompaniment"]', 'targets = ["vocals", "vocals"]', "a target stands twice"),
        ('id = "4-stems"', 'id = "vocals-accompaniment"', "two sets have one id"),
        ('id = "sisec18"', 'id = "sisec19"', r"is 'sisec19', but the file is called sisec18\.toml"),
        ("quantum_db = 1e-5", "quantum_db = -1", r"quantum_db: .*found -1"),
        (
            'id = "bss-eval-v4"',
            'id = "bss-eval-v4"\nagainst = "original"',
            r"metrics\[0\]\.against: 'original' takes a protocol with probes",
        ),
        (
            'id = "bss-eval-v4"',
            'id = "bss-eval-v4"\nagainst = "original"\nimprovement = true',
            r"metrics\[0\]\.against: 'original' takes no improvement",
        ),
    ],
)
def test_wrong_protocol(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    assert old in SISEC
    path = protocol(tmp_path, SISEC.replace(old, new, 1))
    with pytest.raises(SpecError, match=sentence) as caught:
        load_protocol(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_prose_and_spacing_do_not_change_the_digest(tmp_path: Path) -> None:
    original = load_protocol("sisec18")
    same = protocol(
        tmp_path, SISEC.replace("Vocals + accompaniment", "Vocals and accompaniment") + "\n# more\n"
    )
    assert load_protocol(same).digest == original.digest
    other = protocol(tmp_path, SISEC.replace("hop_s = 1.0", "hop_s = 0.5"))
    assert load_protocol(other).digest != original.digest


def test_released_digests_do_not_move() -> None:
    # A released protocol is never edited. If this fails, give the change a new id; a new one is added.
    assert {p: load_protocol(p).digest[:16] for p in entries("protocol")} == {
        "bsrnn-amanteur": "668d09b1460edbed",
        "demucs-sdr": "13e2a223488ab3ba",
        "demucs-sdr-med": "dd1d3fdc00bc3b0e",
        "dttnet-csdr": "1dcdf7471e70d9e2",
        "dttnet-usdr": "8ccbcac7cb576650",
        "generalisation": "eb2d0f540486c7bd",
        "generalisation-nvc": "60da71c9c3532104",
        "kuielab": "3ab23e4e480a2d0a",
        "leakage": "5654fefd067dcd91",
        "mdx21": "c7f6deb7dd33201f",
        "mdx21-round1": "3b90283d0615bd0a",
        "mdx21-round2": "cb80f8314afe80a3",
        "mir1k-gnsdr": "4f1da5bab297b1bb",
        "msst": "11dabfdfc79287eb",
        "msst-community": "824fcc08c81af603",
        "robustness": "892e0d39a504fdb5",
        "sdri": "84795b4ef712fb99",
        "sdx23": "cedf1e8618ea31b4",
        "si-sdr": "51cd3dd6aa35c948",
        "si-sdr-per-channel": "4cfa37c89a863321",
        "sisec18": "9d0593cb7052fccf",
        "sisec18-22k": "d10a7a23c48370db",
        "svc-stereo": "e75c72cf3a797905",
        "xumx-asteroid": "616550b243c8c6e0",
    }


def test_unknown_names_are_met_with_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown protocol 'sisec81': did you mean 'sisec18'"):
        load_protocol("sisec81")
    with pytest.raises(UnknownNameError, match="unknown system 'mixtrue': did you mean 'mixture'"):
        load_system("mixtrue")
    with pytest.raises(UnknownNameError, match="unknown metric 'sdrr'"):
        library.load_plugin("metric", "sdrr")


def test_training_data_must_be_stated(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('schema = 1\nid = "s"\ntitle = "t"\nadapter = "mixture"\n')
    with pytest.raises(SpecError, match="training_data: missing; it must be given"):
        load_system(tmp_path / "s.toml")


def test_own_files_come_before_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems/mixture.toml").write_text(
        'schema = 1\nid = "mixture"\ntitle = "my own"\nadapter = "mixture"\ntraining_data = []\n'
    )
    monkeypatch.chdir(tmp_path)
    assert entries("system")["mixture"].title == "my own"
    assert load_system("mixture").spec.title == "my own"
    (tmp_path / "systems/again.toml").write_text((tmp_path / "systems/mixture.toml").read_text())
    with pytest.raises(SpecError, match="is also the id of"):
        entries("system")


def test_two_packages_with_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "rival-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[svbench.adapters]\nmixture = rival:Mixture\n")
    monkeypatch.syspath_prepend(tmp_path)
    library.plugins.cache_clear()
    try:
        with pytest.raises(SvbenchError, match=r"adapter 'mixture' is registered twice: by .*uninstall one"):
            library.plugins("adapter")
    finally:
        library.plugins.cache_clear()


def test_unknown_report_section(tmp_path: Path) -> None:
    text = (Path(shipped()) / "reports/default.toml").read_text()
    (tmp_path / "default.toml").write_text(text.replace('"boxplots"', '"boxplot"'))
    with pytest.raises(SpecError, match=r"sections\[2\]: .*'boxplot'"):
        load_report(tmp_path / "default.toml")
