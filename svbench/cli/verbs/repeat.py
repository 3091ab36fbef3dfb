"""Run tracks several times, each time in a fresh process, and compare what comes out."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from svbench.cli.arguments import DATA_HELP, count, json_argument, systems_argument
from svbench.cli.main import FINDINGS, OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, print_line, print_rows

if TYPE_CHECKING:
    from svbench.cost.repeats import Repeated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("protocol", help="protocol id or TOML file")
    parser.add_argument("--data", required=True, metavar="MANIFEST=PATH", help=DATA_HELP)
    systems_argument(parser)
    parser.add_argument(
        "--tracks", type=count(1), default=2, help="how many, from the first on (default: %(default)s)"
    )
    parser.add_argument(
        "--track", action="extend", nargs="+", default=[], help="these tracks instead; may be repeated"
    )
    parser.add_argument("--passes", type=count(2), default=2, help="how often (default: %(default)s)")
    json_argument(parser, "print JSON, with every score")


def run(options: argparse.Namespace) -> int:
    """Repeat each system's tracks; a system that fails does not stop the others."""
    from svbench.api.costs import repeat
    from svbench.specs.protocol import load_protocol

    repeated, failed = repeat(
        options.system,
        options.data,
        options.protocol,
        tracks=options.track,
        n_tracks=options.tracks,
        passes=options.passes,
        progress=Progress(),
    )
    if options.json:
        failures = [{"system": s, "failed": reason} for s, reason in failed.items()]
        print_json([*map(_plain, repeated), *failures])
    else:
        headline = load_protocol(options.protocol).headline
        for one in repeated:
            _print(one, headline)
        for system, reason in failed.items():
            print_line(f"{system}: FAILED, {reason}")
            print()
    for system, reason in failed.items():
        print_line(f"svbench: {system}: {reason}", file=sys.stderr)
    if failed:
        return SYSTEM_FAILED
    return FINDINGS if any(one.contradicts for one in repeated) else OK


def _plain(one: Repeated) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(one), "is_equal": one.is_equal, "contradicts": one.contradicts}


def _print(one: Repeated, headline: str) -> None:
    rows = [{"track": "track", "sample": "largest sample difference", "spread": f"largest {headline} spread"}]
    for track in one.tracks:
        spreads = [s.spread for s in track.spreads if s.metric == headline and s.spread is not None]
        rows.append(
            {
                "track": track.track,
                "sample": _difference(track.largest_difference, track.peak),
                "spread": f"{max(spreads):.6f}" if spreads else "–",
            }
        )
    print(f"{one.system}, {one.n_passes} passes:")
    print_rows(rows, ["track", "sample", "spread"])
    says = "says that it is deterministic" if one.says_deterministic else "says that it is not deterministic"
    shown = "is equal to the last bit" if one.is_equal else "is not: its estimates differ"
    print(f"{'WRONG' if one.contradicts else 'ok'}: it {says}, and {shown}\n")


def _difference(largest: float, peak: float) -> str:
    if largest == 0 or peak == 0:
        return f"{largest:.3g}"
    return f"{largest:.3g} ({20 * math.log10(largest / peak):.0f} dB of the peak)"
