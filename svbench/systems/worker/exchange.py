"""The exchange between svbench and a worker: reply lines and a folder of audio, neither of which is trusted.

The system shares the worker's process and could write anything in the worker's place. So each line is
decoded strictly into the record that its request calls for. svbench chooses every file name. What the worker
wrote is opened below the folder that was made for the request, without following links, and is read as an
array of numbers or refused: never a pickle, never a device or a pipe, never more than such an estimate can
need.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples
from svbench.disk import remove_tree
from svbench.errors import SystemFailure
from svbench.systems.worker.calls import HIGHEST_HZ, LOWEST_HZ

# An array larger than this multiple of the mixture is not read at all. Other wrong lengths get a clearer
# message later; an estimate may have another rate, and so another length, than the mixture.
_TIMES_MIXTURE = 64
_SPARE_BYTES = 1 << 20
# Errors that are not the fault of the system: the disk is full or broken, or svbench has too many files open.
_OURS = (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Rate = Annotated[int, msgspec.Meta(ge=LOWEST_HZ, le=HIGHEST_HZ)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]
_MOST_TARGETS = 256
T = TypeVar("T")


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reply to any request that raised an exception: its type and text."""

    error: str


class Info(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`svbench.systems.api.SystemInfo` as it is sent."""

    id: str
    version: str
    targets: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST_TARGETS)]
    rate_hz: Rate | None
    deterministic: bool
    streaming: bool
    needs: frozenset[str]


class Loaded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reply to ``load``."""

    info: Info
    load_s: Seconds
    empty_rss_bytes: Bytes
    peak_rss_bytes: Bytes


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One estimate; its file is named after its place in the list, from ``0.npy`` on."""

    target: Name
    rate_hz: Rate


class Separated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reply to ``separate``."""

    estimates: Annotated[tuple[Estimate, ...], msgspec.Meta(max_length=_MOST_TARGETS)]
    wall_s: Seconds
    cpu_s: Seconds
    peak_rss_bytes: Bytes


class StreamedReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reply to ``stream``; the files of the estimates are named after their places in the list."""

    hop_samples: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    estimates: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST_TARGETS)]


class Measured(msgspec.Struct, frozen=True):
    """The reply to ``measure``: whatever was asked for."""

    values: dict[str, Any]
    peak_rss_bytes: Bytes


def decode_reply(line: bytes, kind: type[T]) -> T | Failed:
    """Decode the line of one reply.

    Raises
    ------
    SystemFailure
        The line is not what a worker writes.

    Examples
    --------
    >>> decode_reply(b'{"error": "ValueError: no such chord"}', Loaded)
    Failed(error='ValueError: no such chord')
    >>> decode_reply(b"{", Loaded)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    svbench.errors.SystemFailure: wrote something else in place of the worker's answer (Input data was ...
    """
    try:
        return msgspec.json.decode(line, type=Failed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SystemFailure(f"wrote something else in place of the worker's answer ({error})") from error


@dataclass(frozen=True, eq=False)
class Streamed:
    """What a system returned and used while it was fed hop by hop.

    Attributes
    ----------
    hop_samples, rate_hz : int
    estimates : mapping of str to Audio
        As long as the mixture; empty where they were dropped.
    push_s : ndarray, shape (n_hops,)
        Seconds that each ``push`` took.
    held_samples : ndarray of int, shape (n_hops,)
        How many of the samples pushed so far had no estimate yet when ``push`` returned.
    rss_bytes : ndarray of int, shape (n_seconds,)
        Resident memory of the worker after each second of audio; empty where the platform does not tell.
    """

    hop_samples: int
    rate_hz: int
    estimates: Mapping[str, Audio]
    push_s: NDArray[np.float64]
    held_samples: NDArray[np.int64]
    rss_bytes: NDArray[np.int64]


class Exchange:
    """The folder of one request.

    Parameters
    ----------
    folder : Path
        Is made, and so are its parents if a system has deleted them.
    uid : int, optional
        The user whom a sandbox runs as, who must be able to write here; the user of svbench if 0.

    Raises
    ------
    SystemFailure
        It cannot be made because of what a system did.
    """

    def __init__(self, folder: Path, uid: int = 0) -> None:
        self.folder = folder
        self._largest = _SPARE_BYTES
        try:
            folder.mkdir(parents=True)
            # Kept open: files are read relative to this descriptor, which a system cannot redirect by
            # putting a link in the folder's place.
            self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            if uid:
                os.fchown(self._handle, uid, uid)
        except OSError as error:
            raise blame_system(error) from error

    def close(self) -> None:
        """Remove the folder."""
        os.close(self._handle)
        remove_tree(self.folder)

    def put(self, name: str, audio: Audio) -> str:
        """Write audio for the worker; return its path."""
        # By the descriptor, and a new file: a system may have put a link in the place of either.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            handle = os.open(f"{name}.npy", flags, 0o644, dir_fd=self._handle)
            with os.fdopen(handle, "wb") as file:
                np.save(file, audio.samples)
        except OSError as error:
            raise blame_system(error) from error
        self._largest = max(self._largest, _TIMES_MIXTURE * audio.samples.nbytes + _SPARE_BYTES)
        return str(self.folder / f"{name}.npy")

    def samples(self, name: str, what: str) -> Samples:
        """Read audio that the worker wrote, shape (n_samples, n_channels).

        Parameters
        ----------
        name : str
            Without ``.npy``.
        what : str
            How to call it in errors, such as ``"estimate of vocals"``.

        Raises
        ------
        SystemFailure
            The file is a link or not regular, holds no floating-point numbers, or is far too large.
        """
        return self._array(name, what, ("f4", "f8"))

    def numbers(self, name: str, what: str) -> np.ndarray[Any, Any]:
        """Read a list of numbers that the worker wrote, shape (n,); raises what `samples` raises."""
        array = self._array(name, what, ("f8", "i8"))
        if array.ndim != 1:
            raise SystemFailure(f"{what} has shape {array.shape}, expected one axis")
        return array

    def _array(self, name: str, what: str, kinds: tuple[str, ...]) -> np.ndarray[Any, Any]:
        try:
            # Without O_NONBLOCK, opening a pipe that has no writer would never return.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            handle = os.open(f"{name}.npy", flags, dir_fd=self._handle)
        except OSError as error:
            if error.errno in _OURS:
                raise
            problem = "a symbolic link" if error.errno == errno.ELOOP else "missing"
            raise SystemFailure(f"{what} is {problem}, expected the file that the worker writes") from error
        # Checked after opening, so that the file cannot be exchanged in between. A second hard link would
        # let a system pass off another file, such as a reference, as its estimate.
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
            os.close(handle)
            raise SystemFailure(
                f"{what} is a link or not a regular file, expected the file that the worker writes"
            )
        with os.fdopen(handle, "rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read_header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, by_columns, dtype = read_header(file)
            except (ValueError, KeyError, EOFError) as error:
                raise SystemFailure(f"{what} is not an .npy file") from error
            if dtype.str.lstrip("<=|") not in kinds:
                raise SystemFailure(f"{what}: expected a float32 or float64 array, found {dtype}")
            if any(n < 0 for n in shape):
                raise SystemFailure(f"{what} has shape {shape}")
            # Python's integers: a product of 64-bit ones could overflow to something small.
            n_bytes = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
            if n_bytes > self._largest:
                raise SystemFailure(
                    f"{what} has shape {shape}, {n_bytes / 1e9:.3g} GB; too large to be one of this mixture"
                )
            if state.st_size - file.tell() != n_bytes:
                raise SystemFailure(f"{what} is incomplete")
            flat = np.fromfile(file, dtype, n_bytes // dtype.itemsize)
        if flat.nbytes != n_bytes:
            raise SystemFailure(f"{what} is incomplete")
        return flat.reshape(shape, order="F" if by_columns else "C")


def blame_system(error: OSError) -> Exception:
    """Return an error in a scratch folder as a `SystemFailure`, unless the disk is full or broken."""
    if error.errno in _OURS:
        return error
    reason = error.strerror or str(error)
    return SystemFailure(f"deleted or changed its scratch folder while it ran ({reason})")
