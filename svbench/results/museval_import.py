"""Import museval's files as runs: read them, map them to a protocol's target sets, check and write.

What museval computed depends on the targets of a system, as in `museval.eval_mus_track`. A system that
separates vocals and accompaniment was scored on two problems: these two, and its vocals with all other
targets. The files keep one row of vocals, that of the former; the vocals of the latter are unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from svbench.errors import DataError, SpecError, suggestion
from svbench.printing.numbers import counted
from svbench.results.integrity import IMPORTED_DATA
from svbench.results.museval_files import (
    PAIR,
    SystemFiles,
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
from svbench.specs.protocol import Protocol, TargetSet
from svbench.specs.records import convert, digest
from svbench.specs.system import SystemSpec

TIME_TOLERANCE_S = 1e-6


class ImportRequest(msgspec.Struct, frozen=True):
    """What to import, and by which rule.

    Attributes
    ----------
    folder, out : Path
        The folder of the files, and that of the runs.
    protocol : Protocol
        The rule by which the files were made; nothing in them says so but their frames.
    quantities : tuple of Quantity
        Those of the protocol.
    provenance : Provenance
    system, subset : str, optional
        See `svbench.results.museval_files.find_sources`.
    oracles : tuple of str
        Names of systems that saw the references.
    data : Run, optional
        A run on the recordings that were scored: the imported runs then appear in the same tables.
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

    def known_result(self, track: str) -> TrackResult | None:
        """Return the result of the run on the same recordings, if there is one."""
        return next((r for r in self.data.results if r.track == track), None) if self.data else None


class ScoredSets(msgspec.Struct, frozen=True):
    """The target sets that a system was scored on.

    ``rows`` has for each target set the targets whose numbers are in the files;
    ``notes`` say what is unknown or left out.
    """

    rows: dict[str, frozenset[str]]
    notes: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True):
    """The outcome of an import.

    Attributes
    ----------
    folders : tuple of Path
        The run folders, by system name.
    findings : tuple of str
        A sentence for each file, or system, that could not be imported.
    """

    folders: tuple[Path, ...]
    findings: tuple[str, ...]


def import_museval(request: ImportRequest) -> Imported:
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
        The folder has no such files, or none that could be imported.
    """
    window(request.protocol)
    sources = find_sources(request.folder, system=request.system, subset=request.subset)
    names = [s.system for s in sources]
    for name in request.oracles:
        if name not in names:
            raise DataError(f"{request.folder}: no system {name!r}: {suggestion(name, names)}")
    data = request.data.record.data if request.data else _data(sources)
    request.out.mkdir(parents=True, exist_ok=True)
    with scratch_folder(request.out) as aside:
        written: list[Path] = []
        findings: list[str] = []
        for source in sources:
            try:
                record, results, problems = _run(request, source, data)
            except DataError as error:
                findings.append(str(error))
                continue
            findings += problems
            written.append(aside / run_name(record.system, request.protocol, data.digest))
            write_run(written[-1], record, results)
        if not written:
            more = f" (and {counted(len(findings) - 1, 'more system')})" if len(findings) > 1 else ""
            raise DataError(f"{findings[0]}{more}")
        for folder in written:
            move_run(folder, request.out / folder.name)
    return Imported(tuple(request.out / folder.name for folder in written), tuple(findings))


def scored_sets(targets: frozenset[str], protocol: Protocol) -> ScoredSets:
    """Find the target sets that museval scored when it wrote rows for these targets.

    A set counts only if museval scored exactly its targets: SIR and SAR depend on all of them.

    Raises
    ------
    DataError
        No target set of the protocol was scored.

    Examples
    --------
    >>> from svbench.specs.protocol import load_protocol
    >>> targets = frozenset({"vocals", "accompaniment", "drums", "bass", "other"})
    >>> rows = scored_sets(targets, load_protocol("sisec18")).rows
    >>> sorted(rows["4-stems"]), sorted(rows["vocals-accompaniment"])
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
    return ScoredSets(rows, tuple(notes))


def _run(
    request: ImportRequest, source: SystemFiles, data: DataRecord
) -> tuple[RunRecord, list[TrackResult], list[str]]:
    """Read all files of a system; a file that does not fit becomes a sentence and a failed track."""
    contents: dict[str, tuple[TrackFile, str]] = {}
    findings: dict[str, str] = {}
    for track, path in source.files.items():
        try:
            if request.data and track not in data.tracks:
                raise DataError(f"{path}: no track of {request.data.path}: {suggestion(track, data.tracks)}")
            contents[track] = read_track_file(path)
        except DataError as error:
            findings[track] = str(error)
    results: dict[str, TrackResult] = {}
    if contents:
        sets, targets = _usual_sets(request, source, {t: content for t, (content, _) in contents.items()})
        for track, (content, sha256) in contents.items():
            try:
                _check_targets(source, track, content, targets)
                results[track] = _scored(request, source, track, content, sets, sha256)
            except DataError as error:
                findings[track] = str(error)
    problems = [findings[track] for track in source.files if track in findings]
    if not results:
        more = f" (and {counted(len(problems) - 1, 'more file')} of {source.system})" if problems[1:] else ""
        raise DataError(f"{problems[0]}{more}")
    for track, sentence in findings.items():
        if track in data.tracks:
            results[track] = _failed(request, source, track, sets, sentence)
    ordered = [results[track] for track in source.files if track in results]
    spec = _spec(request, source, digest([(r.track, r.key) for r in ordered]))
    record = RunRecord(
        schema=1,
        system=spec,
        system_digest=spec.digest,
        protocol=request.protocol,
        protocol_digest=request.protocol.digest,
        quantities=request.quantities,
        data=data,
        # The packages that computed the scores are not known.
        provenance=(msgspec.structs.replace(request.provenance, packages={}),),
    )
    return record, ordered, problems


def _usual_sets(
    request: ImportRequest, source: SystemFiles, contents: Mapping[str, TrackFile]
) -> tuple[ScoredSets, frozenset[str]]:
    """Return the sets scored for the targets that most files of a system have, and these targets."""
    counts = Counter(frozenset(t.name for t in content.targets) for content in contents.values())
    ((targets, _),) = counts.most_common(1)
    try:
        return scored_sets(targets, request.protocol), targets
    except DataError as error:
        first = next(t for t, c in contents.items() if frozenset(x.name for x in c.targets) == targets)
        raise DataError(f"{source.files[first]}: targets: {error}") from None


def _check_targets(source: SystemFiles, track: str, content: TrackFile, targets: frozenset[str]) -> None:
    """Refuse a file with other targets than most files of its system: museval solved another problem."""
    given = frozenset(t.name for t in content.targets)
    problems = [
        f"{verb} {_joined(names)}, {which}"
        for verb, names, which in (
            ("lacks", targets - given, f"which most files of {source.system} have"),
            ("has", given - targets, f"which most files of {source.system} have not"),
        )
        if names
    ]
    if problems:
        raise DataError(f"{source.files[track]}: targets: {'; '.join(problems)}")


def _failed(
    request: ImportRequest, source: SystemFiles, track: str, sets: ScoredSets, sentence: str
) -> TrackResult:
    """Make the result of a track whose file could not be imported."""
    known = request.known_result(track)
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
        # Tables print the reason, and the folder of the files is private.
        reason=sentence.replace(str(path), path.name),
        target_sets=tuple(sets.rows),
        series=tuple(
            without_value(s.id, target, quantity, duration_s, "failed")
            for s, target, quantity in _cells(request, sets)
        ),
    )


def _scored(
    request: ImportRequest, source: SystemFiles, track: str, content: TrackFile, sets: ScoredSets, sha256: str
) -> TrackResult:
    """Map one file to series, one for each set, quantity and target that was scored."""
    path = source.files[track]
    by_name = {t.name: t for t in content.targets}
    grid = _grid(path, content.targets, request.protocol)
    known = request.known_result(track)
    _check_n_frames(request, path, known, len(grid[0]))
    duration_s = known.duration_s if known else grid[0][-1] + grid[1][-1]
    writer = content.museval_version or "an unknown version"

    def imported(target_set: TargetSet, target: str, quantity: str) -> Series:
        if target not in sets.rows[target_set.id]:
            return without_value(target_set.id, target, quantity, duration_s, "unknown")
        row: Target = by_name[target]
        if not row.frames:
            return without_value(target_set.id, target, quantity, duration_s, "no target")
        return series(target_set.id, target, quantity, *grid, row.values(quantity))

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
            *sets.notes,
        ),
        target_sets=tuple(sets.rows),
        absent_targets=tuple(t.name for t in content.targets if not t.frames),
        series=tuple(imported(*cell) for cell in _cells(request, sets)),
    )


def _cells(request: ImportRequest, sets: ScoredSets) -> list[tuple[TargetSet, str, str]]:
    """List target set, target and quantity of every series of a track, in the order of a run."""
    return [
        (target_set, target, quantity.name)
        for target_set in request.protocol.target_sets
        if target_set.id in sets.rows
        for quantity in request.quantities
        for target in target_set.targets
    ]


def _grid(path: Path, targets: Sequence[Target], protocol: Protocol) -> tuple[list[float], list[float]]:
    """Return times and durations of the frames, which all targets share and which must fit the protocol."""
    window_s, hop_s = window(protocol)
    n_frames = max(len(t.frames) for t in targets)
    time_s = [i * hop_s for i in range(n_frames)]
    for target in targets:
        if target.lies_on(time_s, window_s):
            continue
        for i, (frame, expected_s) in enumerate(zip(target.frames, time_s, strict=False)):
            fits = abs(frame.duration - window_s) < TIME_TOLERANCE_S
            # A track shorter than the window has one frame, as long as the window or as the track.
            fits = fits or (n_frames == 1 and 0 < frame.duration < window_s)
            if not fits or abs(frame.time - expected_s) > TIME_TOLERANCE_S:
                raise DataError(
                    f"{path}: {target.name}.frames[{i}]: {frame.duration:g} s at {frame.time:g} s, expected "
                    f"{window_s:g} s at {expected_s:g} s by {protocol.id}"
                )
    duration_s = next(t.frames[0].duration for t in targets if t.frames)
    return time_s, [duration_s] * n_frames


def _check_n_frames(request: ImportRequest, path: Path, known: TrackResult | None, n_frames: int) -> None:
    """Check that a file has as many frames as the run of the same protocol on the same recordings."""
    if request.data is None or known is None or known.status != "ok":
        return
    expected = max(len(s.score) for s in known.series)
    if request.data.record.protocol_digest == request.protocol.digest and n_frames != expected:
        raise DataError(
            f"{path}: targets: has {n_frames} frames where {request.data.path} has {expected}, "
            "so these are other recordings"
        )


def _data(sources: Sequence[SystemFiles]) -> DataRecord:
    """Describe recordings of which only the names of the tracks are known."""
    tracks = tuple(sorted({t for s in sources for t in s.files}))
    return DataRecord(
        id=IMPORTED_DATA,
        version="unknown",
        title="imported scores of recordings known by name only",
        digest=digest(["museval", tracks]),
        root="",
        manifest="",
        subset=sources[0].subset,
        tracks=tracks,
    )


def _spec(request: ImportRequest, source: SystemFiles, files_digest: str) -> SystemSpec:
    content = {
        "schema": 1,
        "id": source.system,
        "title": f"{source.system}, scores imported from museval files",
        "adapter": IMPORTED,
        "training_data": ["unknown"],
        "kind": "oracle" if source.system in request.oracles else "system",
        "parameters": {"n_files": len(source.files), "sha256": files_digest},
    }
    try:
        spec = convert(content, SystemSpec, request.folder)
    except SpecError:
        spec = None
    if spec is None or "--" in spec.id:
        raise DataError(
            f"{request.folder}: {source.system!r} can be no system id (letters, digits and . _ + -); "
            "rename the folder, or name a single system with --system"
        )
    return spec


def _joined(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
