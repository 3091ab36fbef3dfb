"""An ONNX file, run by ONNX Runtime on the CPU; neither PyTorch nor another framework is needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Samples
from svbench.systems.adapters.shared import model_file, package
from svbench.systems.api import Context
from svbench.systems.waveform import WaveformSystem, check_input, describe

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
# In the field external_data of TensorProto: the key "location" and the start of its value, in protobuf's
# encoding.
LOCATION = b"\n\x08location\x12"


class OnnxNetwork:
    """An inference session as a network of `svbench.systems.waveform`."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.input = session.get_inputs()[0]

    def __call__(self, array: Samples) -> list[Samples]:
        """Run the session on one array."""
        outputs: list[Samples] = self.session.run(
            None, {self.input.name: array.astype(TYPES[self.input.type])}
        )
        return outputs


def load(parameters: dict[str, Any], context: Context) -> WaveformSystem:
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
            f"{path.name} is no ONNX file that ONNX Runtime can run ({' '.join(str(error).split())})"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in TYPES:
        found = ", ".join(f"{i.name}: {i.type}" for i in inputs)
        raise ValueError(f"{path.name} takes {found}; expected one array of floats, the mixture")
    check_input(description, inputs[0].shape)
    version = f"onnxruntime {runtime.__version__}"
    return WaveformSystem(context.system_id, description, OnnxNetwork(session), version)


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
