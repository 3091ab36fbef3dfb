"""A TorchScript file: a network saved with ``torch.jit.save``, run by PyTorch without its source."""

from __future__ import annotations

from typing import Any

from svbench.systems.api import Context
from svbench.systems.files import model_file, package
from svbench.systems.torch_network import TorchNetwork, check_kind
from svbench.systems.waveform import WaveformSystem, describe

KIND = "a TorchScript file"


def load(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Load a network, in evaluation mode, on the CPU.

    Parameters
    ----------
    parameters : dict
        Those of `svbench.systems.waveform.describe`.
    context : Context
        With one weights file that ends in ``.pt``, ``.pth`` or ``.ts``.

    Raises
    ------
    ValueError
        The parameters or the file are not of the kind.
    ImportError
        PyTorch is not installed.
    """
    description = describe(parameters)
    path = model_file(context.weights, (".pt", ".pth", ".ts"), KIND)
    torch = package("torch", "torch")
    check_kind(path, KIND, "torch.jit.save(torch.jit.script(network), PATH)")
    module = torch.jit.load(str(path), map_location="cpu").eval()
    network = TorchNetwork(torch, module)
    return WaveformSystem(context.system_id, description, network, f"torch {torch.__version__}")
