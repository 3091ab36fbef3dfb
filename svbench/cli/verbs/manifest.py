"""Write the manifest of your own folder of music: `svbench manifest make DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import OK
from svbench.cli.output import Progress, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", choices=["make"], help="make: describe a folder")
    parser.add_argument("folder", type=Path, metavar="DIR", help="<track>/<stem>.wav, or see --like")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help="folder to write; its name becomes the id (default: data_manifests/<name of DIR>)",
    )  # fmt: skip
    parser.add_argument(
        "--like",
        metavar="MANIFEST",
        help="take layout, stems and targets from this data set, e.g. musdb18-hq",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Write the three files and print what they hold."""
    import re

    from svbench.datasets.describe import describe
    from svbench.specs import library

    name = re.sub(r"[^A-Za-z0-9._-]+", "-", options.folder.resolve().name).strip("-.") or "data"
    out = options.out or Path("data_manifests") / name
    made = describe(options.folder, out, like=options.like, progress=Progress().count)
    manifest = made.manifest
    if options.json:
        print_json(
            {
                "manifest": str(manifest.path),
                "id": manifest.head.id,
                "digest": manifest.digest,
                "n_tracks": len(manifest.tracks),
                "n_files": len({row.path for row in manifest.files}),
                "n_bytes": made.n_bytes,
                "duration_s": made.duration_s,
            }
        )
        return OK
    print(
        f"{manifest.path}: {len(manifest.tracks)} tracks, {made.duration_s / 60:.1f} minutes, "
        f"{made.n_bytes / 1e6:.0f} MB"
    )
    entry = library.entries("dataset").get(manifest.head.id)
    is_known = entry is not None and Path(entry.path).samefile(manifest.path)
    data = manifest.head.id if is_known else manifest.path
    print(f"use it: --data {data}={options.folder}  (fill in licence and citation by hand)")
    return OK
