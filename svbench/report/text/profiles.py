"""Profiles in words: lines for a terminal, a table for the report."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.report.view.content import Cell, Row, Table
from svbench.report.view.numbers import bytes_text, seconds
from svbench.results.profile import Macs, Profile, Setting, Size

NOT_KNOWN = "not known"


def profile_lines(profile: Profile) -> list[tuple[str, str]]:
    """Return everything a profile says, as names and values."""
    around, machine = profile.surroundings, profile.provenance.machine
    libraries = "".join(f", {n} {v}" for n, v in around.versions.items())
    load = NOT_KNOWN if around.load_average is None else f"{around.load_average:g}"
    hardware = [machine.cpu, f"{machine.n_cores} cores", f"{machine.memory_bytes / 2**30:.0f} GiB", around.os]
    return [
        ("system", f"{profile.system.id} {profile.system_version}".strip() + f", on {profile.device}"),
        *_size_lines(profile.size),
        *_macs_lines(profile.macs),
        *(line for setting in profile.settings for line in _setting_lines(setting)),
        ("machine", ", ".join([*hardware, *([around.cuda] if around.cuda else [])])),
        ("state", f"load average {load} at the start, governor {around.governor or NOT_KNOWN}"),
        ("software", f"Python {around.python}{libraries}"),
    ]


def _size_lines(size: Size) -> list[tuple[str, str]]:
    lines = []
    if size.parameters is None:
        lines.append(("parameters", f"{NOT_KNOWN}: {size.note}"))
    else:
        many = f" in {len(size.models)} models" if len(size.models) > 1 else ""
        reservation = f" ({size.note})" if size.note else ""
        lines += [
            ("parameters", f"{size.parameters:,}{many}{reservation}"),
            *((f"  {m.name}", f"{m.parameters:,} ({m.type})") for m in size.models if many),
            ("trainable", f"{size.trainable:,}"),
            ("dtype", ", ".join(f"{kind} {n:,}" for kind, n in size.dtypes.items()) or NOT_KNOWN),
        ]
    files = f"{NOT_KNOWN}: the system names no weights files"
    return [*lines, ("on disk", files if size.file_bytes is None else _disk(size.file_bytes))]


def _macs_lines(macs: Macs) -> list[tuple[str, str]]:
    if macs.per_second is None:
        return [("MACs per s of audio", f"{NOT_KNOWN}: {macs.note}")]
    lines = [("MACs per s of audio", f"{_macs_text(macs.per_second)}, counted on {macs.seconds:g} s")]
    if macs.uncounted:
        lines.append(("  not counted", ", ".join(f"{k} ({n:,} values)" for k, n in macs.uncounted.items())))
    return lines


def _setting_lines(setting: Setting) -> list[tuple[str, str]]:
    cores = ", ".join(map(str, setting.affinity)) or NOT_KNOWN
    torch = f", PyTorch uses {setting.torch_threads}" if setting.torch_threads else ""
    lines = [
        (f"{setting.threads} thread{'' if setting.threads == 1 else 's'}", f"on cores {cores}{torch}"),
        ("  load", seconds(setting.load_s)),
        ("  first call", seconds(setting.first_call_s)),
    ]
    for t in setting.timings:
        energy = "".join(f", {name} {joules:.1f} J" for name, joules in t.energy_j.items())
        spread = f"median of {len(t.wall_s)}, IQR {seconds(t.iqr_s)}"
        told = f"{seconds(t.median_s)} ({spread}), RTF {_rtf(t.rtf)}, {_times(t.rtf)}"
        lines.append((f"  {t.seconds:g} s of audio", f"{told}, CPU {seconds(t.cpu_median_s)}{energy}"))
    above, empty = bytes_text(setting.above_empty_bytes), bytes_text(setting.empty_rss_bytes)
    lines.append(("  peak memory", f"{above} above the empty worker's {empty}"))
    if setting.vram_bytes:
        vram = ", ".join(f"{name} {bytes_text(n)}" for name, n in setting.vram_bytes.items())
        lines.append(("  peak memory of the card", vram))
    return lines


def profile_table(profiles: Sequence[Profile], group: str, title: str) -> Table:
    """Make the report's table of profiles, a row for each system, device and number of threads.

    Parameters
    ----------
    profiles : sequence of Profile
    group : str
        Begins the table's id.
    title : str
        Ends its caption.
    """
    rows = [Row(p.system.id, p.system.kind, _cells(p, setting)) for p in profiles for setting in p.settings]
    head = (
        "system", "device", "threads", "parameters", "models", "on disk", "dtype", "MACs per s", "load",
        "first call", "audio", "real-time factor", "× real time", "IQR", "CPU s per s", "above empty worker",
        "empty worker", "energy", "machine",
    )  # fmt: skip
    left_out = sorted({name for p in profiles for name in p.macs.uncounted})
    note = "The longest input counts; memory is the peak above that of the worker before loading."
    if left_out:
        note += f" Operations without a count of MACs: {', '.join(left_out)}."
    return Table(
        f"{group}-profiles",
        f"Profile ({title})",
        "Each system by itself, pinned to as many cores as threads; medians over repeats",
        note,
        head,
        tuple(rows),
    )


def _cells(p: Profile, setting: Setting) -> tuple[Cell, ...]:
    t = setting.timings[-1]
    size, cpu = p.size, t.cpu_median_s / t.seconds
    types = ", ".join(size.dtypes)
    parameters = None if size.parameters is None else f"{size.parameters / 1e6:.2f} M"
    joules = sum(t.energy_j.values())
    machine = p.provenance.machine
    return (
        Cell(p.device, p.device),
        Cell(str(setting.threads), setting.threads),
        _known(parameters, size.parameters, size.note),
        _known(str(len(size.models)) if size.models else None, len(size.models) or None, size.note),
        _known(None if size.file_bytes is None else _disk(size.file_bytes), size.file_bytes),
        _known(types or None, types or None, size.note),
        _known(_macs_text(p.macs.per_second), p.macs.per_second, p.macs.note),
        Cell(seconds(setting.load_s), setting.load_s),
        Cell(seconds(setting.first_call_s), setting.first_call_s),
        Cell(f"{t.seconds:g} s", t.seconds),
        Cell(_rtf(t.rtf), t.rtf, title=f"{len(t.wall_s)} repeats"),
        Cell(_times(t.rtf), -t.rtf),
        Cell(seconds(t.iqr_s), t.iqr_s),
        Cell(f"{cpu:.3f}", cpu),
        Cell(bytes_text(setting.above_empty_bytes), setting.above_empty_bytes, title=_vram(setting)),
        Cell(bytes_text(setting.empty_rss_bytes), setting.empty_rss_bytes, muted=True),
        _known(f"{joules:.1f} J" if t.energy_j else None, joules or None, ", ".join(t.energy_j)),
        Cell(machine.cpu, machine.cpu, muted=True),
    )


def _known(text: str | None, sort: float | str | None, title: str = "") -> Cell:
    return Cell(text or NOT_KNOWN, sort, muted=text is None, title=title)


def _macs_text(macs: float | None) -> str | None:
    if macs is None:
        return None
    return f"{macs / 1e9:.3g} G" if macs >= 1e9 else f"{macs / 1e6:.3g} M"


def _disk(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.3g} MB"


def _rtf(rtf: float) -> str:
    return f"{rtf:.3f}" if rtf >= 0.001 else "< 0.001"


def _times(rtf: float) -> str:
    return f"{1 / rtf:.3g} × real time" if rtf >= 0.001 else "> 1000 × real time"


def _vram(setting: Setting) -> str:
    return ", ".join(f"card, {name}: {bytes_text(n)}" for name, n in setting.vram_bytes.items())
