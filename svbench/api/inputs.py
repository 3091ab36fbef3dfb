"""Inputs as people give them – ids, paths, functions, data sets – and how progress is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from svbench.api.results import Results, results_of
from svbench.datasets.api import Dataset, open_dataset
from svbench.errors import DataError, SpecError
from svbench.results import store
from svbench.specs.manifest import load_manifest
from svbench.specs.protocol import Protocol, load_protocol
from svbench.specs.system import LocatedSystem, load_system, permitted, unlimited
from svbench.systems.in_process import Separate, callable_system

System = str | Path | LocatedSystem | Separate
Runs = Results | store.Run | str | Path | Iterable[store.Run | str | Path]


class Step(NamedTuple):
    """A piece of work that is done.

    Attributes
    ----------
    total : int
        How many steps there are in all.
    text : str
        What was done; empty when only ``messages`` are to be passed on.
    messages : tuple of str
        What the user should read, such as why a track failed.
    is_new : bool
        False where an earlier result was kept, which cost no time.
    """

    total: int
    text: str
    messages: tuple[str, ...] = ()
    is_new: bool = True


Progress = Callable[[Step], None]


def ignore(step: Step) -> None:
    """Report no progress."""
    del step


def listed(given: Any) -> list[Any]:
    """Make a list of one thing or several."""
    return list(given) if isinstance(given, list | tuple) else [given]


def read_run(given: store.Run | str | Path) -> store.Run:
    """Read a run, unless it has been read already."""
    return given if isinstance(given, store.Run) else store.load_run(given)


def only_run(given: store.Run | str | Path) -> store.Run:
    """Read the one run that is meant; a folder may hold it."""
    runs = results_of(given)
    if len(runs) > 1:
        raise DataError(f"{given}: holds {len(runs)} runs; name one of them, e.g. {runs[0].path}")
    return runs[0]


def read_protocol(given: str | Path | Protocol) -> Protocol:
    """Load a protocol by id or path, unless it is one already."""
    return given if isinstance(given, Protocol) else load_protocol(given)


def read_system(
    given: Any,
    *,
    name: str | None = None,
    random_weights: bool = False,
    limits: bool = True,
    check_weights: bool = True,
) -> LocatedSystem:
    """Load a system as it may be measured."""
    if callable(given):
        return callable_system(given, name)
    if not isinstance(given, str | Path | LocatedSystem):
        raise SpecError("system", "", f"expected an id, a system file or a function, found {given!r}")
    located = given if isinstance(given, LocatedSystem) else load_system(given)
    if check_weights:
        located = permitted(located, random_weights=random_weights)
    return located if limits else unlimited(located)


def located_data(given: str | Path) -> tuple[str, Path]:
    """Return a manifest's id or path, and the folder of the recordings."""
    text = str(given)
    if text == "demo":
        from svbench.datasets.demo import DEMO_ID, demo_root

        return DEMO_ID, demo_root()
    name, equals, path = text.partition("=")
    if isinstance(given, Path) or (not equals and Path(text).expanduser().is_dir()):
        name, path = "folder", text
    if not name or not path:
        raise SpecError(
            "data",
            "",
            f"expected MANIFEST=PATH (e.g. folder=my_music), a folder or demo, found {text!r}",
        )
    root = Path(path).expanduser()
    if not root.is_dir():
        raise SpecError("data", "", f"{path}: no such folder")
    return name, root


def given_data(data: str | Path | Dataset) -> Dataset | tuple[str, Path]:
    """Check that there is such data, without opening it yet."""
    return data if isinstance(data, Dataset) else located_data(data)


def chosen_dataset(given: Dataset | tuple[str, Path], subset: str | None, tracks: Sequence[str]) -> Dataset:
    """Open a data set, or choose from one that is open; a single name stands for a list of one."""
    tracks = listed(tracks)
    if isinstance(given, Dataset):
        if subset or tracks:
            return open_dataset(given.manifest, given.root, subset=subset or given.subset, tracks=tracks)
        return given
    return open_dataset(load_manifest(given[0]), given[1], subset=subset, tracks=tracks)
