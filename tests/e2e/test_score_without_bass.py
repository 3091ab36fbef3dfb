"""Folders in which nobody has bass, on either side, are scored for the other targets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svbench.cli.main import main


def test_a_stem_that_no_track_has_needs_no_estimate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    for target in ("vocals", "drums", "other"):
        samples = 0.1 * rng.standard_normal((8000, 2))
        for kind, gain in (("references", 1.0), ("estimates", 0.9)):
            (tmp_path / kind / "song").mkdir(parents=True, exist_ok=True)
            soundfile.write(
                tmp_path / kind / "song" / f"{target}.wav", gain * samples, 8000, subtype="DOUBLE"
            )
    words = [
        "score",
        str(tmp_path / "references"),
        str(tmp_path / "estimates"),
        "--protocol",
        "mdx21",
        "--json",
    ]
    assert main(words) == 0
    rows = {(t["target_set"], t["target"]): t for t in json.loads(capsys.readouterr().out)["tracks"]}
    assert rows["4-stems", "bass"]["status"] == "no target"
    for target in ("vocals", "drums", "other"):  # 0.9 of a signal is 20 dB from it
        assert rows["4-stems", target]["score"] == pytest.approx(20, abs=1e-6)
    assert rows["vocals-accompaniment", "accompaniment"]["score"] == pytest.approx(20, abs=1e-6)
