"""Which page a run's numbers stand on: general ones first, each special question on its own."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.results.store import Run

TOPICS = {
    "scores": "Scores",
    "stereo": "Stereo",
    "generalisation": "Generalisation",
    "robustness": "Robustness",
    "probes": "Probes",
}
BY_PROBE = {"patterns": "generalisation", "robustness": "robustness"}
STEREO = "ssa"  # the metric that makes a protocol one of stereo, where its headline comes from it


def topic(run: Run) -> str:
    """Return the topic of a run, a key of `TOPICS`."""
    protocol = run.record.protocol
    if protocol.probes:
        return BY_PROBE.get(protocol.probes[0].id, "probes")
    headline = next((q.metric for q in run.record.quantities if q.name == protocol.headline), "")
    return "stereo" if headline == STEREO else "scores"


def by_topic(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Split runs by topic; the first one found in the order of `TOPICS` is the report's first page."""
    found = {name: [run for run in runs if topic(run) == name] for name in TOPICS}
    return {name: own for name, own in found.items() if own}
