"""Keep decoded samples outside the heap, in an unnamed temporary file that is mapped into memory.

Eight stereo files of four minutes are 0.7 GB as float32. Mapped, the system may drop or write out what is
not being read, and nothing is left behind when the process ends, however it ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from svbench.errors import AudioError


def stored(
    blocks: Iterable[NDArray[Any]], dtype: type[np.generic], n_channels: int, path: Path
) -> NDArray[Any]:
    """Write blocks of samples one after the other and map them.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n, n_channels)
    dtype : type
    n_channels : int
    path : Path
        What is decoded, for the message.

    Returns
    -------
    ndarray, shape (n_samples, n_channels), read-only

    Raises
    ------
    AudioError
        The disk is full.
    """
    with tempfile.TemporaryFile(prefix="svbench-") as file:
        for block in blocks:
            samples = np.ascontiguousarray(block, dtype)
            try:
                file.write(samples.data)
            except OSError as error:
                raise AudioError(
                    f"{path}: its decoded samples do not fit into {tempfile.gettempdir()} "
                    f"({error.strerror}); free disk space, or set TMPDIR to another folder"
                ) from error
        return mapped(file, dtype, n_channels)


def mapped(file: IO[bytes], dtype: type[np.generic], n_channels: int) -> NDArray[Any]:
    """Map a file of interleaved samples; the array stays when the file is closed."""
    file.flush()
    n_samples = file.seek(0, 2) // (np.dtype(dtype).itemsize * n_channels)
    if not n_samples:  # nothing cannot be mapped
        return np.zeros((0, n_channels), dtype)
    return np.memmap(file, dtype, "r", shape=(n_samples, n_channels))


def fill(out: NDArray[Any], samples: NDArray[Any]) -> None:
    """Copy samples; whole numbers become fractions of full scale where ``out`` is floating point.

    Examples
    --------
    >>> out = np.empty(2)
    >>> fill(out, np.array([-32768, 16384], np.int16)); out
    array([-1. ,  0.5])
    """
    if samples.dtype.kind == "i" and out.dtype.kind == "f":
        np.multiply(samples, 2.0 ** (1 - 8 * samples.dtype.itemsize), out=out, casting="same_kind")
    else:
        out[...] = samples
