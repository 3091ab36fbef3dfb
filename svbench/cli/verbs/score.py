"""Score a folder of estimates against a folder of references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from svbench.cli.main import OK, SYSTEM_FAILED
from svbench.cli.output import Progress, print_json, print_line
from svbench.cli.verbs.run import run_summary, workers_argument

if TYPE_CHECKING:
    from svbench.results.scores import TrackResult
    from svbench.results.store import Run

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
    parser.add_argument("--json", action="store_true", help="print the summary and all tracks as JSON")
    workers_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Score, print, and keep the run if asked."""
    from svbench.results.provenance import collect
    from svbench.scoring.folders import score_folders
    from svbench.scoring.pool import n_cores, scoring_pool
    from svbench.specs.protocol import load_protocol

    protocol = load_protocol(options.protocol)
    progress: Progress | None = None

    def tell(result: TrackResult, n_tracks: int) -> None:
        nonlocal progress
        progress = progress or Progress(n_tracks)
        if result.status == "failed":
            progress.say(f"{result.track} FAILED: {result.reason}")
        for note in result.data_notes:
            progress.say(f"{result.track}: warning: {note}")
        progress.step(result.track)

    with scoring_pool(options.workers or n_cores()) as pool:
        done = score_folders(
            options.references,
            options.estimates,
            protocol,
            system=options.name or options.estimates.resolve().name,
            pool=pool,
            provenance=collect(
                ["svbench", *sys.argv[1:]], {k: str(v) for k, v in sorted(vars(options).items())}
            ),
            tell=tell,
        )
    if options.out:
        done = _keep(done, options.out)
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


def _keep(run: Run, out: Path) -> Run:
    """Write the scores as a run folder, in the place of an earlier one of its name."""
    from svbench.results.scratch import scratch_folder
    from svbench.results.store import move_run, run_name, write_run

    out.mkdir(parents=True, exist_ok=True)
    name = run_name(run.record.system, run.record.protocol, run.record.data.digest)
    with scratch_folder(out) as aside:
        write_run(aside / name, run.record, run.results)
        move_run(aside / name, out / name)
    return type(run)(out / name, run.record, run.results)
