"""What a protocol makes of one track's signals."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from svbench.audio.sounds import ArraySound
from svbench.errors import AudioError, SpecError
from svbench.results.aggregate import rules_of
from svbench.scoring.bound import bind
from svbench.scoring.track import Scored, Signals, score_signals
from svbench.specs.protocol import MetricUse, Protocol, Reduce, load_protocol

RATE = 8000
NOISE = np.random.default_rng(1).standard_normal((3, RATE, 2))
REDUCE = Reduce(frames="mean", tracks="mean")


def protocol(**changes: object) -> Protocol:
    """Build plain SDR over two targets, changed as asked."""
    base = load_protocol("mdx21")
    sets = tuple(msgspec.structs.replace(s, targets=("vocals", "drums")) for s in base.target_sets[:1])
    use = MetricUse(id="sdr", reduce=REDUCE)
    return msgspec.structs.replace(base, **{"target_sets": sets, "metrics": (use,), **changes})


def value(scored: Scored, target: str, metric: str = "uSDR") -> float | None:
    (row,) = [s for s in scored.series if (s.target, s.metric) == (target, metric)]
    return row.score[0]


def audio(samples: np.ndarray) -> ArraySound:
    return ArraySound(samples, RATE)


def pair(vocals: np.ndarray, drums: np.ndarray | None) -> Signals:
    references = {"vocals": audio(vocals)} | ({} if drums is None else {"drums": audio(drums)})
    mixture = vocals + (0 if drums is None else drums)
    return Signals(references, {"vocals": audio(0.9 * vocals), "drums": audio(NOISE[2])}, audio(mixture))


def test_improvement_is_the_score_less_that_of_the_mixture() -> None:
    improved = protocol(headline="uSDRi", metrics=(MetricUse(id="sdr", improvement=True, reduce=REDUCE),))
    scored = score_signals(pair(NOISE[0], NOISE[0]), bind(improved))
    # The mixture is twice the reference: 0 dB. The estimate is 0.9 of it: 20 dB.
    assert value(scored, "vocals", "uSDRi") == pytest.approx(20)


def test_improvement_without_a_mixture_is_refused() -> None:
    improved = protocol(headline="uSDRi", metrics=(MetricUse(id="sdr", improvement=True, reduce=REDUCE),))
    signals = pair(NOISE[0], NOISE[1])
    with pytest.raises(AudioError, match="sdr needs the mixture, and none was given"):
        score_signals(Signals(signals.references, signals.estimates, None), bind(improved))


@pytest.mark.parametrize(
    ("rule", "drums", "status"),
    [
        ("score_others", np.zeros_like(NOISE[0]), "no target"),
        ("score_silence", np.zeros_like(NOISE[0]), "undefined"),
        ("score_silence", None, "no target"),
    ],
)
def test_silent_stems_follow_the_protocol(rule: str, drums: np.ndarray | None, status: str) -> None:
    scored = score_signals(pair(NOISE[0], drums), bind(protocol(absent_target=rule)))
    statuses = {s.target: s.status[0] for s in scored.series}
    assert statuses == {"vocals": "ok", "drums": status}
    assert scored.absent_targets == (() if status == "undefined" else ("drums",))


def test_skip_set_leaves_the_others_out_too() -> None:
    scored = score_signals(pair(NOISE[0], None), bind(protocol(absent_target="skip_set")))
    assert {s.status[0] for s in scored.series} == {"no target"}


def test_rate_of_the_protocol_is_the_rate_of_comparison() -> None:
    time = np.arange(RATE)[:, np.newaxis] / RATE
    low, high = np.sin(2 * np.pi * 200 * time), np.sin(2 * np.pi * 3500 * time)
    signals = Signals(
        {"vocals": audio(low), "drums": audio(low)},
        {"vocals": audio(low + high), "drums": audio(0.5 * low)},
        None,
    )
    assert value(score_signals(signals, bind(protocol())), "vocals") == pytest.approx(0, abs=0.01)
    halved = value(score_signals(signals, bind(protocol(rate_hz=4000))), "vocals")
    assert halved is not None
    assert halved > 30  # the error lies above the new band edge


def test_a_protocol_may_print_some_quantities_only() -> None:
    use = MetricUse(id="si-sdr", quantities=("SD-SDR",), improvement=True, reduce=REDUCE)
    some = protocol(headline="SD-SDRi", metrics=(use,))
    assert [q.name for q in bind(some).quantities] == ["SD-SDRi"]
    assert {s.metric for s in score_signals(pair(NOISE[0], NOISE[1]), bind(some)).series} == {"SD-SDRi"}
    wrong = msgspec.structs.replace(use, quantities=("SDR",))
    with pytest.raises(
        SpecError, match="quantities: names 'SDR'; si-sdr gives SI-SDR, SI-SIR, SI-SAR, SD-SDR"
    ):
        bind(protocol(metrics=(wrong,)))


def test_reducers_follow_the_use_of_a_metric_not_its_name() -> None:
    first = MetricUse(id="si-sdr", quantities=("SI-SDR",), reduce=Reduce(frames="mean", tracks="median"))
    second = MetricUse(id="si-sdr", quantities=("SD-SDR",), reduce=REDUCE)
    both = protocol(headline="SI-SDR", metrics=(first, second))
    rules = rules_of(both, bind(both).quantities)
    assert {name: rule.label for name, rule in rules.items()} == {
        "SI-SDR": "mean/median",
        "SD-SDR": "mean/mean",
    }


def test_two_metrics_cannot_give_one_name() -> None:
    use = MetricUse(id="sdr", reduce=REDUCE)
    with pytest.raises(SpecError, match=r"metrics\[1\]\.id: sdr gives uSDR, and so does sdr"):
        bind(protocol(metrics=(use, use)))


def test_headline_must_be_one_of_the_quantities() -> None:
    with pytest.raises(SpecError, match="headline: is 'SDR'; its metrics give uSDR"):
        bind(protocol(headline="SDR"))
