"""Measure how far systems hear ahead, and whether streaming ones keep up."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from svbench.cli.main import FINDINGS, OK, SYSTEM_FAILED
from svbench.cli.output import print_json, print_rows, random_weights_argument

if TYPE_CHECKING:
    from svbench.cost.lookahead import Lookahead
    from svbench.cost.streaming import Material, StreamReport
    from svbench.specs.system import LocatedSystem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("systems", nargs="+", metavar="FILE_OR_NAME", help="systems to measure")
    parser.add_argument(
        "--data",
        metavar="MANIFEST=PATH",
        help="measure on the first track of a data set, not synthetic music",
    )
    parser.add_argument("--track", help="measure on this track of the data set")
    parser.add_argument(
        "--duration-s", type=_seconds, default=20.0,
        help="how much of the track; a system that hears it all hears the whole track (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--drift-s", type=_seconds, default=600.0,
        help="how long to feed streaming systems; 0: only once through the track (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold-db", type=float, default=-120.0,
        help="changes of the output below this, relative to its peak, are none (default: %(default)g)",
    )  # fmt: skip
    random_weights_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with the probes and the machine")


def run(options: argparse.Namespace) -> int:
    """Measure one system after the other; one that fails does not keep the others from it."""
    from svbench.errors import SpecError, SystemFailure
    from svbench.specs.system import load_system, permitted

    systems = [
        permitted(load_system(name), random_weights=options.random_weights) for name in options.systems
    ]
    if options.track and not options.data:
        raise SpecError("--track", "", f"names {options.track!r}, but no --data to find it in")
    if options.duration_s < 1:
        raise SpecError("--duration-s", "", f"is {options.duration_s:g}; less than a second says little")
    if not options.threshold_db < 0:
        raise SpecError("--threshold-db", "", f"is {options.threshold_db:g}; it must be negative")
    material = _material(options)
    found: list[dict[str, Any]] = []
    for located in systems:
        print(f"{located.spec.id} on {material.name}", file=sys.stderr, flush=True)
        try:
            found.append(_measure(located, material, options))
        except SystemFailure as error:
            found.append({"system": located.spec.id, "problem": str(error), "failed": True})
    if options.json:
        import msgspec

        from svbench.results.provenance import collect

        arguments = {k: str(v) for k, v in sorted(vars(options).items())}
        provenance = collect(["svbench", *sys.argv[1:]], arguments)
        print_json(msgspec.to_builtins({"provenance": provenance, "systems": found}))
    else:
        _print(found, options)
    if any(f["failed"] for f in found):
        return SYSTEM_FAILED
    return FINDINGS if any(f["problem"] for f in found) else OK


def _material(options: argparse.Namespace) -> Material:
    from svbench.cost.streaming import synthetic_material, track_material

    if not options.data:
        return synthetic_material(options.duration_s)
    from svbench.cli.verbs.run import data_argument
    from svbench.datasets.api import open_dataset
    from svbench.specs.manifest import load_manifest

    name, root = data_argument(options.data)
    chosen = [options.track] if options.track else []
    dataset = open_dataset(load_manifest(name), root, tracks=chosen)
    return track_material(dataset.tracks[0], options.duration_s)


def _measure(located: LocatedSystem, material: Material, options: argparse.Namespace) -> dict[str, Any]:
    import tempfile
    from pathlib import Path

    from svbench.cost.lookahead import system_lookahead
    from svbench.cost.streaming import measure_stream
    from svbench.errors import SystemFailure
    from svbench.results.scratch import scratch_folder
    from svbench.systems.host import WorkerHost
    from svbench.systems.limits import time_limit_s

    if located.spec.kind == "oracle":
        raise SystemFailure("an oracle sees the references, so what it hears of the mixture says nothing")
    targets = tuple(material.references)
    with (
        scratch_folder(Path(tempfile.gettempdir())) as scratch,
        WorkerHost(located, targets, scratch) as host,
    ):
        info = host.start(time_limit_s(located.spec, material.mixture.duration_s))
        given = material.at(info.rate_hz)
        limit_s = time_limit_s(located.spec, given.mixture.duration_s)
        found = system_lookahead(host, given.mixture, threshold_db=options.threshold_db, limit_s=limit_s)
        stream = None
        if info.streaming:
            stream = measure_stream(
                host, given.mixture, given.references, drift_s=options.drift_s, limit_s=limit_s
            )
    problem = _contradiction(found, stream) if stream else ""
    return {
        "system": located.spec.id,
        "material": material.name,
        "lookahead": found,
        "stream": stream,
        "problem": problem,
        "failed": False,
    }


def _contradiction(found: Lookahead, stream: StreamReport) -> str:
    """Say what a streaming system's whole-track output hears that its stream cannot have heard yet."""
    if found.reach == "whole track":
        return "it says streaming, but its whole-track output depends on the whole track"
    if (found.lookahead_samples or 0) >= stream.latency_samples:
        return (
            f"its whole-track output hears {found.lookahead_samples} samples ahead, its stream at most "
            f"{stream.latency_samples - 1}: they are two different systems"
        )
    return ""


def _print(found: list[dict[str, Any]], options: argparse.Namespace) -> None:
    rows = [{"system": "system", "lookahead": "look-ahead", "latency": "algorithmic latency"}]
    for one in found:
        ahead, late = _reach(one["lookahead"]) if not one["failed"] else ("failed", "")
        rows.append({"system": one["system"], "lookahead": ahead, "latency": late})
    print_rows(rows, ["system", "lookahead", "latency"])
    for one in found:
        if one.get("stream"):
            rate_hz = one["lookahead"].rate_hz
            print(f"\n{one['system']}, streaming:")
            for line in _stream_lines(one["stream"], rate_hz):
                print(f"  {line}")
            if options.drift_s and not one["stream"].drift:
                print(f"  slower than real time, so it was not fed for {options.drift_s:g} s")
    print(f"\nchanges of the output from {options.threshold_db:g} dB of its peak on count")
    for one in found:
        if not one["failed"] and one["lookahead"].threshold_db != options.threshold_db:
            own = one["lookahead"].threshold_db
            print(f"{one['system']}: from {own:g} dB on, since the same input gives different outputs")
        if one["problem"]:
            print(f"{one['system']}: {one['problem']}")


def _reach(found: Lookahead) -> tuple[str, str]:
    if found.reach == "whole track":
        return f"whole track (all {found.n_samples / found.rate_hz:g} s given)", "whole track"
    if found.reach == "no answer":
        return "none: its output does not depend on its input", "–"
    return _length(found.lookahead_samples or 0, found.rate_hz), _length(
        found.latency_samples or 0, found.rate_hz
    )


def _length(n_samples: int, rate_hz: int) -> str:
    return f"{n_samples} samples ({1000 * n_samples / rate_hz:.1f} ms)"


def _stream_lines(stream: StreamReport, rate_hz: int) -> list[str]:
    from svbench.printing.numbers import signed
    from svbench.report.view.numbers import decibels

    lines = [
        f"hop {_length(stream.hop_samples, rate_hz)}, holds back {stream.held_samples}, "
        f"latency {_length(stream.latency_samples, rate_hz)}"
    ]
    for gap in stream.gaps:
        scores = [
            decibels(s.value, s.status) + (" dB" if s.value is not None else "")
            for s in (gap.sdr, gap.si_sdr)
        ]
        losses = [
            f"{name} {signed(value, 2)} dB"
            for name, value in (("SDR", gap.sdr_loss_db), ("SI-SDR", gap.si_sdr_loss_db))
            if value is not None
        ]
        lost = f"; lost against the true target: {', '.join(losses)}" if losses else ""
        lines.append(f"{gap.target}, block-wise against whole: SDR {scores[0]}, SI-SDR {scores[1]}{lost}")
    kept = stream.deadlines
    lines.append(
        f"{kept.n_missed} of {kept.n_hops} hops missed their deadline, the worst by "
        f"{1000 * kept.worst_late_s:.1f} ms; real-time factor {kept.rtf:.3f}"
    )
    drift = stream.drift
    if drift:
        memory = "unknown" if drift.rss_growth_bytes is None else f"{drift.rss_growth_bytes / 1e6:+.1f} MB"
        lines.append(
            f"over {drift.duration_s:g} s: time per audio × {drift.time_ratio:.2f}, memory {memory}, "
            f"held back {drift.held_growth_samples:+d} samples (last {drift.window_s:g} s against the first)"
        )
    return lines


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds, found {text!r}")
    return value
