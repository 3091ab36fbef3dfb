"""A torch.export file (.pt2): a network's graph saved with ``torch.export.save``."""

from __future__ import annotations

from typing import Any

from svbench.systems.api import Context
from svbench.systems.files import model_file, package
from svbench.systems.torch_network import TorchNetwork, check_kind
from svbench.systems.waveform import WaveformSystem, check_input, describe

KIND = "a torch.export file"


def load(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Load an exported program, on the CPU.

    Parameters
    ----------
    parameters : dict
        Those of `svbench.systems.waveform.describe`.
    context : Context
        With one weights file that ends in ``.pt2``.

    Raises
    ------
    ValueError
        The parameters or the file are not of the kind, or the file was exported for another
        shape of input than they describe.
    ImportError
        PyTorch is not installed.
    """
    description = describe(parameters)
    path = model_file(context.weights, (".pt2",), KIND)
    torch = package("torch", "torch")
    check_kind(path, KIND, "torch.export.save(torch.export.export(network, (example,)), PATH)")
    program = torch.export.load(str(path))
    inputs = [
        node.meta["val"].shape
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    if len(inputs) != 1:
        raise ValueError(f"{path.name}: takes {len(inputs)} inputs, expected the mixture alone")
    check_input(description, list(inputs[0]))
    network = TorchNetwork(torch, program.module())
    return WaveformSystem(context.system_id, description, network, f"torch {torch.__version__}")
