"""The quantised system: smaller, near in its output, conforming; refusals in one sentence."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.cli.main import main
from svbench.errors import SvbenchError, SystemFailure
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.quantization import quantize_system
from svbench.systems.worker.host import WorkerHost
from svbench.testing.systems import check_system

pytestmark = pytest.mark.slow

MIXTURE = Audio(np.random.default_rng(0).normal(0, 0.1, (4000, 2)), 8000)


def vocals(located: LocatedSystem, scratch: Path) -> Audio:
    with WorkerHost(located, ("vocals",), scratch) as host:
        return host.separate("a track", MIXTURE).estimates["vocals"]


@pytest.fixture
def source(describe_system: Any, write_onnx: Any) -> LocatedSystem:
    """A network of some 160 kB, with everything a system file can say."""
    pytest.importorskip("onnxruntime")
    located: LocatedSystem = describe_system(
        "onnx", write_onnx("net.onnx", hidden=1800), segment_samples=2000
    )
    path = located.folder / "net.toml"
    path.write_text(f'threads = 2\ntime_limit_s = 60.0\nlicence = "MIT"\n{path.read_text()}')
    return load_system(path)


def test_second_system_differs_in_id_title_and_weights_only(source: LocatedSystem, tmp_path: Path) -> None:
    made = quantize_system(source, tmp_path / "new" / "int8.toml")
    old, new = source.spec, load_system(made.system).spec
    assert (old.id, new.id) == ("net", "net-int8")
    assert made.weights == tmp_path / "new" / "net-int8.onnx"
    (weights,) = new.weights
    assert (weights.path, weights.sha256) == (
        "net-int8.onnx",
        hashlib.sha256(made.weights.read_bytes()).hexdigest(),
    )
    for name in set(old.__struct_fields__) - {"id", "title", "weights"}:
        assert getattr(old, name) == getattr(new, name), name
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["int8.toml", "net-int8.onnx"]
    assert main(["check", str(made.system)]) == 0


def test_weights_shrink_to_a_quarter_and_the_output_stays_near(source: LocatedSystem, tmp_path: Path) -> None:
    made = quantize_system(source, tmp_path / "int8.toml")
    assert made.quantized == {"ConvInteger": 2}
    assert made.n_operations == 6
    assert made.source_bytes == (tmp_path / "net.onnx").stat().st_size
    # 1800 × (2 × 9 + 4) weights of 1 byte instead of 4, and the graph around them.
    assert made.source_bytes - made.weights_bytes == pytest.approx(1800 * 22 * 3, rel=0.03)
    expected, found = vocals(source, tmp_path).samples, vocals(load_system(made.system), tmp_path).samples
    noise_db = 10 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2))
    # 8 bits carry some 40 dB; equal outputs would mean that nothing was quantised.
    assert -60 < noise_db < -25


def test_second_system_conforms(source: LocatedSystem, tmp_path: Path) -> None:
    check_system(load_system(quantize_system(source, tmp_path / "int8.toml").system), tmp_path)


def test_quantising_twice_gives_the_same_file(source: LocatedSystem, tmp_path: Path) -> None:
    one = quantize_system(source, tmp_path / "a" / "int8.toml")
    two = quantize_system(source, tmp_path / "b" / "int8.toml")
    assert one.weights.read_bytes() == two.weights.read_bytes()
    assert one.system.read_text() == two.system.read_text()


def test_interpreter_stays_found_from_another_folder(source: LocatedSystem, tmp_path: Path) -> None:
    (tmp_path / "env").symlink_to(sys.prefix)
    path = tmp_path / "net.toml"
    path.write_text(f'python = "env/bin/python"\n{path.read_text()}')
    made = quantize_system(load_system(path), tmp_path / "far" / "away" / "int8.toml")
    assert load_system(made.system).spec.python == "../../env/bin/python"
    assert vocals(load_system(made.system), tmp_path).n_samples == 4000


def test_only_onnx_systems_can_be_quantised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", "hpss", "--out", str(tmp_path / "int8.toml")]) == 2
    said = capsys.readouterr().err
    assert said == (
        "svbench: hpss uses the adapter 'hpss'; only ONNX systems can be quantised, "
        "so export its network to ONNX first\n"
    )
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(source: LocatedSystem, tmp_path: Path) -> None:
    with pytest.raises(SvbenchError, match=r"net.toml: exists already"):
        quantize_system(source, tmp_path / "net.toml")
    (tmp_path / "net-int8.onnx").write_bytes(b"mine")
    with pytest.raises(SvbenchError, match=r"net-int8.onnx: exists already"):
        quantize_system(source, tmp_path / "int8.toml")
    with pytest.raises(SvbenchError, match=r"ends in .toml"):
        quantize_system(source, tmp_path / "int8.onnx")


def test_changed_weights_are_not_quantised(source: LocatedSystem, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"other")
    with pytest.raises(SystemFailure, match="the system file says"):
        quantize_system(source, tmp_path / "int8.toml")


def test_file_that_is_no_model(tmp_path: Path, describe_system: Any) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "text.onnx"
    path.write_text("no network")
    with pytest.raises(SvbenchError, match="text cannot be quantised: DecodeError"):
        quantize_system(describe_system("onnx", path), tmp_path / "new" / "int8.toml")
    assert not list((tmp_path / "new").iterdir())


def test_tensors_in_another_file_come_into_the_one_made(
    tmp_path: Path, describe_system: Any, write_onnx: Any
) -> None:
    pytest.importorskip("onnxruntime")
    path = write_onnx("net.onnx", hidden=1800, external="net.data")
    with pytest.raises(SvbenchError, match=r"net: net.onnx keeps tensors in net.data; add it to weights"):
        quantize_system(describe_system("onnx", path), tmp_path / "int8.toml")
    data = tmp_path / "net.data"
    rows = ", ".join(
        f'{{ path = "{f.name}", sha256 = "{hashlib.sha256(f.read_bytes()).hexdigest()}" }}'
        for f in (path, data)
    )
    located = describe_system("onnx", path, f"weights = [{rows}]\n")
    made = quantize_system(located, tmp_path / "int8.toml")
    assert made.source_bytes == path.stat().st_size + data.stat().st_size
    expected = vocals(located, tmp_path).samples
    data.unlink()
    found = vocals(load_system(made.system), tmp_path).samples
    assert np.sum((found - expected) ** 2) < 1e-2 * np.sum(expected**2)


def test_quantising_a_quantised_system_is_refused(source: LocatedSystem, tmp_path: Path) -> None:
    made = quantize_system(source, tmp_path / "int8.toml")
    with pytest.raises(SvbenchError, match="none of its 14 operations has a dynamic 8-bit form"):
        quantize_system(load_system(made.system), tmp_path / "again.toml")


def test_interpreter_without_the_package(source: LocatedSystem, onnx_python: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_text(f'python = "{onnx_python}"\n{path.read_text()}')
    with pytest.raises(SvbenchError, match=r"onnx is not installed; \S+/python -m pip install onnx"):
        quantize_system(load_system(path), tmp_path / "int8.toml")


def test_main_process_never_imports_the_runtime(source: LocatedSystem, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom svbench.cli.main import main\n"
        f"assert main(['quantize', {str(tmp_path / 'net.toml')!r}, '--out', {str(tmp_path / 'n.toml')!r}]) == 0\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('onnx', 'onnxruntime', 'torch')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "quantised: 2 ConvInteger, from 6 operations" in done.stdout
