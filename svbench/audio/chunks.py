"""How much audio the header of a WAV or AIFF file promises, compared with what the file holds.

libsndfile quietly shortens a file that was cut off to what is there, so its header must be read here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from svbench.errors import AudioError

_ORDER = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}
_BODY = {b"WAVE": (b"data", 0), b"AIFF": (b"SSND", 8), b"AIFC": (b"SSND", 8)}
# Whole frames of these lie one after the other: PCM, float, A-law, µ-law, and "see the extension".
_PLAIN = (1, 3, 6, 7, 0xFFFE)


def refuse_truncated(path: Path) -> None:
    """Raise AudioError if a WAV or AIFF file ends before its header says.

    A program that writes into a pipe cannot know the size; the sizes it puts there are no promise.

    Raises
    ------
    AudioError
        It ends early, by one sample or more.
    """
    with path.open("rb") as file:
        promise = _promise(file)
        if promise is None:
            return
        promised, start, n_frame_bytes = promise
        held = max(file.seek(0, 2) - start, 0)
    unit = "samples" if n_frame_bytes else "bytes of audio"
    n_promised, n_held = promised // (n_frame_bytes or 1), held // (n_frame_bytes or 1)
    if n_held < n_promised:
        raise AudioError(
            f"{path}: its header promises {n_promised} {unit}, the file holds {n_held}; "
            "the file is truncated or damaged"
        )


def _promise(file: BinaryIO) -> tuple[int, int, int] | None:
    """Return the bytes of audio promised, where they start, and bytes per frame (0: not known)."""
    name, _, kind = struct.unpack("4s4s4s", file.read(12).ljust(12))
    if name not in _ORDER or kind not in _BODY:
        return None
    order = _ORDER[name]
    body, n_before = _BODY[kind]
    large = n_frame_bytes = 0
    for chunk, size in _chunks(file, order):
        if chunk == body:
            if size == 0xFFFFFFFF and large:
                size = large
            return None if _is_unknown(size) else (size - n_before, file.tell() + n_before, n_frame_bytes)
        head = file.read(min(size, 24))
        if chunk == b"ds64" and len(head) >= 16:
            large = struct.unpack("<Q", head[8:16])[0]
        elif chunk == b"fmt " and len(head) >= 16:
            tag, align = struct.unpack(order + "H10xH", head[:14])
            n_frame_bytes = align if tag in _PLAIN else 0
        elif chunk == b"COMM" and len(head) >= 8 and (kind == b"AIFF" or head[18:22] in (b"NONE", b"sowt")):
            n_channels, n_bits = struct.unpack(">H4xH", head[:8])
            n_frame_bytes = n_channels * ((n_bits + 7) // 8)
        file.seek(size - len(head), 1)
    return None


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """Yield names and sizes; the reader leaves the file at a chunk's end, a padding byte is skipped."""
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack(order + "4sI", head)
        yield name, size
        file.seek(size % 2, 1)


def _is_unknown(size: int) -> bool:
    """Whether a size is what programs put that cannot know: none, or about the largest of 32 or 31 bits.

    Examples
    --------
    >>> [_is_unknown(n) for n in (0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 44100, 5 << 32)]
    [True, True, True, True, False, False]
    """
    return size == 0 or 0xFFFFFF00 <= size <= 0xFFFFFFFF or 0x7FFFF000 <= size <= 0x7FFFFFFF
