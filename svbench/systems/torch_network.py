"""A PyTorch module as a network of `svbench.systems.waveform`; imported in the worker only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from svbench.audio import Samples
from svbench.systems.files import kind_of_file


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
