"""Any program: it gets the path of a float WAV mixture and writes one WAV per target."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from svbench.audio import Audio, read_audio, write_audio
from svbench.systems.api import Context, SystemInfo

KEYS = {"argv", "targets", "output", "env", "rate_hz", "version"}
# Enough to find programs and a home; everything else must be asked for with `env`.
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "SVBENCH_WORKER",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


class Command:
    """Runs a program once per track, without a shell.

    Parameters
    ----------
    parameters : dict
        ``argv``: list of words with the placeholders ``{mixture}``, ``{output}``, ``{track}`` and
        ``{folder}`` (that of the system file). ``targets``: what it writes. ``output``: where, below the
        output folder, by default ``{target}.wav``. ``env``: variables added to a minimal
        environment. ``rate_hz``: the rate it wants. ``version``: for the record.
    context : Context

    Raises
    ------
    ValueError
        Unknown, missing or malformed parameters.
    FileNotFoundError
        No such program.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        unknown = set(parameters) - KEYS
        if unknown or not {"argv", "targets"} <= set(parameters):
            raise ValueError(
                f"the command adapter needs argv and targets and takes {', '.join(sorted(KEYS))}; "
                f"found {', '.join(sorted(parameters))}"
            )
        self.argv = [str(word) for word in parameters["argv"]]
        if isinstance(parameters["argv"], str) or not any("{mixture}" in w for w in self.argv):
            raise ValueError("argv must be a list of words, one of them with {mixture}; there is no shell")
        self.folder = context.folder
        program = self.argv[0].replace("{folder}", str(self.folder))
        if shutil.which(program) is None:
            raise FileNotFoundError(f"no program {program!r} on PATH")
        self.output = parameters.get("output", "{target}.wav")
        self.environment = {
            **{k: os.environ[k] for k in KEPT if k in os.environ},
            **{k: str(v) for k, v in parameters.get("env", {}).items()},
        }
        self.info = SystemInfo(
            context.system_id,
            tuple(parameters["targets"]),
            version=parameters.get("version", ""),
            rate_hz=parameters.get("rate_hz"),
            needs=frozenset({"track"}),
        )

    def separate(self, mixture: Audio, *, track: str) -> dict[str, Audio]:
        """Write the mixture, run the program, read what it wrote.

        Raises
        ------
        RuntimeError
            The program fails, with the last line it printed.
        FileNotFoundError
            It succeeds but leaves no file for any target.
        """
        with tempfile.TemporaryDirectory() as scratch:
            source, output = Path(scratch) / "mixture.wav", Path(scratch) / "output"
            output.mkdir()
            write_audio(source, Audio(mixture.samples.astype("float32"), mixture.rate_hz))
            places = {
                "{mixture}": str(source),
                "{output}": str(output),
                "{track}": track,
                "{folder}": str(self.folder),
            }
            argv = [_filled(word, places) for word in self.argv]
            done = subprocess.run(
                argv, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if done.returncode:
                printed = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
                last = f": {printed[-1][:200]}" if printed else " and printed nothing"
                raise RuntimeError(f"{argv[0]} ended with exit code {done.returncode}{last}")
            paths = {
                t: output / _filled(self.output, {"{target}": t, "{track}": track}) for t in self.info.targets
            }
            # Programs that write no file of a silent stem are met in practice, so one may be missing.
            found = {t: path for t, path in paths.items() if path.is_file()}
            if not found:
                there = ", ".join(sorted(str(p.relative_to(output)) for p in output.rglob("*"))) or "nothing"
                wanted = ", ".join(path.name for path in paths.values())
                raise FileNotFoundError(
                    f"{self.argv[0]} ended without an error but wrote no {wanted}; it wrote {there}"
                )
            return {t: read_audio(path) for t, path in found.items()}


def _filled(word: str, places: dict[str, str]) -> str:
    for placeholder, value in places.items():
        word = word.replace(placeholder, value)
    return word
