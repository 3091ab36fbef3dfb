"""The files of a configuration: where they lie, and whether those of a trial are alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from svbench.audio import audio_info
from svbench.errors import SpecError
from svbench.listening.building.conditions import REFERENCE
from svbench.listening.interchange.configuration import Configuration, Page
from svbench.listening.readers.rows import is_training
from svbench.specs.listening import MOST_CONDITIONS

LONGEST_S = 30.0


@dataclass(frozen=True)
class Take:
    """What one trial is made of; ``files`` are those of the reference and the stimuli, by condition."""

    page: Page
    files: dict[str, Path]
    rate_hz: int
    n_samples: int
    n_channels: int

    @property
    def stimuli(self) -> tuple[str, ...]:
        """All conditions of the trial, the hidden reference first."""
        return (REFERENCE, *self.page.create, *(name for name in self.files if name != REFERENCE))


def find_takes(asked: Configuration, root: Path | None) -> list[Take]:
    """Find all files and check them by their heads, so that nothing is read of a test that cannot be.

    Parameters
    ----------
    asked : Configuration
    root : Path or None
        webMUSHRA's folder, which paths start from; None: looked for above the configuration.

    Returns
    -------
    list of Take
        One a page, of paired comparisons one a stimulus.

    Raises
    ------
    SpecError, AudioError
        A file that is not there, is no audio or unlike its reference, too many conditions, training alone.
    """
    places, takes = _Places(asked.path, root), list[Take]()
    for page in asked.pages:
        reference = places.find(f"{page.key}.reference", page.reference)
        files = {name: places.find(f"{page.key}.stimuli.{name}", p) for name, p in page.stimuli.items()}
        info = audio_info(reference)
        wanted = (info.n_samples, info.n_channels, info.rate_hz)
        if wanted[0] > LONGEST_S * wanted[2]:
            length = f"{reference.name} has {wanted[0] / wanted[2]:.1f} s, expected at most {LONGEST_S:g} s"
            raise SpecError(asked.path, f"{page.key}.reference", f"{length}; cut all stimuli alike")
        for name, file in files.items():
            info = audio_info(file)
            found = (info.n_samples, info.n_channels, info.rate_hz)
            if found != wanted:
                shape = "{} samples, {} channels, {} Hz"
                raise SpecError(
                    asked.path,
                    f"{page.key}.stimuli.{name}",
                    f"{file.name} has {shape.format(*found)}; its reference has {shape.format(*wanted)}, and "
                    "all of a trial are alike",
                )
        # Paired comparisons are each of one stimulus with the reference, never of two stimuli.
        groups = [files] if page.kind == "mushra" else [{name: file} for name, file in files.items()]
        takes += [
            Take(page, {REFERENCE: reference, **group}, wanted[2], wanted[0], wanted[1]) for group in groups
        ]
    for take in takes:
        n, made = len(take.stimuli), len(take.page.create)
        if n > MOST_CONDITIONS:
            raise SpecError(
                asked.path,
                f"{take.page.key}.stimuli",
                f"make {n} conditions with the hidden reference and created anchors ({made}); "
                f"BS.1534-3 allows {MOST_CONDITIONS}: leave some out",
            )
    if all(is_training(page.id) for page in asked.pages):
        raise SpecError(
            asked.path,
            "pages",
            "nothing is left to rate: all ids begin with 'train', as those of training do; rename the others",
        )
    return takes


class _Places:
    """Where the files of a configuration lie."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self.path, self.root = path, root

    def find(self, key: str, name: str) -> Path:
        """Return the file of a path as it stands at a key.

        webMUSHRA starts from its own folder, of which the configuration is mostly in ``configs``. An
        export that was not put there yet has its files beside the configuration.
        """
        given = Path(name)
        if "://" in name or given.is_absolute() or ".." in given.parts:
            raise SpecError(self.path, key, f"is {name!r}, expected a path within webMUSHRA's folder")
        home = self.path.resolve().parent
        bases = [self.root] if self.root is not None else [home, *home.parents]
        tried = [base / given for base in bases]
        if self.root is None and given.parts[:2] == ("configs", home.name):
            tried.insert(0, home.joinpath(*given.parts[2:]))
        found = next((place for place in tried if place.is_file()), None)
        if found is None:
            where = f"in {self.root}" if self.root is not None else f"in {home} or a folder above it"
            raise SpecError(
                self.path, key, f"{name}: not there {where}; say with --root where webMUSHRA's folder is"
            )
        return found
