"""References and estimates side by side: the checks of their shapes and samples, and reading in blocks."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError

Floats: TypeAlias = NDArray[np.float64]

AXES = "(n_targets, n_samples, n_channels)"

# An energy 240 dB below the signal's is the rounding of double precision, whose epsilon squared is 5e-32,
# and nothing else.
_ROUNDING = 1e-24

# Samples that are searched at once for one that is not finite.
_BLOCK = 1 << 16

# Full scale of the integer formats in which audio is stored: they become floats in [-1, 1).
FULL_SCALE = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}


@runtime_checkable
class SignalBlocks(Protocol):
    """Several signals of one length that can be read piece by piece.

    Implement it over open files to score a track that is never whole in memory.
    ``read(start, stop)`` returns an array (n_signals, stop - start, n_channels) of
    float64, float32, int16 or int32 samples; integers are full-scale audio and are
    divided by 2**15 or 2**31. It is called from several threads, never from two at once,
    mostly forwards, and each stretch is read once or twice. An attribute ``targets``, a sequence
    of names, is optional: errors name signals by it.
    """

    @property
    def n_signals(self) -> int:
        """How many signals."""

    @property
    def n_samples(self) -> int:
        """Their common length."""

    @property
    def n_channels(self) -> int:
        """Channels of each."""

    @property
    def rate_hz(self) -> float:
        """Sample rate."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Samples `start` to `stop` of all signals, (n_signals, stop - start, n_channels)."""


Signals: TypeAlias = NDArray[Any] | SignalBlocks


class _ArrayBlocks:
    """An array (n_signals, n_samples, n_channels) as blocks; reading is slicing."""

    def __init__(self, role: str, array: NDArray[Any], rate_hz: float) -> None:
        array = np.asarray(array)
        if array.ndim != 3:
            raise AudioError(
                f"the {role}s must have three axes (targets, samples, channels), not shape {array.shape}"
            )
        self._array, self.rate_hz = array, rate_hz
        self.n_signals, self.n_samples, self.n_channels = array.shape

    def read(self, start: int, stop: int) -> NDArray[Any]:
        return self._array[:, start:stop]


class SignalPair:
    """The references and the estimates of one track.

    Parameters
    ----------
    references, estimates : ndarray (n_targets, n_samples, n_channels) or SignalBlocks
    rate_hz : float

    Raises
    ------
    AudioError
        If the two do not have one shape and rate, or are empty.
    """

    def __init__(self, references: Signals, estimates: Signals, rate_hz: float) -> None:
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise AudioError(f"the sample rate must be positive and finite, not {rate_hz} Hz")
        self._sides = tuple(
            (role, side if isinstance(side, SignalBlocks) else _ArrayBlocks(role, side, rate_hz))
            for role, side in (("reference", references), ("estimate", estimates))
        )
        shapes = [(side.n_signals, side.n_samples, side.n_channels) for _, side in self._sides]
        if shapes[0] != shapes[1]:
            raise AudioError(
                "references and estimates differ in (targets, samples, channels): "
                f"{shapes[0]} and {shapes[1]}"
            )
        if 0 in shapes[0]:
            raise AudioError(f"nothing to score: (targets, samples, channels) is {shapes[0]}")
        for role, side in self._sides:
            if side.rate_hz != rate_hz:
                raise AudioError(f"the {role}s are at {side.rate_hz} Hz, the score is asked at {rate_hz} Hz")
        self.n_targets, self.n_samples, self.n_channels = shapes[0]
        self.rate_hz = rate_hz
        self.width = self.n_targets * self.n_channels
        self._lock = threading.Lock()

    def load(self, start: int, stop: int, out: Floats) -> Floats:
        """Read samples ``start`` to ``stop`` as float64.

        Parameters
        ----------
        start, stop : int
        out : ndarray, shape (at least stop - start, 2 * n_targets * n_channels)
            Columns: all reference channels, target by target, then all estimate channels.

        Returns
        -------
        ndarray, shape (stop - start, 2 * n_targets * n_channels)
            The filled part of `out`.
        """
        out = out[: stop - start]
        for column, block in zip((0, self.width), self.read(start, stop), strict=True):
            _interleave(block, out[:, column : column + self.width])
        return out

    def read(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read samples ``start`` to ``stop`` as they are stored.

        Returns
        -------
        references, estimates : ndarray, shape (n_targets, stop - start, n_channels)
            float64, float32, int16 or int32.
        """
        blocks = []
        for role, side in self._sides:
            with self._lock:
                block = side.read(start, stop)
            if block.shape != (self.n_targets, stop - start, self.n_channels):
                raise AudioError(f"reading samples {start} to {stop} of the {role}s gave shape {block.shape}")
            if block.dtype not in (np.float64, np.float32, *FULL_SCALE):
                raise AudioError(
                    f"the {role}s hold {block.dtype} samples; audio is float64, float32, int16 or int32"
                )
            blocks.append(block)
        return blocks[0], blocks[1]

    def blocks(self, start: int, stop: int, size: int) -> Iterator[tuple[NDArray[Any], NDArray[Any], float]]:
        """Yield references, estimates and the factor on their products, ``size`` samples at a time.

        Where both are stored as the same integers they stay integers and the factor is one over full scale
        squared: sums of such products are exact, and so is the factor, a power of two. In all other cases
        the samples are floats at full scale 1, and the factor is 1.
        """
        for first in range(start, stop, size):
            references, estimates = self.read(first, min(first + size, stop))
            scale = 1.0
            if references.dtype == estimates.dtype and references.dtype in FULL_SCALE:
                scale = FULL_SCALE[references.dtype] ** -2
            elif references.dtype in FULL_SCALE or estimates.dtype in FULL_SCALE:
                references, estimates = _floats(references), _floats(estimates)
            yield references, estimates, scale

    def refuse_not_finite(self, start: int, stop: int) -> NoReturn:
        """Raise for samples ``start`` to ``stop``, whose products sum to NaN or infinity.

        The message names the first signal with a NaN, an infinity or a sample too loud to be squared.
        """
        for first in range(start, stop, _BLOCK):
            last = min(first + _BLOCK, stop)
            loaded = self.load(first, last, np.empty((last - first, 2 * self.width)))
            peaks = np.abs(loaded).max(axis=0)
            # A sum of 1e9 squares, over 6 hours at 44.1 kHz, still fits a double.
            bad = np.flatnonzero(~(peaks < math.sqrt(np.finfo(np.float64).max / 1e9)))
            if bad.size:
                column = int(bad[0])
                name = self._name(column // self.width, column % self.width // self.n_channels)
                samples = loaded[:, column]
                is_loud = math.isfinite(peaks[column])
                index = int(np.argmax(np.abs(samples) if is_loud else ~np.isfinite(samples)))
                what = "is too loud to be squared" if is_loud else "has a NaN or an infinity"
                raise AudioError(
                    f"{name} {what}: {samples[index]} at sample {first + index} of channel "
                    f"{column % self.n_channels}, both counted from 0"
                )
        raise AudioError(
            f"the samples from {start / self.rate_hz:.3f} s on are too loud to be squared and added"
        )

    def refuse_silence(self, active: NDArray[np.bool_]) -> None:
        """Raise if a reference or an estimate (in this order) was never active on the track."""
        if not active.all():
            index = int(np.flatnonzero(~active)[0])
            raise AudioError(
                f"{self._name(index // self.n_targets, index % self.n_targets)} is silent on the whole track "
                "(the sum of its channels is zero everywhere); BSS Eval is not defined"
            )

    def _name(self, side: int, target: int) -> str:
        """Name a signal for an error; blocks may have ``targets``, arrays have numbers."""
        role, blocks = self._sides[side]
        names = getattr(blocks, "targets", ())
        return f"the {role} of {names[target] if names else f'target {target}'}"


def _floats(block: NDArray[Any]) -> Floats:
    scale = FULL_SCALE.get(block.dtype)
    return block.astype(np.float64, copy=False) if scale is None else block * (1.0 / scale)


def _interleave(block: NDArray[Any], out: Floats) -> None:
    """Copy (n_signals, n, n_channels) of any accepted format into columns, as float64."""
    if block.dtype in FULL_SCALE:
        columns = out.reshape(len(out), len(block), -1)
        np.multiply(block.transpose(1, 0, 2), 1.0 / FULL_SCALE[block.dtype], out=columns)
    elif block.shape[2] == 2 and block.strides[2] == block.itemsize:
        # A stereo sample moves as one complex number, five times faster than as a row of two.
        pairs = np.complex128 if block.dtype == np.float64 else np.complex64
        out.view(np.complex128)[...] = block.view(pairs)[:, :, 0].T
    else:
        out.reshape(len(out), len(block), -1)[...] = block.transpose(1, 0, 2)


def check_pair(references: Any, estimates: Any) -> None:
    """Raise AudioError unless both are finite float arrays of one shape with three axes.

    Examples
    --------
    >>> check_pair(np.zeros((1, 9, 2)), np.zeros((1, 8, 2)))
    Traceback (most recent call last):
    svbench.errors.AudioError: references have shape (1, 9, 2), estimates (1, 8, 2); align them first
    """
    for name, signals in (("references", references), ("estimates", estimates)):
        if not isinstance(signals, np.ndarray) or not np.issubdtype(signals.dtype, np.floating):
            found = getattr(signals, "dtype", type(signals).__name__)
            raise AudioError(f"{name}: expected a float array {AXES}, found {found}")
        if signals.ndim != 3:
            raise AudioError(f"{name}: expected shape {AXES}, found {signals.shape}")
        if signals.size == 0:
            raise AudioError(f"{name}: empty, shape {signals.shape}")
    if references.shape != estimates.shape:
        raise AudioError(
            f"references have shape {references.shape}, estimates {estimates.shape}; align them first"
        )
    for name, signals in (("references", references), ("estimates", estimates)):
        # A sum is NaN or infinite if any sample is. It needs no array of booleans as large as the signals, so
        # the samples themselves are searched only if it is.
        for target, signal in enumerate(signals):
            if not np.isfinite(signal.sum()) and not np.isfinite(signal).all():
                raise AudioError(f"{name}: target {target} holds NaN or infinite samples")


def check_mixture(references: Any, mixture: Any) -> None:
    """Raise AudioError unless the mixture has the samples and channels of each reference.

    Examples
    --------
    >>> check_mixture(np.zeros((1, 9, 2)), np.zeros((8, 2)))
    Traceback (most recent call last):
    svbench.errors.AudioError: the mixture has shape (8, 2), the references (9, 2) each; align them
    """
    if mixture.shape != references.shape[1:]:
        raise AudioError(
            f"the mixture has shape {mixture.shape}, the references {references.shape[1:]} each; align them"
        )


def ratio_db(wanted: float, unwanted: float) -> float:
    """Ten times the logarithm of a ratio of energies.

    An unwanted energy more than 240 dB below the wanted one is rounding and counts as none.

    Returns
    -------
    float
        dB; +inf without unwanted energy, −inf without wanted energy, NaN without either.

    Examples
    --------
    >>> ratio_db(1.0, 0.01), ratio_db(1.0, 1e-30), ratio_db(0.0, 1.0), ratio_db(0.0, 0.0)
    (20.0, inf, -inf, nan)
    """
    if unwanted <= _ROUNDING * wanted:
        return math.inf if wanted > 0 else math.nan
    return 10 * math.log10(wanted / unwanted) if wanted > 0 else -math.inf
