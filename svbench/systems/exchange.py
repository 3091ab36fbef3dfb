"""The folder in which svbench and a worker exchange audio; its content is not trusted.

svbench chooses every name. What the worker wrote is opened below the folder that was made for the request,
without following links, and read as an array of numbers or refused: never a pickle, never a device or a
pipe, never more than such an estimate can need.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from svbench.audio import Audio, Samples
from svbench.disk import remove_tree
from svbench.errors import SystemFailure

# Arrays larger than this multiple of the mixture are not read at all; other wrong lengths get a clearer
# message later. Rates, and so lengths, may differ.
_TIMES_MIXTURE = 64
_SPARE_BYTES = 1 << 20
# Errors that are not the fault of the system: the disk is full or broken.
_OURS = (None, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


class Exchange:
    """The folder of one request.

    Parameters
    ----------
    folder : Path
        To be made; its parents too, if a system has deleted them.

    Raises
    ------
    SystemFailure
        It cannot be made because of what a system did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._largest = _SPARE_BYTES
        try:
            folder.mkdir(parents=True)
            self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise blamed(error) from error

    def close(self) -> None:
        """Remove the folder."""
        os.close(self._handle)
        remove_tree(self.folder)

    def put(self, name: str, audio: Audio) -> str:
        """Write audio for the worker; return its path."""
        path = self.folder / f"{name}.npy"
        try:
            np.save(path, audio.samples)
        except OSError as error:
            raise blamed(error) from error
        self._largest = max(self._largest, _TIMES_MIXTURE * audio.samples.nbytes + _SPARE_BYTES)
        return str(path)

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
            It is no regular file of its own, no array of floating point numbers, or far too large.
        """
        return self._array(name, what, ("f4", "f8"))

    def numbers(self, name: str, what: str) -> np.ndarray[Any, Any]:
        """Read a list of numbers that the worker wrote, shape (n,); errors are those of `samples`."""
        found = self._array(name, what, ("f8", "i8"))
        if found.ndim != 1:
            raise SystemFailure(f"{what} has shape {found.shape}, expected one axis")
        return found

    def _array(self, name: str, what: str, kinds: tuple[str, ...]) -> np.ndarray[Any, Any]:
        try:
            # Not blocking, since a pipe without a writer would never open.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            handle = os.open(f"{name}.npy", flags, dir_fd=self._handle)
        except OSError as error:
            if error.errno in _OURS:
                raise
            found = "a symbolic link" if error.errno == errno.ELOOP else "not there"
            raise SystemFailure(f"{what} is {found}, expected the file that the worker writes") from error
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
            os.close(handle)
            raise SystemFailure(
                f"{what} is a link or no regular file, expected the file that the worker writes"
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
                raise SystemFailure(f"{what} is no file of samples") from error
            if dtype.str.lstrip("<=|") not in kinds:
                raise SystemFailure(f"{what}: expected a float32 or float64 array, found {dtype}")
            if any(n < 0 for n in shape):
                raise SystemFailure(f"{what} has shape {shape}")
            n_bytes = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
            if n_bytes > self._largest:
                raise SystemFailure(
                    f"{what} has shape {shape}, {n_bytes / 1e9:.3g} GB; too large to be one of this mixture"
                )
            if state.st_size - file.tell() != n_bytes:
                raise SystemFailure(f"{what} is not whole")
            flat = np.fromfile(file, dtype, n_bytes // dtype.itemsize)
        if flat.nbytes != n_bytes:
            raise SystemFailure(f"{what} is not whole")
        return flat.reshape(shape, order="F" if by_columns else "C")


def blamed(error: OSError) -> Exception:
    """Blame the system for an error in its scratch folder, unless the disk is full or broken."""
    if error.errno in _OURS:
        return error
    reason = error.strerror or str(error)
    return SystemFailure(f"deleted or changed its scratch folder while it ran ({reason})")
