"""Sounds that are no stimuli: the headphone screening and the one to set the volume by."""

from __future__ import annotations

from functools import lru_cache

from svbench.listening.headphones import N_TRIALS, Method, headphone_trials
from svbench.listening.listening_test import ListeningTest, Stimulus
from svbench.listening.store.state import SessionState
from svbench.listening.web.signing import Signer

SETS = 6  # of headphone sounds: neighbours in a room hear others, and few are made and kept


def headphone_sounds(signer: Signer, session: SessionState) -> list[str]:
    """Return the tokens of the sounds of the attempt that a session is at."""
    attempt = len(session.headphones)
    return [signer.token(session.id, "headphones", attempt, i) for i in range(N_TRIALS)]


def headphone_set(method: Method, session: SessionState) -> tuple[tuple[bytes, int], ...]:
    """Return the sounds of a session's attempt as WAV, each with its answer (0, 1, 2)."""
    return _made(method, (session.number + 5 * len(session.headphones)) % SETS)


@lru_cache(maxsize=SETS)
def _made(method: Method, seed: int) -> tuple[tuple[bytes, int], ...]:
    return tuple((trial.wav(), trial.answer) for trial in headphone_trials(method, seed))


def volume_stimulus(test: ListeningTest) -> Stimulus:
    """Return what the volume is set by: the reference of a training trial, or the first there is."""
    trial = next((t for t in test.trials if t.kind == "training"), test.trials[0])
    hidden = [s for s in trial.stimuli if test.condition(s.condition).role == "reference"]
    return trial.reference or (hidden or trial.stimuli)[0]
