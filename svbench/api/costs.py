"""What systems cost and how they behave: profiles, look-ahead, repeats."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svbench.api.inputs import Progress, Step, chosen_dataset, given_data, ignore, read_protocol, read_system
from svbench.datasets.api import Dataset
from svbench.errors import SpecError, SystemFailure
from svbench.results import store
from svbench.results.record import Provenance, collect
from svbench.results.scratch import scratch_folder
from svbench.scoring.pool import n_cores
from svbench.specs.protocol import Protocol
from svbench.specs.system import LocatedSystem

if TYPE_CHECKING:
    from svbench.cost.repeats import Repeated
    from svbench.results.profile import Device, Profile


def profile(
    system: str | Path | LocatedSystem,
    *,
    seconds: Sequence[float] = (10.0, 60.0, 240.0),
    repeats: int = 3,
    threads: Sequence[int] | None = None,
    device: Device = "cpu",
    random_weights: bool = False,
    out: str | Path | None = None,
    progress: Progress = ignore,
    provenance: Provenance | None = None,
) -> Profile:
    """Measure what a system costs: time, memory, size, operations.

    Parameters
    ----------
    system : str, Path or LocatedSystem
    seconds : sequence of float
        Durations of the inputs, in seconds.
    repeats : int
        Timed calls on each input.
    threads : sequence of int, optional
        Numbers of threads, each pinned to as many cores; 1 and all cores by default.
    device : {"cpu", "cuda"}
    random_weights : bool
        As in `evaluate`.
    out : path, optional
        A JSON file to write; reports look for it in ``profiles`` beside the runs.
    progress, provenance
        As in `evaluate`.

    Returns
    -------
    Profile

    Raises
    ------
    SystemFailure
        The system cannot be loaded or fails on the input.
    """
    from svbench.cost.resources import measure_profile

    located = read_system(system, random_weights=random_weights)
    counts = sorted(set(threads or [1, n_cores()]))
    durations = sorted(set(seconds))
    total = len(counts) * (2 + repeats * len(durations)) + 1
    file = None if out is None else Path(out)
    place = file.parent if file else Path(tempfile.gettempdir())
    place.mkdir(parents=True, exist_ok=True)
    with scratch_folder(place) as scratch:
        measured = measure_profile(
            located,
            provenance or collect(["svbench.profile"], {"system": located.spec.id}),
            scratch,
            lambda text: progress(Step(total, f"{located.spec.id} · {text}")),
            seconds=durations, repeats=repeats, threads=counts, device=device,
        )  # fmt: skip
    if file:
        store.write_record(file, measured)
    return measured


def lookahead(
    systems: Sequence[str | Path | LocatedSystem],
    data: str | Path | Dataset | None = None,
    *,
    track: str | None = None,
    duration_s: float = 20.0,
    drift_s: float = 600.0,
    threshold_db: float = -120.0,
    random_weights: bool = False,
    progress: Progress = ignore,
) -> list[dict[str, Any]]:
    """Measure how far systems hear ahead, and whether streaming ones keep up.

    Parameters
    ----------
    systems : sequence of str, Path or LocatedSystem
    data : str, Path or Dataset, optional
        As in `evaluate`: measure on its first track, or on ``track``; on synthetic music by default.
    track : str, optional
    duration_s : float
        How much of the track.
    drift_s : float
        How long to feed streaming systems; 0: only once through the track.
    threshold_db : float
        Changes of the output below this, relative to its peak, do not count.
    random_weights, progress
        As in `evaluate`.

    Returns
    -------
    list of dict
        For each system ``system``, ``problem`` and ``failed``; for those that did not fail also ``material``,
        ``lookahead`` (`svbench.cost.lookahead.Lookahead`) and ``stream`` (`StreamReport` or None).

    Raises
    ------
    SpecError
        ``track`` without ``data``, or a setting out of range.
    """
    from svbench.cost.lookahead import lookahead_and_stream
    from svbench.cost.streaming import synthetic_material, track_material

    located = [read_system(s, random_weights=random_weights) for s in systems]
    if track and data is None:
        raise SpecError("track", "", f"names {track!r}, but there is no data to find it in; give a data set")
    if duration_s < 1:
        raise SpecError("duration_s", "", f"is {duration_s:g}; it must be at least 1 s")
    if not threshold_db < 0:
        raise SpecError("threshold_db", "", f"is {threshold_db:g}; it must be negative")
    if data is None:
        material = synthetic_material(duration_s)
    else:
        dataset = chosen_dataset(given_data(data), None, [track] if track else [])
        material = track_material(dataset.tracks[0], duration_s)
    measured: list[dict[str, Any]] = []
    for one in located:
        progress(Step(len(located), "", (f"{one.spec.id} on {material.name}",)))
        try:
            measured.append(lookahead_and_stream(one, material, threshold_db=threshold_db, drift_s=drift_s))
        except SystemFailure as error:
            measured.append({"system": one.spec.id, "problem": str(error), "failed": True})
    return measured


def repeat(
    systems: Sequence[str | Path | LocatedSystem],
    data: str | Path | Dataset,
    protocol: str | Path | Protocol,
    *,
    tracks: Sequence[str] = (),
    n_tracks: int = 2,
    passes: int = 2,
    progress: Progress = ignore,
) -> tuple[list[Repeated], dict[str, str]]:
    """Run tracks several times, each time in a fresh process, and compare what comes out.

    Parameters
    ----------
    systems, data, protocol
        As in `evaluate`.
    tracks : sequence of str, optional
        These tracks; by default the first ``n_tracks``.
    n_tracks, passes : int
    progress : callable, optional

    Returns
    -------
    list of Repeated, dict of str to str
        A result for each system; and why others failed, by their ids.
    """
    from svbench.cost.repeats import repeat_tracks

    given, rule = given_data(data), read_protocol(protocol)
    located = [read_system(s) for s in systems]
    dataset = chosen_dataset(given, None, tracks)
    if not tracks:
        dataset = replace(dataset, tracks=dataset.tracks[:n_tracks])
    total = len(located) * len(dataset.tracks) * passes
    repeated: list[Repeated] = []
    failed: dict[str, str] = {}
    for one in located:

        def report(track: str, system: str = one.spec.id) -> None:
            progress(Step(total, f"{system} · {track}"))

        with scratch_folder(Path(tempfile.gettempdir())) as scratch:
            try:
                repeated.append(repeat_tracks(one, rule, dataset, scratch, n_passes=passes, on_step=report))
            except SystemFailure as error:
                failed[one.spec.id] = str(error)
    return repeated, failed
