"""A built listening test: its record, and the folder that holds it.

``test.json`` unblinds a test. The server reads it and never sends any of it: listeners get tokens that are
valid for their session only, and even the ids of the stimuli stay on the server.

    TEST/test.json            this record
    TEST/stimuli/<id>.wav     one file for each stimulus, all of a trial of one length and size
    TEST/ratings.sqlite       made by the server, unless DATABASE_URL names another database

The folder appears complete or not at all, and a folder with ratings is never overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from svbench.errors import DataError
from svbench.results.folders import replaced
from svbench.results.store import write_record
from svbench.specs.listening import ListeningProtocol
from svbench.specs.records import Record, digest

SCHEMA = 1
FILE, STIMULI = "test.json", "stimuli"
Role = Literal["reference", "low_anchor", "mid_anchor", "anchor", "system"]
Opaque = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
RATINGS = "ratings.sqlite"


class Condition(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done to the music: hidden reference, an anchor, or a system.

    ``id`` is ``reference``, ``anchor35``, ``anchor70``, ``mixture``, ``distorted`` or the id of a
    system; ``run`` is the digest of the run it comes from; ``details`` holds what was measured,
    such as an anchor's mask.
    """

    id: str
    title: str
    role: Role
    run: str = ""
    details: dict[str, Any] = msgspec.field(default_factory=dict)


class Stimulus(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition of one trial, as a file.

    ``loudness_lufs`` is that of the excerpt before any gain (None where BS.1770 gates everything);
    ``gain_db`` is all the gain it got, ``peak_dbtp`` the true peak of what was written.
    """

    id: Opaque
    condition: str
    sha256: str
    gain_db: float
    peak_dbtp: float
    loudness_lufs: float | None = None


class Trial(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One excerpt under all conditions.

    ``reference`` is the open one, a file of its own; None where a method has none. ``difficulty``
    is the score that the choice went by, in the unit of ``chosen_by``. ``again`` are the stimuli once
    more with other dither: X of an ABX test, which would else be A or B byte for byte.
    """

    id: Opaque
    kind: Literal["training", "test"]
    track: str
    target: str
    start_s: float
    length_s: float
    rate_hz: int
    n_samples: int
    n_channels: int
    stimuli: Annotated[tuple[Stimulus, ...], msgspec.Meta(min_length=1)]
    reference: Stimulus | None = None
    difficulty: float | None = None
    chosen_by: str = ""
    again: tuple[Stimulus, ...] = ()

    def files(self) -> tuple[Stimulus, ...]:
        """All stimuli, the open reference first where there is one."""
        return (() if self.reference is None else (self.reference,)) + self.stimuli + self.again

    def conditions(self) -> dict[str, str]:
        """Return the condition of each file, by the file's id."""
        return {stimulus.id: stimulus.condition for stimulus in self.files()}


class ListeningTest(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole test, ready to be served.

    ``sources`` tells the runs it was built from (path, system, protocol, dataset, digest), or the
    configuration it was imported from; ``provenance`` what built it, and when.
    """

    schema: Literal[1]
    id: Opaque
    title: str
    protocol: ListeningProtocol
    conditions: Annotated[tuple[Condition, ...], msgspec.Meta(min_length=1)]
    trials: Annotated[tuple[Trial, ...], msgspec.Meta(min_length=1)]
    sources: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of what listeners hear and are asked: protocol, conditions, trials."""
        return digest([self.protocol.digest, self.conditions, self.trials])

    def condition(self, name: str) -> Condition:
        """Return the condition of that id."""
        return next(c for c in self.conditions if c.id == name)


def stimulus_path(folder: Path, stimulus: Stimulus) -> Path:
    """Return where a stimulus lies in the folder of its test."""
    return folder / STIMULI / f"{stimulus.id}.wav"


def load_test(folder: str | Path) -> ListeningTest:
    """Read a built test.

    Raises
    ------
    DataError
        No ``test.json``, one of another version, or one that is not what it claims to be.
    """
    path = Path(folder) / FILE
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); a listening test is made by `svbench listen build`"
        ) from error
    try:
        content = msgspec.json.decode(raw)
        found = content.get("schema") if isinstance(content, dict) else None
        if isinstance(found, int) and found != SCHEMA:
            raise DataError(f"{path}: schema {found} is from another version, this svbench reads {SCHEMA}")
        test = msgspec.convert(content, ListeningTest)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise DataError(f"{path}: not a listening test: {error}") from error
    known = {c.id for c in test.conditions}
    for trial in test.trials:
        for stimulus in trial.files():
            if stimulus.condition not in known:
                raise DataError(
                    f"{path}: trial {trial.id} has condition {stimulus.condition!r}, which is not listed"
                )
    return test


def refuse_existing(out: Path, force: bool) -> None:
    """Refuse a folder that holds a test, or anything else.

    Parameters
    ----------
    out : Path
    force : bool
        A test may be replaced, unless somebody has rated in it.

    Raises
    ------
    DataError
    """
    if any(out.glob(f"{RATINGS}*")):
        raise DataError(f"{out}: holds ratings ({RATINGS}); build into another folder, or move it away first")
    if (out / FILE).exists() and not force:
        raise DataError(f"{out}: holds a test; give another folder, or replace it with --force")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).exists():
        raise DataError(f"{out}: holds other files; give an empty folder or a new one")


@contextmanager
def new_test(out: Path, force: bool = False) -> Iterator[Path]:
    """Give a folder to write to that becomes ``out`` once the test in it is whole.

    Raises
    ------
    DataError
        See `refuse_existing`.
    """
    refuse_existing(out, force)
    with replaced(out, ".svbench-listening-test", "listening test") as new:
        (new / STIMULI).mkdir()
        yield new
        refuse_existing(out, force)  # somebody may have rated meanwhile


def finish(folder: Path, test: ListeningTest) -> None:
    """Write ``test.json`` and give all stimuli one time, so that none tells when it was made."""
    write_record(folder / FILE, test)
    at = (folder / FILE).stat().st_mtime_ns // 10**9 * 10**9
    for path in (folder / STIMULI).iterdir():
        os.utime(path, ns=(at, at))
