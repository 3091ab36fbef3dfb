"""Open-Unmix: one recurrent network per target and a Wiener filter, from the package openunmix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from svbench.audio import Audio
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo

TARGETS = ("vocals", "drums", "bass", "other")
MINIMUM = 4096  # samples
PARAMETERS = {"model", "folder", "niter", "wiener_win_len", "device"}

# The Zenodo record, and the first digits of each file's sha256, which its name contains.
FILES = {
    "umxhq": (3370489, {"vocals": "b62c91ce", "drums": "9619578f", "bass": "8d85a5bd", "other": "b52fbbf7"}),
    "umx": (3370486, {"vocals": "c8df74a5", "drums": "5a48008b", "bass": "646024d3", "other": "f8e132cc"}),
    "umxl": (5069601, {"vocals": "bccbd9aa", "drums": "69e0ebd4", "bass": "2ca1ce51", "other": "c8c5b3e6"}),
}


class OpenUnmix:
    """Runs umxhq, umx or umxl.

    Parameters
    ----------
    parameters : dict
        ``folder``: where the four ``<target>-<digits>.pth`` files lie, relative to the system file;
        ``model``: ``"umxhq"`` (default), ``"umx"`` or ``"umxl"``; ``niter``: iterations of the Wiener
        filter, 1; ``wiener_win_len``: its frames, 300; ``device``: ``"cpu"``.
    context : Context

    Raises
    ------
    ModuleNotFoundError
        openunmix is not installed.
    FileNotFoundError
        Weights are missing; the message says which, where they come from, and where to put them.
    ValueError
        Parameters are unknown or missing, or the model is unknown.

    References
    ----------
    F.-R. Stöter, S. Uhlich, A. Liutkus, Y. Mitsufuji, "Open-Unmix – A Reference Implementation for
    Music Source Separation", JOSS 4(41), 2019.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        shared.check_parameters("openunmix", parameters, PARAMETERS, ["folder"])
        name = parameters.get("model", "umxhq")
        if name not in FILES:
            raise ValueError(f"openunmix has no model {name!r}; it has {', '.join(FILES)}")
        shared.require("openunmix", "openunmix")
        folder = context.folder / parameters["folder"]
        files = _weights(name, folder)
        shared.stand_in("torchaudio")  # which openunmix imports, but does not need here
        import openunmix
        import torch
        from openunmix.model import Separator

        networks = getattr(openunmix, f"{name}_spec")(targets=list(TARGETS), pretrained=False)
        for target, network in networks.items():
            state = torch.load(files[target], map_location="cpu", weights_only=True)
            absent = network.load_state_dict(state, strict=False).missing_keys
            if absent:
                raise ValueError(f"{files[target]}: no weights of {name}; {absent[0]} is missing")
        self.separator = Separator(
            networks,
            niter=int(parameters.get("niter", 1)),
            wiener_win_len=parameters.get("wiener_win_len", 300),
        )
        self.device = torch.device(parameters.get("device", "cpu"))
        self.separator.to(self.device).eval()
        self.info = SystemInfo(context.system_id, TARGETS, version=f"{name}, openunmix 1.3", rate_hz=44100)

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate the whole track at once, as the package does."""
        import torch

        signal = shared.stereo_tensor(mixture, "Open-Unmix")
        # The transform reflects half a window at the edges, so a short track is padded first.
        short = max(0, MINIMUM - mixture.n_samples)
        signal = torch.nn.functional.pad(signal, (0, short)).to(self.device)
        with torch.inference_mode():
            parts = self.separator(signal[None])[0, :, :, : mixture.n_samples].cpu().numpy()
        targets = (str(target) for target in self.separator.target_models)
        return shared.estimates_of(zip(targets, (part.T for part in parts), strict=True), mixture)


def _weights(name: str, folder: Path) -> dict[str, Path]:
    """Find the weights of every target, or raise an error that says what to put where."""
    record, digits = FILES[name]
    paths = {target: folder / f"{target}-{start}.pth" for target, start in digits.items()}
    missing = [p.name for p in paths.values() if not p.is_file()]
    if missing:
        raise FileNotFoundError(
            f"weights of {name} are missing: put {', '.join(missing)} from "
            f"https://zenodo.org/records/{record} into {folder} "
            "(the digits in a name are the first of the file's sha256)"
        )
    return paths
