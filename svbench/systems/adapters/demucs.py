"""Demucs v2 to v4: time-domain, hybrid and hybrid transformer models of the package demucs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from svbench.audio import Audio
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo

# Six-stem models have two more sources, which belong to "other" where data have four stems.
STEM_OF = {"guitar": "other", "piano": "other"}
PARAMETERS = {"model", "folder", "shifts", "overlap", "segment", "device"}


class Demucs:
    """Runs a pretrained model, or a bag of them, as ``demucs.api.Separator`` does.

    Parameters
    ----------
    parameters : dict
        ``model``: a name such as ``"htdemucs"``, ``"htdemucs_ft"``, ``"htdemucs_6s"``, ``"hdemucs_mmi"``,
        ``"mdx_extra"``, or the signature of one file; ``folder``: the folder of the weights, relative
        to the system file; ``shifts``: random shifts averaged, 1 by default, always the same ones;
        ``overlap``: of segments, 0.25; ``segment``: seconds, the model's own; ``device``: ``"cpu"``.
    context : Context

    Raises
    ------
    ModuleNotFoundError
        demucs is not installed.
    FileNotFoundError
        Weights are missing; the message says which, where they come from, and where to put them.
    ValueError
        Parameters are unknown or missing.

    References
    ----------
    S. Rouard, F. Massa, A. Défossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023;
    A. Défossez, "Hybrid Spectrogram and Waveform Source Separation", MDX 2021.

    Notes
    -----
    Weights files of demucs are pickles, and loading one can execute any code. Use those of the authors only.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        shared.check_parameters("demucs", parameters, PARAMETERS, ["folder"])
        shared.require("demucs", "demucs")
        name = str(parameters.get("model", "htdemucs"))
        self.model = _load(name, context.folder / parameters["folder"])
        self.options = {
            "shifts": int(parameters.get("shifts", 1)),
            "overlap": float(parameters.get("overlap", 0.25)),
            "segment": parameters.get("segment"),
            "device": parameters.get("device", "cpu"),
        }
        self.info = SystemInfo(
            context.system_id,
            tuple(dict.fromkeys(STEM_OF.get(s, s) for s in self.model.sources)),
            version=f"{name}, demucs {shared.version_of('demucs')}",
            rate_hz=int(self.model.samplerate),
        )

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Normalise, separate in segments, and undo the normalisation."""
        import torch
        from demucs.apply import apply_model

        signal = shared.stereo_tensor(mixture, "demucs")
        mono = signal.mean(0)
        mean, scale = mono.mean(), mono.std(correction=0) + 1e-8
        random.seed(0)  # the shifts are drawn from the generator of Python's module random
        with torch.inference_mode():
            output = apply_model(self.model, ((signal - mean) / scale)[None], split=True, **self.options)[0]
        parts = (output * scale + mean).cpu().numpy()
        stems = zip(self.model.sources, (part.T for part in parts), strict=True)
        return shared.estimates_of(stems, mixture, STEM_OF)


def _load(name: str, folder: Path) -> Any:
    """Load a model or a bag of models from files in a folder; nothing is downloaded."""
    from demucs import pretrained
    from demucs.repo import AnyModelRepo, BagOnlyRepo, LocalRepo

    missing = [sig for sig in _signatures(name) if not list(folder.glob(f"{sig}*.th"))]
    if missing:
        urls = pretrained._parse_remote_files(pretrained.REMOTE_ROOT / "files.txt")
        wanted = "; ".join(_where(sig, urls) for sig in missing)
        raise FileNotFoundError(f"weights of {name} are missing: put into {folder} {wanted}")
    local = LocalRepo(folder)
    return AnyModelRepo(local, BagOnlyRepo(pretrained.REMOTE_ROOT, local)).get_model(name).eval()


def _where(signature: str, urls: dict[str, str]) -> str:
    if signature not in urls:
        return f"{signature}.th, which is no model of demucs {shared.version_of('demucs')}"
    file = Path(urls[signature])
    return f"{file.name} from {urls[signature]} (its sha256 begins with {file.stem.split('-')[1]})"


def _signatures(name: str) -> list[str]:
    """Return the signatures of a bag's files; a name that is not of a bag is a signature itself."""
    import yaml
    from demucs.pretrained import REMOTE_ROOT

    path = REMOTE_ROOT / f"{name}.yaml"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["models"]) if path.exists() else [name]
