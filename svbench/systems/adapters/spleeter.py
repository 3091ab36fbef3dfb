"""Spleeter with 2, 4 or 5 stems: the TensorFlow original, under an interpreter of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

from svbench.audio import Audio
from svbench.systems.adapters.shared import (
    check_folder_parameters,
    estimates_of,
    stereo,
    version_of,
)
from svbench.systems.api import Context, SystemInfo

RELEASE = "https://github.com/deezer/spleeter/releases/download/v1.4.0"
# Of the archives, from Spleeter's own tests.
SHA256 = {
    "2stems": "f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    "4stems": "3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8",
    "5stems": "25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218",
}
CONVOLUTIONS = 7  # in the network of one stem
# The fifth stem belongs to "other" where data have four stems.
STEM_OF = {"piano": "other"}
PARAMETERS = {"model", "folder", "mwf", "device"}
INSTALL = (
    "it needs Python 3.9 to 3.11: python3.11 -m venv spleeter; spleeter/bin/pip install spleeter==2.4.2 "
    'soundfile; and in the system file python = "spleeter/bin/python"'
)


class Spleeter:
    """Runs a pretrained model of the package spleeter.

    Each track gets a new separator, since later calls of the same one have been seen to return the previous
    track's estimates. It reads the checkpoint each time, as the package always does; that counts as part of
    the track's time.

    Parameters
    ----------
    parameters : dict
        ``folder``: where the archive of the model is unpacked, relative to the system file;
        ``model``: ``"2stems"`` (default), ``"4stems"`` or ``"5stems"``, with ``"-16kHz"`` for masks up to
        16 kHz instead of 11; ``mwf``: multichannel Wiener filtering, false; ``device``: ``"cpu"``
        (default) or ``"cuda"``.
    context : Context

    Raises
    ------
    ModuleNotFoundError
        spleeter is not installed.
    FileNotFoundError
        The checkpoint is missing; the message says where it comes from, and where to put it.
    ValueError
        Parameters are unknown or missing, or the checkpoint is of a model with other stems.

    References
    ----------
    R. Hennequin, A. Khlif, F. Voituret, M. Moussallam, "Spleeter: a fast and efficient music source
    separation tool with pre-trained models", JOSS 5(50), 2020.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_folder_parameters("spleeter", parameters, PARAMETERS)
        self.model = str(parameters.get("model", "2stems"))
        archive = self.model.replace("-16kHz", "")
        if archive not in SHA256:
            raise ValueError(f"spleeter has no model {self.model!r}; it has {', '.join(SHA256)}")
        device = parameters.get("device", "cpu")
        if device not in ("cpu", "cuda"):
            raise ValueError(f'spleeter runs on "cpu" or "cuda", found {device!r}')
        if importlib.util.find_spec("spleeter") is None:
            raise ModuleNotFoundError(f"spleeter is not installed in {sys.executable}; {INSTALL}")
        self.folder = context.folder.resolve() / parameters["folder"]
        self.files = _checkpoint(self.folder, archive)
        # TensorFlow ignores the usual variables for threads; it reads these when it is imported.
        threads = os.environ.get("OMP_NUM_THREADS", "1")
        os.environ.update(TF_NUM_INTRAOP_THREADS=threads, TF_NUM_INTEROP_THREADS=threads)
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self.mwf = bool(parameters.get("mwf", False))
        _refuse_other_stems(self.files[0], self.model, int(archive[0]))
        from spleeter.utils.configuration import load_configuration

        configuration = load_configuration(f"spleeter:{self.model}")
        self.stems = list(configuration["instrument_list"])
        self.info = SystemInfo(
            context.system_id,
            tuple(dict.fromkeys(STEM_OF.get(s, s) for s in self.stems)),
            version=f"{self.model}{' with MWF' if self.mwf else ''}, spleeter {version_of('spleeter')}",
            rate_hz=int(configuration["sample_rate"]),
        )

    def weight_files(self) -> list[Path]:
        """Return the checkpoint's files, for profiles."""
        return self.files

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate the whole track at once, as the package does."""
        from spleeter.separator import Separator

        given = stereo(mixture, "Spleeter")
        separator = Separator(f"spleeter:{self.model}", MWF=self.mwf, multiprocess=False)
        # Otherwise the package would download the model of that name.
        separator._params["model_dir"] = str(self.folder)
        stems = separator.separate(given)
        return estimates_of(((stem, stems[stem]) for stem in self.stems), mixture, STEM_OF)


def _checkpoint(folder: Path, archive: str) -> list[Path]:
    """Find the checkpoint's files; without them TensorFlow would silently use random weights."""
    listed = folder / "checkpoint"
    text = listed.read_text(encoding="utf-8") if listed.is_file() else ""
    named = re.search(r'^model_checkpoint_path: "(.+)"', text, re.MULTILINE)
    name = Path(named.group(1)).name if named else "model"
    files = [folder / f"{name}.index", folder / f"{name}.data-00000-of-00001"]
    missing = [p.name for p in (listed, *files) if not p.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)} of {archive} missing: unpack {RELEASE}/{archive}.tar.gz "
            f"(sha256 {SHA256[archive]}) into {folder}"
        )
    return files


def _refuse_other_stems(index: Path, model: str, n_stems: int) -> None:
    """Refuse a checkpoint of another number of stems; a model of fewer would take its first networks."""
    import tensorflow

    names = [name for name, _ in tensorflow.train.list_variables(str(index.with_suffix("")))]
    kernels = sum(bool(re.fullmatch(r"conv2d(_\d+)?/kernel", name)) for name in names)
    if kernels != CONVOLUTIONS * n_stems:
        raise ValueError(
            f"{index}: no checkpoint of {model}; it has {kernels} convolutions, expected "
            f"{CONVOLUTIONS} for each of {n_stems} stems"
        )
