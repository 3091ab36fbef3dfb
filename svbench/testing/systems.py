"""The conformance kit: what every separation system must do, built-in or third-party.

Use it in the tests of a plug-in package::

    from svbench.testing.systems import check_system
    check_system(load_system("my_system.toml"), tmp_path)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from svbench.audio import Audio
from svbench.datasets.synthetic import synthetic_track
from svbench.specs.system import LocatedSystem
from svbench.systems.api import SystemInfo
from svbench.systems.worker.host import Separation, WorkerHost

TARGETS = ("vocals", "drums", "bass", "other", "accompaniment")


def check_system(located: LocatedSystem, scratch: Path) -> SystemInfo:
    """Run a system in its worker on telling inputs and check all it promises.

    Parameters
    ----------
    located : LocatedSystem
        As `svbench.specs.system.load_system` gives it.
    scratch : Path
        An existing folder for temporary files.

    Returns
    -------
    SystemInfo

    Raises
    ------
    AssertionError
        A sentence that says what does not conform.
    SystemFailure
        The system cannot load or fails on an input.

    Notes
    -----
    Checked: all promised targets, at the mixture's length, rate and channels and nothing else;
    odd lengths, one very short input, mono, digital silence; finite samples; the same output for
    the same input after another one in between (state left from the previous track), unless the
    system says it is not deterministic.
    """
    with WorkerHost(located, TARGETS, scratch) as host:
        info = host.start()
        assert info.targets, f"{located.spec.id}: promises no targets"
        rate_hz = info.rate_hz or 44100
        one = _stems(1, 1.3, rate_hz)
        two = _stems(2, 0.9, rate_hz)
        first = _ask(host, info, one, "music")
        _ask(host, info, two, "other music of an odd length")
        again = _ask(host, info, one, "the first music again")
        if info.deterministic:
            for target in info.targets:
                same = np.array_equal(first.estimates[target].samples, again.estimates[target].samples)
                assert same, (
                    f"{located.spec.id}: {target} of the same mixture differs after another track; "
                    "it keeps state from track to track, or is not deterministic"
                )
        _ask(host, info, {s: Audio(a.samples[:100], rate_hz) for s, a in one.items()}, "100 samples")
        _ask(host, info, _stems(3, 0.5, rate_hz, n_channels=1), "mono")
        silence = {s: Audio(np.zeros((rate_hz // 2, 2)), rate_hz) for s in one}
        _ask(host, info, silence, "digital silence")
        if info.streaming:
            _check_stream(host, info, one)
    return info


def _check_stream(host: WorkerHost, info: SystemInfo, stems: dict[str, Audio]) -> None:
    mixture = _mixture(stems)
    first, again = host.stream(mixture).estimates, host.stream(mixture).estimates
    for target in info.targets:
        shape = first[target].samples.shape
        assert shape == mixture.samples.shape, (
            f"{info.id}: {target} has shape {shape} from the stream for a mixture of {mixture.samples.shape}"
        )
        same = np.array_equal(first[target].samples, again[target].samples)
        assert same or not info.deterministic, (
            f"{info.id}: {target} from a second stream of the same mixture differs; "
            "stream() must start afresh"
        )


def _stems(seed: int, duration_s: float, rate_hz: int, n_channels: int = 2) -> dict[str, Audio]:
    stems = synthetic_track(seed, duration_s=duration_s, rate_hz=rate_hz, n_channels=n_channels)
    odd = len(stems["vocals"].samples) - seed  # not a multiple of any usual hop
    return {s: Audio(a.samples[:odd], rate_hz) for s, a in stems.items()}


def _ask(host: WorkerHost, info: SystemInfo, stems: dict[str, Audio], what: str) -> Separation:
    mixture = _mixture(stems)
    references = {s: a for s, a in stems.items() if np.any(a.samples)}
    done = host.separate("conformance", mixture, references)
    for target in info.targets:
        assert target in done.estimates, f"{info.id}: no estimate of {target} for {what}"
        estimate = done.estimates[target]
        assert estimate.rate_hz == mixture.rate_hz, f"{info.id}: {target} at {estimate.rate_hz} Hz for {what}"
        shape = estimate.samples.shape
        assert shape == mixture.samples.shape, (
            f"{info.id}: {target} has shape {shape} for {what} of shape {mixture.samples.shape}"
        )
    extra = sorted(set(done.estimates) - set(info.targets))
    assert not extra, f"{info.id}: gives {', '.join(extra)}, which it does not promise"
    return done


def _mixture(stems: dict[str, Audio]) -> Audio:
    return Audio(np.sum([a.samples for a in stems.values()], axis=0), stems["vocals"].rate_hz)
