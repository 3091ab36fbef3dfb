"""Make a smaller second system from an ONNX system: the same network with 8-bit weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("system", metavar="SYSTEM", help="id or TOML file of a system of the adapter onnx")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="NEW.toml",
        help="system file to write; the model goes beside it",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the two files and print how much smaller the model is."""
    from svbench.specs.system import load_system
    from svbench.systems.quantization import quantize_system

    made = quantize_system(load_system(options.system), options.out)
    parts = ", ".join(f"{n} {name}" for name, n in made.quantized.items())
    print(f"system: {made.system}")
    print(
        f"weights: {made.weights}, {made.weights_bytes / 1e6:.2f} MB of {made.source_bytes / 1e6:.2f} MB "
        f"({made.weights_bytes / made.source_bytes:.0%})"
    )
    print(f"quantised: {parts}, from {made.n_operations} operations; the others stay in floating point")
    return OK
