"""The program that `svbench.systems.quantization` runs in a child process: quantise one ONNX file.

It is run as a file, ``quantizer.py SOURCE DESTINATION``, by the interpreter of the system itself, so it
imports nothing from svbench. It prints one JSON object; or it prints a sentence on stderr and exits with code
1.
"""

from __future__ import annotations

import collections
import json
import logging
import sys
from typing import Any

# The operations that dynamic quantisation introduces; it leaves all others in floating point.
INTEGER = ("ConvInteger", "MatMulInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul")


def main() -> None:
    """Quantise, check that the result loads, and print what was quantised."""
    del sys.path[0]  # the folder of this file, whose module names mean nothing outside their package
    source, destination = sys.argv[1:]
    try:
        print(json.dumps(quantize(source, destination)))
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        sys.exit(f"{name} is not installed; {sys.executable} -m pip install {name}")
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")


def quantize(source: str, destination: str) -> dict[str, Any]:
    """Write a dynamically quantised model: 8-bit weights, and activations quantised at run time.

    Parameters
    ----------
    source, destination : str
        Paths of ONNX files.

    Returns
    -------
    dict
        ``n_operations`` of the source; ``quantized``: the number of new operations by name; and the version
        of ``onnxruntime`` that made it.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises pre-processing even where that was done
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
