"""Know audio containers: which suffixes are read, and how much audio a file's header promises.

The suffix decides which files of a folder are audio; what a file holds decides how it is read, see
`svbench.audio.files`.

libsndfile silently shortens a truncated file to what is there, so the promised length must be read here: from
the headers of WAV (RIFF, RIFX, RF64, BW64), Wave64, AIFF, CAF and AU, and from the last page of Ogg.

In MP4 files AAC is coded in blocks of 1024 samples, and the encoder fills up the last one. The table of block
lengths says how much of the last block counts. FFmpeg returns all of it, and the other durations in the
header are rounded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

from svbench.errors import AudioError

# Audio that is not read. Such files are refused, never skipped: a mixture without a stem would be wrong.
REFUSED = (
    ".3gp", ".aa", ".aax", ".amr", ".dff", ".dsf", ".dts", ".gsm", ".mkv", ".mov", ".mpc", ".ofr", ".oma",
    ".pcm", ".ra", ".raw", ".rm", ".sd2", ".shn", ".spx", ".tak", ".voc", ".vox",
)  # fmt: skip

_ORDER = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}

_BODY = {b"WAVE": (b"data", 0), b"AIFF": (b"SSND", 8), b"AIFC": (b"SSND", 8)}

# Whole frames of these lie one after the other: PCM, float, A-law, µ-law, and "see the extension".
_PLAIN = (1, 3, 6, 7, 0xFFFE)

# Bytes per sample by AU's number of the encoding: µ-law, 8 to 32 bit, float, double, A-law.
_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}

# How chunk names of Wave64 go on; the name of the file's outer chunk differs.
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")

_W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")

# Boxes that contain the boxes with the length of the signal.
_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")


class Container(NamedTuple):
    """A kind of audio file.

    Attributes
    ----------
    title : str
    suffixes : tuple of str
        In lower case, with the dot.
    needs_ffmpeg : bool
        Whether libsndfile reads none of them, so that PyAV or ffmpeg must be there.
    """

    title: str
    suffixes: tuple[str, ...]
    needs_ffmpeg: bool = False


CONTAINERS = (
    Container("WAV, RF64, BW64", (".wav", ".wave", ".bwf", ".rf64")),
    Container("Wave64", (".w64",)),
    Container("AIFF, AIFC", (".aiff", ".aif", ".aifc")),
    Container("AU", (".au", ".snd")),
    Container("CAF", (".caf",)),
    Container("FLAC", (".flac",)),
    Container("Ogg", (".ogg", ".oga", ".opus")),
    Container("MPEG audio", (".mp3", ".mp2")),
    Container("MP4", (".m4a", ".mp4", ".m4b"), needs_ffmpeg=True),
    Container("ADTS", (".aac",), needs_ffmpeg=True),
    Container("Windows Media", (".wma",), needs_ffmpeg=True),
    Container("Matroska, WebM", (".mka", ".webm"), needs_ffmpeg=True),
    Container("WavPack", (".wv",), needs_ffmpeg=True),
    Container("True Audio", (".tta",), needs_ffmpeg=True),
    Container("Monkey's Audio", (".ape",), needs_ffmpeg=True),
    Container("AC-3", (".ac3", ".eac3"), needs_ffmpeg=True),
)

EXTENSIONS = tuple(suffix for container in CONTAINERS for suffix in container.suffixes)
AUDIO_SUFFIXES = (*EXTENSIONS, *REFUSED)


class _Promise(NamedTuple):
    """Bytes of audio that a header promises, where they start, and bytes per frame (0: not known)."""

    n_bytes: int
    start: int
    n_frame_bytes: int


def refuse_truncated(path: Path) -> None:
    """Raise AudioError if a file ends before its header says.

    A program that writes into a pipe cannot know the size; the sizes it puts there are no promise.

    Raises
    ------
    AudioError
        It ends early, by one sample or more; or it is Ogg and several recordings in one.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic == b"OggS":
            _refuse_open_ogg(file, path)
            return
        read = {b"riff": _wave64, b"caff": _caf, b".snd": _au}.get(magic, _riff)
        promise = read(file)
        if promise is None:
            return
        held = max(file.seek(0, 2) - promise.start, 0)
    unit = "samples" if promise.n_frame_bytes else "bytes of audio"
    n_promised, n_held = (n // (promise.n_frame_bytes or 1) for n in (promise.n_bytes, held))
    if n_held < n_promised:
        raise AudioError(
            f"{path}: its header promises {n_promised} {unit}, the file holds {n_held}; "
            "the file is truncated or damaged"
        )


def _riff(file: BinaryIO) -> _Promise | None:
    """Read WAV and AIFF."""
    name, _, kind = struct.unpack("4s4s4s", file.read(12).ljust(12))
    if name not in _ORDER or kind not in _BODY:
        return None
    order = _ORDER[name]
    body, n_before = _BODY[kind]
    large = n_frame_bytes = 0
    for chunk, size, start in _chunks(file, order + "4sI", multiple=2):
        if chunk == body:
            if size == 0xFFFFFFFF and large:  # RF64 and BW64 state the length in the chunk ds64
                size = large
            if _is_unknown(size):
                return None
            return _Promise(max(size - n_before, 0), start + n_before, n_frame_bytes)
        head = file.read(min(size, 24))
        if chunk == b"ds64" and len(head) >= 16:
            large = struct.unpack("<Q", head[8:16])[0]
        elif chunk == b"fmt " and len(head) >= 16:
            n_frame_bytes = _frame_bytes(head, order)
        elif chunk == b"COMM" and len(head) >= 8 and (kind == b"AIFF" or head[18:22] in (b"NONE", b"sowt")):
            n_channels, n_bits = struct.unpack(">H4xH", head[:8])
            n_frame_bytes = n_channels * ((n_bits + 7) // 8)
    return None


def _wave64(file: BinaryIO) -> _Promise | None:
    """Read Wave64: chunks with names of 16 bytes and sizes of 8, the head included, at multiples of 8."""
    head = file.read(40)
    if len(head) < 40 or head[:16] != _W64_RIFF or head[24:] != b"wave" + _W64_TAIL:
        return None
    n_frame_bytes = 0
    for chunk, size, start in _chunks(file, "<16sQ", multiple=8, n_counted=24):
        # ffmpeg writes its largest number into a pipe.
        if size < 0 or (chunk == b"data" + _W64_TAIL and size + 24 >= 1 << 62):
            return None
        if chunk == b"data" + _W64_TAIL:
            return _Promise(size, start, n_frame_bytes)
        if chunk == b"fmt " + _W64_TAIL and len(body := file.read(16)) == 16:
            n_frame_bytes = _frame_bytes(body, "<")
    return None


def _caf(file: BinaryIO) -> _Promise | None:
    """Read CAF; its audio follows a count of edits, and -1 is the size of what goes on to the end."""
    file.seek(8)
    n_frame_bytes = 0
    for chunk, size, start in _chunks(file, ">4sq"):
        if chunk == b"data" and size >= 4:
            return _Promise(size - 4, start + 4, n_frame_bytes)
        if chunk == b"data" or size < 0:
            return None
        if chunk == b"desc" and len(body := file.read(min(size, 32))) >= 24:
            n_bytes, n_frames = struct.unpack(">II", body[16:24])
            n_frame_bytes = n_bytes if n_frames == 1 else 0
    return None


def _chunks(
    file: BinaryIO, head: str, multiple: int = 1, n_counted: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, size and start of each chunk's content.

    ``head`` is the format of name and size, ``multiple`` what contents are filled up to, and ``n_counted``
    how many bytes of the head the size includes.
    """
    n_head = struct.calcsize(head)
    while len(read := file.read(n_head)) == n_head:
        name, size = struct.unpack(head, read)
        start = file.tell()
        yield name, size - n_counted, start
        file.seek(start + -(-(size - n_counted) // multiple) * multiple)


def _frame_bytes(fmt: bytes, order: str) -> int:
    """Return the bytes of a frame, from the head of a WAV file's chunk ``fmt``; 0 of coded audio."""
    tag, align = struct.unpack(order + "H10xH", fmt[:14])
    return align if tag in _PLAIN else 0


def _au(file: BinaryIO) -> _Promise | None:
    """Read AU."""
    head = file.read(24)
    if len(head) < 24:
        return None
    start, size, encoding, _, n_channels = struct.unpack(">IIIII", head[4:])
    return None if size == 0xFFFFFFFF else _Promise(size, start, _AU_BYTES.get(encoding, 0) * n_channels)


def _refuse_open_ogg(file: BinaryIO, path: Path) -> None:
    """Raise AudioError unless the last page is whole and says that it is the last one.

    Pages of one link of a chain follow those of another; decoders differ in what they make of that.
    """
    n_bytes = file.seek(0, 2)
    position = n_ended = 0
    flags = 0
    while position < n_bytes:
        file.seek(position)
        head = file.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            break
        flags = head[5]
        if flags & 2 and n_ended:
            raise AudioError(
                f"{path}: several recordings one after the other in one file; keep one, or write them as one"
            )
        n_ended += bool(flags & 4)
        lengths = file.read(head[26])
        position += 27 + len(lengths) + sum(lengths)
    if position != n_bytes or not flags & 4:
        raise AudioError(f"{path}: ends before its last page; the file is truncated or damaged")


def _is_unknown(size: int) -> bool:
    """Whether a size was written by a program that did not know it: 0, or about the largest of 32 or 31 bits.

    Examples
    --------
    >>> [_is_unknown(n) for n in (0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 44100, 5 << 32)]
    [True, True, True, True, False, False]
    """
    return size == 0 or 0xFFFFFF00 <= size <= 0xFFFFFFFF or 0x7FFFF000 <= size <= 0x7FFFFFFF


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
        boxes: dict[bytes, bytes] = {}  # of the present track
        for name, start, end in _boxes(file, 0, n_bytes):
            if name == b"trak":
                if _is_audio(boxes):
                    break
                boxes = {}
            elif name in (b"hdlr", b"mdhd", b"stts", b"elst"):
                file.seek(start)
                boxes.setdefault(name, file.read(end - start))
    try:
        return _length_s(boxes) if _is_audio(boxes) else None
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
