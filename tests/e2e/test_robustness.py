"""The robustness battery from the command to the tables, with systems whose behaviour is known."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.probes import transforms
from svbench.results.store import Run, load_run
from svbench.specs.library import shipped

TRANSFORMS = ["gain+6", "swap", "dc", "silence", "shift", "tempo+5"]
CODE = '''
import numpy as np
from svbench.systems.api import SystemInfo

class Filter:
    """A causal filter of two taps, louder on the left: it bears all but what moves in time, and a swap."""
    info = SystemInfo(id="filter", version="1", targets=("vocals",))

    def __init__(self, broken="", left=1.0):
        self.broken, self.left = broken, left

    def separate(self, mixture):
        from pathlib import Path
        if self.broken and Path(self.broken).exists():
            raise ValueError("broken on purpose")
        x = mixture.samples
        late = np.vstack([np.zeros((1, x.shape[1])), x[:-1]])
        return {"vocals": type(mixture)((0.5 * x + 0.2 * late) * np.array([self.left, 1.0]), mixture.rate_hz)}
'''


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    """The released protocol with a few transforms."""
    text = (Path(shipped()) / "protocols/robustness.toml").read_text(encoding="utf-8")
    path = tmp_path / "robustness.toml"
    path.write_text(f"{text}parameters = {{ transforms = {json.dumps(TRANSFORMS)} }}\n", encoding="utf-8")
    return path


@pytest.fixture
def filtering(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text(CODE, encoding="utf-8")
    path = tmp_path / "filter.toml"
    path.write_text(
        'schema = 1\nid = "filter"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        f'parameters = {{ factory = "code.py:Filter", left = 2.0, broken = "{tmp_path / "broken"}" }}\n'
    )
    return path


def measure(
    protocol: Path, folder: Path, out: Path, systems: Sequence[object], *more: str, code: int = 0
) -> dict[tuple[str, str], Run]:
    """Run, and return the runs by system and variant."""
    words = ["run", protocol, "--data", f"folder={folder}", "--out", out, "--workers", "2", "--system"]
    assert main([*map(str, [*words, *systems]), *more]) == code
    runs = [load_run(p) for p in sorted(out.iterdir()) if (p / "run.json").exists()]
    return {(r.record.system.id, r.record.data.variant): r for r in runs}


def values(run: Run, metric: str) -> list[tuple[float | None, str]]:
    return [(s.score[0], s.status[0]) for result in run.results for s in result.series if s.metric == metric]


def test_from_the_command_to_the_tables(
    protocol: Path, filtering: Path, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    runs = measure(protocol, small_folder, out, ["mixture", "hpss", filtering])
    printed = capsys.readouterr().out
    assert {v for _, v in runs} == {"original", *TRANSFORMS}
    assert runs["mixture", "swap"].record.data.expects == "equivariant"
    assert runs["mixture", "dc"].record.data.expects == "invariant"

    # The mixture bears everything but the offset; what is undone exactly is scored as before.
    for name in TRANSFORMS:
        exact = [
            status == "perfect" or (v or 0) > 200 for v, status in values(runs["mixture", name], "uSDR-eq")
        ]
        assert all(exact) == (name != "dc")
    for name in ("gain+6", "swap", "silence", "shift"):
        before = [v for v, _ in values(runs["mixture", "original"], "uSDR")]
        assert [v for v, _ in values(runs["mixture", name], "uSDR")] == pytest.approx(before, abs=1e-9)
    # The filter is time-invariant, and louder on the left.
    for name in ("gain+6", "silence", "shift"):
        assert all(s == "perfect" or v > 200 for v, s in values(runs["filter", name], "uSDR-eq"))  # type: ignore[operator]
    for name in ("swap", "dc", "tempo+5"):
        assert all(v is not None and 0 < v < 100 for v, _ in values(runs["filter", name], "SI-SDR-eq"))
    assert all(v is not None and v < 40 for v, _ in values(runs["hpss", "tempo+5"], "SI-SDR-eq"))
    # Tempo changes the length; the time base of results follows.
    longer, shorter = (runs["mixture", v].results[0] for v in ("silence", "tempo+5"))
    assert longer.n_samples == 2.5 * 16000 + 16000
    assert shorter.duration_s == pytest.approx(2.5 / 1.05, abs=1e-3)

    assert "variant" in printed
    assert "swap      equivariant" in printed
    assert main(["table", str(out), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    cell = next(r for r in rows if (r["system"], r["variant"], r["metric"]) == ("filter", "tempo+5", "uSDR"))
    assert (cell["should_be"], cell["change_n_tracks"]) == ("equivariant", "3")
    assert float(cell["change_low"]) <= float(cell["change"]) <= float(cell["change_high"])
    assert main(["table", str(out)]) == 0
    table = capsys.readouterr().out
    assert "| dc | invariant | " in table
    assert "| original |  | " in table
    assert main(["table", str(out), "--metric", "uSDR-eq"]) == 0
    assert "| variant | filter |" in capsys.readouterr().out
    assert main(["report", str(out), "--out", str(tmp_path / "report")]) == 0
    page = next((tmp_path / "report").glob("*.html")).read_text(encoding="utf-8")
    assert "Robustness of vocals: what each transform costs" in page


def test_resume_follows_the_original(
    protocol: Path, filtering: Path, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, broken = tmp_path / "runs", tmp_path / "broken"
    words = ("--track", "track 0")
    broken.touch()
    runs = measure(protocol, small_folder, out, [filtering], *words, code=3)
    assert all(r.failed for r in runs.values())
    broken.unlink()
    runs = measure(protocol, small_folder, out, [filtering], *words)
    folder = runs["filter", "original"].path
    kept = folder / next(iter(runs["filter", "original"].results[0].estimates.values()))
    capsys.readouterr()

    # Nothing is new: nothing is done.
    measure(protocol, small_folder, out, [filtering], *words)
    assert capsys.readouterr().err.count("(kept)") == 7

    # The original's estimates are gone: it alone is separated again, to the same estimates.
    kept.unlink()
    measure(protocol, small_folder, out, [filtering], *words)
    err = capsys.readouterr().err
    assert err.count("(kept)") == 6
    assert kept.is_file()

    # The original fails this time: its variants were compared with estimates that are no more.
    shutil.rmtree(folder / "tracks")
    broken.touch()
    runs = measure(protocol, small_folder, out, [filtering], *words, "--redo", "missing", code=3)
    assert all(runs["filter", v].failed for v in ("original", *TRANSFORMS))


def test_a_variant_without_its_original(
    protocol: Path, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code.py").write_text(
        CODE.replace("if self.broken and Path(self.broken).exists():", "if abs(x.mean()) < 0.02:")
        .replace("        x = mixture.samples\n", "")
        .replace("from pathlib import Path\n", "x = mixture.samples\n"),
        encoding="utf-8",
    )
    path = tmp_path / "picky.toml"
    path.write_text(
        'schema = 1\nid = "filter"\ntitle = "t"\nadapter = "python"\ntraining_data = []\n'
        'parameters = { factory = "code.py:Filter" }\n'
    )
    # This system fails on everything but the offset.
    runs = measure(protocol, small_folder, tmp_path / "runs", [path], "--track", "track 0", code=3)
    (result,) = runs["filter", "dc"].results
    assert result.status == "ok"
    assert values(runs["filter", "dc"], "uSDR")[0][1] == "ok"
    assert values(runs["filter", "dc"], "SI-SDR-eq") == [(None, "failed")]
    assert (
        "nothing to compare with: the original of this track failed, or its estimates are gone"
        in result.notes
    )
    assert main(["table", str(tmp_path / "runs")]) == 0
    assert "failed |" in capsys.readouterr().out


def test_a_codec_that_is_not_there(
    small_folder: Path,
    protocol: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(transforms, "_encoders", frozenset)
    text = protocol.read_text(encoding="utf-8").replace(json.dumps(TRANSFORMS), '["swap", "mp3-128"]')
    protocol.write_text(text, encoding="utf-8")
    runs = measure(protocol, small_folder, tmp_path / "runs", ["mixture"], "--track", "track 0")
    assert {v for _, v in runs} == {"original", "swap"}
    left_out = runs["mixture", "swap"].record.data.left_out
    assert left_out == ("mp3-128: not made: it needs ffmpeg with the encoder libmp3lame",)
    capsys.readouterr()
    assert main(["table", str(tmp_path / "runs")]) == 0
    printed = capsys.readouterr().out
    assert "| mp3-128 |  | not run | not run |" in printed
    assert "mixture was not run on mp3-128." in printed
    assert "mp3-128: not made: it needs ffmpeg with the encoder libmp3lame." in printed
