"""A small listening test of synthetic sound, for tests that need one and no run.

Use it in tests of servers, pages and analyses::

    from svbench.testing.listening import make_test
    test = make_test(tmp_path / "test", n_trials=3)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio
from svbench.listening.building.anchors import low_pass
from svbench.listening.building.conditions import ANCHORS, has_hidden_reference
from svbench.listening.building.stimuli import names_of, write_stimulus
from svbench.listening.design import OPEN_REFERENCE
from svbench.listening.listening_test import (
    Condition,
    ListeningTest,
    Stimulus,
    Trial,
    finish,
    new_test,
    stimulus_path,
)
from svbench.specs.listening import Excerpts, ListeningProtocol, Method

Samples = NDArray[np.float64]


def make_test(
    folder: Path,
    n_trials: int = 2,
    n_systems: int = 2,
    length_s: float = 1.0,
    rate_hz: int = 44100,
    method: Method = "mushra",
    **changes: Any,
) -> ListeningTest:
    """Write a valid test folder and return what its ``test.json`` says.

    Parameters
    ----------
    folder : Path
        New or empty.
    n_trials : int
        Trials of the test; those of the training come before them (``excerpts.training``, 1).
    n_systems : int
        ``system-1`` is the best of them: the more noise, the higher the number.
    length_s : float
    rate_hz : int
    method : {"mushra", "ab", "abx", "acr", "dcr"}
    **changes
        Fields of the protocol, such as ``sessions=Sessions(seats=3)`` or ``anchors=()``.

    Returns
    -------
    ListeningTest
        Names are random; sound is the same every time. Tracks are called ``Track 1`` and so on.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     test = make_test(Path(folder), n_trials=1, rate_hz=16000)
    >>> [c.id for c in test.conditions]
    ['reference', 'anchor35', 'anchor70', 'system-1', 'system-2']
    >>> [(t.kind, len(t.files()), t.n_samples) for t in test.trials]
    [('training', 6, 16000), ('test', 6, 16000)]
    """
    fields: dict[str, Any] = {
        "schema": 1,
        "id": "synthetic",
        "title": "Synthetic test",
        "version": "1",
        "description": "",
        "citation": "none",
        "method": method,
        "targets": ("vocals",),
        "question": {"en": "How good is it?", "de": "Wie gut ist es?"},
        "anchors": ("lowpass-3500", "lowpass-7000") if method == "mushra" else (),
        "excerpts": Excerpts(n=n_trials, length_s=max(1.0, length_s)),
    }
    protocol = ListeningProtocol(**fields | changes)
    names = names_of(None, ())
    systems = [f"system-{i + 1}" for i in range(n_systems)]
    conditions = [Condition(id="reference", title="Hidden reference", role="reference")]
    conditions += [
        Condition(id=name, title=title, role=role)
        for name, title, role in (ANCHORS[a] for a in protocol.anchors)
    ]
    conditions += [Condition(id=s, title=f"System {i + 1}", role="system") for i, s in enumerate(systems)]
    heard = {c.id for c in conditions if c.role != "reference" or has_hidden_reference(method)}
    n_training = protocol.excerpts.training
    with new_test(folder) as new:
        trials = []
        for number in range(n_training + n_trials):
            kind, track = "training" if number < n_training else "test", f"Track {number + 1}"
            sounds = _sounds(number, conditions, round(length_s * rate_hz), rate_hz)
            stimuli = {
                name: _write(new, names.opaque(track, name), condition, Audio(samples, rate_hz))
                for name, condition, samples in [("open", "reference", sounds["reference"])]
                + [(c, c, samples) for c, samples in sounds.items()]
            }
            reference = stimuli.pop("open")
            again = [
                _write(new, names.opaque(track, c, "again"), c, Audio(samples, rate_hz))
                for c, samples in sounds.items()
                if method == "abx"
            ]
            trials.append(
                Trial(
                    id=names.opaque(track),
                    kind="training" if kind == "training" else "test",
                    track=track,
                    target=protocol.targets[0],
                    start_s=0.0,
                    length_s=length_s,
                    rate_hz=rate_hz,
                    n_samples=len(sounds["reference"]),
                    n_channels=2,
                    stimuli=tuple(s for c, s in stimuli.items() if c in heard),
                    reference=reference if method in OPEN_REFERENCE else None,
                    difficulty=float(number),
                    chosen_by="synthetic",
                    again=tuple(again),
                )
            )
        test = ListeningTest(
            schema=1,
            id=names.opaque("test"),
            title=protocol.title,
            protocol=protocol,
            conditions=tuple(conditions),
            trials=tuple(trials),
        )
        finish(new, test)
    return test


def _sounds(number: int, conditions: list[Condition], n: int, rate_hz: int) -> Mapping[str, Samples]:
    """Make a chord under noise; every system adds more noise than the one before."""
    draw = np.random.Generator(np.random.PCG64(number))
    t = np.arange(n) / rate_hz
    tones = [np.sin(2 * np.pi * 220 * (number + 3) / 3 * k * t) / k for k in (1, 2, 3, 5, 8)]
    reference = 0.05 * np.sum(tones, axis=0)[:, np.newaxis] * [1.0, 0.8] + 0.005 * draw.standard_normal(
        (n, 2)
    )
    noise = 0.02 * draw.standard_normal((n, 2))
    found: dict[str, Samples] = {}
    for condition in conditions:
        if condition.role in ("low_anchor", "mid_anchor"):
            cut = low_pass(3500.0 if condition.role == "low_anchor" else 7000.0, rate_hz)
            found[condition.id] = cut.apply(np.pad(reference, ((cut.reach, cut.reach), (0, 0))))
        elif condition.role == "system":
            found[condition.id] = reference + noise * int(condition.id.removeprefix("system-"))
        else:
            found[condition.id] = reference + noise * {"mixture": 5, "distorted": 3}.get(condition.id, 0)
    return found


def _write(folder: Path, name: str, condition: str, audio: Audio) -> Stimulus:
    stimulus = Stimulus(
        id=name,
        condition=condition,
        sha256="",
        gain_db=0.0,
        peak_dbtp=0.0,
        loudness_lufs=-23.0,
    )
    sha256, peak_dbtp = write_stimulus(stimulus_path(folder, stimulus), audio, 16, int(name, 16))
    return msgspec.structs.replace(stimulus, sha256=sha256, peak_dbtp=peak_dbtp)
