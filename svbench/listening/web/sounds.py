"""Sounds that are no stimuli: the headphone screening and the one to set the volume by."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from svbench.listening.store.state import SessionState
from svbench.listening.test import ListeningTest, Stimulus
from svbench.listening.web.signing import Signer

SETS = 6  # of headphone sounds: neighbours in a room hear others, and few are made and kept
TRIALS, PASSED = 6, 5


def headphone_sounds(signer: Signer, test: ListeningTest, session: SessionState) -> list[str]:
    """Return the tokens of the sounds of the attempt that a session is at."""
    attempt = len(session.headphones)
    return [signer.token(session.id, "headphones", attempt, i) for i in range(TRIALS)]


def headphone_set(method: str, session: SessionState) -> tuple[tuple[bytes, int], ...]:
    """Return the sounds of a session's attempt as WAV, each with its answer (0, 1, 2)."""
    return _made(method, (session.number + 5 * len(session.headphones)) % SETS)


@lru_cache(maxsize=SETS)
def _made(method: str, seed: int) -> tuple[tuple[bytes, int], ...]:
    import soundfile

    from svbench.listening import headphones

    made = []
    for audio, answer in (headphones.woods if method == "woods" else headphones.huggins)(seed):
        buffer = BytesIO()
        soundfile.write(buffer, audio.samples, audio.rate_hz, format="WAV", subtype="PCM_16")
        made.append((buffer.getvalue(), answer))
    return tuple(made)


def volume_stimulus(test: ListeningTest) -> Stimulus:
    """Return what the volume is set by: the reference of a training trial, or the first there is."""
    trial = next((t for t in test.trials if t.kind == "training"), test.trials[0])
    hidden = [s for s in trial.stimuli if test.condition(s.condition).role == "reference"]
    return trial.reference or (hidden or trial.stimuli)[0]
