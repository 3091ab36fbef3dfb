"""The adapter of the zoo: conformance on small networks, checkpoints, and the rule for random weights."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.cli.main import OK, USAGE, main
from svbench.errors import SpecError, SystemFailure
from svbench.results.store import find_runs, load_run
from svbench.specs.library import entries
from svbench.specs.system import load_system, permitted
from svbench.systems.adapters import zoo as adapter
from svbench.systems.api import Context
from svbench.systems.worker.host import WorkerHost
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
SMALL = {
    "multiband-conv-tasnet": ("M2", "latent = 8, bottleneck = 4, hidden = 6, blocks = 2, repeats = 1"),
    "cnn-lstm": ("listing", "n_fft = 64, hidden = 4"),
    "vox-tasnet": (
        "reading",
        "latent = 8, window = 16, bottleneck = 4, hidden = 6, blocks = 2, repeats = 1, lookahead_frames = 3",
    ),
    "dttnet": (
        "bass",
        "n_fft = 64, hop = 16, bins = 20, frames = 96, levels = 1, channels = 16, layers = 2, modules = 1, trim = 32",
    ),
    "lasaft": (
        "light",
        "n_fft = 32, hop = 16, frames = 128, levels = 2, channels = 3, layers = 2, sources = 3, key_size = 4, "
        "embedding = 5, bottleneck = 4, least_units = 2, trim = 16",
    ),
}
SHIPPED = [n for n in entries("system") if load_system(n).spec.adapter == "zoo"]


def system_file(folder: Path, architecture: str, more: str = "", weights: Path | None = None) -> Path:
    size, small = SMALL[architecture]
    path = folder / "net.toml"
    named = ""
    if weights:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        named = f'weights = [{{ path = "{weights.name}", sha256 = "{sha256}" }}]\n'
    path.write_text(
        f'schema = 1\nid = "net"\ntitle = "t"\nadapter = "zoo"\ntraining_data = []\n{named}'
        f'parameters = {{ architecture = "{architecture}", size = "{size}", {small}{more} }}\n'
    )
    return path


def small(name: str, folder: Path, **changes: Any) -> tuple[dict[str, Any], Context]:
    parameters = dict(load_system(system_file(folder, name)).spec.parameters)
    return {**parameters, **changes}, Context("net", folder, ("vocals",), random_weights=True)


def noise(n_samples: int, n_channels: int = 2) -> Audio:
    return Audio(0.1 * np.random.default_rng(0).standard_normal((n_samples, n_channels)), 22050)


@pytest.mark.parametrize("architecture", SMALL)
def test_it_conforms(architecture: str, tmp_path: Path) -> None:
    located = permitted(load_system(system_file(tmp_path, architecture)), random_weights=True)
    info = check_system(located, tmp_path)
    assert info.version == f"{architecture} {SMALL[architecture][0]}, random weights"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_system_files_name_what_there_is(name: str, tmp_path: Path) -> None:
    located = permitted(load_system(name), random_weights=True)
    context = Context(located.spec.id, tmp_path, ("vocals",), random_weights=True)
    with torch.device("meta"):
        made = adapter.Zoo({**located.spec.parameters, "device": "meta"}, context)
    assert made.info.targets


@pytest.mark.parametrize("architecture", SMALL)
def test_mono_is_the_mean_of_both_outputs(architecture: str, tmp_path: Path) -> None:
    system = adapter.Zoo(*small(architecture, tmp_path))
    mono = noise(3000, 1)
    one = system.separate(mono)
    two = system.separate(Audio(np.repeat(mono.samples, 2, axis=1), 22050))
    for target in system.info.targets:
        expected = two[target].samples.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(one[target].samples, expected, atol=1e-6)


@pytest.mark.parametrize("wrapped", ["plain", "state_dict", "with its class"])
def test_a_checkpoint_gives_its_network_back(wrapped: str, tmp_path: Path) -> None:
    parameters, random = small("multiband-conv-tasnet", tmp_path)
    made = adapter.Zoo(parameters, random)
    separator = made.separator
    for p in separator.network.parameters():
        p.data += 0.1
    state: Any = {separator.names(n): v for n, v in separator.network.state_dict().items()}
    state["decoder.basis_signals.weight"] = state["decoder.basis_signals.weight"].flatten(1).T
    path = tmp_path / "net.th"
    if wrapped == "with its class":
        import sys
        import types

        theirs = types.ModuleType("tasnet.tasnet")
        theirs.ConvTasNet = type("ConvTasNet", (), {"__module__": "tasnet.tasnet"})  # type: ignore[attr-defined]
        modules = {"tasnet": types.ModuleType("tasnet"), "tasnet.tasnet": theirs}
        with pytest.MonkeyPatch.context() as patch:
            for name, module in modules.items():
                patch.setitem(sys.modules, name, module)
            torch.save((theirs.ConvTasNet, (), {"bottle_dim": 4}, state), path)
    else:
        torch.save({"state_dict": state} if wrapped == "state_dict" else state, path)
    loaded = adapter.Zoo(parameters, Context("net", tmp_path, ("vocals",), (path,)))
    assert loaded.info.version == "multiband-conv-tasnet M2"
    for target, audio in loaded.separate(noise(3000)).items():
        np.testing.assert_array_equal(audio.samples, made.separate(noise(3000))[target].samples)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": Path("x")}, r"net\.th: not a file of PyTorch that holds only arrays"),
        ([1, 2], r"net\.th: no state dict"),
        ({"epoch": 3}, r"net\.th: no state dict"),
        ({}, r"net\.th: the checkpoint does not fit .* missing \(encoder\.conv1d_U\.weight"),
        ({"a": torch.ones(1)}, r"net\.th: .* 1 unexpected \(a\)"),
    ],
)
def test_files_that_are_no_weights(content: Any, sentence: str, tmp_path: Path) -> None:
    parameters, _ = small("multiband-conv-tasnet", tmp_path)
    torch.save(content, tmp_path / "net.th")
    with pytest.raises(ValueError, match=sentence):
        adapter.Zoo(parameters, Context("net", tmp_path, ("vocals",), (tmp_path / "net.th",)))


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    parameters, _ = small("multiband-conv-tasnet", tmp_path)
    (tmp_path / "net.th").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match=r"net\.th: not a file of PyTorch that holds only arrays"):
        adapter.Zoo(parameters, Context("net", tmp_path, ("vocals",), (tmp_path / "net.th",)))


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.th"
    path.write_bytes(b"one")
    located = load_system(system_file(tmp_path, "multiband-conv-tasnet", weights=path))
    path.write_bytes(b"other")
    with pytest.raises(SystemFailure, match=r"net\.th have sha256 .*, the system file says"):
        check_system(located, tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "unet"}, "zoo needs architecture, one of multiband-.*; found 'unet'"),
        ({"size": "M7"}, "multiband-conv-tasnet: there is no size 'M7'; the sizes are M1, M2, "),
        ({"overlap": 1}, r"overlap is a share of the segment from 0 to below 1, found 1$"),
        ({"segment_samples": 0}, r"segment_samples must be a whole number of at least 1, found 0$"),
        ({"targets": ["a"]}, "targets must be 2 different names for accompaniment, vocals, .*; found a$"),
        ({"targets": "ab"}, "targets must be a list of names, found 'ab'"),
        (
            {"overlp": 0.5},
            "multiband-conv-tasnet: the network takes segment_samples, overlap, .*; found overlp$",
        ),
    ],
)
def test_wrong_parameters(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        adapter.Zoo(*small("multiband-conv-tasnet", tmp_path, **changes))


def test_more_than_two_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="takes mono or stereo, found 6 channels"):
        adapter.Zoo(*small("cnn-lstm", tmp_path)).separate(noise(1000, 6))


def test_missing_torch_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = small("cnn-lstm", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[zoo\]'"):
        adapter.Zoo(*given)


def test_other_rates_and_settings_go_through_the_worker(tmp_path: Path) -> None:
    more = ', segment_samples = 5000, overlap = 0.5, targets = ["rest", "choir"]'
    located = load_system(system_file(tmp_path, "multiband-conv-tasnet", more))
    with WorkerHost(permitted(located, random_weights=True), ("choir",), tmp_path) as host:
        info = host.start()
        assert (info.rate_hz, info.targets) == (22050, ("rest", "choir"))


# The rule for random weights.


def test_without_weights_nothing_is_loaded(tmp_path: Path) -> None:
    located = load_system(system_file(tmp_path, "cnn-lstm"))
    with (
        WorkerHost(located, ("vocals",), tmp_path) as host,
        pytest.raises(
            SystemFailure, match=r"weights must name one checkpoint of cnn-lstm, found 0; .*--random-w"
        ),
    ):
        host.start()


def test_permission_names_the_system_anew(tmp_path: Path) -> None:
    located = load_system(system_file(tmp_path, "cnn-lstm"))
    with pytest.raises(SpecError, match=r"system net: weights: names no checkpoint; .*--random-weights"):
        permitted(located, random_weights=False)
    marked = permitted(located, random_weights=True).spec
    assert (marked.id, marked.random_weights) == ("net+random-weights", True)
    assert marked.digest != located.spec.digest


def test_permission_leaves_others_alone(tmp_path: Path) -> None:
    (tmp_path / "net.th").write_bytes(b"one")
    whole = load_system(system_file(tmp_path, "cnn-lstm", weights=tmp_path / "net.th"))
    for located in (load_system("mixture"), whole):
        for allowed in (True, False):
            assert permitted(located, random_weights=allowed) is located


def test_a_file_cannot_permit_itself(tmp_path: Path) -> None:
    path = system_file(tmp_path, "cnn-lstm")
    path.write_text("random_weights = true\n" + path.read_text())
    with pytest.raises(SpecError, match="random_weights: is not for files; give --random-weights"):
        load_system(path)


def words(located: Path, protocol: str, runs: Path) -> list[str]:
    chosen = ["--data", "demo", "--track", "potassium", "--workers", "1"]
    return ["run", protocol, *chosen, "--system", str(located), "mixture", "--out", str(runs)]


def test_a_run_without_weights_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = system_file(tmp_path, "cnn-lstm")
    assert main(words(path, "mdx21-round1", tmp_path / "runs")) == USAGE
    assert "names no checkpoint" in capsys.readouterr().err
    assert main([*words(path, "mdx21", tmp_path / "runs"), "--random-weights"]) == USAGE
    assert "protocol mdx21: limits: has none, and with random weights only cost" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_run_with_random_weights_is_marked_and_takes_no_rank(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = system_file(tmp_path, "cnn-lstm")
    assert main([*words(path, "mdx21-round1", tmp_path / "runs"), "--random-weights"]) == OK
    printed = capsys.readouterr().out
    assert "net+random-weights (random weights: scores mean nothing)" in printed
    runs = {r.record.system.id: r.record for r in map(load_run, find_runs([tmp_path / "runs"]))}
    assert [runs[i].takes_rank for i in ("net+random-weights", "mixture")] == [False, True]
    for more in ([], ["--cost"], ["--format", "csv"], ["--frames"]):
        assert main(["table", str(tmp_path / "runs"), *more]) == OK
        assert "net+random-weights" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["profile", "lookahead"])
def test_costs_and_look_ahead_are_measured_by_permission(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = system_file(tmp_path, "vox-tasnet")
    assert main([verb, str(path)]) == USAGE
    assert "names no checkpoint" in capsys.readouterr().err
    brief = {
        "profile": ["--seconds", "1", "--repeats", "1", "--threads", "1"],
        "lookahead": ["--duration-s", "1"],
    }
    assert main([verb, str(path), "--random-weights", *brief[verb]]) == OK
    printed = capsys.readouterr().out
    # The first frame of 16 samples, and three more that begin 8 samples apart.
    expected = {"profile": "on cpu", "lookahead": "39 samples"}[verb]
    assert expected in printed
    assert "net+random-weights" in printed
