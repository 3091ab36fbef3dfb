"""Quantise an ONNX system: make a second system of the same network with 8-bit weights.

ONNX Runtime's quantiser runs in a child process (`svbench.systems.quantizer`) under the system's own
interpreter; this side checks its input, names its output and writes the system file.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from svbench.errors import SvbenchError
from svbench.specs.records import without
from svbench.specs.system import LocatedSystem, Weights
from svbench.systems.adapters.network_files import check_external_files
from svbench.systems.worker.limits import checked_weights, interpreter

SUFFIX = "-int8"


@dataclass(frozen=True)
class Quantized:
    """The new files, their sizes, and how many operations of each kind have become integer arithmetic."""

    system: Path
    weights: Path
    source_bytes: int
    weights_bytes: int
    n_operations: int
    quantized: dict[str, int]


def quantize_system(located: LocatedSystem, out: Path) -> Quantized:
    """Make a dynamically quantised model and its system file.

    Parameters
    ----------
    located : LocatedSystem
        A system of the adapter ``onnx``.
    out : Path
        The system file to write; the model is written beside it, named after the new system's id.

    Returns
    -------
    Quantized

    Raises
    ------
    SvbenchError
        It is not an ONNX system, a file exists already, or the network cannot be quantised.
    SystemFailure
        Weights are missing or changed.
    """
    spec = located.spec
    if spec.adapter != "onnx":
        raise SvbenchError(
            f"{spec.id} uses the adapter {spec.adapter!r}; only ONNX systems can be quantised, "
            "so export its network to ONNX first"
        )
    if out.suffix != ".toml":
        raise SvbenchError(f"{out}: the name of a system file ends in .toml")
    model = out.with_name(f"{spec.id}{SUFFIX}.onnx")
    for path in (out, model):
        if path.exists():
            raise SvbenchError(f"{path}: exists already; remove it or choose another --out")
    weights = [checked_weights(located.folder, w) for w in spec.weights]
    sources = [w for w in weights if w.suffix.lower() == ".onnx"]
    if len(sources) != 1:
        raise SvbenchError(f"{spec.id}: weights must name one ONNX file, found {len(sources)}")
    try:
        check_external_files(sources[0], tuple(weights))
    except ValueError as error:
        raise SvbenchError(f"{spec.id}: {error}") from error
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".quantize-") as folder:
        made = Path(folder) / model.name
        counts = _quantizer(located, sources[0], made)
        if not counts["quantized"]:
            raise SvbenchError(
                f"{spec.id} cannot be quantised: none of its {counts['n_operations']} operations "
                "has a dynamic 8-bit form"
            )
        text = _system_file(located, made, out)
        made.replace(model)
    out.write_text(text, encoding="utf-8")
    return Quantized(
        system=out,
        weights=model,
        source_bytes=sum(w.stat().st_size for w in weights),
        weights_bytes=model.stat().st_size,
        n_operations=counts["n_operations"],
        quantized=counts["quantized"],
    )


def _quantizer(located: LocatedSystem, source: Path, destination: Path) -> dict[str, Any]:
    python = interpreter(located)
    script = Path(__file__).with_name("quantizer.py")
    try:
        done = subprocess.run(
            [python, str(script), str(source), str(destination)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise SvbenchError(f"interpreter {python} cannot be started ({error.strerror})") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"its process ended with code {done.returncode}"]
        raise SvbenchError(f"{located.spec.id} cannot be quantised: {lines[-1]}")
    counts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return counts


def _system_file(located: LocatedSystem, model: Path, out: Path) -> str:
    """Return the TOML of the new system: that of the source with another id, title, weights and paths."""
    import tomli_w

    spec = located.spec
    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    python = spec.python
    if python and "/" in python and not Path(python).is_absolute():
        # Not resolved: the interpreter of a virtual environment is a link, and finds its packages only by it.
        python = os.path.relpath(located.folder / python, out.parent.resolve())
    new = msgspec.structs.replace(
        spec,
        id=f"{spec.id}{SUFFIX}",
        title=f"{spec.title} (int8 weights, dynamic)",
        weights=(Weights(path=model.name, sha256=sha256),),
        python=python,
    )
    return tomli_w.dumps(without(new))
