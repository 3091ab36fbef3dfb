"""What a folder looks like that is not of the layout asked for."""

from __future__ import annotations

from pathlib import Path

from svbench.naming.listing import audio_files
from svbench.naming.names import target_named
from svbench.specs.manifest import ManifestHead

# A file or folder that only this data set has, what to call it, and a manifest that reads it.
LOOKS = (
    ("*.stem.mp4", "MUSDB18 (*.stem.mp4)", "musdb18", "musdb18"),
    ("*/*.stem.mp4", "MUSDB18 (*.stem.mp4)", "musdb18", "musdb18"),
    ("Mixtures/../Sources", "DSD100 (Mixtures/, Sources/)", "dsd100", "dsd100"),
    ("*/data.json", "MoisesDB (<uuid>/data.json)", "moisesdb", "moisesdb"),
    ("*/*/data.json", "MoisesDB (<uuid>/data.json)", "moisesdb", "moisesdb"),
    ("*/*_STEMS", "MedleyDB (<track>_STEMS/)", "medleydb", "medleydb"),
    ("*/*/*_STEMS", "MedleyDB (<track>_STEMS/)", "medleydb", "medleydb"),
    ("Wavfile/*.wav", "iKala or MIR-1K (Wavfile/)", "channels", "ikala"),
    ("*/*/vocals.wav", "MUSDB18-HQ (<subset>/<track>/vocals.wav)", "folder", "musdb18-hq"),
    ("*/vocals.*", "a plain folder of tracks (<track>/vocals.wav)", "folder", "folder"),
)


def other_layout(root: Path, head: ManifestHead) -> str:
    """Say which other layout the folder looks like; empty where it looks like none."""
    for pattern, looks, layout, manifest in LOOKS:
        if layout != head.layout and _has(root, pattern):
            return f"; it looks like {looks}: use the manifest {manifest}"
    return ""


def hint(root: Path, head: ManifestHead) -> str:
    """Say what is in the folder instead of tracks."""
    if not any(root.iterdir()):
        return "; the folder is empty"
    here = [p.name for p in audio_files(root) if target_named(p.stem, head.stems)]
    if here:
        return f"; {here[0]} lies directly in it: give the folder above, which holds one folder per track"
    stems = ", ".join(head.stems)
    return f"; expected one folder per track with audio files named after the stems ({stems})"


def _has(root: Path, pattern: str) -> bool:
    first, both, second = pattern.partition("/../")
    if both:
        return (root / first).is_dir() and (root / second).is_dir()
    return next(root.glob(pattern), None) is not None
