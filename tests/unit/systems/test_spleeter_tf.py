"""The TensorFlow original of Spleeter, in its own interpreter, with random weights.

What separates runs where SVBENCH_TEST_SPLEETER names a Python with spleeter 2.4.2 and soundfile
(docs/systems.md says how to make one); what is refused before that, everywhere.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from svbench.audio import Audio
from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.adapters import spleeter
from svbench.systems.api import Context
from svbench.systems.worker.host import WorkerHost
from svbench.testing.systems import check_system

PUBLISHED_PARAMETERS = 9_823_749  # of each stem

SAVE = """
import sys
import tensorflow as tf
from spleeter.model import EstimatorSpecBuilder, InputProviderFactory
from spleeter.utils.configuration import load_configuration

tf.compat.v1.disable_eager_execution()
tf.compat.v1.set_random_seed(0)
parameters = load_configuration(f"spleeter:{sys.argv[1]}")
provider = InputProviderFactory.get(parameters)
EstimatorSpecBuilder(provider.get_input_dict_placeholders(), parameters).outputs
trainable = tf.compat.v1.trainable_variables()
tf.compat.v1.train.get_or_create_global_step()
with tf.compat.v1.Session() as session:
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.Saver().save(session, sys.argv[2] + "/model")
print(sum(v.shape.num_elements() for v in trainable))
"""


@pytest.fixture(scope="module")
def python() -> str:
    path = os.environ.get("SVBENCH_TEST_SPLEETER")
    if not path:
        pytest.skip("SVBENCH_TEST_SPLEETER names no Python with spleeter 2.4.2")
    return path


@pytest.fixture(scope="module")
def weights(python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int]]:
    """Checkpoints of random weights, made by the package itself, and their numbers of parameters."""
    found = {}
    for model in ("2stems", "5stems"):
        folder = tmp_path_factory.mktemp(model)
        words = [python, "-c", SAVE, model, str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found[model] = folder, int(done.stdout.split()[-1])
    return found


def system(folder: Path, python: str, parameters: str) -> LocatedSystem:
    path = folder / "spleeter.toml"
    path.write_text(
        'schema = 1\nid = "spleeter"\ntitle = "t"\nadapter = "spleeter"\ntraining_data = []\n'
        f'python = "{python}"\nparameters = {{ {parameters} }}\n'
    )
    return load_system(path)


@pytest.mark.parametrize(
    ("model", "more", "targets"),
    [
        ("2stems", "", ("vocals", "accompaniment")),
        ("2stems", ", mwf = true", ("vocals", "accompaniment")),
        ("5stems", "", ("vocals", "other", "drums", "bass")),
    ],
)
def test_conforms_across_interpreters(
    model: str, more: str, targets: tuple[str, ...], python: str, weights: Any, tmp_path: Path
) -> None:
    folder, _ = weights[model]
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    located = system(tmp_path, python, f'model = "{model}", folder = "{folder}"{more}')
    info = check_system(located, tmp_path)
    assert (info.targets, info.rate_hz) == (targets, 44100)
    assert info.version.endswith("spleeter 2.4.2")
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before


def test_stems_add_up_below_11_khz(python: str, weights: Any, tmp_path: Path) -> None:
    mixture = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2 * 44100, 2)), 44100)
    located = system(tmp_path, python, f'model = "5stems", folder = "{weights["5stems"][0]}"')
    with WorkerHost(located, ("vocals",), tmp_path) as host:
        found = host.separate("t", mixture).estimates
    total, given = (
        np.fft.rfft(np.asarray(x)[8192:-8192], axis=0)
        for x in (sum(e.samples for e in found.values()), mixture.samples)
    )
    hz = np.fft.rfftfreq(2 * 44100 - 16384, 1 / 44100)
    low = (hz > 100) & (hz < 10_900)
    assert np.sum(np.abs(total[low] - given[low]) ** 2) < 1e-5 * np.sum(np.abs(given[low]) ** 2)


def test_networks_have_the_published_number_of_parameters(weights: Any) -> None:
    assert weights["2stems"][1] == 2 * PUBLISHED_PARAMETERS


def test_weights_of_a_model_with_other_stems_are_refused(python: str, weights: Any, tmp_path: Path) -> None:
    located = system(tmp_path, python, f'model = "2stems", folder = "{weights["5stems"][0]}"')
    with (
        WorkerHost(located, ("vocals",), tmp_path) as host,
        pytest.raises(
            SystemFailure, match=r"no checkpoint of 2stems; it has 35 convolutions, expected 7 for"
        ),
    ):
        host.start()


def test_missing_package_says_how_to_make_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ModuleNotFoundError,
        match=r"not installed in .*; it needs Python 3\.9 to 3\.11: .*python = \"spleeter/bin",
    ):
        spleeter.Spleeter({"folder": "."}, Context("s", tmp_path, ()))


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-7"\n')
    (tmp_path / "model.ckpt-7.index").touch()
    with pytest.raises(
        FileNotFoundError,
        match=r"^model\.ckpt-7\.data-00000-of-00001 of 4stems missing: unpack https://.*/v1\.4\.0/4stems\.tar\.gz "
        r"\(sha256 3adb4a50\w{56}\) into",
    ):
        spleeter.Spleeter({"folder": ".", "model": "4stems-16kHz"}, Context("s", tmp_path, ()))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, r"\(needed: folder\); found none$"),
        ({"folder": ".", "stems": 2}, "found folder, stems$"),
        ({"folder": ".", "model": "3stems"}, "no model '3stems'; it has 2stems, 4stems, 5stems"),
        ({"folder": ".", "device": "tpu"}, 'runs on "cpu" or "cuda", found \'tpu\''),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        spleeter.Spleeter(parameters, Context("s", tmp_path, ()))
