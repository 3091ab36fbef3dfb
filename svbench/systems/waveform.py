"""Networks from waveform to waveform: read their description, check it, separate in segments.

A TorchScript, torch.export or ONNX file contains operations, but not the names of its outputs or the rate at
which it was trained. The system file gives these; this module checks that the two fit together. It runs in
the worker process, so it imports numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from svbench.audio import Audio, Samples
from svbench.systems.api import SystemInfo

AXES = ("batch", "targets", "channels", "samples")
KEYS = {"targets", "rate_hz", "channels", "input", "output", "segment_samples", "overlap"}

# Takes one input array and returns all outputs in the network's order.
Network = Callable[[Samples], Sequence[Samples]]


@dataclass(frozen=True)
class Description:
    """What a system file says about a network.

    Attributes
    ----------
    targets : tuple of str
        In the order of the network's outputs.
    rate_hz : int
    channels : int
        Of its input and of each of its estimates.
    input, output : tuple of str
        The axes of its arrays. An output without ``targets`` stands for one array per target.
    segment_samples : int or None
        The exact length of the segments it takes; None: the whole track at once.
    overlap : float
        The share of a segment that the next one covers again, 0 to below 1.
    """

    targets: tuple[str, ...]
    rate_hz: int
    channels: int
    input: tuple[str, ...]
    output: tuple[str, ...]
    segment_samples: int | None
    overlap: float

    def shape(self, axes: tuple[str, ...], n_samples: int | None) -> tuple[int | None, ...]:
        """Return the shape that an array with these axes must have; None where any length is accepted."""
        sizes = {
            "batch": 1,
            "targets": len(self.targets),
            "channels": self.channels,
            "samples": n_samples,
        }
        return tuple(sizes[axis] for axis in axes)


def describe(parameters: dict[str, Any]) -> Description:
    """Read a network's description from the parameters of a system file.

    Parameters
    ----------
    parameters : dict
        ``targets`` and ``rate_hz`` are needed. ``channels`` (2), ``input`` (batch, channels,
        samples), ``output`` (batch, targets, channels, samples), ``segment_samples`` (whole
        track) and ``overlap`` (0.25 with segments) are not.

    Raises
    ------
    ValueError
        Parameters are unknown, missing or contradictory.

    Examples
    --------
    >>> describe({"targets": ["vocals"], "rate_hz": 44100, "segment_samples": 44100}).overlap
    0.25
    """
    unknown, missing = sorted(set(parameters) - KEYS), sorted({"targets", "rate_hz"} - set(parameters))
    if unknown or missing:
        found = f"unknown {', '.join(unknown)}" if unknown else f"{' and '.join(missing)} missing"
        raise ValueError(f"a network is described by {', '.join(sorted(KEYS))}; found {found}")
    targets = parameters["targets"]
    if not isinstance(targets, list) or not targets or len(set(map(str, targets))) < len(targets):
        raise ValueError(f"targets must be a list of different names, found {targets!r}")
    channels = check_count("channels", parameters.get("channels", 2))
    given, segment = parameters.get("overlap"), parameters.get("segment_samples")
    if given is not None and segment is None:
        raise ValueError(f"overlap = {given!r} needs segment_samples; a whole track overlaps with nothing")
    overlap = check_overlap(0.0 if segment is None else 0.25 if given is None else given)
    inward, outward = ("batch", "channels", "samples"), AXES
    return Description(
        targets=tuple(map(str, targets)),
        rate_hz=check_count("rate_hz", parameters["rate_hz"]),
        channels=channels,
        input=_axes("input", parameters.get("input", inward), set(inward), channels),
        output=_axes("output", parameters.get("output", outward), set(outward), channels),
        segment_samples=None if segment is None else check_count("segment_samples", segment),
        overlap=overlap,
    )


def check_count(name: str, value: Any) -> int:
    """Return a parameter that must be a whole number of at least 1; anything else is a ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, found {value!r}")
    return value


def check_overlap(value: Any) -> float:
    """Return the share of a segment that the next one covers again; anything else is a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"overlap is a share of the segment from 0 to below 1, found {value!r}")
    return float(value)


def _axes(name: str, value: Any, allowed: set[str], channels: int) -> tuple[str, ...]:
    axes = tuple(value) if isinstance(value, (list, tuple)) else ()
    needed = {"samples"} if channels == 1 else {"samples", "channels"}
    if not needed <= set(axes) <= allowed or len(set(axes)) < len(axes):
        raise ValueError(
            f"{name} lists the axes of the array in order: {', '.join(a for a in AXES if a in allowed)}, "
            f"each at most once, with {' and '.join(sorted(needed))}; found {value!r}"
        )
    return axes


def check_input(description: Description, shape: Sequence[Any]) -> None:
    """Compare the input shape that a file fixes with the shape that its description implies.

    Parameters
    ----------
    description : Description
    shape : sequence
        Whole numbers are fixed sizes; anything else leaves the size open.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_input(describe({"targets": ["vocals"], "rate_hz": 44100}), [1, 2, 44100])
    Traceback (most recent call last):
    ValueError: the network takes exactly 44100 samples; add segment_samples = 44100 to the parameters
    """
    wanted = description.shape(description.input, description.segment_samples)
    found = f"[{', '.join(str(n) for n in shape)}]"
    if len(shape) != len(wanted):
        raise ValueError(
            f"the network's input has shape {found}, but input = {list(description.input)} has "
            f"{len(wanted)} axes"
        )
    for axis, fixed, size in zip(description.input, shape, wanted):  # noqa: B905 (Python 3.9)
        if not isinstance(fixed, int) or fixed == size:
            continue
        if axis == "samples":
            raise ValueError(
                f"the network takes exactly {fixed} samples; add segment_samples = {fixed} to the parameters"
            )
        raise ValueError(f"the network's input has shape {found}, but {axis} = {size} in this system file")


class WaveformSystem:
    """A network as a system.

    A mono mixture is copied to all channels of a network with several, and each estimate is the
    mean of its channels; a mono network separates the channels of a mixture one by one.

    Parameters
    ----------
    system_id : str
    description : Description
    network : callable
        ``network(array) -> arrays``, float32 of shape ``description.input``.
    version : str
        For the record.
    """

    def __init__(self, system_id: str, description: Description, network: Network, version: str) -> None:
        self.description, self.network = description, network
        self.info = SystemInfo(system_id, description.targets, version=version, rate_hz=description.rate_hz)

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Separate a mixture.

        Raises
        ------
        ValueError
            The mixture's channels do not fit, or the network returns arrays of another shape.
        """
        samples = mixture.samples.astype(np.float32)
        n_channels = self.description.channels
        if mixture.n_channels == n_channels:
            estimates = self._overlap_add(samples)
        elif n_channels == 1:
            alone = [self._overlap_add(samples[:, [c]]) for c in range(mixture.n_channels)]
            estimates = np.concatenate(alone, axis=2)
        elif mixture.n_channels == 1:
            estimates = self._overlap_add(np.repeat(samples, n_channels, axis=1))
            estimates = estimates.mean(axis=2, keepdims=True)
        else:
            raise ValueError(f"the network takes {n_channels} channels, the mixture has {mixture.n_channels}")
        return {
            target: Audio(estimates[number], mixture.rate_hz)
            for number, target in enumerate(self.description.targets)
        }

    def _overlap_add(self, samples: Samples) -> Samples:
        """Separate segment by segment, the last one padded with zeros; (n_targets, n_samples, n_channels)."""
        length = self.description.segment_samples
        if length is None:
            return self._call(samples)

        def call(start: int) -> Samples:
            segment = samples[start : start + length]
            return self._call(np.pad(segment, ((0, length - len(segment)), (0, 0))))

        hop = max(1, round(length * (1 - self.description.overlap)))
        return overlap_add(call, len(samples), triangle(length), hop)

    def _call(self, samples: Samples) -> Samples:
        """Run the network once; (n_samples, n_channels) to (n_targets, n_samples, n_channels)."""
        description, n_samples = self.description, len(samples)
        array = _arranged(samples[np.newaxis], ("batch", "samples", "channels"), description.input)
        outputs = self.network(array)
        wanted = description.shape(description.output, n_samples)
        n_outputs = 1 if "targets" in description.output else len(description.targets)
        shapes = [tuple(o.shape) for o in outputs]
        if shapes != [wanted] * n_outputs:
            raise ValueError(
                f"the network gave {_shapes(shapes)} for an input of shape {array.shape}; "
                f"output = {list(description.output)} means {_shapes([wanted] * n_outputs)}"
            )
        order = ("targets", "samples", "channels")
        parts = [_arranged(np.asarray(o, np.float32), description.output, order) for o in outputs]
        return np.concatenate(parts, axis=0)


def overlap_add(call: Callable[[int], Samples], n_samples: int, weight: Samples, hop: int) -> Samples:
    """Estimate a track part by part, so that memory does not grow with the track beyond its estimates.

    The parts are added with weights, and the sum is divided by the sum of the weights, so that the weights of
    neighbours need not add up to 1. The last part is cut at the end of the track.

    Parameters
    ----------
    call : callable
        ``call(start)`` returns the estimates of the part that begins at sample ``start``, shape
        (n_targets, at least the samples that are left or len(weight), n_channels), float32.
    n_samples : int
        Length of the track.
    weight : ndarray, shape (len(weight), 1)
        The weight of each sample of a part.
    hop : int
        Samples from the start of a part to the start of the next.

    Returns
    -------
    ndarray, shape (n_targets, n_samples, n_channels)

    Examples
    --------
    >>> numbers = iter([0.0, 1.0])  # two parts, each of one value
    >>> add = overlap_add(lambda start: np.full((1, 4, 1), next(numbers)), 6, triangle(4), 2)
    >>> [round(float(x), 2) for x in add[0, :, 0]]
    [0.0, 0.0, 0.33, 0.67, 1.0, 1.0]
    """
    total, weights = None, np.zeros((n_samples, 1), np.float32)
    # A part begins wherever the one before it does not reach the end of the track. There is always a first.
    for start in range(0, max(n_samples - len(weight) + hop, 1), hop):
        inside = weight[: n_samples - start]
        part = slice(start, start + len(inside))
        estimates = call(start)[:, : len(inside)] * inside
        if total is None:
            total = np.zeros((len(estimates), n_samples, estimates.shape[2]), np.float32)
        total[:, part] += estimates
        weights[part] += inside
    assert total is not None
    total /= weights
    return total


def triangle(length: int) -> Samples:
    """Return triangular weights, shape (length, 1): 1 at the edges of a segment, highest in its middle.

    In the middle, a network sees most of the surroundings of a sample. No weight is 0, since at the ends of
    the track a sample has only one estimate.
    """
    position = np.arange(length, dtype=np.float32)[:, np.newaxis]
    return np.minimum(position + 1, length - position)


def _arranged(array: Samples, axes: tuple[str, ...], order: tuple[str, ...]) -> Samples:
    """Reorder named axes; axes that are not in ``order`` must have length 1, and new ones get length 1."""
    gone = tuple(i for i, axis in enumerate(axes) if axis not in order)
    left = [axis for axis in axes if axis in order]
    kept = array.squeeze(gone).transpose([left.index(axis) for axis in order if axis in left])
    new = tuple(i for i, axis in enumerate(order) if axis not in left)
    return np.ascontiguousarray(np.expand_dims(kept, new))


def _shapes(shapes: Sequence[tuple[Any, ...]]) -> str:
    if not shapes:
        return "no array"
    same = len(set(shapes)) == 1
    if len(shapes) == 1:
        return f"shape {shapes[0]}"
    return f"{len(shapes)} arrays of shape {shapes[0]}" if same else f"arrays of shapes {shapes}"
