"""Run tracks several times, each time in a fresh process, and compare what comes out."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from svbench.cli.main import FINDINGS, OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, print_line, print_rows

if TYPE_CHECKING:
    from svbench.cost.repeats import Repeated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("protocol", help="protocol id or TOML file")
    parser.add_argument(
        "--data", required=True, metavar="MANIFEST=PATH",
        help="data set id or manifest, and where its files lie; `demo` alone is the embedded music",
    )  # fmt: skip
    parser.add_argument(
        "--system", action="extend", nargs="+", required=True, metavar="FILE_OR_NAME",
        help="one or more; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--tracks", type=_count(1), default=2, help="so many, the first ones (default: %(default)s)"
    )
    parser.add_argument(
        "--track", action="extend", nargs="+", default=[], help="these tracks instead; may be repeated"
    )
    parser.add_argument("--passes", type=_count(2), default=2, help="how often (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every score")


def run(options: argparse.Namespace) -> int:
    """Repeat each system's tracks; one that fails does not keep the others from it."""
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from svbench.cli.verbs.run import data_argument
    from svbench.cost.repeats import repeat_tracks
    from svbench.datasets.api import open_dataset
    from svbench.errors import SystemFailure
    from svbench.results.scratch import scratch_folder
    from svbench.specs.manifest import load_manifest
    from svbench.specs.protocol import load_protocol
    from svbench.specs.system import load_system

    name, root = data_argument(options.data)
    protocol = load_protocol(options.protocol)
    systems = [load_system(s) for s in options.system]
    dataset = open_dataset(load_manifest(name), root, tracks=options.track)
    if not options.track:
        dataset = replace(dataset, tracks=dataset.tracks[: options.tracks])
    progress = Progress(len(systems) * len(dataset.tracks) * options.passes)
    found: list[Repeated] = []
    failed: dict[str, str] = {}
    for located in systems:
        with scratch_folder(Path(tempfile.gettempdir())) as scratch:

            def tell(track: str, system: str = located.spec.id) -> None:
                progress.step(f"{system} · {track}")

            try:
                found.append(
                    repeat_tracks(located, protocol, dataset, scratch, n_passes=options.passes, tell=tell)
                )
            except SystemFailure as error:
                failed[located.spec.id] = str(error)
    if options.json:
        print_json([*map(_plain, found), *({"system": s, "failed": reason} for s, reason in failed.items())])
    else:
        for one in found:
            _print(one, protocol.headline)
        for system, reason in failed.items():
            print_line(f"{system}: FAILED, {reason}")
            print()
    for system, reason in failed.items():
        print_line(f"svbench: {system}: {reason}", file=sys.stderr)
    if failed:
        return SYSTEM_FAILED
    return FINDINGS if any(one.contradicts for one in found) else OK


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
    import math

    return f"{largest:.3g} ({20 * math.log10(largest / peak):.0f} dB of the peak)"


def _count(least: int) -> Any:
    def number(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text!r}")
        return int(text)

    return number
