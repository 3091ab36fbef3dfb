"""Find the networks inside a loaded system, and count their parameters and the operations of a call.

Runs in the worker. A system may name its networks itself with a method ``modules()``, a mapping from names
to torch modules; otherwise the system object is searched for them. PyTorch is never imported here: a
system that has not loaded it has no torch modules.

Multiply-accumulates (MACs) are counted while PyTorch carries a call out. Its own counter knows matrix
products, convolutions and attention. On a CPU some layers run as one fused kernel that the counter does not
see, so these kernels are switched off while counting; for those that cannot be (CUDA's recurrent layers) and
for Fourier transforms there are formulas here. Whatever else does arithmetic is listed, not guessed.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# The search for networks gives up here: a system may hold millions of objects.
_MOST_OBJECTS = 20_000
_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None), type, types.ModuleType)


def size(system: Any) -> dict[str, Any]:
    """Count the parameters of every network that a system has loaded.

    Parameters
    ----------
    system : object
        As its adapter made it.

    Returns
    -------
    dict
        ``models``: one dict per network with ``name``, ``type``, ``parameters``, ``trainable``;
        ``parameters`` and ``trainable`` over all of them, shared ones once; ``dtypes``: parameters of
        each type. What is not known is absent, and ``unknown`` says why.
    """
    modules = _members(networks(system))
    if not modules:
        return {"models": [], "unknown": _why_none()}
    parameters: dict[int, Any] = {}
    models = []
    for name, module in modules:
        of_module = {_identity(p): p for p in module.parameters()}
        parameters.update(of_module)  # parameters that several networks share count once
        models.append({"name": name, "type": type(module).__name__, **_counts(of_module)})
    if not parameters:
        return {"models": models, "unknown": _hidden(modules)}
    dtypes: dict[str, int] = {}
    for p in parameters.values():
        kind = str(p.dtype).replace("torch.", "")
        dtypes[kind] = dtypes.get(kind, 0) + p.numel()
    return {
        "models": models,
        **_counts(parameters),
        "dtypes": dtypes,
        "devices": sorted({str(p.device) for p in parameters.values()}),
        "unknown": _hidden(modules),
    }


def _counts(parameters: dict[int, Any]) -> dict[str, int]:
    return {
        "parameters": sum(p.numel() for p in parameters.values()),
        "trainable": sum(p.numel() for p in parameters.values() if p.requires_grad),
    }


def networks(system: Any) -> list[tuple[str, Any]]:
    """Return the torch modules of a system with their names; none of them is part of another.

    Parameters
    ----------
    system : object

    Returns
    -------
    list of (str, torch.nn.Module)
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    module_type = torch.nn.Module
    named = getattr(system, "modules", None)
    if callable(named) and not isinstance(system, module_type):
        return [(str(name), module) for name, module in dict(named()).items()]
    # Breadth first, so that a network gets its shortest name and outer modules come before their parts.
    modules: list[tuple[str, Any]] = []
    seen: set[int] = set()
    waiting: deque[tuple[str, Any]] = deque([("", system)])
    while waiting and len(seen) < _MOST_OBJECTS:
        name, value = waiting.popleft()
        if isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, module_type):
            modules.append((name or type(value).__name__, value))
        elif not isinstance(value, torch.Tensor):
            waiting.extend((f"{name}.{key}".lstrip("."), inner) for key, inner in _held(value))
    inside = {id(part) for _, module in modules for part in list(module.modules())[1:]}
    return [(name, module) for name, module in modules if id(module) not in inside]


def _held(value: Any) -> Iterable[tuple[str, Any]]:
    """List what an object holds: items, attributes, and what a function remembers or uses."""
    if isinstance(value, dict):
        return [(str(k), v) for k, v in value.items()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return [(str(i), v) for i, v in enumerate(value)]
    if isinstance(value, functools.partial):
        return [("func", value.func), ("args", value.args), ("keywords", value.keywords)]
    if isinstance(value, types.MethodType):
        return [("self", value.__self__), ("function", value.__func__)]
    if isinstance(value, types.FunctionType):
        return _closure(value)
    return list(getattr(value, "__dict__", {}).items())


def _closure(function: types.FunctionType) -> list[tuple[str, Any]]:
    """List the closure, the defaults and the globals that a function's code names."""
    held: list[tuple[str, Any]] = [
        ("defaults", function.__defaults__),
        ("kwdefaults", function.__kwdefaults__),
    ]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):  # noqa: B905 -- Python 3.9
        try:
            held.append((name, cell.cell_contents))
        except ValueError:
            continue  # a variable that has no value yet
    names = function.__code__.co_names
    return held + [(n, function.__globals__[n]) for n in names if n in function.__globals__]


def _members(modules: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """List the models of a ModuleList or ModuleDict one by one: that is how models per stem are kept."""
    models = []
    for name, module in modules:
        nn = sys.modules["torch"].nn
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
            models += [(f"{name}.{key}", child) for key, child in module.named_children()]
        else:
            models.append((name, module))
    return models


def _identity(parameter: Any) -> int:
    # Scripted modules make a new wrapper of the same memory at every call, so its id would not do.
    # data_ptr() is 0 on the meta device.
    return parameter.data_ptr() or id(parameter)


def _hidden(modules: list[tuple[str, Any]]) -> str:
    """Return a sentence about parameters that cannot be counted; empty if there are none."""
    kinds = {type(part).__module__ for _, module in modules for part in module.modules()}
    if any(".quantized" in kind for kind in kinds):
        return "weights of quantised layers are packed away and not counted"
    empty = [name for name, module in modules if not any(True for _ in module.parameters())]
    return f"the weights of {', '.join(empty)} are constants of its code, if it has any" if empty else ""


def _why_none() -> str:
    loaded = [name for name in ("onnxruntime", "tensorflow", "jax") if name in sys.modules]
    if "torch" in sys.modules:
        return "PyTorch is loaded, but no torch module was found in the system object"
    return (
        f"its networks are run by {', '.join(loaded)}"
        if loaded
        else "no network library is loaded in the worker"
    )


def count_macs(call: Callable[[], Any]) -> dict[str, Any]:
    """Count the multiply-accumulates of a call.

    Parameters
    ----------
    call : callable
        Must do all its work in this thread and process: other threads and programs are not seen.

    Returns
    -------
    dict
        ``macs`` in all; ``by_operation``; ``uncounted``: operation → number of values it returned, for all
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
        """Sees the operations that are left after the counter, inside it, has decomposed composite ones."""

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
    # The counter counts floating-point operations, two for a multiply-accumulate.
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
    """Switch off the fused CPU kernels that hide matrix products from the counter."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _computes(torch: Any, func: Any) -> bool:
    """Return whether an operation does arithmetic, and is no view, allocation, copy or query."""
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
    """Return rules for floating-point operations, two for a multiply-accumulate, by operation.

    The counter passes each rule the shapes of the arguments in place of tensors.
    """
    sdpa_flop_count = importlib.import_module("torch.utils.flop_counter").sdpa_flop_count
    aten = torch.ops.aten

    def attention(query: Any, key: Any, value: Any, *rest: Any, **more: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def product(first: Any, *rest: Any, **more: Any) -> int:
        # Of a matrix or a vector with a vector: one multiply-accumulate for each element of the first.
        return int(2 * math.prod(first))

    def added_product(bias: Any, *factors: Any, **more: Any) -> int:
        return product(*factors)

    def recurrent(inputs: Any, weights: Any, *rest: Any, **more: Any) -> int:
        # Each step multiplies every matrix, of any gate, layer and direction, with one vector: for one
        # layer of an LSTM, whose matrices are (4h, d) and (4h, h), that is 4h(h + d) multiply-accumulates.
        steps = math.prod(inputs) // inputs[-1]
        return int(2 * steps * sum(math.prod(w) for w in weights if len(w) == 2))

    def recurrent_layer(inputs: Any, w_in: Any, w_hidden: Any, *rest: Any, **more: Any) -> int:
        return recurrent(inputs, [w_in, w_hidden])

    def transform(factor: float, signal: Any, dim: Any, *rest: Any, **more: Any) -> int:
        return _fft_flops(math.prod(signal), [signal[d] for d in dim], factor)

    def real_inverse(spectrum: Any, dim: Any, normalization: Any, last: int, *rest: Any, **more: Any) -> int:
        lengths = [*[spectrum[d] for d in dim[:-1]], last]
        return _fft_flops(math.prod(spectrum) // spectrum[dim[-1]] * last, lengths, 2.5)

    wanted = {
        "_scaled_dot_product_flash_attention_for_cpu": attention,
        "_scaled_dot_product_fused_attention_overrideable": attention,
        "mv": product,
        "addmv": added_product,
        "dot": product,
        "vdot": product,
        "_cudnn_rnn": recurrent,
        "miopen_rnn": recurrent,
        "mkldnn_rnn_layer": recurrent_layer,
        "_fft_c2c": functools.partial(transform, 5.0),
        "_fft_r2c": functools.partial(transform, 2.5),
        "_fft_c2r": real_inverse,
    }
    return {getattr(aten, name): rule for name, rule in wanted.items() if hasattr(aten, name)}


def _fft_flops(n_values: int, lengths: list[int], factor: float) -> int:
    """Return the operations of transforms of ``n_values`` in all: factor · N log2 N for each of length N.

    The usual convention (M. Frigo, S. G. Johnson, benchFFT): 5 for complex, 2.5 for real signals. It is that
    of the radix-2 algorithm; other lengths take more.

    Examples
    --------
    >>> _fft_flops(3 * 1024, [1024], 5.0)
    153600
    """
    return round(factor * n_values * math.log2(max(2, math.prod(lengths))))
