"""museval's files become runs: read, mapped to a protocol's target sets, checked, written.

What museval computed is distinguished as `museval.eval_mus_track` does it. A system that gives vocals
and accompaniment was scored on two problems: these two, and its vocals with all other targets. The
files keep one row of vocals, that of the former; the vocals of the latter are unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from svbench.errors import DataError, SpecError, suggestion
from svbench.printing.numbers import counted
from svbench.results.museval_files import (
    PAIR,
    Source,
    Target,
    TrackFile,
    find_sources,
    read_track_file,
    window,
)
from svbench.results.record import IMPORTED, DataRecord, Provenance, Quantity, RunRecord
from svbench.results.scores import Series, TrackResult, series, without_value
from svbench.results.scratch import scratch_folder
from svbench.results.store import Run, move_run, run_name, write_run
from svbench.specs.protocol import Protocol
from svbench.specs.records import convert, digest
from svbench.specs.system import SystemSpec

TIME_TOLERANCE_S = 1e-6


class Plan(msgspec.Struct, frozen=True):
    """What is asked for.

    Attributes
    ----------
    folder, out : Path
        Where the files lie, and the folder of runs.
    protocol : Protocol
        The rule the files were made by; nothing in them says so but their frames.
    quantities : tuple of Quantity
        Those of the protocol.
    provenance : Provenance
    system, subset : str, optional
        See `svbench.results.museval_files.find_sources`.
    oracles : tuple of str
        Names of systems that saw the references.
    data : Run, optional
        A run on the recordings that the files were scored on, which lets them share its tables.
    """

    folder: Path
    out: Path
    protocol: Protocol
    quantities: tuple[Quantity, ...]
    provenance: Provenance
    system: str | None = None
    subset: str | None = None
    oracles: tuple[str, ...] = ()
    data: Run | None = None


class Layout(msgspec.Struct, frozen=True):
    """Where the rows of a system's files go.

    ``rows`` holds for each target set it was scored on the targets whose numbers are in the files;
    ``notes`` tell what is unknown or left out.
    """

    rows: dict[str, frozenset[str]]
    notes: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True):
    """What became of a folder of files.

    Attributes
    ----------
    folders : tuple of Path
        The run folders, by system name.
    findings : tuple of str
        A sentence for each file, or system, that could not be imported.
    """

    folders: tuple[Path, ...]
    findings: tuple[str, ...]


def import_museval(plan: Plan) -> Imported:
    """Write one run for each system in a folder of museval's files; list what cannot be read.

    A file that is damaged, does not fit the protocol or has other targets than most files of its system
    makes its track a failed one, with the reason; the rest is imported. Importing the same files again
    replaces the runs.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        Folders that are no such files, or none that could be imported.
    """
    window(plan.protocol)
    sources = find_sources(plan.folder, system=plan.system, subset=plan.subset)
    names = [s.system for s in sources]
    for name in plan.oracles:
        if name not in names:
            raise DataError(f"{plan.folder}: no system {name!r}: {suggestion(name, names)}")
    data = plan.data.record.data if plan.data else _data(sources)
    plan.out.mkdir(parents=True, exist_ok=True)
    with scratch_folder(plan.out) as aside:
        written: list[Path] = []
        findings: list[str] = []
        for source in sources:
            try:
                record, results, problems = _run(plan, source, data)
            except DataError as error:
                findings.append(str(error))
                continue
            findings += problems
            written.append(aside / run_name(record.system, plan.protocol, data.digest))
            write_run(written[-1], record, results)
        if not written:
            more = f" (and {counted(len(findings) - 1, 'more system')})" if len(findings) > 1 else ""
            raise DataError(f"{findings[0]}{more}")
        for folder in written:
            move_run(folder, plan.out / folder.name)
    return Imported(tuple(plan.out / folder.name for folder in written), tuple(findings))


def layout(targets: frozenset[str], protocol: Protocol) -> Layout:
    """Find the target sets that museval scored when it wrote rows for these targets.

    A set counts only if the problem was exactly this one: SIR and SAR depend on what else is in it.

    Raises
    ------
    DataError
        No target set of the protocol was scored.

    Examples
    --------
    >>> from svbench.specs.protocol import load_protocol
    >>> targets = frozenset({"vocals", "accompaniment", "drums", "bass", "other"})
    >>> found = layout(targets, load_protocol("sisec18"))
    >>> sorted(found.rows["4-stems"]), sorted(found.rows["vocals-accompaniment"])
    (['bass', 'drums', 'other'], ['accompaniment', 'vocals'])
    """
    problems = {targets: targets}
    if targets >= PAIR:
        others = targets - {"accompaniment"}
        problems = {PAIR: PAIR, others: others - {"vocals"}}
    rows = {
        s.id: problems[frozenset(s.targets)]
        for s in protocol.target_sets
        if len(s.targets) > 1 and frozenset(s.targets) in problems
    }
    if not rows:
        sets = "; ".join(", ".join(s.targets) for s in protocol.target_sets)
        raise DataError(f"scores of {_joined(targets)}; the target sets of {protocol.id} are {sets}")
    notes = [
        f"{s.id}: vocals unknown, since museval keeps one row of vocals, that of vocals and accompaniment"
        for s in protocol.target_sets
        if s.id in rows and "vocals" in s.targets and "vocals" not in rows[s.id]
    ]
    if left := targets - frozenset().union(*rows.values()):
        problem = next(p for p in problems if left <= p)
        notes.append(
            f"{_joined(left)} left out: scored among {_joined(problem)}, "
            f"which is no target set of {protocol.id}"
        )
    return Layout(rows, tuple(notes))


def _run(plan: Plan, source: Source, data: DataRecord) -> tuple[RunRecord, list[TrackResult], list[str]]:
    """Read all files of a system; a file that does not fit is a sentence and a failed track."""
    contents: dict[str, tuple[TrackFile, str]] = {}
    findings: dict[str, str] = {}
    for track, path in source.files.items():
        try:
            if plan.data and track not in data.tracks:
                raise DataError(f"{path}: no track of {plan.data.path}: {suggestion(track, data.tracks)}")
            contents[track] = read_track_file(path)
        except DataError as error:
            findings[track] = str(error)
    if not contents:
        raise DataError(_all_of_them(source, findings))
    found, targets = _layout(plan, source, {track: content for track, (content, _) in contents.items()})
    results: dict[str, TrackResult] = {}
    for track, (content, sha256) in contents.items():
        try:
            _check_targets(source, track, content, targets)
            results[track] = _result(plan, source, track, content, found, sha256)
        except DataError as error:
            findings[track] = str(error)
    if not results:
        raise DataError(_all_of_them(source, findings))
    for track, sentence in findings.items():
        if track in data.tracks:
            results[track] = _failed(plan, source, track, found, sentence)
    ordered = [results[track] for track in source.files if track in results]
    spec = _spec(plan, source, digest([(r.track, r.key) for r in ordered]))
    record = RunRecord(
        schema=1,
        system=spec,
        system_digest=spec.digest,
        protocol=plan.protocol,
        protocol_digest=plan.protocol.digest,
        quantities=plan.quantities,
        data=data,
        provenance=(msgspec.structs.replace(plan.provenance, packages={}),),  # those of the scoring: unknown
    )
    return record, ordered, [findings[track] for track in source.files if track in findings]


def _all_of_them(source: Source, findings: Mapping[str, str]) -> str:
    """Say why nothing of a system could be imported: the first of its files stands for all."""
    first = next(findings[track] for track in source.files if track in findings)
    more = len(findings) - 1
    return f"{first} (and {counted(more, 'more file')} of {source.system})" if more else first


def _layout(plan: Plan, source: Source, contents: Mapping[str, TrackFile]) -> tuple[Layout, frozenset[str]]:
    """Find the layout of a system's files: that of the targets that most of them have."""
    counts = Counter(frozenset(t.name for t in content.targets) for content in contents.values())
    ((targets, _),) = counts.most_common(1)
    try:
        return layout(targets, plan.protocol), targets
    except DataError as error:
        first = next(t for t, c in contents.items() if frozenset(x.name for x in c.targets) == targets)
        raise DataError(f"{source.files[first]}: targets: {error}") from None


def _check_targets(source: Source, track: str, content: TrackFile, targets: frozenset[str]) -> None:
    """Refuse a file with other targets than most files of its system: they were other problems."""
    own = frozenset(t.name for t in content.targets)
    problems = [
        f"{verb} {_joined(names)}, {which}"
        for verb, names, which in (
            ("lacks", targets - own, f"which most files of {source.system} have"),
            ("has", own - targets, f"which most files of {source.system} have not"),
        )
        if names
    ]
    if problems:
        raise DataError(f"{source.files[track]}: targets: {'; '.join(problems)}")


def _failed(plan: Plan, source: Source, track: str, found: Layout, sentence: str) -> TrackResult:
    """Make the result of a track whose file could not be imported."""
    known = next((r for r in plan.data.results if r.track == track), None) if plan.data else None
    duration_s = known.duration_s if known else 0.0
    path = source.files[track]
    return TrackResult(
        schema=1,
        key="",
        track=track,
        subset=known.subset if known else source.subset,
        duration_s=duration_s,
        n_samples=known.n_samples if known else 0,
        status="failed",
        # Tables print the reason, and where the files lay is nobody's business.
        reason=sentence.replace(str(path), path.name),
        target_sets=tuple(found.rows),
        series=tuple(
            without_value(s.id, target, quantity.name, duration_s, "failed")
            for s in plan.protocol.target_sets
            if s.id in found.rows
            for quantity in plan.quantities
            for target in s.targets
        ),
    )


def _result(
    plan: Plan, source: Source, track: str, content: TrackFile, found: Layout, sha256: str
) -> TrackResult:
    """Map one file to series, one for each set, quantity and target that was scored."""
    path = source.files[track]
    by_name = {t.name: t for t in content.targets}
    grid = _grid(path, content.targets, plan.protocol)
    known = _known(plan, path, track, len(grid[0]))
    duration_s = known.duration_s if known else grid[0][-1] + grid[1][-1]
    rows = []
    for target_set in plan.protocol.target_sets:
        if target_set.id in found.rows:
            for quantity in plan.quantities:
                for target in target_set.targets:
                    row = by_name[target] if target in found.rows[target_set.id] else None
                    rows.append(_series(target_set.id, target, quantity.name, row, grid, duration_s))
    writer = content.museval_version or "an unknown version"
    return TrackResult(
        schema=1,
        key=sha256,
        track=track,
        subset=known.subset if known else source.subset,
        duration_s=duration_s,
        n_samples=known.n_samples if known else 0,
        status="ok",
        notes=(
            f"imported from museval files ({writer}); recordings, estimates and settings unknown",
            *found.notes,
        ),
        target_sets=tuple(found.rows),
        absent_targets=tuple(t.name for t in content.targets if not t.frames),
        series=tuple(rows),
    )


def _series(
    target_set: str,
    target: str,
    quantity: str,
    row: Target | None,
    grid: tuple[list[float], list[float]],
    duration_s: float,
) -> Series:
    if row is None:
        return without_value(target_set, target, quantity, duration_s, "unknown")
    if not row.frames:
        return without_value(target_set, target, quantity, duration_s, "no target")
    return series(target_set, target, quantity, *grid, row.values(quantity))


def _grid(path: Path, targets: Sequence[Target], protocol: Protocol) -> tuple[list[float], list[float]]:
    """Return the frames' times and durations, the same for all targets and as the protocol cuts them."""
    window_s, hop_s = window(protocol)
    n_frames = max(len(t.frames) for t in targets)
    time_s = [i * hop_s for i in range(n_frames)]
    for target in targets:
        if target.lies_on(time_s, window_s):
            continue
        for i, (frame, expected_s) in enumerate(zip(target.frames, time_s, strict=False)):
            fits = abs(frame.duration - window_s) < TIME_TOLERANCE_S
            # A track shorter than the window is one frame, of the window's length or its own.
            fits = fits or (n_frames == 1 and 0 < frame.duration < window_s)
            if not fits or abs(frame.time - expected_s) > TIME_TOLERANCE_S:
                raise DataError(
                    f"{path}: {target.name}.frames[{i}]: {frame.duration:g} s at {frame.time:g} s, expected "
                    f"{window_s:g} s at {expected_s:g} s by {protocol.id}"
                )
    duration_s = next(t.frames[0].duration for t in targets if t.frames)
    return time_s, [duration_s] * n_frames


def _known(plan: Plan, path: Path, track: str, n_frames: int) -> TrackResult | None:
    """Return what the run on the same recordings says of a track, if there is one and it agrees."""
    if plan.data is None:
        return None
    known = next((r for r in plan.data.results if r.track == track), None)
    if known and known.status == "ok" and plan.data.record.protocol_digest == plan.protocol.digest:
        expected = max(len(s.score) for s in known.series)
        if n_frames != expected:
            raise DataError(
                f"{path}: targets: has {n_frames} frames where {plan.data.path} has {expected}, "
                "so these are other recordings"
            )
    return known


def _data(sources: Sequence[Source]) -> DataRecord:
    """Stand for recordings of which only the names of the tracks are known."""
    tracks = tuple(sorted({t for s in sources for t in s.files}))
    return DataRecord(
        id="imported-tracks",
        version="unknown",
        title="imported scores of recordings known by name only",
        digest=digest(["museval", tracks]),
        root="",
        manifest="",
        subset=sources[0].subset,
        tracks=tracks,
    )


def _spec(plan: Plan, source: Source, files_digest: str) -> SystemSpec:
    content = {
        "schema": 1,
        "id": source.system,
        "title": f"{source.system}, scores imported from museval files",
        "adapter": IMPORTED,
        "training_data": ["unknown"],
        "kind": "oracle" if source.system in plan.oracles else "system",
        "parameters": {"n_files": len(source.files), "sha256": files_digest},
    }
    try:
        spec = convert(content, SystemSpec, plan.folder)
    except SpecError:
        spec = None
    if spec is None or "--" in spec.id:
        raise DataError(
            f"{plan.folder}: {source.system!r} can be no system id (letters, digits and . _ + -); "
            "rename the folder, or name a single system with --system"
        )
    return spec


def _joined(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
