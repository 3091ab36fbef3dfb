"""Score the same audio with museval, mir_eval or plain numpy, and compare frame by frame."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.arguments import json_argument, provenance_of, tolerance
from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import Progress, print_json, print_rows

if TYPE_CHECKING:
    from svbench.crosscheck.crosscheck import Crosscheck, Row
    from svbench.results.store import Run

EXAMPLES = """
svbench crosscheck runs/mysystem--sisec18--0123abcd
svbench crosscheck REFERENCE_DIR ESTIMATE_DIR --protocol sisec18

BSS Eval v4 is scored by museval, which takes minutes and gigabytes for a song: choose one with --track.
Exit code 0: all frames agree within the tolerance and the same ones are undefined; 1: they do not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "first", type=Path, metavar="RUN|REFERENCE_DIR",
        help="a run with kept estimates, or a folder of references as for `svbench score`",
    )  # fmt: skip
    parser.add_argument(
        "estimates", type=Path, nargs="?", metavar="ESTIMATE_DIR", help="a folder of estimates"
    )
    parser.add_argument("--protocol", help="for two folders: protocol id or TOML file (default: sisec18)")
    parser.add_argument(
        "--data",
        metavar="MANIFEST=PATH",
        help="for a run: where the recordings are now (default: the recorded folder)",
    )
    parser.add_argument("--track", action="extend", nargs="+", default=[], help="only these tracks")
    parser.add_argument(
        "--tolerance", type=tolerance, metavar="X", default=1e-5,
        help="largest difference that passes, in the quantity's unit (default: %(default)s)",
    )  # fmt: skip
    json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Score again and print the largest differences."""
    from svbench.api.scores import crosscheck_scores

    checked, comparison, left_out = crosscheck_scores(
        options.first,
        options.estimates,
        protocol=options.protocol,
        data=options.data,
        tracks=options.track,
        progress=Progress(),
        provenance=provenance_of(options),
    )
    agrees = comparison.agrees(options.tolerance)
    if options.json:
        import msgspec

        print_json(
            {
                "scores": str(checked.path),
                "protocol": checked.record.protocol.id,
                "protocol_digest": checked.record.protocol_digest,
                "tolerance": options.tolerance,
                "agrees": agrees,
                "left_out": left_out,
                **msgspec.to_builtins(comparison),
            }
        )
    else:
        _print(checked, comparison, [*left_out, *comparison.notes], options.tolerance, agrees)
    return OK if agrees else FINDINGS


def _print(checked: Run, comparison: Crosscheck, notes: list[str], tolerance: float, agrees: bool) -> None:
    record = checked.record
    tools = ", ".join(f"{tool} {version}" for tool, version in comparison.tools.items())
    tracks = f"{comparison.n_tracks} track{'s' * (comparison.n_tracks != 1)}"
    print(
        f"{record.system.id} · {record.protocol.id} {record.protocol_digest[:8]} · {tracks} · "
        f"svbench beside {tools or 'nothing'}"
    )
    head = {
        "quantity": "quantity", "set": "set", "target": "target", "frames": "compared",
        "largest": "largest difference", "where": "where", "undefined": "undefined in both", "verdict": "",
    }  # fmt: skip
    if comparison.rows:
        print_rows([head, *(_cells(row, tolerance) for row in comparison.rows)], list(head))
    for row in comparison.rows:
        if row.n_differing:
            print(
                f"{row.quantity} of {row.target} ({row.target_set}): {row.n_differing} frames have a number "
                f"on one side only, first {row.differing}"
            )
    for note in notes:
        print(f"note: {note}")
    if comparison.not_checked:
        print(f"not checked, since no original tool gives them: {', '.join(comparison.not_checked)}")
    if not comparison.rows:
        print("nothing was compared")
        return
    n_frames = sum(row.n_frames for row in comparison.rows)
    largest = max((row.largest for row in comparison.rows if row.largest is not None), default=0.0)
    if not n_frames and agrees:
        print("0 values compared: both tools find all of them undefined or above 100 dB")
        return
    verdict = "all agree" if agrees else "they do NOT agree"
    print(f"{n_frames} values compared, largest difference {largest:.2g}: {verdict} within {tolerance:g}")


def _cells(row: Row, tolerance: float) -> dict[str, str]:
    words = [f"{n} {status}" for status, n in row.withheld.items()]
    words += [f"{row.n_beyond} above 100 {row.unit} in both"] if row.n_beyond else []
    return {
        "quantity": row.quantity,
        "set": row.target_set,
        "target": row.target,
        "frames": str(row.n_frames),
        "largest": "–" if row.largest is None else f"{row.largest:.2g} {row.unit}",
        "where": "–" if row.largest is None else f"{row.track}, frame {row.frame} ({row.time_s:g} s)",
        "undefined": ", ".join([str(row.n_neither), *words]),
        "verdict": "" if row.agrees(tolerance) else "DIFFERS",
    }
