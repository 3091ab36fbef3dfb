"""Counts of layers whose work and size follow from their shapes."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from svbench.systems.worker import networks

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch deprecates parts of itself


def counted(module: Any, *inputs: Any) -> dict[str, Any]:
    with torch.no_grad():
        return networks.count_macs(lambda: module(*inputs))


def test_linear() -> None:
    found = counted(torch.nn.Linear(7, 5), torch.zeros(3, 7))
    assert found["macs"] == 3 * 7 * 5
    assert found["uncounted"] == {}


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 2])
def test_lstm(layers: int, directions: int) -> None:
    d, h, steps, batch = 10, 20, 30, 2
    net = torch.nn.LSTM(d, h, layers, bidirectional=directions == 2)
    widths = [d, *[h * directions] * (layers - 1)]
    expected = sum(4 * h * (h + w) for w in widths) * directions * steps * batch
    found = counted(net, torch.zeros(steps, batch, d))
    assert found["macs"] == expected
    assert {"sigmoid_", "tanh"} <= set(found["uncounted"])


@pytest.mark.parametrize(("kind", "gates"), [("GRU", 3), ("RNN", 1)])
def test_other_recurrent_layers(kind: str, gates: int) -> None:
    found = counted(getattr(torch.nn, kind)(10, 20), torch.zeros(30, 1, 10))
    assert found["macs"] == gates * 20 * (20 + 10) * 30


def test_fused_lstm_of_a_card_has_the_same_formula() -> None:
    rule = networks._formulas(torch)[torch.ops.aten._cudnn_rnn]
    weights = [(80, 10), (80, 20), (80,), (80,)] * 2
    assert rule((30, 2, 10), weights, 4, None) == 2 * 2 * 4 * 20 * (20 + 10) * 30 * 2


def test_attention_behind_the_fast_path() -> None:
    n, e, heads, inner = 50, 40, 4, 64
    net = torch.nn.TransformerEncoderLayer(e, heads, inner, batch_first=True).eval()
    found = counted(net, torch.zeros(1, n, e))
    assert found["macs"] == n * (4 * e * e + 2 * e * inner) + 2 * n * n * e
    assert torch.backends.mha.get_fastpath_enabled()


def test_convolution_and_its_transpose() -> None:
    assert counted(torch.nn.Conv1d(2, 3, 9), torch.zeros(1, 2, 108))["macs"] == 2 * 3 * 9 * 100
    assert counted(torch.nn.ConvTranspose1d(3, 2, 9), torch.zeros(1, 3, 100))["macs"] == 2 * 3 * 9 * 100


def test_fourier_transforms_by_the_usual_convention() -> None:
    complex_signal = torch.zeros(3, 1024, dtype=torch.complex64)
    assert counted(torch.fft.fft, complex_signal)["macs"] == 3 * 5 * 1024 * 10 // 2
    assert counted(torch.fft.rfft, torch.zeros(3, 1024))["macs"] == round(3 * 2.5 * 1024 * 10 / 2)
    half = torch.zeros(3, 513, dtype=torch.complex64)
    assert counted(torch.fft.irfft, half)["macs"] == round(3 * 2.5 * 1024 * 10 / 2)


@pytest.mark.parametrize("how", ["script", "freeze", "export"])
def test_compiled_files_count_alike(how: str) -> None:
    net, x = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU()).eval(), torch.zeros(3, 7)
    if how == "export":
        made = torch.export.export(net, (x,)).module()
    else:
        made = torch.jit.script(net)
        made = torch.jit.freeze(made) if how == "freeze" else made
    found = counted(made, x)
    assert found["macs"] == 105
    assert found["uncounted"] == {"relu": 15}
    size = networks.size([made])
    assert size.get("parameters") == (None if how == "freeze" else 40)
    assert ("constants of its code" in size["unknown"]) == (how == "freeze")


def test_work_elsewhere_is_not_called_none() -> None:
    assert networks.count_macs(lambda: None) == {
        "unknown": "no PyTorch operation was seen in the thread that separates"
    }


class Holder:
    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)


def test_networks_are_found_where_systems_keep_them() -> None:
    net = torch.nn.Linear(3, 2)

    def closed() -> Any:
        return net

    for system in (
        Holder(net=net),
        Holder(inner=Holder(nets=[{"a": net}])),
        Holder(function=closed),
        Holder(function=functools.partial(closed.__call__, net)),
        Holder(method=Holder(net=net).__init__),
        Holder(net=torch.nn.Sequential(net), again=net),
    ):
        found = networks.size(system)
        assert (found["parameters"], len(found["models"])) == (8, 1), found


def test_models_of_each_stem_are_told_apart_and_shared_weights_count_once() -> None:
    shared = torch.nn.Linear(3, 2)
    nets = torch.nn.ModuleDict({"vocals": torch.nn.Linear(3, 2), "drums": torch.nn.Sequential(shared)})
    found = networks.size(Holder(nets=nets, other=shared))
    assert [m["name"] for m in found["models"]] == ["nets.vocals", "nets.drums"]
    assert [m["parameters"] for m in found["models"]] == [8, 8]
    assert found["parameters"] == 16
    twice = networks.size(Holder(one=torch.nn.Sequential(shared), two=torch.nn.Sequential(shared)))
    assert (twice["parameters"], len(twice["models"])) == (8, 2)


def test_a_system_may_name_its_networks() -> None:
    class Named:
        hidden = torch.nn.Linear(100, 100)

        def modules(self) -> dict[str, Any]:
            return {"vocals": torch.nn.Linear(3, 2).half()}

    found = networks.size(Named())
    assert [m["name"] for m in found["models"]] == ["vocals"]
    assert found["dtypes"] == {"float16": 8}
