"""Scores of estimates that exist already: score them, check them against other tools, import them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from numpy.typing import NDArray

from svbench.api.inputs import Progress, Step, ignore, located_data, read_protocol, read_run
from svbench.api.results import Results, Run, results_of
from svbench.errors import DataError, SpecError
from svbench.results import store
from svbench.results.aggregate import TrackScore
from svbench.results.record import Provenance, collect
from svbench.results.scratch import scratch_folder
from svbench.scoring.pool import ScoringPool, n_cores, scoring_pool
from svbench.specs.protocol import Protocol

if TYPE_CHECKING:
    from svbench.crosscheck.crosscheck import Crosscheck
    from svbench.results.scores import TrackResult


@overload
def score(
    references: Mapping[str, NDArray[Any]],
    estimates: Mapping[str, NDArray[Any]],
    protocol: str | Path | Protocol = ...,
    *,
    rate_hz: int,
    mixture: NDArray[Any] | None = ...,
) -> list[TrackScore]: ...


@overload
def score(
    references: str | Path,
    estimates: str | Path,
    protocol: str | Path | Protocol = ...,
    *,
    name: str | None = ...,
    out: str | Path | None = ...,
    workers: int | None = ...,
    progress: Progress = ...,
    provenance: Provenance | None = ...,
) -> Run: ...


def score(
    references: Any,
    estimates: Any,
    protocol: str | Path | Protocol = "sisec18",
    *,
    rate_hz: int | None = None,
    mixture: NDArray[Any] | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    progress: Progress = ignore,
    provenance: Provenance | None = None,
) -> Run | list[TrackScore]:
    """Score estimates that exist already: two folders, or the arrays of one track.

    Parameters
    ----------
    references, estimates : path, or mapping of str to ndarray, shape (n_samples, n_channels)
        Folders of ``<track>/<target>.wav``; or the signals of each target.
    protocol : str, Path or Protocol
        Id or TOML file.
    rate_hz : int
        Of the arrays.
    mixture : ndarray, shape (n_samples, n_channels), optional
        For arrays, where the protocol needs it.
    name : str, optional
        What to call the estimates; the folder's name by default.
    out : path, optional
        Also keep the scores as a run in this folder of runs.
    workers, progress, provenance
        As in `evaluate`; for folders.

    Returns
    -------
    Run or list of TrackScore
        A run for folders; for arrays a score of each target set, target and quantity.

    Raises
    ------
    DataError
        The folders cannot be paired, or no target set of the protocol has all its estimates.
    AudioError
        Arrays are not what is asked for above.
    SpecError, UnknownNameError
        No such protocol.

    Examples
    --------
    >>> import numpy as np, svbench
    >>> noise = np.random.default_rng(0).standard_normal((8000, 2))
    >>> references = {"vocals": noise, "accompaniment": noise[::-1]}
    >>> estimates = {target: 0.9 * signal for target, signal in references.items()}
    >>> for s in svbench.score(references, estimates, "mdx21", rate_hz=8000):
    ...     print(s.target, s.metric, round(s.score, 2))
    vocals uSDR 20.0
    accompaniment uSDR 20.0
    """
    if isinstance(references, Mapping):
        from svbench.scoring.arrays import score_arrays

        if rate_hz is None:
            raise SpecError("rate_hz", "", "is needed for arrays; give their sampling rate, such as 44100")
        return score_arrays(references, estimates, rate_hz=rate_hz, protocol=protocol, mixture=mixture)
    rule, folder = read_protocol(protocol), Path(estimates)
    provenance = provenance or collect(
        ["svbench.score"], {"references": str(references), "estimates": str(estimates)}
    )
    with scoring_pool(workers or n_cores()) as pool:
        run = _scored(Path(references), folder, rule, name, pool, provenance, progress)
    if out is not None:
        run = _kept(run, Path(out))
    return results_of(run)[0]


class Checked(NamedTuple):
    """Scores, how they compare with those of the original tools, and what was not compared."""

    run: Run
    crosscheck: Crosscheck
    left_out: list[str]


def crosscheck_scores(
    run: store.Run | str | Path,
    estimates: str | Path | None = None,
    *,
    protocol: str | Path | Protocol | None = None,
    data: str | Path | None = None,
    tracks: Sequence[str] = (),
    progress: Progress = ignore,
    provenance: Provenance | None = None,
) -> Checked:
    """Score the same audio with museval, mir_eval or plain numpy, and compare frame by frame.

    Parameters
    ----------
    run : Run or path
        A run with kept estimates; with ``estimates``, a folder of references as for `score`.
    estimates : path, optional
        A folder of estimates.
    protocol : str, Path or Protocol, optional
        For two folders; ``sisec18`` by default.
    data : str or path, optional
        For a run: where its recordings are now, as in `evaluate`.
    tracks : sequence of str, optional
        Only these tracks. museval takes minutes and gigabytes for a song.
    progress, provenance
        As in `evaluate`.

    Returns
    -------
    Checked
        ``crosscheck.agrees(1e-5)`` is the verdict.

    Raises
    ------
    SpecError
        Options that belong to the other kind of input.
    DataError
        The run keeps no estimates, or its recordings are not there.
    """
    from svbench.crosscheck import crosscheck as checks
    from svbench.printing.numbers import clock

    if estimates is not None:
        if data is not None:
            raise SpecError(
                "data",
                "",
                "cannot be given with two folders; use it with a run whose recordings have moved",
            )
        references, folder, rule = Path(str(run)), Path(estimates), read_protocol(protocol or "sisec18")
        made_by = provenance or collect(["svbench.crosscheck"], {})
        with scoring_pool(n_cores()) as pool:
            checked = _scored(references, folder, rule, None, pool, made_by, ignore)
        signals_of = checks.folder_signals(references, folder, rule)
    else:
        if protocol is not None:
            raise SpecError(
                "protocol",
                "",
                "cannot be given for a run, which is checked under its own protocol; use it with two folders",
            )
        checked = read_run(run)
        signals_of = checks.run_signals(checked, None if data is None else located_data(data))
    results, left_out = checks.results_to_check(checked, tracks)
    seconds = checks.seconds_of_museval(results, checked.record.protocol)
    if seconds > 10:
        advice = "select tracks with --track"
        text = f"museval will take about {clock(seconds)} for {len(results)} tracks, using one core; {advice}"
        progress(Step(len(results), "", (text,)))
    comparison = checks.crosscheck(
        checked, results, signals_of, on_step=lambda text: progress(Step(len(results), text))
    )
    return Checked(results_of(checked)[0], comparison, left_out)


def import_scores(
    folder: str | Path,
    *,
    out: str | Path = "runs",
    system: str | None = None,
    protocol: str | Path | Protocol = "sisec18",
    subset: str | None = None,
    oracles: Sequence[str] = (),
    data_of: store.Run | str | Path | None = None,
    provenance: Provenance | None = None,
) -> tuple[Results, Sequence[str]]:
    """Turn score files of museval into runs that can be compared and reported like any other.

    Parameters
    ----------
    folder : path
        JSON files of one system, or a folder of such files for each of many.
    out : path
        Folder of runs to write to.
    system : str, optional
        Name of a single system; its folder's by default.
    protocol : str, Path or Protocol
        The rule by which the scores were made.
    subset : str, optional
        Only files in folders of this name.
    oracles : sequence of str
        Systems that saw the references, so they take no rank.
    data_of : Run or path, optional
        A run on the very recordings that the files were scored on.
    provenance : Provenance, optional

    Returns
    -------
    Results, sequence of str
        The imported runs; and a sentence for each file that could not be imported.
    """
    from svbench.results.museval_import import ImportRequest, import_museval
    from svbench.scoring.bound import bind

    rule = read_protocol(protocol)
    imported = import_museval(
        ImportRequest(
            folder=Path(folder),
            out=Path(out),
            protocol=rule,
            quantities=bind(rule).quantities,
            provenance=provenance or collect(["svbench.import_scores"], {"folder": str(folder)}),
            system=system,
            subset=subset,
            oracles=tuple(oracles),
            data=None if data_of is None else read_run(data_of),
        )
    )
    return Results(store.load_run(path) for path in imported.folders), imported.findings


def write_synthetic_data(out: str | Path, *, n_tracks: int = 3, seconds: int = 30) -> int:
    """Write synthetic tracks and the pattern clips of ``generalisation``, the same on every machine.

    Parameters
    ----------
    out : path
        A new or empty folder; tracks go to ``tracks/<track>/<stem>.wav``, clips to ``clips/<part>/<class>``.
    n_tracks, seconds : int
        How many tracks, and how long each is.

    Returns
    -------
    int
        The number of clips.

    Raises
    ------
    DataError
        The folder is not empty.
    """
    from svbench.audio import write_audio
    from svbench.datasets.synthetic import synthetic_track, write_folder
    from svbench.probes.patterns.clips import KIT, PARTS, load_clips, part_of
    from svbench.probes.patterns.kit import kit_clip
    from svbench.probes.patterns.sets import SEED

    place = Path(out)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise DataError(f"{place}: is not an empty folder; choose a new one")
    for number in range(1, n_tracks + 1):
        write_folder(place / "tracks", {f"track {number}": synthetic_track(number, duration_s=seconds)})
    clips = load_clips(KIT)
    for part in PARTS[:3]:
        for pattern, chosen in part_of(clips, part, SEED).items():
            folder = place / "clips" / part / pattern
            folder.mkdir(parents=True)
            for clip in chosen:
                path = folder / f"{clip.number:02}.wav"
                write_audio(path, kit_clip(pattern, clip.number), subtype="PCM_16")
    return sum(map(len, clips.by_class.values()))


def _scored(
    references: Path,
    estimates: Path,
    protocol: Protocol,
    name: str | None,
    pool: ScoringPool,
    provenance: Provenance,
    progress: Progress,
) -> store.Run:
    from svbench.scoring.folders import score_folders

    def report(result: TrackResult, n_tracks: int) -> None:
        messages = [f"{result.track} FAILED: {result.reason}"] if result.status == "failed" else []
        messages += [f"{result.track}: warning: {note}" for note in result.data_notes]
        progress(Step(n_tracks, result.track, tuple(messages)))

    return score_folders(
        references, estimates, protocol,
        system=name or estimates.resolve().name, pool=pool, provenance=provenance, report=report,
    )  # fmt: skip


def _kept(run: store.Run, out: Path) -> store.Run:
    """Write scores as a run folder, in the place of an earlier one of its name."""
    out.mkdir(parents=True, exist_ok=True)
    name = store.run_name(run.record.system, run.record.protocol, run.record.data.digest)
    with scratch_folder(out) as aside:
        store.write_run(aside / name, run.record, run.results)
        store.move_run(aside / name, out / name)
    return type(run)(out / name, run.record, run.results)
