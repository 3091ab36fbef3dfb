"""Runs with known scores, made of records alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from svbench.results.record import DataRecord, Machine, Provenance, Quantity, RunRecord
from svbench.results.scores import Resources, TrackResult, series, without_value
from svbench.results.store import Run
from svbench.specs.protocol import Protocol, load_protocol
from svbench.specs.system import SystemSpec

Scores = Mapping[str, Mapping[str, float | None]]
MakeRun = Callable[..., Run]
MACHINE = Machine(system="Linux", architecture="x86_64", cpu="CPU", n_cores=2, memory_bytes=2**33)
MADE = Provenance(
    created="2026-01-02T03:04:05+00:00",
    svbench="0.1.0",
    commit="0123456789abcdef+dirty",
    python="3.11.7",
    packages={"numpy": "2.0"},
    machine=MACHINE,
    command=("svbench", "run", "mdx21", "--data", "folder=my music"),
    arguments={},
)


def make_run(
    system: str,
    scores: Scores,
    *,
    kind: str = "system",
    protocol: Protocol | None = None,
    failed: Mapping[str, str] | None = None,
    data_tracks: tuple[str, ...] | None = None,
    target_set: str | None = None,
    **record: Any,
) -> Run:
    """Make a run under ``mdx21``: one uSDR for each track and target, ``None`` for no target."""
    protocol = protocol or load_protocol("mdx21")
    failed = failed or {}
    tracks = data_tracks or (*scores, *failed)
    first = next(s for s in protocol.target_sets if target_set in (None, s.id))
    results = [
        TrackResult(
            schema=1,
            key="k",
            track=track,
            subset="",
            duration_s=10.0,
            n_samples=441000,
            status="ok",
            target_sets=(first.id,),
            absent_targets=tuple(t for t, v in row.items() if v is None),
            series=tuple(
                without_value(first.id, t, "uSDR", 10.0, "no target")
                if v is None
                else series(first.id, t, "uSDR", [0.0], [10.0], [v])
                for t, v in row.items()
            ),
            resources=Resources(load_s=0.5, wall_s=2.0, cpu_s=2.0, peak_rss_bytes=123_000_000, rtf=0.2),
        )
        for track, row in scores.items()
    ]
    for track, reason in failed.items():
        rows = tuple(without_value(first.id, t, "uSDR", 10.0, "failed") for t in first.targets)
        results.append(
            TrackResult(
                schema=1, key="k", track=track, subset="", duration_s=10.0, n_samples=441000,
                status="failed", reason=reason, target_sets=(first.id,), series=rows,
            )
        )  # fmt: skip
    spec = SystemSpec(
        schema=1, id=system, title=f"The {system}", adapter="python", training_data=(), kind=kind
    )  # type: ignore[arg-type]
    data = DataRecord(
        id="set", version="1", title="A set", digest="d" * 64, root="nowhere", manifest="",
        subset="", tracks=tracks,
    )  # fmt: skip
    quantity = Quantity(name="uSDR", unit="dB", higher_is_better=True, metric="sdr")
    values: dict[str, Any] = {
        "schema": 1,
        "system": spec,
        "system_digest": record["system"].digest if "system" in record else spec.digest,
        "protocol": protocol,
        "protocol_digest": protocol.digest,
        "quantities": (quantity,),
        "data": data,
        "provenance": (MADE,),
    }
    return Run(
        Path(f"runs/{system}--{protocol.id}--00000000"), RunRecord(**{**values, **record}), tuple(results)
    )


def even(value: float) -> dict[str, float | None]:
    """Return one value for all four stems."""
    return dict.fromkeys(("vocals", "drums", "bass", "other"), value)


@pytest.fixture
def make() -> MakeRun:
    return make_run


@pytest.fixture
def three() -> list[Run]:
    """A system, a baseline and an oracle on three tracks; the last one has no bass."""
    lacking = {"bass": None}
    return [
        make_run("net", {"a": even(5), "b": even(7), "c": even(9) | lacking}),
        make_run("floor", {"a": even(1), "b": even(1.004), "c": even(-4) | lacking}, kind="baseline"),
        make_run("ideal", {"a": even(20), "b": even(20), "c": even(20) | lacking}, kind="oracle"),
    ]
