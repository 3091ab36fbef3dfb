"""A configuration is imported, served, rated over HTTP and exported; its CSV says what was rated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from simulated.listeners import Listener, running_server

from svbench.audio import Audio, write_audio
from svbench.cli.main import main
from svbench.listening.listening_test import load_test, stimulus_path
from svbench.listening.readers import read_ratings

CONFIGURATION = """
testname: Two nets
testId: two-nets
bufferSize: 2048
stopOnErrors: true
showButtonPreviousPage: false
remoteService: service/write.php
pages:
    - {type: consent, id: consent, name: Consent, content: "<p>May we <b>store</b> it?</p><script>alert(1)</script>"}
    - type: mushra
      id: training
      content: How good: in all?
      reference: sounds/0-reference.wav
      createAnchor35: true
      stimuli:
          no: sounds/0-no.wav
          =net(): sounds/0-net.wav
    -
        - random
        - type: mushra
          id: piano
          content: How good: in all?
          reference: sounds/1-reference.wav
          createAnchor35: true
          stimuli: {no: sounds/1-no.wav, =net(): sounds/1-net.wav}
        - type: mushra
          id: choir
          content: How good: in all?
          reference: sounds/2-reference.wav
          createAnchor35: true
          stimuli: {no: sounds/2-no.wav, =net(): sounds/2-net.wav}
    - type: finish
      questionnaire:
          - {type: number, name: age, label: Your age}
"""
SCORES = {"reference": 100.0, "anchor35": 5.0, "no": 40.5, "=net()": 60.0}


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    draw = np.random.Generator(np.random.PCG64(7))
    (tmp_path / "wm" / "sounds").mkdir(parents=True)
    (tmp_path / "wm" / "configs").mkdir()
    for number in range(3):
        for name in ("reference", "no", "net"):
            sound = Audio(0.1 * draw.standard_normal((8000, 2)), 16000)
            write_audio(tmp_path / "wm" / "sounds" / f"{number}-{name}.wav", sound, subtype="PCM_16")
    path = tmp_path / "wm" / "configs" / "nets.yaml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return path


def test_from_configuration_to_csv(
    configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "test"
    assert main(["listen", "import", "webmushra", str(configuration), "--out", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "note: lines 12, 22, 28: no YAML" in told
    assert "serve it with" in told
    test = load_test(folder)
    condition = {stimulus_path(folder, s).read_bytes(): s.condition for t in test.trials for s in t.stimuli}
    pages = []
    with running_server(folder) as server:
        for _ in range(2):
            listener = Listener(server.address, lambda sound, screen, slot: SCORES[condition[sound]])
            listener.open("/")
            pages.append(listener.page)
            listener.take_part(answers={"age": "30"})
    assert all("May we store it?" in page and "alert" not in page for page in pages)

    assert main(["listen", "agree", str(folder), str(tmp_path)]) == 2
    assert "the test was imported and its sounds come from no run" in capsys.readouterr().err
    assert main(["listen", "export", "webmushra", str(folder), "--out", str(tmp_path / "again")]) == 0
    told = capsys.readouterr().out
    assert "whoever looks is no longer blind" in told
    assert "24 ratings of 2 complete sessions" in told
    read = read_ratings([tmp_path / "again" / "mushra.csv"])
    assert read["trial"].value_counts().to_dict() == {"training": 8, "piano": 8, "choir": 8}
    assert read["rating"].tolist() == [SCORES[name] for name in read["condition"]]
    assert dict(zip(read["condition"], read["role"], strict=True)) == {
        "reference": "reference", "anchor35": "low_anchor", "no": "system", "=net()": "system",
    }  # fmt: skip

    again = tmp_path / "again" / "config.yaml"
    assert main(["listen", "import", "webmushra", str(again), "--out", str(tmp_path / "back"), "--json"]) == 0
    back = load_test(tmp_path / "back")
    assert {t.track: t.kind for t in back.trials} == {t.track: t.kind for t in test.trials}
    assert back.protocol.question == test.protocol.question == {"en": "How good: in all?"}
    assert main(["listen", "export", "pymushra", str(folder), "--out", str(tmp_path / "p.csv")]) == 0
    assert read_ratings([tmp_path / "p.csv"])["rating"].tolist() == read["rating"].tolist()


def test_refusals_are_sentences(
    configuration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration.write_text(CONFIGURATION.replace("createAnchor35", "createAnchor53", 1), encoding="utf-8")
    assert main(["listen", "import", "webmushra", str(configuration), "--out", str(tmp_path / "test")]) == 2
    error = capsys.readouterr().err
    assert "nets.yaml: pages[1].createAnchor53: unknown key; did you mean 'createAnchor35'" in error
    assert not (tmp_path / "test").exists()
    assert main(["listen", "export", "webmushra", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "test.json: cannot be read" in capsys.readouterr().err
