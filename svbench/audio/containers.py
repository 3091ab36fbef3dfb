"""Suffixes of audio files that are read, and of other audio files that are refused by name.

What a file holds decides how it is read, not what it is called; see `svbench.audio.files`.
"""

from __future__ import annotations

from typing import NamedTuple


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
# Audio that is not read. Such files are refused, never skipped: a mixture without a stem would be wrong.
REFUSED = (
    ".3gp", ".aa", ".aax", ".amr", ".dff", ".dsf", ".dts", ".gsm", ".mkv", ".mov", ".mpc", ".ofr", ".oma",
    ".pcm", ".ra", ".raw", ".rm", ".sd2", ".shn", ".spx", ".tak", ".voc", ".vox",
)  # fmt: skip
AUDIO_SUFFIXES = (*EXTENSIONS, *REFUSED)
