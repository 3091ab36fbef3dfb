"""The exact length in samples of the signal in an MP4 file.

AAC is decoded in blocks of 1024 samples, and the encoder fills up the last one. The table of block lengths
says how much of that one counts; FFmpeg gives all of it, and durations elsewhere in the header are rounded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

# Boxes that hold what is looked for.
_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")


def signal_length_s(path: Path) -> Fraction | None:
    """Return the length of the first audio track without the delay in front of it, in seconds.

    Returns
    -------
    Fraction or None
        None where the file is not MP4, or in fragments, which have no such table.
    """
    with path.open("rb") as file:
        n_bytes = file.seek(0, 2)
        file.seek(0)
        if file.read(8)[4:] != b"ftyp":
            return None
        found: dict[bytes, bytes] = {}
        for name, start, end in _boxes(file, 0, n_bytes):
            if name == b"trak":
                if _is_audio(found):
                    break
                found = {}
            elif name in (b"hdlr", b"mdhd", b"stts", b"elst"):
                file.seek(start)
                found.setdefault(name, file.read(end - start))
    try:
        return _length_s(found) if _is_audio(found) else None
    except (KeyError, struct.error, ZeroDivisionError):
        return None


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the content of every box, those inside others after them."""
    while start + 8 <= end:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        n_head = 8
        if size == 1:
            size, n_head = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0], 16
        stop = start + size if size else end
        if stop > end or stop < start + n_head:
            return
        yield name, start + n_head, stop
        if name in _HOLDERS:
            yield from _boxes(file, start + n_head, stop)
        start = stop


def _is_audio(boxes: dict[bytes, bytes]) -> bool:
    return boxes.get(b"hdlr", b"")[8:12] == b"soun"


def _length_s(boxes: dict[bytes, bytes]) -> Fraction | None:
    header, table, edits = boxes[b"mdhd"], boxes[b"stts"], boxes.get(b"elst", b"")
    (per_s,) = struct.unpack(">I", header[20:24] if header[0] else header[12:16])
    (n_rows,) = struct.unpack(">I", table[4:8])
    total = sum(count * length for count, length in struct.iter_unpack(">II", table[8 : 8 + 8 * n_rows]))
    delay = 0
    if len(edits) >= 20:  # the first edit starts behind what the encoder put in front
        (delay,) = struct.unpack(">q", edits[16:24]) if edits[0] else struct.unpack(">i", edits[12:16])
    return Fraction(total - max(delay, 0), per_s) if total else None
