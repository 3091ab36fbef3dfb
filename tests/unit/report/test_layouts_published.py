"""Rows in print beside what their systems cost here: whose numbers are whose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.cli.main import main
from svbench.errors import DataError
from svbench.report.layouts.table import layout_table, published_rows
from svbench.results.profile import (
    Macs,
    Profile,
    Setting,
    Size,
    Surroundings,
    profile_name,
    timing,
)
from svbench.results.record import Provenance
from svbench.results.store import Run, write_record
from svbench.specs.protocol import load_protocol
from svbench.specs.report import load_layout
from svbench.specs.system import load_system, permitted


@pytest.fixture
def profile(make: Any) -> Any:
    made = make("x", {"t": {"vocals": 1.0}}).record.provenance[0]
    return lambda name, parameters: a_profile(name, parameters, made)


def a_profile(name: str, parameters: int, made: Provenance) -> Profile:
    """One of a shipped system with random weights: RTF 0.25, 10 G MACs/s, 500 MB."""
    spec = permitted(load_system(name), random_weights=True).spec
    return Profile(
        schema=1,
        system=spec,
        system_digest=spec.digest,
        system_version="1",
        device="cpu",
        rate_hz=44100,
        repeats=1,
        size=Size(parameters=parameters),
        macs=Macs(seconds=10.0, macs=10**11),
        settings=(
            Setting(
                threads=1,
                affinity=(0,),
                torch_threads=1,
                load_s=1.0,
                first_call_s=1.0,
                timings=(timing(60.0, [15.0], [15.0]),),
                empty_rss_bytes=0,
                peak_rss_bytes=500_000_000,
            ),
        ),
        surroundings=Surroundings(python="3.11", versions={}, os="", load_average=0.0, governor="", cuda=""),
        provenance=made,
    )


def table(layout: str, *, runs: tuple[Run, ...] = (), profiles: Any = (), format: Any = "markdown") -> str:
    spec, laid, folder = load_layout(layout)
    published = published_rows(laid, folder, [""])
    return layout_table(runs, spec, laid, format=format, published=published, profiles=profiles)


def test_scores_are_quoted_and_costs_measured(profile: Any) -> None:
    text = table("multi-band-models", profiles=[profile("multiband-m3", 10_044_560)])
    lines = text.splitlines()
    (m3,) = (line for line in lines if line.startswith("| *M3*"))
    assert m3.split(" | ")[1:] == [
        "*5.94*", "*14.23*", "*6.78*", "*11.76*", "*16.01*", "*14.37*", "*12.97 M*", "10.0 M", "10.0 G", "0.250", "500 MB |",
    ]  # fmt: skip
    (m1,) = (line for line in lines if line.startswith("| *M1*"))
    assert m1.endswith("| – | – | – | – |")
    note = lines[-1]
    assert "Measured: parameters, MACs per s, real-time factor, peak memory, on CPU, 2 cores" in note
    assert "Profiles: cpu, 1 thread, 60 s of audio." in note
    assert "random weights, which change no cost" in note
    assert "Not measured: M1, M2, M4, M5, M6, S1, S2." in note
    assert "**" not in text  # nothing here is ranked


def test_the_verdict_is_that_of_this_machine(make: Any) -> None:
    spec = permitted(load_system("lasaft-base"), random_weights=True).spec
    run = make(
        spec.id,
        {"t": dict.fromkeys(("vocals", "drums", "bass", "other"), 1.0)},
        protocol=load_protocol("mdx21-round1"),
    )
    text = table("lightsaft-runnable", runs=(run,))
    (row,) = (line for line in text.splitlines() if line.startswith("| *LaSAFT-Net*"))
    assert row.split(" | ")[1] == "*no (over the time limit)*"  # the challenge's
    assert row.split(" | ")[8] == "yes"  # ours
    assert "1.000" not in text  # a score of random weights is shown nowhere
    assert "Runnable? under mdx21-round1 on" in text
    assert "Quoted only: Demucs48-HQ, XUMX, UMX." in text


def test_measured_numbers_are_not_grey(profile: Any) -> None:
    profiles = [profile("dttnet-vocals", 4_968_712)]
    (row,) = (
        r for r in table("dttnet-models", profiles=profiles, format="latex").splitlines() if "DTTNet [" in r
    )
    assert r"\textcolor{gray}{$10.12$}" in row
    assert " & 4.97 M & " in row
    assert 'style="color:CanvasText">4.97 M<' in table("dttnet-models", profiles=profiles, format="html")
    rows = json.loads(table("dttnet-models", profiles=profiles, format="json"))["tables"][0]["rows"]
    (found,) = (r for r in rows if r["system"] == "DTTNet")
    assert [c["value"] for c in found["cells"] if c.get("measured")] == [4_968_712, 1e10, 0.25, 500_000_000]


def test_profiles_are_found_by_their_folder(
    profile: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = profile("dttnet-vocals", 4_968_712)
    (tmp_path / "runs/profiles").mkdir(parents=True)
    path = tmp_path / "runs/profiles" / profile_name(made.system, "cpu")
    write_record(path, made)
    for folder in (tmp_path / "runs", tmp_path / "runs/profiles"):
        assert main(["table", str(folder), "--layout", "dttnet-models"]) == 0
        assert "| 4.97 M |" in capsys.readouterr().out
    assert main(["table", str(tmp_path), "--layout", "dttnet-models"]) == 2
    assert "nothing here was measured of dttnet-vocals" in capsys.readouterr().err
    assert main(["table", str(tmp_path / "no"), "--layout", "dttnet-models"]) == 2
    assert "no such folder" in capsys.readouterr().err
    write_record(path, msgspec.structs.replace(made, system=load_system("mixture").spec))
    with pytest.raises(DataError, match="nothing here was measured of"):
        table("multi-band-models", profiles=[made])
