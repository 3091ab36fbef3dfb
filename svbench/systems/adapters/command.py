"""Adapter ``command``: any program that reads a mixture as float WAV and writes a WAV for each target."""

from __future__ import annotations

import os
import selectors
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from svbench.audio import Audio, audio_info, read_audio, write_audio
from svbench.disk import remove_tree
from svbench.systems.adapters.shared import check_parameters
from svbench.systems.api import Context, SystemInfo

# An estimate that is more than this many times longer than its mixture is not read.
_TIMES_MIXTURE = 16
_TAIL_BYTES, _POLL_S = 4096, 0.1
PARAMETERS = {"argv", "targets", "output", "env", "rate_hz", "version"}
# The variables that a program inherits; all others must be given by `env`.
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
        ``{folder}`` (that of the system file). ``targets``: what it writes. ``output``: the file of a target,
        below the output folder, by default ``{target}.wav``. ``env``: variables added to a minimal
        environment. ``rate_hz``: the rate it wants. ``version``: for the record.
    context : Context

    Raises
    ------
    ValueError
        Parameters are unknown, missing or malformed.
    FileNotFoundError
        There is no such program.
    """

    def __init__(self, parameters: dict[str, Any], context: Context) -> None:
        check_parameters("command", parameters, PARAMETERS, ["argv", "targets"])
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
            The program fails; the message quotes the last line that it printed.
        FileNotFoundError
            The program succeeds but writes no file for any target.
        ValueError
            A file is a link, a pipe or a device, or is far longer than the mixture.
        """
        # Not in the system's folder for temporary files: that is often in memory, and after a kill nothing
        # would clear it. The working folder is the worker's, which svbench removes.
        scratch = Path(tempfile.mkdtemp(dir=Path.cwd(), prefix="command-"))
        try:
            source, output = scratch / "mixture.wav", scratch / "output"
            output.mkdir()
            write_audio(source, Audio(mixture.samples.astype("float32"), mixture.rate_hz))
            places = {
                "{mixture}": str(source),
                "{output}": str(output),
                "{track}": track,
                "{folder}": str(self.folder),
            }
            argv = [_filled(word, places) for word in self.argv]
            code, printed = _run(argv, self.environment)
            if code:
                last = f": {printed[-1][:200]}" if printed else " and printed nothing"
                raise RuntimeError(f"{argv[0]} ended with exit code {code}{last}")
            paths = {
                t: output / _filled(self.output, {"{target}": t, "{track}": track}) for t in self.info.targets
            }
            # Some programs write no file for a silent stem, so one may be missing.
            written = {t: path for t, path in paths.items() if os.path.lexists(path)}
            if not written:
                there = ", ".join(sorted(str(p.relative_to(output)) for p in output.rglob("*"))[:20])
                wanted = ", ".join(path.name for path in paths.values())
                raise FileNotFoundError(
                    f"{self.argv[0]} ended without an error but wrote no {wanted}; it wrote "
                    f"{there or 'nothing'}"
                )
            return {t: self._read(path, output, mixture) for t, path in written.items()}
        finally:
            remove_tree(scratch)

    def _read(self, path: Path, output: Path, mixture: Audio) -> Audio:
        # A link could pass off another file, such as the reference, as the program's own output.
        state = path.lstat()
        is_plain_file = stat.S_ISREG(state.st_mode) and state.st_nlink == 1
        if not is_plain_file or path.resolve() != output.resolve() / path.relative_to(output):
            raise ValueError(f"{path.name} is {_kind(state)}, expected a file that {self.argv[0]} writes")
        n_samples = audio_info(path).n_samples
        if n_samples > _TIMES_MIXTURE * max(mixture.n_samples, mixture.rate_hz):
            raise ValueError(f"{path.name} has {n_samples} samples, the mixture {mixture.n_samples}")
        return read_audio(path)


def _run(argv: list[str], environment: dict[str, str]) -> tuple[int, list[str]]:
    """Run a program; return its exit code and the last lines of stderr, or of stdout if stderr is empty.

    Everything that it prints is passed on to the worker's log, whose size is limited; here only the end is
    kept.
    """
    with subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process, selectors.DefaultSelector() as sources:  # fmt: skip
        tails = {}
        for pipe in (process.stderr, process.stdout):
            assert pipe is not None
            tails[pipe.fileno()] = b""
            sources.register(pipe.fileno(), selectors.EVENT_READ)
        while sources.get_map():
            ready = sources.select(_POLL_S)
            if not ready and process.poll() is not None:
                break  # it has ended, but processes that it started may hold the pipes open
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                if not part:
                    sources.unregister(key.fd)
                os.write(2, part)
                tails[key.fd] = (tails[key.fd] + part)[-_TAIL_BYTES:]
        code = process.wait()
    lines = [tail.decode(errors="replace").strip().splitlines() for tail in tails.values()]
    return code, lines[0] or lines[1]


def _kind(state: os.stat_result) -> str:
    kinds = {
        stat.S_ISLNK: "a symbolic link",
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISREG: "linked from elsewhere",
    }
    return next((name for test, name in kinds.items() if test(state.st_mode)), "a device or a socket")


def _filled(word: str, places: dict[str, str]) -> str:
    for placeholder, value in places.items():
        word = word.replace(placeholder, value)
    return word
