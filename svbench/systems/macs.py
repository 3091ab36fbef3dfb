"""Multiply-accumulates of one call, counted while PyTorch carries it out.

Runs in the worker. PyTorch's own counter knows matrix products, convolutions and attention. On a CPU
some layers run as one fused kernel that it does not see, so these kernels are switched off while
counting; for the ones that cannot be (CUDA's recurrent layers) and for Fourier transforms there are
formulas here. Whatever else does arithmetic is listed, not guessed.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any


def count(call: Callable[[], Any]) -> dict[str, Any]:
    """Count the multiply-accumulates of a call.

    Parameters
    ----------
    call : callable
        Does all its work in this thread and process: other threads and programs are not seen.

    Returns
    -------
    dict
        ``macs`` in all; ``by_operation``; ``uncounted``: operation → number of values it gave, for all
        that compute something and have no formula. Or ``unknown``, the reason why there is no count.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return {"unknown": "PyTorch is not loaded in the worker; only its operations can be counted"}
    flops = importlib.import_module("torch.utils.flop_counter")
    mode: Any = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode
    formulas = _formulas(torch)
    uncounted: dict[str, int] = {}
    n_operations = 0

    class Recorder(mode):  # type: ignore[misc]
        """Sees what is left when the counter, inside it, has taken composite operations apart."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal n_operations
            out = func(*args, **(kwargs or {}))
            n_operations += 1
            packet = func._overloadpacket
            if packet not in flops.flop_registry and packet not in formulas and _computes(torch, func):
                first = out[0] if isinstance(out, (tuple, list)) and out else out
                name = str(packet).replace("aten.", "")
                uncounted[name] = uncounted.get(name, 0) + (first.numel() if hasattr(first, "numel") else 1)
            return out

    counter = flops.FlopCounterMode(display=False, custom_mapping=formulas)
    with _unfused(torch), Recorder(), counter:
        call()
    if not n_operations:
        return {"unknown": "no PyTorch operation was seen in the thread that separates"}
    by_operation = {
        str(k).replace("aten.", ""): v // 2 for k, v in counter.get_flop_counts()["Global"].items()
    }
    return {
        "macs": counter.get_total_flops() // 2,
        "by_operation": by_operation,
        "uncounted": dict(sorted(uncounted.items(), key=lambda item: (-item[1], item[0]))),
    }


@contextlib.contextmanager
def _unfused(torch: Any) -> Iterator[None]:
    """Switch fused CPU kernels off that hide matrix products from the counter."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _computes(torch: Any, func: Any) -> bool:
    """Whether an operation does arithmetic: no view, no allocation, no copy, no question."""
    name = func._schema.name.split("::")[-1].rstrip("_")
    return not (func.is_view or name in _MOVES or name.startswith(("empty", "new_", "is_", "sym_")))


_MOVES = frozenset(
    """
    _local_scalar_dense _reshape_copy _to_copy _unsafe_view arange as_strided cat clone
    constant_pad_nd copy detach equal expand_copy eye fill flip full full_like gather index
    index_put index_select lift_fresh masked_fill movedim narrow_copy ones ones_like pad
    permute_copy record_stream reflection_pad1d reflection_pad2d repeat replication_pad1d
    replication_pad2d reshape resize roll rot90 scalar_tensor scatter select_scatter set slice_copy
    slice_scatter split_copy squeeze stack swapaxes t transpose transpose_copy tril triu
    unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze view_as_complex view_as_real
    view_copy where zero zeros zeros_like
    """.split()  # noqa: SIM905 -- forty lines otherwise
)


def _formulas(torch: Any) -> dict[Any, Any]:
    """Floating-point operations, two for a multiply-accumulate, from the shapes of the arguments."""
    sdpa_flop_count = importlib.import_module("torch.utils.flop_counter").sdpa_flop_count
    aten = torch.ops.aten

    def attention(query: Any, key: Any, value: Any, *rest: Any, **more: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def matrix_vector(matrix: Any, vector: Any, *rest: Any, **more: Any) -> int:
        return int(2 * math.prod(matrix))

    def added_matrix_vector(bias: Any, matrix: Any, vector: Any, *rest: Any, **more: Any) -> int:
        return int(2 * math.prod(matrix))

    def dot(one: Any, other: Any, *rest: Any, **more: Any) -> int:
        return int(2 * math.prod(one))

    def recurrent(inputs: Any, weights: Any, *rest: Any, **more: Any) -> int:
        # Every matrix, of any gate, layer and direction, takes one vector per step: 4h(h + d) in an LSTM.
        steps = math.prod(inputs) // inputs[-1]
        return int(2 * steps * sum(math.prod(w) for w in weights if len(w) == 2))

    def recurrent_layer(inputs: Any, w_in: Any, w_hidden: Any, *rest: Any, **more: Any) -> int:
        return recurrent(inputs, [w_in, w_hidden])

    def complex_transform(signal: Any, dim: Any, *rest: Any, **more: Any) -> int:
        return _fft_flops(math.prod(signal), [signal[d] for d in dim], 5.0)

    def real_transform(signal: Any, dim: Any, *rest: Any, **more: Any) -> int:
        return _fft_flops(math.prod(signal), [signal[d] for d in dim], 2.5)

    def real_inverse(spectrum: Any, dim: Any, normalization: Any, last: int, *rest: Any, **more: Any) -> int:
        lengths = [*[spectrum[d] for d in dim[:-1]], last]
        return _fft_flops(math.prod(spectrum) // spectrum[dim[-1]] * last, lengths, 2.5)

    wanted = {
        "_scaled_dot_product_flash_attention_for_cpu": attention,
        "_scaled_dot_product_fused_attention_overrideable": attention,
        "mv": matrix_vector,
        "addmv": added_matrix_vector,
        "dot": dot,
        "vdot": dot,
        "_cudnn_rnn": recurrent,
        "miopen_rnn": recurrent,
        "mkldnn_rnn_layer": recurrent_layer,
        "_fft_c2c": complex_transform,
        "_fft_r2c": real_transform,
        "_fft_c2r": real_inverse,
    }
    return {getattr(aten, name): rule for name, rule in wanted.items() if hasattr(aten, name)}


def _fft_flops(n_values: int, lengths: list[int], factor: float) -> int:
    """Operations of the transforms of ``n_values`` in all: factor · N log2 N for each of length N.

    The usual convention: 5 for complex, 2.5 for real signals.

    Examples
    --------
    >>> _fft_flops(3 * 1024, [1024], 5.0)
    153600
    """
    return round(factor * n_values * math.log2(max(2, math.prod(lengths))))
