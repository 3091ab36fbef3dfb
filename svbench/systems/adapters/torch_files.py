"""A PyTorch file that needs no source: TorchScript (``torch.jit.save``) or torch.export (.pt2)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from svbench.audio import Samples
from svbench.systems.adapters.shared import model_file, package
from svbench.systems.api import Context
from svbench.systems.waveform import WaveformSystem, check_input, describe

SCRIPT, EXPORT = "a TorchScript file", "a torch.export file"


def load_script(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Load a file saved with ``torch.jit.save``, in evaluation mode, on the CPU.

    Parameters
    ----------
    parameters : dict
        See `svbench.systems.waveform.describe`.
    context : Context
        Its weights are one file that ends in ``.pt``, ``.pth`` or ``.ts``.

    Raises
    ------
    ValueError
        The parameters or the file are of another kind.
    ImportError
        PyTorch is not installed.
    """
    description = describe(parameters)
    path = model_file(context.weights, (".pt", ".pth", ".ts"), SCRIPT)
    torch = package("torch", "torch")
    check_kind(path, SCRIPT, "torch.jit.save(torch.jit.script(network), PATH)")
    module = torch.jit.load(str(path), map_location="cpu").eval()
    network = TorchNetwork(torch, module)
    return WaveformSystem(context.system_id, description, network, f"torch {torch.__version__}")


def load_export(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Load a file saved with ``torch.export.save``, on the CPU.

    Parameters
    ----------
    parameters : dict
        See `svbench.systems.waveform.describe`.
    context : Context
        Its weights are one file that ends in ``.pt2``.

    Raises
    ------
    ValueError
        The parameters or the file are of another kind, or the network was exported for another
        shape of input than the parameters describe.
    ImportError
        PyTorch is not installed.
    """
    description = describe(parameters)
    path = model_file(context.weights, (".pt2",), EXPORT)
    torch = package("torch", "torch")
    check_kind(path, EXPORT, "torch.export.save(torch.export.export(network, (example,)), PATH)")
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


class TorchNetwork:
    """A PyTorch module as a network of `svbench.systems.waveform`.

    Parameters
    ----------
    torch : module
        PyTorch, which only the adapter imports.
    module : torch.nn.Module
    """

    def __init__(self, torch: Any, module: Any) -> None:
        self.torch, self.module = torch, module

    def __call__(self, array: Samples) -> list[Samples]:
        """Run the module without gradients.

        Raises
        ------
        ValueError
            The module refuses the input, or returns neither a tensor nor several.
        """
        torch = self.torch
        with torch.inference_mode():
            try:
                output = self.module(torch.from_numpy(array))
            except (RuntimeError, AssertionError) as error:
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise ValueError(
                    f"the network refuses an input of shape {array.shape} ({lines[-1][:200]}); "
                    "input and segment_samples must be those it was made for"
                ) from error
        tensors = list(output) if isinstance(output, (tuple, list)) else [output]
        if not all(isinstance(t, torch.Tensor) for t in tensors):
            raise ValueError(
                f"the network returned {type(output).__name__}, expected a tensor, or one per target"
            )
        return [t.numpy() for t in tensors]


def check_kind(path: Path, expected: str, how: str) -> None:
    """Refuse a file of another kind by name, before PyTorch fails on it with an obscure message.

    Raises
    ------
    ValueError
    """
    found = kind_of_file(path)
    if found == expected:
        return
    if found == "a checkpoint":
        found = "a checkpoint (weights without their network)"
    raise ValueError(f"{path.name} is {found}, expected {expected}; it is made by {how}")


def kind_of_file(path: Path) -> str:
    """Return what kind of model file this is, judged by its content.

    Returns
    -------
    str
        ``"a TorchScript file"``, ``"a torch.export file"``, ``"a checkpoint"`` (weights without a
        network) or ``"no file of PyTorch"``.
    """
    if not zipfile.is_zipfile(path):
        return "no file of PyTorch"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    endings = {
        "constants.pkl": "a TorchScript file",
        "models/model.json": "a torch.export file",
        "serialized_exported_program.json": "a torch.export file",  # up to PyTorch 2.7
        "data.pkl": "a checkpoint",  # last, since a TorchScript file contains one too
    }
    for ending, kind in endings.items():
        if any(name.endswith(ending) for name in names):
            return kind
    return "no file of PyTorch"
