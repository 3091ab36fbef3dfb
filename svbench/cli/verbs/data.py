"""Write data that svbench makes itself: synthetic tracks, and the pattern clips of `generalisation`."""

from __future__ import annotations

import argparse
from pathlib import Path

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
    parser.add_argument("--tracks", type=_positive, default=3, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=_positive, default=30, help="of each track (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Write the files and say how to use them."""
    from svbench.audio import write_audio
    from svbench.datasets.synthetic import synthetic_track, write_folder
    from svbench.errors import DataError
    from svbench.probes.patterns.clips import KIT, PARTS, load_clips, part_of
    from svbench.probes.patterns.kit import kit_clip
    from svbench.probes.patterns.sets import SEED

    out: Path = options.out
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out}: exists and is no empty folder; give a new one")
    for number in range(1, options.tracks + 1):
        stems = synthetic_track(number, duration_s=options.seconds)
        write_folder(out / "tracks", {f"track {number}": stems})
    clips = load_clips(KIT)
    for part in PARTS[:3]:
        for pattern, chosen in part_of(clips, part, SEED).items():
            folder = out / "clips" / part / pattern
            folder.mkdir(parents=True)
            for clip in chosen:
                write_audio(
                    folder / f"{clip.number:02}.wav", kit_clip(pattern, clip.number), subtype="PCM_16"
                )
    print(f"{out}: {options.tracks} tracks, {sum(map(len, clips.by_class.values()))} clips; try")
    print(f"  svbench run generalisation --data folder={out / 'tracks'} --system mixture")
    return OK


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)
