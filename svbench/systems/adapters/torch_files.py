"""A PyTorch module as a network of `svbench.systems.waveform`; imported in the worker only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from svbench.audio import Samples
from svbench.systems.adapters.shared import kind_of_file, model_file, package
from svbench.systems.api import Context
from svbench.systems.waveform import WaveformSystem, check_input, describe


class TorchNetwork:
    """Runs a module on one array.

    Parameters
    ----------
    torch : module
        PyTorch, which is imported by the adapter alone.
    module : torch.nn.Module
    """

    def __init__(self, torch: Any, module: Any) -> None:
        self.torch, self.module = torch, module

    def __call__(self, array: Samples) -> list[Samples]:
        """Run the module without gradients.

        Raises
        ------
        ValueError
            It refuses the input, or returns neither a tensor nor several.
        """
        torch = self.torch
        with torch.inference_mode():
            try:
                made = self.module(torch.from_numpy(array))
            except (RuntimeError, AssertionError) as error:
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise ValueError(
                    f"the network refuses an input of shape {array.shape} ({said[-1][:200]}); "
                    "input and segment_samples must be those it was made for"
                ) from error
        tensors = list(made) if isinstance(made, (tuple, list)) else [made]
        if not all(isinstance(t, torch.Tensor) for t in tensors):
            raise ValueError(
                f"the network returned {type(made).__name__}, expected a tensor, or one per target"
            )
        return [t.numpy() for t in tensors]


def check_kind(path: Path, expected: str, how: str) -> None:
    """Refuse a file of another kind, naming both, before PyTorch fails on it in its own words.

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


SCRIPT = "a TorchScript file"


def load_script(parameters: dict[str, Any], context: Context) -> WaveformSystem:
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
    path = model_file(context.weights, (".pt", ".pth", ".ts"), SCRIPT)
    torch = package("torch", "torch")
    check_kind(path, SCRIPT, "torch.jit.save(torch.jit.script(network), PATH)")
    module = torch.jit.load(str(path), map_location="cpu").eval()
    network = TorchNetwork(torch, module)
    return WaveformSystem(context.system_id, description, network, f"torch {torch.__version__}")


EXPORT = "a torch.export file"


def load_export(parameters: dict[str, Any], context: Context) -> WaveformSystem:
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
