"""Measure how far systems hear ahead, and whether streaming ones keep up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from svbench.cli.arguments import json_argument, provenance_of, random_weights_argument, seconds
from svbench.cli.main import FINDINGS, OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, print_rows

if TYPE_CHECKING:
    from svbench.cost.lookahead import Lookahead
    from svbench.cost.streaming import StreamReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("systems", nargs="+", metavar="FILE_OR_NAME", help="systems to measure")
    parser.add_argument(
        "--data", metavar="MANIFEST=PATH",
        help="measure on the first track of a data set, not synthetic music",
    )  # fmt: skip
    parser.add_argument("--track", help="measure on this track of the data set")
    parser.add_argument(
        "--duration-s", type=seconds(0, 1e6), default=20.0,
        help="how much of the track; a system that hears it all hears the whole track (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--drift-s", type=seconds(0, 1e6), default=600.0,
        help="how long to feed streaming systems; 0: only once through the track (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold-db", type=float, default=-120.0,
        help="changes of the output below this, relative to its peak, do not count (default: %(default)g)",
    )  # fmt: skip
    random_weights_argument(parser)
    json_argument(parser, "print JSON, with the probes and the machine")


def run(options: argparse.Namespace) -> int:
    """Measure one system after the other; a system that fails does not stop the others."""
    from svbench.api.costs import lookahead

    measured = lookahead(
        options.systems,
        options.data,
        track=options.track,
        duration_s=options.duration_s,
        drift_s=options.drift_s,
        threshold_db=options.threshold_db,
        random_weights=options.random_weights,
        progress=Progress(),
    )
    if options.json:
        import msgspec

        print_json(msgspec.to_builtins({"provenance": provenance_of(options), "systems": measured}))
    else:
        _print(measured, options)
    if any(f["failed"] for f in measured):
        return SYSTEM_FAILED
    return FINDINGS if any(f["problem"] for f in measured) else OK


def _print(measured: list[dict[str, Any]], options: argparse.Namespace) -> None:
    rows = [{"system": "system", "lookahead": "look-ahead", "latency": "algorithmic latency"}]
    for one in measured:
        ahead, late = _reach(one["lookahead"]) if not one["failed"] else ("failed", "")
        rows.append({"system": one["system"], "lookahead": ahead, "latency": late})
    print_rows(rows, ["system", "lookahead", "latency"])
    for one in measured:
        if one.get("stream"):
            rate_hz = one["lookahead"].rate_hz
            print(f"\n{one['system']}, streaming:")
            for line in _stream_lines(one["stream"], rate_hz):
                print(f"  {line}")
            if options.drift_s and not one["stream"].drift:
                print(f"  slower than real time, so it was not fed for {options.drift_s:g} s")
    print(f"\nchanges of the output from {options.threshold_db:g} dB of its peak on count")
    for one in measured:
        if not one["failed"] and one["lookahead"].threshold_db != options.threshold_db:
            threshold_db = one["lookahead"].threshold_db
            print(
                f"{one['system']}: from {threshold_db:g} dB on, since the same input gives different outputs"
            )
        if one["problem"]:
            print(f"{one['system']}: {one['problem']}")


def _reach(lookahead: Lookahead) -> tuple[str, str]:
    """Return the look-ahead and the latency as text."""
    rate_hz = lookahead.rate_hz
    if lookahead.reach == "whole track":
        return f"whole track (all {lookahead.n_samples / rate_hz:g} s given)", "whole track"
    if lookahead.reach == "no answer":
        return "none: its output does not depend on its input", "–"
    ahead, late = lookahead.lookahead_samples or 0, lookahead.latency_samples or 0
    return _length(ahead, rate_hz), _length(late, rate_hz)


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
