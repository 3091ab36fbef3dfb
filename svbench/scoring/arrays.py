"""Score one track given as NumPy arrays."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Samples, check_samples
from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError, DataError, SpecError
from svbench.results.aggregate import TrackScore, reduce_track
from svbench.scoring.bound import bind
from svbench.scoring.track import Signals, score_signals
from svbench.specs.protocol import Protocol, load_protocol

# What soundfile and scipy.io.wavfile read from PCM files; full scale is one.
_FULL_SCALE = {np.dtype(np.int16): 1 << 15, np.dtype(np.int32): 1 << 31}


def score_arrays(
    references: Mapping[str, NDArray[Any]],
    estimates: Mapping[str, NDArray[Any]],
    *,
    rate_hz: int,
    protocol: str | Path | Protocol,
    mixture: NDArray[Any] | None = None,
) -> list[TrackScore]:
    """Score one track given as arrays.

    Parameters
    ----------
    references, estimates : mapping of str to ndarray, shape (n_samples, n_channels)
        By target. Target sets of the protocol without all their estimates are left out. Samples are
        float32 or float64, or 16 or 32 bit integers, which are divided by full scale as in PCM files. An
        array of shape (n_samples,) is mono.
    rate_hz : int
        Of all arrays.
    protocol : str, Path or Protocol
        Id, path or record.
    mixture : ndarray, shape (n_samples, n_channels), optional
        Needed by some protocols only.

    Returns
    -------
    list of TrackScore
        One per target set, target and quantity, reduced over frames by the protocol's rule.

    Raises
    ------
    AudioError
        An argument is not as described above, shapes differ, samples are not finite, or a mixture is
        needed and not given.
    DataError
        No target set has all its estimates.
    SpecError, UnknownNameError
        There is no such protocol, or it is not valid.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> s = {t: rng.standard_normal((8000, 1)) for t in ("vocals", "accompaniment")}
    >>> e = {t: 0.9 * x for t, x in s.items()}
    >>> [(r.target, r.metric, round(r.score, 3)) for r in score_arrays(s, e, rate_hz=8000, protocol="mdx21")]
    [('vocals', 'uSDR', 20.0), ('accompaniment', 'uSDR', 20.0)]
    """
    bound = bind(_protocol(protocol))
    rule = bound.protocol
    rate = _rate(rate_hz)
    known, given = (
        {t: _samples(f"{role} of {t}", a) for t, a in _by_target(f"{role}s", side).items()}
        for role, side in (("reference", references), ("estimate", estimates))
    )
    common = [t for t in known if t in given]
    sets = tuple(s.id for s in rule.target_sets if set(s.targets) <= set(common))
    if not sets:
        wanted = " or ".join(", ".join(s.targets) for s in rule.target_sets)
        raise DataError(
            f"{rule.id} scores {wanted}; references and estimates have "
            f"{', '.join(common) or 'no target in common'}"
        )
    first = known[common[0]]

    def sound(name: str, samples: Samples) -> ArraySound:
        if samples.shape != first.shape:
            raise AudioError(
                f"{name} has shape {samples.shape}, the reference of {common[0]} {first.shape}; "
                "all arrays of a track must have the same (n_samples, n_channels)"
            )
        return ArraySound(samples, rate)

    signals = Signals(
        {t: sound(f"reference of {t}", known[t]) for t in common},
        {t: sound(f"estimate of {t}", given[t]) for t in common},
        None if mixture is None else sound("mixture", _samples("mixture", mixture)),
    )
    scored = score_signals(signals, bound, sets)
    return reduce_track("", scored.series, rule, bound.quantities)


def _protocol(given: Any) -> Protocol:
    if isinstance(given, Protocol):
        return given
    if isinstance(given, (str, Path)):
        return load_protocol(given)
    raise SpecError("protocol", "", f"expected an id, a path or a Protocol, found {given!r}")


def _rate(given: Any) -> int:
    is_number = isinstance(given, numbers.Real) and not isinstance(given, bool)
    if not is_number or not given > 0 or given == np.inf or int(given) != given:
        raise AudioError(f"rate_hz: expected a positive whole number of Hz, such as 44100; found {given!r}")
    return int(given)


def _by_target(name: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise AudioError(f"{name}: expected a dict of target to array, found {type(given).__name__}")
    for target in given:
        if not isinstance(target, str):
            raise AudioError(f"{name}: expected names of targets as keys, found {target!r}")
    return given


def _samples(name: str, given: Any) -> Samples:
    """Check one array, and return it as floats of shape (n_samples, n_channels)."""
    if not isinstance(given, np.ndarray):
        kind = f"{type(given).__module__}.{type(given).__qualname__}".removeprefix("builtins.")
        raise AudioError(f"{name}: expected a NumPy array of samples, found {kind}")
    if isinstance(given, np.ma.MaskedArray):
        raise AudioError(
            f"{name}: is a masked array, and no metric leaves samples out; give filled(0) for silence there, "
            "or cut the part from all signals"
        )
    if given.dtype in _FULL_SCALE:
        given = given / _FULL_SCALE[given.dtype]
    elif given.dtype not in (np.float32, np.float64):
        raise AudioError(
            f"{name}: expected float32, float64, or PCM integers of 16 or 32 bits; found {given.dtype}"
        )
    if given.ndim == 1:
        given = given[:, np.newaxis]
    check_samples(given, name)
    return np.asarray(given)
