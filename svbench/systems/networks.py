"""The networks inside a loaded system, and how large they are.

Runs in the worker. A system may name its networks itself with a method ``modules()``, a mapping
from names to torch modules; otherwise they are looked for in what the object holds. PyTorch is
never imported here: a system without it has no torch modules.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Iterable
from typing import Any

# A system that holds a million objects is not searched to the end.
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
    found = _members(networks(system))
    if not found:
        return {"models": [], "unknown": _why_none()}
    seen: dict[int, Any] = {}
    models = []
    for name, module in found:
        own = {_identity(p): p for p in module.parameters()}
        seen.update(own)
        models.append(
            {
                "name": name,
                "type": type(module).__name__,
                "parameters": sum(p.numel() for p in own.values()),
                "trainable": sum(p.numel() for p in own.values() if p.requires_grad),
            }
        )
    if not seen:
        return {"models": models, "unknown": _hidden(found)}
    dtypes: dict[str, int] = {}
    for p in seen.values():
        kind = str(p.dtype).replace("torch.", "")
        dtypes[kind] = dtypes.get(kind, 0) + p.numel()
    return {
        "models": models,
        "parameters": sum(p.numel() for p in seen.values()),
        "trainable": sum(p.numel() for p in seen.values() if p.requires_grad),
        "dtypes": dtypes,
        "devices": sorted({str(p.device) for p in seen.values()}),
        "unknown": _hidden(found),
    }


def networks(system: Any) -> list[tuple[str, Any]]:
    """Return the torch modules of a system with names, none of them part of another.

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
    own = getattr(system, "modules", None)
    if callable(own) and not isinstance(system, module_type):
        return [(str(name), module) for name, module in dict(own()).items()]
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    waiting: deque[tuple[str, Any]] = deque([("", system)])
    while waiting and len(seen) < _MOST_OBJECTS:
        name, value = waiting.popleft()
        if isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, module_type):
            found.append((name or type(value).__name__, value))
        elif not isinstance(value, torch.Tensor):
            waiting.extend((f"{name}.{key}".lstrip("."), inner) for key, inner in _held(value))
    inside = {id(part) for _, module in found for part in list(module.modules())[1:]}
    return [(name, module) for name, module in found if id(module) not in inside]


def _held(value: Any) -> Iterable[tuple[str, Any]]:
    """What an object holds: items, attributes, and what a function remembers or uses."""
    if isinstance(value, dict):
        return [(str(k), v) for k, v in value.items()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return [(str(i), v) for i, v in enumerate(value)]
    if isinstance(value, functools.partial):
        return [("func", value.func), ("args", value.args), ("keywords", value.keywords)]
    if isinstance(value, types.MethodType):
        return [("self", value.__self__), ("function", value.__func__)]
    if isinstance(value, types.FunctionType):
        return _remembered(value)
    return list(getattr(value, "__dict__", {}).items())


def _remembered(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Closure, defaults and the globals that a function's code names."""
    held: list[tuple[str, Any]] = [
        ("defaults", function.__defaults__),
        ("kwdefaults", function.__kwdefaults__),
    ]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):  # noqa: B905 -- Python 3.9
        try:
            held.append((name, cell.cell_contents))
        except ValueError:
            continue  # a name that is not bound yet
    names = function.__code__.co_names
    return held + [(n, function.__globals__[n]) for n in names if n in function.__globals__]


def _members(found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Tell the models of a ModuleList or ModuleDict one by one: that is how per-stem models are kept."""
    if not found:
        return []
    torch = sys.modules["torch"]
    models = []
    for name, module in found:
        if isinstance(module, (torch.nn.ModuleList, torch.nn.ModuleDict)):
            models += [(f"{name}.{key}", child) for key, child in module.named_children()]
        else:
            models.append((name, module))
    return models


def _identity(parameter: Any) -> int:
    # Scripted modules wrap the same memory anew at every call, so the wrapper's id says nothing.
    return parameter.data_ptr() or id(parameter)


def _hidden(found: list[tuple[str, Any]]) -> str:
    """Say what the count leaves out."""
    kinds = {type(part).__module__ for _, module in found for part in module.modules()}
    if any(".quantized" in kind for kind in kinds):
        return "weights of quantised layers are packed away and not counted"
    empty = [name for name, module in found if not any(True for _ in module.parameters())]
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
