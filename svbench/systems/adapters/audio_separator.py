"""Networks of Ultimate Vocal Remover: MDX-Net, MDX23C, Roformer, VR, Demucs, by audio-separator."""

from __future__ import annotations

import logging
import os
import random
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from svbench.audio import Audio, Samples, write_audio
from svbench.systems.adapters import shared
from svbench.systems.api import Context, SystemInfo

RATE_HZ = 44100
OWN_PARAMETERS = {"model", "folder", "device"}
MINIMUM = RATE_HZ  # samples
SPARE = {"VR": 4096}  # samples; VR drops the last frame of a track if it is incomplete
STEMS = ("vocals", "drums", "bass", "other")

# The list of models; and the parameters of MDX-Net and VR models, by the digests of their files.
DATA = "https://raw.githubusercontent.com/TRvlvr/application_data/main"
LIST = {"download_checks.json": f"{DATA}/filelists/download_checks.json"}
BY_DIGEST = {
    "mdx_model_data.json": f"{DATA}/mdx_model_data/model_data_new.json",
    "vr_model_data.json": f"{DATA}/vr_model_data/model_data_new.json",
}
ELSEWHERE = "https://github.com/nomadkaraoke/python-audio-separator/releases/tag/model-configs"


class AudioSeparator:
    """Runs a model of the package's list from files in a folder; nothing is downloaded.

    The package itself scales down what peaks above 0.9, writes 16 bits, and multiplies the estimates of
    MDX-Net by the mixture's peak. None of that happens here: estimates keep the mixture's level, in floating
    point.

    Parameters
    ----------
    parameters : dict
        ``model``: its file, as ``audio-separator --list_models`` names it, say
        ``"UVR-MDX-NET-Inst_HQ_3.onnx"``; ``folder``: where the files lie, relative to the system
        file; ``device``: ``"cpu"`` by default; all others go to the architecture:
        ``overlap``, ``segment_size``, ``batch_size``, ``shifts``, …
    context : Context

    Raises
    ------
    ModuleNotFoundError
        audio-separator is not installed.
    FileNotFoundError
        Files are missing; the message says which, where they come from, and where to put them.
    ValueError
        Parameters are unknown or missing, the model is not on the list, or the checkpoint is of another
        architecture.

    Notes
    -----
    Checkpoints are loaded as the package loads them, which may execute code; use those of their authors only.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        if not {"model", "folder"} <= set(parameters):
            raise ValueError(f"audio-separator needs model and folder, found {sorted(parameters)}")
        shared.require("audio_separator", "audio-separator")
        model, folder = str(parameters["model"]), context.folder / parameters["folder"]
        _refuse_missing({n: url for n, url in LIST.items() if not (folder / n).is_file()}, model, folder)
        separator = _separator(folder, str(parameters.get("device", "cpu")))
        kind = _kind(separator, model, folder)
        options = {k: v for k, v in parameters.items() if k not in OWN_PARAMETERS}
        known = separator.arch_specific_params[kind]
        if not set(options) <= set(known):
            takes = ", ".join(sorted({*OWN_PARAMETERS, *known}))
            raise ValueError(f"{model} takes {takes}; found {', '.join(sorted(parameters))}")
        separator.arch_specific_params[kind] = {**known, **options}
        self.network = _load(separator, model)
        _keep_level(self.network, kind)
        self.spare = SPARE.get(kind, 0)
        self.target_of = _targets(_stems(self.network, kind))
        self.info = SystemInfo(
            context.system_id,
            tuple(dict.fromkeys(self.target_of.values())),
            version=f"{model}, audio-separator {shared.version_of('audio-separator')}",
            rate_hz=RATE_HZ,
        )

    def modules(self) -> dict[str, Any]:
        """Return the network, for profiles, if it is a PyTorch module that stays loaded."""
        network = getattr(self.network, "model_run", None)
        return {"network": network} if hasattr(network, "parameters") else {}

    def weight_files(self) -> list[Path]:
        """Return the model's file, for profiles."""
        return [Path(self.network.model_path)]

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Let the package separate a file, and take its estimates before it writes them."""
        # Transforms reflect half a window at the edges, so a short track is padded first.
        padded = np.zeros((max(mixture.n_samples + self.spare, MINIMUM), 2), np.float32)
        padded[: mixture.n_samples] = shared.stereo(mixture, "audio-separator")
        estimates: dict[str, Samples] = {}
        self.network.final_process = lambda path, source, stem: estimates.__setitem__(stem, source)
        random.seed(0)  # the shifts of Demucs are drawn from Python's own generator
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
            path = Path(scratch) / "mixture.wav"
            write_audio(path, Audio(padded, mixture.rate_hz))
            self.network.separate(str(path))
        # Otherwise MDX-Net returns the estimates of this track again.
        self.network.clear_file_specific_paths()
        stems = (
            (stem, np.asarray(estimates[stem], np.float32)[: mixture.n_samples]) for stem in self.target_of
        )
        return shared.estimates_of(stems, mixture, self.target_of)


def _separator(folder: Path, device: str) -> Any:
    """Make the package's separator without its search for graphics cards and ffmpeg."""
    import torch
    from audio_separator.separator import Separator

    os.environ.pop("AUDIO_SEPARATOR_MODEL_DIR", None)  # it would take precedence over the folder
    separator = Separator(
        log_level=logging.WARNING, info_only=True, model_file_dir=str(folder), output_dir=str(folder)
    )
    separator.torch_device, separator.torch_device_cpu = torch.device(device), torch.device("cpu")
    provider = "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"
    separator.onnx_execution_provider = [provider]
    return separator


def _kind(separator: Any, model: str, folder: Path) -> str:
    """Look a model up in the list, and check that all its files exist."""
    missing: dict[str, str] = {}

    def note(url: str, path: str) -> None:
        if not Path(path).is_file():
            missing[Path(path).name] = url

    separator.download_file_if_not_exists = note
    try:
        _, kind, *_ = separator.download_model_files(model)
    except ValueError:
        raise ValueError(
            f"audio-separator {shared.version_of('audio-separator')} knows no model {model!r}; "
            "`audio-separator --list_models` prints them"
        ) from None
    if kind in ("MDX", "VR"):
        missing.update({n: url for n, url in BY_DIGEST.items() if not (folder / n).is_file()})
    _refuse_missing(missing, model, folder)
    return str(kind)


def _refuse_missing(missing: dict[str, str], model: str, folder: Path) -> None:
    if missing:
        wanted = "; ".join(f"{name} from {url}" for name, url in missing.items())
        raise FileNotFoundError(
            f"files of {model} are missing: put into {folder} {wanted} (what is not there is at {ELSEWHERE}; "
            "their authors publish no sha256)"
        )


def _load(separator: Any, model: str) -> Any:
    """Load a model whose files exist."""
    import onnxruntime

    shared.stand_in("torchvision", ops=["roi_align"])  # which onnx2torch imports

    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        # ONNX Runtime does not look at OMP_NUM_THREADS; the worker's environment holds the limit.
        def __init__(self) -> None:
            super().__init__()
            self.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))

    try:
        with mock.patch.object(onnxruntime, "SessionOptions", Options):
            separator.load_model(model)
    except SystemExit:  # the package logs a few lines and ends the process
        raise ValueError(f"{model} is not of the architecture that its .yaml file describes") from None
    return separator.model_instance


def _keep_level(network: Any, kind: str) -> None:
    """Undo what the package does to the level of estimates."""
    network.normalization_threshold = float("inf")
    if kind == "MDX":
        demix = network.demix

        def at_mixture_level(mixture: Samples, is_match_mix: bool = False) -> Samples:
            # The caller multiplies the result by the mixture's peak; dividing first cancels that.
            estimate: Samples = demix(mixture, is_match_mix=is_match_mix)
            return estimate / (np.abs(mixture).max() or 1)

        network.demix = at_mixture_level


def _stems(network: Any, kind: str) -> list[str]:
    """Return the stems that a model gives, by the package's names."""
    if kind == "Demucs":
        six = "6s" in network.model_name
        return ["Drums", "Bass", "Other", "Vocals", *(["Guitar", "Piano"] if six else [])]
    training = network.model_data.get("training", {})
    target = training.get("target_instrument")
    if target and network.primary_stem_name != target:
        # The package looks at the first two instruments only and would use the name of the first.
        network.primary_stem_name, network.secondary_stem_name = target, network.secondary_stem(target)
    if not target and len(training.get("instruments", [])) > 2:
        return list(training["instruments"])
    return [network.primary_stem_name, network.secondary_stem_name]


def _targets(stems: list[str]) -> dict[str, str]:
    """Return the target of each stem: if there are only vocals besides it, a stem is the accompaniment.

    Examples
    --------
    >>> _targets(["vocals", "other"])
    {'vocals': 'vocals', 'other': 'accompaniment'}
    >>> _targets(["Drums", "Bass", "Other", "Vocals", "Guitar"])["Guitar"]
    'other'
    >>> _targets(["Drums", "No Drums"])
    {'Drums': 'drums', 'No Drums': 'no drums'}
    """
    names = {stem: stem.lower() for stem in stems}
    if len(stems) == 2 and "vocals" in names.values():
        return {stem: n if n == "vocals" else "accompaniment" for stem, n in names.items()}
    if set(STEMS) <= set(names.values()):
        return {stem: n if n in STEMS else "other" for stem, n in names.items()}
    return names
