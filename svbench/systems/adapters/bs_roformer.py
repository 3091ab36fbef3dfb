"""BS-RoFormer and Mel-Band RoFormer: a checkpoint, and the configuration published with it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Audio, Samples
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo
from svbench.systems.waveform import WaveformSystem, describe

CLASSES = {"bs_roformer": "BSRoformer", "mel_band_roformer": "MelBandRoformer"}
DESCRIPTION = {"targets", "rate_hz", "segment_samples", "overlap"}
PARAMETERS = {"network", "config", "model", "remainder", "device", *DESCRIPTION}
KIND = (
    "a checkpoint of a RoFormer (published ones are listed in docs/pretrained_models.md of "
    "https://github.com/ZFTurbo/Music-Source-Separation-Training; put one beside the system file)"
)

# Keywords in configurations for other code that the package's classes do not take, each with the only value
# for which both compute the same.
FIXED = {"linear_transformer_depth": 0, "mlp_expansion_factor": 4, "skip_connection": False}
TRAINING_ONLY = {"use_torch_checkpoint"}


class Roformer:
    """A RoFormer that separates in overlapping segments, as `svbench.systems.waveform` describes.

    Parameters
    ----------
    parameters : dict
        ``network``: ``"bs_roformer"`` or ``"mel_band_roformer"``; ``config``: the YAML file published
        with the weights, relative to the system file, or else ``model``: keywords of the network,
        with ``targets`` and ``rate_hz``; ``segment_samples`` (the configuration's, else the whole
        track) and ``overlap`` (the configuration's, else 0.25); ``remainder``: for a network of one
        target, the name under which mixture minus target is given too; ``device``: ``"cpu"``.
        Parameters beside ``config`` win over its content.
    context : Context
        Its weights are one file: a state dict, or ``{"state_dict": ...}``.

    Raises
    ------
    ModuleNotFoundError
        bs-roformer is not installed.
    FileNotFoundError
        The configuration is missing.
    ValueError
        Parameters are unknown or missing, the package does not support the configuration, or the weights do
        not fit it.

    References
    ----------
    W.-T. Lu, J.-C. Wang, Q. Kong, Y.-N. Hung, "Music Source Separation with Band-Split RoPE
    Transformer", ICASSP 2024; J.-C. Wang, W.-T. Lu, M. Won, "Mel-Band RoFormer for Music Source
    Separation", ISMIR 2023 late breaking.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown, kind = set(parameters) - PARAMETERS, parameters.get("network")
        if unknown or kind not in CLASSES or ("config" in parameters) == ("model" in parameters):
            raise ValueError(
                f"bs-roformer takes {', '.join(sorted(PARAMETERS))} (network is one of {', '.join(CLASSES)}; "
                f"either config or model), found {parameters}"
            )
        shared.require("bs_roformer", "bs-roformer")
        path = shared.model_file(context.weights, (".ckpt", ".pth", ".pt", ".th", ".bin"), KIND)
        import torch

        settings = _configuration(context.folder / parameters["config"]) if "config" in parameters else {}
        model = parameters["model"] if "model" in parameters else settings.pop("model")
        settings.update({key: parameters[key] for key in DESCRIPTION & set(parameters)})
        description = describe({**settings, "channels": 2 if model.get("stereo") else 1})
        self.remainder = _remainder(parameters.get("remainder"), description.targets)

        self.device = torch.device(parameters.get("device", "cpu"))
        self.network = _network(kind, model, path).to(self.device).eval()
        if self.network.num_stems != len(description.targets):
            raise ValueError(
                f"the network gives num_stems = {self.network.num_stems} estimates, "
                f"but targets are {', '.join(description.targets)}"
            )
        version = f"{CLASSES[kind]}, bs-roformer {shared.version_of('bs-roformer')}"
        self.waveform = WaveformSystem(context.system_id, description, self._run, version)
        targets = (*description.targets, *self.remainder)
        self.info = SystemInfo(context.system_id, targets, version=version, rate_hz=description.rate_hz)

    def modules(self) -> dict[str, Any]:
        """Name the network, for profiles."""
        return {type(self.network).__name__: self.network}

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate segment by segment; the remainder is the mixture minus the one target."""
        estimates = self.waveform.separate(mixture)
        (target, *_) = estimates
        for name in self.remainder:
            rest = mixture.samples - estimates[target].samples
            estimates[name] = Audio(rest, mixture.rate_hz)
        return estimates

    def _run(self, array: Samples) -> list[Samples]:
        """Run the network on shape (1, channels, samples); returns (1, targets, channels, samples).

        The inverse transform returns whole hops only, and the transform reflects half a window at the edges,
        so zeros are appended first.
        """
        import torch

        n_samples, hop = array.shape[-1], self.network.stft_kwargs["hop_length"]
        length = -(-max(n_samples, self.network.stft_kwargs["n_fft"]) // hop) * hop
        signal = torch.from_numpy(np.pad(array, ((0, 0), (0, 0), (0, length - n_samples))))
        with torch.inference_mode():
            estimates = self.network(signal.to(self.device))[..., :n_samples]
        return [estimates.reshape(1, -1, *estimates.shape[-2:]).cpu().numpy()]


def _remainder(name: str | None, targets: tuple[str, ...]) -> tuple[str, ...]:
    if name is None:
        return ()
    if len(targets) != 1 or name in targets:
        raise ValueError(
            f"remainder = {name!r} names the mixture minus the one target of a network, "
            f"but the targets are {', '.join(targets)}"
        )
    return (name,)


def _configuration(path: Path) -> dict[str, Any]:
    """Read what a published YAML file says about its network, under the names of this adapter."""
    import yaml

    if not path.is_file():
        raise FileNotFoundError(
            f"the configuration {path} is missing; put the YAML file published with the weights there"
        )

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads tuples, which these files contain; it creates no other Python object."""

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", Loader.construct_sequence)
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, Loader)
        audio, training, inference = content["audio"], content["training"], content.get("inference", {})
        single = training.get("target_instrument")
        settings = {
            "model": dict(content["model"]),
            "targets": [single] if single else list(training["instruments"]),
            "rate_hz": audio["sample_rate"],
            "segment_samples": inference.get("chunk_size") or audio["chunk_size"],
        }
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not a configuration that can be read ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: a configuration has model, audio (sample_rate, chunk_size) and training "
            f"(instruments, target_instrument); here {error} is missing or of another kind"
        ) from None
    if inference.get("normalize"):
        raise ValueError(f"{path}: inference.normalize = true is not supported, expected false")
    if "num_overlap" in inference:
        settings["overlap"] = 1 - 1 / inference["num_overlap"]
    return settings


def _network(kind: str, model: dict[str, Any], path: Path) -> Any:
    """Build a network and load its weights; nothing in the weights file is executed."""
    state = shared.read_checkpoint(path)
    layout, state = _present_layout(kind, state)
    import bs_roformer

    cls = getattr(bs_roformer, CLASSES[kind])
    known = set(inspect.signature(cls).parameters)
    extra = {key: value for key, value in model.items() if key not in known | TRAINING_ONLY}
    wrong = [f"{key} = {value!r}" for key, value in extra.items() if FIXED.get(key, ...) != value]
    if wrong:
        raise ValueError(
            f"{cls.__name__} of bs-roformer {shared.version_of('bs-roformer')} cannot follow "
            f"{', '.join(wrong)} of the model; it takes {', '.join(sorted(known))}"
        )
    keywords = {k: tuple(v) if isinstance(v, list) else v for k, v in model.items() if k in known}
    try:
        network = cls(**{**keywords, **layout})
    except Exception as error:  # beartype, which checks the arguments, raises errors of its own
        raise ValueError(f"{cls.__name__} cannot be built from the model's keywords: {error}") from error
    _fill(network, state, path)
    return network


def _present_layout(kind: str, state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Adapt weights from before residual streams to the current classes, which then compute the same.

    In bs-roformer 1.2 each block is the branch of a residual connection, and values of the first
    layer are mixed into those of later ones. Published weights are of versions 0.3 to 0.5 or
    similar: one plain residual stream, no mixing.

    Returns
    -------
    tuple of dict
        Keywords that give the network the old structure, and the weights under their current names.
    """
    if any(".branch." in name for name in state):
        return {}, state
    layout: dict[str, Any] = {"num_residual_streams": 1}
    shift = 0
    if kind == "mel_band_roformer":
        layout["add_value_residual"] = False
        if not any(name.endswith(".temperature") for name in state):
            # Without linear attention, current layers keep an empty place for it; old ones had none.
            layout["linear_transformer_depth"] = 0
            shift = 0 if any(name.startswith("layers.0.2.") for name in state) else 1
    renamed = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "layers" and len(parts) > 4:
            parts[2] = str(int(parts[2]) + shift)
            # layers . number . axis . layers . number . attention or feed-forward . branch
            if parts[3] == "layers":
                parts.insert(6, "branch")
        renamed[".".join(parts)] = value
    return layout, renamed if kind == "mel_band_roformer" else {**_no_mixing(renamed), **renamed}


def _no_mixing(state: dict[str, Any]) -> dict[str, Any]:
    """Return weights with which no value of the first layer is mixed in: the sigmoid of -inf is 0."""
    import torch

    mixing = {}
    for name, gates in state.items():
        if name.endswith(".to_gates.weight") and not name.startswith("layers.0."):
            start = name.replace("to_gates.weight", "to_value_residual_mix")
            mixing[f"{start}.weight"] = torch.zeros_like(gates)
            mixing[f"{start}.bias"] = torch.full(gates.shape[:1], -torch.inf)
    return mixing


def _fill(network: Any, state: dict[str, Any], path: Path) -> None:
    """Load weights, or raise an error that names the first weight that does not fit."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    for name in [*expected, *shapes]:
        if expected.get(name) != shapes.get(name):
            raise ValueError(
                f"{path.name} does not fit the model's keywords: {name} has shape "
                f"{shapes.get(name, 'none')}, expected {expected.get(name, 'none')}"
            )
    network.load_state_dict(state)
