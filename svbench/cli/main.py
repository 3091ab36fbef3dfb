"""The command line: a verb, then its options. Each verb is a module, imported only when it is used.

Argparse starts in 5 ms. Richer libraries take longer to start than Python itself, and ``svbench --help`` and
``svbench list`` must feel immediate.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys

import svbench
from svbench.errors import SvbenchError, SystemFailure, suggestion
from svbench.installation import foreign_warning, is_overwritten
from svbench.printing.streams import Streams, fill_closed
from svbench.printing.visible import visible

# Importing typing costs a tenth of Python's own start; type checkers take this name for theirs.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

OK, FINDINGS, USAGE, SYSTEM_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

VERBS = {
    "demo": "run nine systems on the embedded music under two protocols and write a report",
    "run": "separate and score a data set with one or more systems and protocols",
    "profile": "measure what a system costs: time, memory, size, operations",
    "score": "score a folder of estimates against a folder of references",
    "report": "write an HTML report from runs",
    "lookahead": "measure look-ahead and latency, and whether streaming systems keep up",
    "sweep": "run a system with several values of a parameter: quality against cost",
    "repeat": "run tracks twice and compare: is a system as deterministic as it claims?",
    "table": "print a table from runs (markdown, csv, latex, html, json)",
    "compare": "compare systems: intervals, paired differences, tests, ranks",
    "gate": "pass or fail a candidate against a baseline, for pull requests",
    "board": "merge runs of many labs into a leaderboard site",
    "crosscheck": "compare scores with those of museval, mir_eval or plain numpy",
    "seal": "sign a run, so that others see who vouches for it",
    "diff": "compare two runs: bit-equal, within tolerance or different, and where first",
    "rerun": "repeat a run from its record and compare",
    "listen": "listening tests: build, serve, analyse",
    "quantize": "make a smaller second system from an ONNX system (int8 weights)",
    "import": "turn score files of museval into runs",
    "export": "turn a run into score files that museval reads",
    "list": "list systems, protocols, datasets, metrics, adapters or reports",
    "show": "show everything known about one of these, a run or a listening test",
    "check": "validate hand-written files",
    "data": "write synthetic tracks and pattern clips",
    "verify": "compare a data set on disk with its manifest",
    "manifest": "write the manifest of your own folder of music",
    "leak": "find recordings that two folders share, whatever their names",
}

# These verbs reduce and resample scores in thousands of small products. Waking BLAS's threads for each takes
# longer than the product itself, much longer where cores are shared. They start no systems, which would
# inherit the setting.
OF_SCORES = {"table", "report", "board", "compare", "gate", "diff", "show", "seal"}


class _Formatter(argparse.HelpFormatter):
    """Argparse's formatter without the import of shutil, which it uses for the width of the terminal."""

    def __init__(self, prog: str) -> None:
        try:
            width = int(os.environ.get("COLUMNS", "")) or 80
        except ValueError:
            width = os.get_terminal_size().columns if sys.stdout.isatty() else 80
        super().__init__(prog, max_help_position=28, width=max(40, min(width, 110) - 2))


class Parser(argparse.ArgumentParser):
    """Argument parser that prints usage errors in one sentence and names --help."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit."""
        self.exit(USAGE, f"{self.prog}: {visible(message)}; see `{self.prog} --help`\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments of the process by default.

    Returns
    -------
    int
        0 ok, 1 findings, 2 usage or spec error, 3 a system failed, 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        fill_closed()
    with Streams() as streams:
        try:
            code = _run(words)
        except SvbenchError as error:
            _complain(error)
            code = SYSTEM_FAILED if isinstance(error, SystemFailure) else USAGE
        except OSError as error:
            place = [os.fsdecode(error.filename)] if isinstance(error.filename, str | bytes) else []
            _complain(": ".join([*place, error.strerror or str(error)]))
            code = USAGE
        except KeyboardInterrupt:
            if arguments is None:  # so that a second Ctrl-C ends the process at once, whatever it is closing
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            _complain("interrupted; finished tracks are kept, and the same command continues from there")
            code = INTERRUPTED
        except SystemExit as stop:
            code = int(stop.code or 0)
        # The exit code of a failed system or of Ctrl-C says more.
        if streams.failure and code in (OK, FINDINGS):
            _complain(f"standard output: {streams.failure.strerror}; what was printed is incomplete")
            code = USAGE
    return code


def _run(words: list[str]) -> int:
    """Run the verb that comes first among the words."""
    if warning := foreign_warning():
        _complain(warning)
        if is_overwritten():
            return USAGE
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return OK
    if words[0] in ("-V", "--version"):
        print(f"svbench {svbench.__version__}")
        return OK
    verb = words[0]
    if verb not in VERBS:
        _complain(f"unknown command {verb!r}: {suggestion(verb, VERBS)}")
        return USAGE
    if verb in OF_SCORES and "numpy" not in sys.modules:  # which reads it when imported
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    module = importlib.import_module(f"svbench.cli.verbs.{module_name(verb)}")
    parser = Parser(
        prog=f"svbench {verb}", formatter_class=_Formatter, description=(module.__doc__ or "").splitlines()[0]
    )
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(words[1:]))
    return code


def module_name(verb: str) -> str:
    """Return the module of a verb: its name, except for `import`, which is a keyword of Python."""
    return "import_" if verb == "import" else verb


def _complain(message: object) -> None:
    """Print one line on standard error, with control characters made visible."""
    print(f"svbench: {visible(message)}", file=sys.stderr)


def _help() -> str:
    rows = "\n".join(f"  {verb:10} {summary}" for verb, summary in VERBS.items())
    return (
        "usage: svbench COMMAND ...\n\n"
        "Compare music source separation systems on named, hashed protocols.\n\n"
        f"commands:\n{rows}\n\n"
        "`svbench COMMAND --help` lists options. Exit codes: 0 ok, 1 findings, 2 usage or file error,\n"
        "3 a system failed, 130 interrupted."
    )
