"""From an ONNX system to a table of both: the commands of docs/systems.md."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from svbench.cli.main import main
from svbench.systems.waveform import KEYS

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[2] / "docs/systems.md"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system file for four convolutions, one per target, made of 200 kB of weights."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    targets = ["vocals", "drums", "bass", "other"]
    rng = np.random.default_rng(1)
    tensors, nodes = [], []
    for target in targets:
        tensors.append(numpy_helper.from_array(rng.normal(0, 0.02, (2, 2, 3125)).astype("f4"), f"w_{target}"))
        nodes.append(helper.make_node("Conv", ["mixture", f"w_{target}"], [target], pads=[1562, 1562]))
    shape = [1, 2, 8000]
    graph = helper.make_graph(
        nodes,
        "four",
        [helper.make_tensor_value_info("mixture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(t, TensorProto.FLOAT, shape) for t in targets],
        tensors,
    )
    model = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), model)
    path = tmp_path / "net.toml"
    path.write_text(
        'schema = 1\nid = "net"\ntitle = "Four convolutions"\nadapter = "onnx"\ntraining_data = []\n'
        f'weights = [{{ path = "net.onnx", sha256 = "{hashlib.sha256(model.read_bytes()).hexdigest()}" }}]\n'
        f"[parameters]\ntargets = {json.dumps(targets)}\nrate_hz = 16000\nsegment_samples = 8000\n"
        'output = ["batch", "channels", "samples"]\n'
    )
    return path


def test_both_systems_side_by_side(
    system: Path, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, runs = tmp_path / "net-int8.toml", tmp_path / "runs"
    assert main(["quantize", str(system), "--out", str(new)]) == 0
    told = capsys.readouterr().out
    assert re.search(r"net-int8.onnx, 0\.05 MB of 0\.20 MB \(2\d%\)", told), told
    assert "quantised: 4 ConvInteger, from 4 operations" in told
    data = f"folder={small_folder}"
    words = [
        "run",
        "mdx21",
        "--data",
        data,
        "--out",
        str(runs),
        "--system",
        str(system),
        "--system",
        str(new),
    ]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["table", str(runs), "--cost", "--json"]) == 0
    rows = {row["system"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert set(rows) == {"net", "net-int8"}
    assert rows["net"]["weights_bytes"] == (tmp_path / "net.onnx").stat().st_size
    assert rows["net-int8"]["weights_bytes"] == (tmp_path / "net-int8.onnx").stat().st_size
    assert rows["net"]["score"] == pytest.approx(rows["net-int8"]["score"], abs=0.5)
    assert rows["net"]["score"] != rows["net-int8"]["score"]
    assert all(row["rtf"] > 0 and row["peak_rss_bytes"] > 10e6 for row in rows.values())
    assert main(["table", str(runs), "--cost"]) == 0
    assert capsys.readouterr().out.startswith("| system | uSDR mean | tracks | on disk | real-time factor |")


def test_the_page_names_every_parameter_of_a_network() -> None:
    section = DOCS.read_text(encoding="utf-8").split("## Networks in files")[1].split("\n## ")[0]
    table = section.split("| parameter | meaning | default |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == KEYS
