"""Networks in files that need no source code: TorchScript, torch.export and ONNX.

All run on the CPU. An ONNX file is run by ONNX Runtime, so it needs neither PyTorch nor another framework.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Samples
from svbench.systems.adapters.shared import model_file, package
from svbench.systems.api import Context
from svbench.systems.waveform import Description, WaveformSystem, check_input, describe

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
    return _torch_system(context, description, torch.jit.load(str(path), map_location="cpu").eval())


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
    return _torch_system(context, description, program.module())


def _torch_system(context: Context, description: Description, module: Any) -> WaveformSystem:
    """Return a PyTorch module as a system that runs it without gradients."""
    import torch

    def network(array: Samples) -> list[Samples]:
        with torch.inference_mode():
            try:
                output = module(torch.from_numpy(array))
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

    return WaveformSystem(context.system_id, description, network, f"torch {torch.__version__}")


def check_kind(path: Path, expected: str, how: str) -> None:
    """Refuse a file of another kind by name, before PyTorch fails on it with an obscure message.

    Raises
    ------
    ValueError
    """
    kind = kind_of_file(path)
    if kind != expected:
        raise ValueError(f"{path.name} is {kind}, expected {expected}; it is made by {how}")


def kind_of_file(path: Path) -> str:
    """Return what kind of model file this is, judged by its content.

    Returns
    -------
    str
        `SCRIPT`, `EXPORT`, ``"a checkpoint (weights without their network)"`` or ``"not a file of PyTorch"``.
    """
    if not zipfile.is_zipfile(path):
        return "not a file of PyTorch"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    endings = {
        "constants.pkl": SCRIPT,
        "models/model.json": EXPORT,
        "serialized_exported_program.json": EXPORT,  # up to PyTorch 2.7
        # Last, since a TorchScript file contains one too.
        "data.pkl": "a checkpoint (weights without their network)",
    }
    for ending, kind in endings.items():
        if any(name.endswith(ending) for name in names):
            return kind
    return "not a file of PyTorch"


TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
# In the field external_data of TensorProto: the key "location" and the start of its value, in protobuf's
# encoding.
LOCATION = b"\n\x08location\x12"


def load_onnx(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Open an inference session with as many threads as the system file says.

    Parameters
    ----------
    parameters : dict
        Those of `svbench.systems.waveform.describe`.
    context : Context
        Its weights are one file that ends in ``.onnx``, and the files in which that keeps its tensors.

    Raises
    ------
    ValueError
        The parameters or the file are of another kind, or the network was exported for another shape of
        input than the parameters describe.
    ImportError
        ONNX Runtime is not installed.
    """
    description = describe(parameters)
    path = model_file(context.weights, (".onnx",), "an ONNX file")
    check_external_files(path, context.weights)
    runtime = package("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    # ONNX Runtime does not look at OMP_NUM_THREADS; the worker's environment holds the limit.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base class
        raise ValueError(
            f"{path.name} is not an ONNX file that ONNX Runtime can run ({' '.join(str(error).split())})"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in TYPES:
        found = ", ".join(f"{i.name}: {i.type}" for i in inputs)
        raise ValueError(f"{path.name} takes {found}; expected one array of floats, the mixture")
    check_input(description, inputs[0].shape)
    name, kind = inputs[0].name, TYPES[inputs[0].type]
    return WaveformSystem(
        context.system_id,
        description,
        lambda array: session.run(None, {name: array.astype(kind)}),
        f"onnxruntime {runtime.__version__}",
    )


def check_external_files(path: Path, weights: tuple[Path, ...]) -> None:
    """Refuse a model with tensors in a file that ``weights`` does not name, which no digest would cover.

    Raises
    ------
    ValueError
    """
    # The file is read whole; the session will need more memory than that anyway.
    known = {w.relative_to(path.parent).as_posix() for w in weights if path.parent in w.parents}
    unknown = sorted(_external_files(path.read_bytes()) - known)
    if unknown:
        raise ValueError(
            f"{path.name} keeps tensors in {', '.join(unknown)}; add it to weights with its sha256"
        )


def _external_files(content: bytes) -> set[str]:
    """Return the files in which an ONNX model keeps tensors, read without a protobuf package.

    Examples
    --------
    >>> sorted(_external_files(b"..." + LOCATION + b"\\x06m.data" + b"..."))
    ['m.data']
    """
    names = set()
    start = content.find(LOCATION)
    while start >= 0:
        start += len(LOCATION)
        # A name is shorter than 128 bytes in practice, so its length is one byte.
        names.add(content[start + 1 : start + 1 + content[start]].decode(errors="replace"))
        start = content.find(LOCATION, start)
    return names
