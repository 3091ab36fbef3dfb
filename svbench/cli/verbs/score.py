"""Score a folder of estimates against a folder of references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from svbench.cli.arguments import json_argument, provenance_of, workers_argument
from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, print_line, run_summary

LAYOUTS = """
references: <track>/<target>.wav, also one subset folder deeper, or <target>.wav for one track
estimates:  the same, or <track>_<target>.wav or <track>_(<Target>)_<model>.wav all in one folder, or the
            estimates that `svbench run --keep-estimates` left

Files are WAV, AIFF, FLAC, Ogg (Vorbis, Opus), MP3, M4A or one of the others in docs/datasets.md; those that
libsndfile does not read need PyAV or ffmpeg. Tracks and targets are paired by name, in capital letters or
not, and by other names in use: instrumental and no_vocals are accompaniment (see docs/datasets.md).
Accompaniment without a file of its own is the sum of drums, bass and other, on either side.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = LAYOUTS
    parser.add_argument("references", type=Path, metavar="REFERENCE_DIR")
    parser.add_argument("estimates", type=Path, metavar="ESTIMATE_DIR")
    parser.add_argument("--protocol", default="sisec18", help="id or TOML file (default: %(default)s)")
    parser.add_argument("--name", help="what to call the estimates (default: the folder's name)")
    parser.add_argument("--out", type=Path, help="also keep the scores as a run in this folder of runs")
    parser.add_argument("--tracks", action="store_true", help="print the scores of every track too")
    json_argument(parser, "print the summary and all tracks as JSON")
    workers_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Score, print, and keep the run if asked."""
    from svbench.api.scores import score

    done = score(
        options.references,
        options.estimates,
        options.protocol,
        name=options.name,
        out=options.out,
        workers=options.workers,
        progress=Progress(),
        provenance=provenance_of(options),
    )
    for sentence in done.record.data.left_out:
        print_line(f"left out: {sentence}", file=sys.stderr)
    for sentence in done.record.data.read_as:
        print_line(f"names: {sentence}", file=sys.stderr)
    if options.json:
        import msgspec

        from svbench.results.aggregate import track_scores

        print_json({**run_summary(done), "tracks": msgspec.to_builtins(track_scores(done))})
    else:
        from svbench.report.text.terminal import print_scores

        print_scores(done, with_tracks=options.tracks)
        if options.out:
            print_line(f"run: {done.path}")
    return SYSTEM_FAILED if done.failed else OK
