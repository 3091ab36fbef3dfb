"""The child process of `svbench.systems.quantization`: one ONNX file in, a smaller one out.

Started as a file, under the interpreter that the system itself runs under, so it imports nothing
of svbench: ``quantizer.py SOURCE DESTINATION``. It prints one JSON object, or a sentence and
exits 1.
"""

from __future__ import annotations

import collections
import json
import logging
import sys
from typing import Any

# What weights become operations of; dynamic quantisation leaves all others in floating point.
INTEGER = ("ConvInteger", "MatMulInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul")


def main() -> None:
    """Quantise, prove that the result loads, and say what was quantised."""
    del sys.path[0]  # this file's own folder, whose module names mean nothing out of their package
    source, destination = sys.argv[1:]
    try:
        print(json.dumps(quantize(source, destination)))
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        sys.exit(f"{name} is not installed; {sys.executable} -m pip install {name}")
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")


def quantize(source: str, destination: str) -> dict[str, Any]:
    """Write a dynamically quantised model: weights of 8 bits, activations scaled as they come.

    Parameters
    ----------
    source, destination : str
        Paths of ONNX files.

    Returns
    -------
    dict
        ``n_operations`` of the source, those newly ``quantized`` by their name in the result, and the
        ``onnxruntime`` version that made it.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises pre-processing whether that was done or not
    model = onnx.load(source)
    before = _operations(model)
    # Unsigned weights: signed ones overflow 16 bits on x86 processors without VNNI, and older
    # versions of ONNX Runtime have no convolution for them. Given as an object, since from a path
    # it writes a temporary file beside the source.
    quantize_dynamic(model, destination, weight_type=QuantType.QUInt8)
    onnxruntime.InferenceSession(destination, providers=["CPUExecutionProvider"])
    new = _operations(onnx.load(destination)) - before
    return {
        "n_operations": sum(before.values()),
        "quantized": {name: new[name] for name in INTEGER if new[name]},
        "onnxruntime": onnxruntime.__version__,
    }


def _operations(model: Any) -> collections.Counter[str]:
    return collections.Counter(node.op_type for node in model.graph.node)


if __name__ == "__main__":
    main()
