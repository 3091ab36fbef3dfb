"""Adapter ``zoo``: networks of the literature with their authors' weights, or without to measure cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from svbench.audio import Audio
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo

if TYPE_CHECKING:
    from svbench.systems.zoo.separator import Separator

# Modules of svbench.systems.zoo.
ARCHITECTURES = {
    "multiband-conv-tasnet": "multiband",
    "dttnet": "dttnet",
    "lasaft": "lasaft",
    "cnn-lstm": "cnn_lstm",
    "vox-tasnet": "vox_tasnet",
}
ADAPTER_PARAMETERS = {"architecture", "size", "targets", "device"}
SEED = 0


class Zoo:
    """One architecture in one of its published sizes.

    A mono mixture is passed to both channels, and the channels of each estimate are averaged.

    Parameters
    ----------
    parameters : dict
        ``architecture`` and ``size``; ``targets``: other names for its outputs; ``device``: ``"cpu"``;
        all others are settings of the architecture, such as ``overlap``.
    context : Context
        Its weights are one checkpoint, as ``torch.save`` writes it.

    Raises
    ------
    ModuleNotFoundError
        torch is not installed.
    ValueError
        Parameters are unknown, there is no checkpoint though random weights are not permitted, or it does
        not fit.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        name = parameters.get("architecture")
        if name not in ARCHITECTURES:
            raise ValueError(f"zoo needs architecture, one of {', '.join(ARCHITECTURES)}; found {name!r}")
        wanted = 0 if context.random_weights else 1
        if len(context.weights) != wanted:
            raise ValueError(
                f"weights must name one checkpoint of {name}, found {len(context.weights)}; without it only "
                "its cost can be measured, with --random-weights"
            )
        shared.require("torch", "zoo")
        import torch

        module = importlib.import_module(f"svbench.systems.zoo.{ARCHITECTURES[name]}")
        torch.manual_seed(SEED)
        self.separator = _built(name, module, parameters)
        if context.weights:
            path = context.weights[0]
            state = shared.read_checkpoint(path, getattr(module, "STAND_INS", ()))
            try:
                self.separator.load(state)
            except ValueError as error:
                raise ValueError(f"{path.name}: {error}") from error
        self.separator.network.to(torch.device(parameters.get("device", "cpu")))
        self.info = SystemInfo(
            context.system_id,
            self.separator.targets,
            version=f"{name} {parameters['size']}" + (", random weights" if context.random_weights else ""),
            rate_hz=self.separator.rate_hz,
        )

    def modules(self) -> dict[str, Any]:
        """Name the network, for profiles."""
        return {"network": self.separator.network}

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate a whole track in the architecture's chunks."""
        return shared.estimates_of(
            self.separator.separate(shared.stereo(mixture, "the network")).items(), mixture
        )


def _built(name: str, module: Any, parameters: dict[str, Any]) -> Separator:
    targets = parameters.get("targets")
    if targets is not None and not (isinstance(targets, list) and all(isinstance(t, str) for t in targets)):
        raise ValueError(f"targets must be a list of names, found {targets!r}")
    settings = {key: value for key, value in parameters.items() if key not in ADAPTER_PARAMETERS}
    try:
        built: Separator = module.build(
            parameters.get("size"), None if targets is None else tuple(targets), **settings
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return built
