"""Write data that svbench makes itself: synthetic tracks, and the pattern clips of `generalisation`."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.arguments import count
from svbench.cli.main import OK

EPILOG = """
OUT/tracks/<track>/<stem>.wav             a data set: --data folder=OUT/tracks
OUT/clips/<part>/<class>/<number>.wav     the synthetic kit, split into train, valid and test
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("what", choices=["make-demo"], help="tracks and clips, the same on every machine")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    parser.add_argument("--tracks", type=count(1), default=3, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=count(1), default=30, help="of each track (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Write the files and print how to use them."""
    from svbench.api.scores import write_synthetic_data

    n_clips = write_synthetic_data(options.out, n_tracks=options.tracks, seconds=options.seconds)
    print(f"{options.out}: {options.tracks} tracks, {n_clips} clips; try")
    print(f"  svbench run generalisation --data folder={options.out / 'tracks'} --system mixture")
    return OK
