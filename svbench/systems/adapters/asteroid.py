"""asteroid: Conv-TasNet, X-UMX and its other networks, from a saved model package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Samples
from svbench.systems.adapters import shared
from svbench.systems.api import Context
from svbench.systems.waveform import WaveformSystem, describe

PARAMETERS = {"niter", "device", "targets", "rate_hz", "segment_samples", "overlap"}
MINIMUM = 8192  # samples; no filter of the package is longer
KIND = (
    "a model package of asteroid (published ones: https://huggingface.co/models?library=asteroid, "
    "https://zenodo.org/communities/asteroid-models; put one beside the system file)"
)


def load(parameters: dict[str, Any], context: Context) -> WaveformSystem:
    """Load a network from a file; nothing is downloaded.

    Parameters
    ----------
    parameters : dict
        ``targets``: names of the estimates in order, for networks that do not name them themselves (X-UMX
        does); ``rate_hz``: if the package does not contain it; ``segment_samples`` and ``overlap`` as in
        `svbench.systems.waveform`, the whole track by default; ``niter``: for X-UMX, iterations of the Wiener
        filter, 1 as in its authors' evaluation; ``device``: ``"cpu"``.
    context : Context
        With one weights file, ``{"model_name", "state_dict", "model_args"}`` as
        ``torch.save(model.serialize(), path)`` writes it.

    Returns
    -------
    WaveformSystem
        Networks of one channel separate the channels of a mixture one by one.

    Raises
    ------
    ModuleNotFoundError
        asteroid is not installed.
    ValueError
        Parameters are unknown, missing or contradictory, or the file is not such a package.

    References
    ----------
    M. Pariente et al., "Asteroid: the PyTorch-based audio source separation toolkit for
    researchers", Interspeech 2020. R. Sawata, S. Uhlich, S. Takahashi, Y. Mitsufuji, "All for One and
    One for All: Improving Music Separation by Bridging Networks", ICASSP 2021.

    Notes
    -----
    A network trained with a scale-invariant loss gives estimates of arbitrary level, which lowers SDR but not
    SI-SDR.
    """
    shared.check_parameters("asteroid", parameters, PARAMETERS)
    shared.require("asteroid", "asteroid")
    path = shared.model_file(context.weights, (".pth", ".pt", ".bin", ".ckpt", ".th"), KIND)
    import torch

    package = _package(path)
    name, arguments = package["model_name"], package["model_args"]
    bridged = name == "XUMX"
    described: dict[str, Any] = {
        "targets": _agreed("targets", parameters, arguments.get("sources") if bridged else None),
        "rate_hz": _agreed("rate_hz", parameters, arguments.get("sample_rate")),
        **{key: parameters[key] for key in ("segment_samples", "overlap") if key in parameters},
    }
    if bridged:
        described["channels"] = int(arguments.get("nb_channels", 2))
    else:
        described |= {"channels": 1, "output": ["batch", "targets", "samples"]}
    description = describe({key: value for key, value in described.items() if value is not None})

    device = torch.device(parameters.get("device", "cpu"))
    module = _module(package, path).to(device).eval()
    if not bridged and "niter" in parameters:
        raise ValueError(f"niter is for X-UMX; {name} has no Wiener filter")
    niter = int(parameters.get("niter", 1))

    def network(array: Samples) -> list[Samples]:
        """Separate an array of shape (1, channels, samples)."""
        # Short arrays are padded with zeros, so that every filter fits.
        n_samples, short = array.shape[-1], max(0, MINIMUM - array.shape[-1])
        with torch.inference_mode():
            signal = torch.nn.functional.pad(torch.from_numpy(array), (0, short)).to(device)
            waves = _cross_net(module, signal[0], niter) if bridged else module.forward_wav(signal)
        return [waves[..., :n_samples].cpu().numpy()]

    return WaveformSystem(
        context.system_id, description, network, f"{name}, asteroid {shared.version_of('asteroid')}"
    )


def _cross_net(module: Any, signal: Any, niter: int) -> Any:
    """Separate with X-UMX: its magnitudes with the phase of the mixture, refined by a Wiener filter.

    Maps a signal of shape (channels, samples) to (1, targets, channels, samples). ``niter`` counts the
    iterations of expectation and maximisation.
    """
    import norbert
    import torch

    # The package's own transforms need PyTorch below 2, so they are computed here with the network's window.
    transform = {
        "n_fft": module.in_chan,
        "hop_length": module.n_hop,
        "win_length": module.window_length,
        "window": module.encoder[0].window,
    }
    mixture = torch.stft(signal, **transform, return_complex=True)
    magnitude, _ = module.encoder[1](torch.view_as_real(mixture)[None])
    # A copy, since the masker scales its input in place.
    estimates = module.apply_masks(magnitude, module.forward_masker(magnitude.clone()))
    # (targets, frames, batch, channels, bins) and (channels, bins, frames), as norbert takes them
    magnitudes = estimates[:, :, 0].permute(1, 3, 2, 0).cpu().numpy()
    spectrum = mixture.permute(2, 1, 0).cpu().numpy().astype(np.complex128)
    filtered = norbert.wiener(magnitudes, spectrum, niter, use_softmask=False)
    back = torch.from_numpy(filtered.transpose(3, 2, 1, 0).astype(np.complex64)).to(signal.device)
    waves = torch.istft(back.flatten(0, 1), **transform, length=signal.shape[-1])
    return waves.unflatten(0, back.shape[:2])[None]


def _agreed(name: str, parameters: dict[str, Any], packaged: Any) -> Any:
    """Return a value of the parameters or of the package, which must not contradict each other."""
    given = parameters.get(name)
    if packaged is not None:
        packaged = int(packaged) if name == "rate_hz" else [str(target) for target in packaged]
    if given is not None and packaged is not None and given != packaged:
        raise ValueError(f"{name} = {given!r}, but the model package says {packaged!r}")
    return packaged if given is None else given


def _package(path: Path) -> dict[str, Any]:
    """Read a model package; nothing in the file is executed."""
    package = shared.load_arrays(path, "a model package saved by torch.save(model.serialize(), PATH)")
    keys = {"model_name", "state_dict", "model_args"}
    if not isinstance(package, dict) or not keys <= set(package):
        found = (
            ", ".join(map(str, list(package)[:5])) if isinstance(package, dict) else type(package).__name__
        )
        raise ValueError(f"{path.name}: a model package has {', '.join(sorted(keys))}, found {found}")
    return package


def _module(package: dict[str, Any], path: Path) -> Any:
    """Build the network that a package names, and load its weights."""
    # A loss imports torch_stoi, which imports torchaudio, which does not load on every PyTorch. asteroid
    # works without torch_stoi where it is not installed; None in sys.modules makes it look so.
    sys.modules.setdefault("torch_stoi", None)  # type: ignore[arg-type]
    from asteroid import models
    from asteroid.models import x_umx

    name = package["model_name"]
    try:
        # Since 0.7 the package calls its X-UMX broken because of the transforms, which are computed here.
        cls = getattr(x_umx, "BrokenXUMX", x_umx.XUMX) if name == "XUMX" else models.get(name)
    except ValueError:
        raise ValueError(
            f"{path.name}: asteroid {shared.version_of('asteroid')} has no network {name!r}"
        ) from None
    try:
        module = cls(**package["model_args"])
        module.load_state_dict(package["state_dict"])
    except (TypeError, AssertionError, RuntimeError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(f"{path.name}: {name} does not take these arguments and weights ({said})") from error
    return module
