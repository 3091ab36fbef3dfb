"""A profile says of systems built to known cost what they were built to cost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from svbench.cost.resources import measure_profile
from svbench.errors import SpecError, SystemFailure
from svbench.results.profile import Profile
from svbench.results.record import Machine, Provenance
from svbench.specs.system import LocatedSystem, load_system
from svbench.systems.worker.measure import energy_counters, energy_spent

MB = 1_000_000
MADE = Provenance(
    created="2026-01-02T03:04:05+00:00", svbench="0.1.0", commit="", python="3.11", packages={},
    machine=Machine(system="Linux", architecture="x86_64", cpu="CPU", n_cores=2, memory_bytes=2**33),
    command=("svbench",), arguments={},
)  # fmt: skip


def system(folder: Path, body: str, before: str = "pass", more: str = "") -> LocatedSystem:
    """A system whose factory runs ``before`` and whose separate runs ``body``."""

    def indented(text: str) -> str:
        return "\n".join(f"    {line}" for line in text.splitlines())

    folder.mkdir(exist_ok=True)
    (folder / "code.py").write_text(
        "import hashlib, os, subprocess, sys, threading, time\nimport numpy as np\n"
        "from svbench.audio import Audio\n\n\n"
        f"def make():\n{indented(before)}\n\n    def separate(mixture):\n{indented(indented(body))}\n"
        "        return {'vocals': mixture}\n\n    return separate\n"
    )
    (folder / "s.toml").write_text(
        f'schema = 1\nid = "s"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n{more}'
        'parameters = { factory = "code.py:make", targets = ["vocals"] }\n'
    )
    return load_system(folder / "s.toml")


def profile(
    located: LocatedSystem,
    scratch: Path,
    *,
    seconds: tuple[float, ...] = (1.0,),
    repeats: int = 1,
    threads: tuple[int, ...] = (1,),
    device: str = "cpu",
) -> Profile:
    return measure_profile(
        located, MADE, scratch, lambda text: None,
        seconds=seconds, repeats=repeats, threads=threads, device=device,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_sleep_of_known_length(tmp_path: Path) -> None:
    body = "time.sleep(0.2 * mixture.duration_s)"
    found = profile(system(tmp_path, body, "time.sleep(0.4)"), tmp_path, seconds=(2.0, 1.0), repeats=3)
    (setting,) = found.settings
    assert [t.seconds for t in setting.timings] == [1.0, 2.0]
    for t in setting.timings:
        assert len(t.wall_s) == 3
        assert t.rtf == pytest.approx(0.2, abs=0.05)
        assert t.rtf >= 0.2
        assert t.median_s == sorted(t.wall_s)[1]
        assert t.cpu_median_s < 0.05  # sleeping costs no CPU time
    assert 0.4 <= setting.load_s < 0.8
    assert setting.first_call_s >= 0.2
    assert found.size.parameters is None
    assert found.size.note == "no network library is loaded in the worker"
    assert found.macs.macs is None
    assert "PyTorch is not loaded" in found.macs.note


def test_the_first_call_stands_apart(tmp_path: Path) -> None:
    body = "if not hasattr(separate, 'warm'):\n    separate.warm = True\n    time.sleep(0.5)"
    (setting,) = profile(system(tmp_path, body), tmp_path, repeats=2).settings
    assert setting.first_call_s >= 0.5
    assert max(setting.timings[0].wall_s) < 0.25


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(
    "body",
    [
        "block = np.ones(25_000_000)",
        "subprocess.run([sys.executable, '-c', 'import time; b = b\"x\" * 200_000_000; time.sleep(0.3)'])",
    ],
    ids=["itself", "child"],
)
def test_an_allocation_of_known_size(body: str, tmp_path: Path) -> None:
    plain = profile(system(tmp_path / "plain", "pass"), tmp_path).settings[0]
    more = profile(system(tmp_path / "more", body), tmp_path).settings[0]
    assert 15 * MB < more.empty_rss_bytes < 100 * MB
    # A child's own interpreter comes on top, and what of it the empty worker has too.
    assert 199 * MB <= more.above_empty_bytes - plain.above_empty_bytes <= 225 * MB


def test_threads_are_bound_to_their_cores(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    body = (
        "data = bytes(40_000_000)\n"
        "work = [threading.Thread(target=lambda: hashlib.sha256(data).digest()) for _ in range(2)]\n"
        "[t.start() for t in work]\n"
        "[t.join() for t in work]"
    )
    one, two = profile(system(tmp_path, body), tmp_path, repeats=3, threads=(1, 2)).settings
    assert (one.threads, len(one.affinity)) == (1, 1)
    assert (two.threads, len(two.affinity)) == (2, 2)
    # One core does a second of work in a second, however many threads there are.
    assert one.timings[0].cpu_median_s <= one.timings[0].median_s * 1.05
    # The work is the same on two; that it is done in half the time only holds on a machine at rest.
    assert two.timings[0].cpu_median_s == pytest.approx(one.timings[0].cpu_median_s, rel=0.4)


def test_more_threads_than_cores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"--threads: 5000 asked for, but only \d+ cores may be used here"):
        profile(system(tmp_path, "pass"), tmp_path, threads=(1, 5000))


def test_the_limit_of_the_system_file_holds(tmp_path: Path) -> None:
    with pytest.raises(SystemFailure, match="measuring took longer than the limit of 4 s"):
        profile(system(tmp_path, "time.sleep(60)", more="time_limit_s = 4\n"), tmp_path)


def test_cuda_is_not_claimed_where_there_is_none(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    located = system(tmp_path, "import torch")
    code = (tmp_path / "code.py").read_text().replace("def make():", "def make(device):")
    (tmp_path / "code.py").write_text(code)
    with pytest.raises(SystemFailure, match="PyTorch in its worker is not loaded or sees no CUDA device"):
        profile(located, tmp_path, device="cuda")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return None", "separate returned NoneType, expected a dict"),
        ("return {}", "promised vocals, but gave nothing"),
        (
            "return {'vocals': Audio(mixture.samples[:-1], mixture.rate_hz)}",
            r"of vocals has shape \(44099, 2\)",
        ),
    ],
)
def test_what_a_run_would_refuse_has_no_profile(body: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SystemFailure, match=sentence):
        profile(system(tmp_path, body), tmp_path)


def test_an_oracle_gets_its_references(tmp_path: Path) -> None:
    found = profile(load_system("irm1"), tmp_path)
    assert found.settings[0].timings[0].median_s > 0


def test_a_network_of_known_size_and_work(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    before = (
        "import torch\n"
        "net = torch.nn.Sequential()\n"
        "net.append(torch.nn.Linear(2, 3))\n"
        "net[0].bias.requires_grad_(False)"
    )
    body = "with torch.no_grad():\n    net(torch.from_numpy(mixture.samples).float())"
    found = profile(system(tmp_path, body, before), tmp_path, seconds=(0.5, 2.0))
    assert found.macs.seconds == 2.0
    assert found.macs.per_second == 2 * 3 * 44100
    assert (found.size.parameters, found.size.trainable, found.size.dtypes) == (9, 6, {"float32": 9})
    (model,) = found.size.models
    assert (model.name, model.type) == ("function.net", "Sequential")
    assert "torch" in found.surroundings.versions
    assert found.settings[0].torch_threads == 1


def test_weights_files_are_weighed(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "w.bin").write_bytes(b"x" * 12345)
    digest = hashlib.sha256(b"x" * 12345).hexdigest()
    located = system(tmp_path, "pass", more=f'weights = [{{ path = "w.bin", sha256 = "{digest}" }}]\n')
    assert profile(located, tmp_path).size.file_bytes == 12345


def test_the_main_process_never_imports_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    system(tmp_path, "pass", "import torch")
    code = (
        "import sys; from svbench.cli.main import main\n"
        f"assert main(['profile', {str(tmp_path / 's.toml')!r}, '--seconds', '1', '--repeats', '1', "
        f"'--threads', '1', '--out', {str(tmp_path / 'p.json')!r}]) == 0\n"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "PyTorch is loaded, but no torch module was found in the system object" in done.stdout


def test_energy_counters_are_read_and_wrap_around(tmp_path: Path) -> None:
    for name, microjoules in (("intel-rapl:0", 7_000_000), ("intel-rapl:0:0", 1_000_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text("package-0\n")
        (tmp_path / name / "energy_uj").write_text(f"{microjoules}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("10000000\n")
    before = energy_counters(tmp_path)
    assert before == {"RAPL package-0": (7.0, 10.0)}
    (tmp_path / "intel-rapl:0/energy_uj").write_text("2000000\n")
    assert energy_spent(before, energy_counters(tmp_path)) == {"RAPL package-0": 5.0}
    assert energy_counters(tmp_path / "none") == {}
