"""Validate hand-written files: protocols, manifests, systems and reports."""

from __future__ import annotations

import argparse
from pathlib import Path

from svbench.cli.main import FINDINGS, OK
from svbench.cli.output import print_json, print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "files", nargs="*", type=Path, help="spec files or folders; all known ones when left out"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Check each file and print what is wrong with it."""
    from svbench.cli.spec_files import kind_of, load_spec
    from svbench.errors import SvbenchError

    findings = []
    for path in _paths(options.files):
        try:
            kind = kind_of(path)
            load_spec(kind, str(path.resolve()))
            findings.append({"path": str(path), "kind": kind, "ok": True, "problem": ""})
        except SvbenchError as error:
            findings.append({"path": str(path), "kind": "", "ok": False, "problem": str(error)})
    if options.json:
        print_json(findings)
    else:
        for finding in findings:
            print_line(
                f"ok    {finding['path']} ({finding['kind']})"
                if finding["ok"]
                else f"WRONG {finding['problem']}"
            )
    return OK if all(f["ok"] for f in findings) else FINDINGS


def _paths(given: list[Path]) -> list[Path]:
    from svbench.errors import SpecError
    from svbench.specs.library import FOLDERS, entries

    if not given:
        return [Path(entry.path) for kind in FOLDERS for entry in entries(kind).values()]
    files = []
    for path in given:
        if path.is_dir():
            inside = (
                [path / "manifest.toml"]
                if (path / "manifest.toml").is_file()
                else sorted(path.rglob("*.toml"))
            )
            if not inside:
                raise SpecError(path, "", "holds no TOML file")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise SpecError(path, "", "no such file")
    return files
