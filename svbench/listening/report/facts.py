"""What the report tells about the test itself, section by section; most of it only a built test knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from svbench.listening.analysis.pipeline import Analysis
from svbench.listening.listening_test import Condition, ListeningTest
from svbench.listening.report.table import Column, Table

METHODS = {
    "mushra": "MUSHRA (ITU-R BS.1534): ratings from 0 to 100, hidden reference and anchors",
    "acr": "ACR (ITU-T P.800): ratings from 1 to 5 without a reference",
    "dcr": "DCR (ITU-T P.800): degradation from 1 to 5 against a reference",
    "ab": "Preference of two stimuli (AB)",
    "abx": "Telling two stimuli apart (ABX)",
}


@dataclass(frozen=True)
class Section:
    """A part of the report: names and values, then tables and notes."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def design(analysis: Analysis, test: ListeningTest | None, source: str) -> Section:
    """Method, protocol, how many trials."""
    panel = analysis.panel
    facts = [
        ("method", METHODS[panel.method]),
        ("ratings from", source),
        ("items", str(panel.table["item"].nunique())),
        ("conditions", str(len(panel.conditions))),
        ("assessors", f"{len(panel.assessors)}, of whom {len(analysis.excluded)} excluded by post-screening"),
    ]
    if test is None:
        note = (
            "The data hold ratings only: what else BS.1534-3, § 10.2 asks for must be told by who ran the "
            "test."
        )
        return Section("design", "Design", tuple(facts), notes=(note,))
    protocol, sessions = test.protocol, test.protocol.sessions
    facts += [
        ("test", f"{test.title} ({test.id}, digest {test.digest[:12]})"),
        ("protocol", f"{protocol.id}, version {protocol.version}, digest {protocol.digest[:12]}"),
        ("trials of a session", str(sessions.trials or sum(t.kind == "test" for t in test.trials))),
        ("replicates", str(sessions.replicates)),
        ("order", f"Latin square, trials seen least first; seed {sessions.seed}"),
        ("languages", ", ".join(protocol.listeners.languages)),
        ("headphone check", protocol.listeners.headphones),
    ]
    return Section("design", "Design", tuple(facts))


def materials(test: ListeningTest) -> Section:
    """What was heard."""
    rows = tuple(
        (
            t.id, t.kind, t.track, t.target, t.start_s, t.length_s, t.rate_hz, t.n_channels, len(t.stimuli),
            t.difficulty, t.chosen_by,
        )
        for t in test.trials
    )  # fmt: skip
    columns = (
        Column("trial", "trial"), Column("kind", "kind"), Column("track", "track"),
        Column("target", "target"),
        Column("start_s", "from [s]", "two"), Column("length_s", "length [s]", "two"),
        Column("rate_hz", "rate [Hz]", "count"), Column("n_channels", "channels", "count"),
        Column("n_stimuli", "stimuli", "count"), Column("difficulty", "difficulty", "two"),
        Column("chosen_by", "chosen by"),
    )  # fmt: skip
    chosen = test.protocol.excerpts
    rule = (
        "the user's list"
        if chosen.choose == "list"
        else f"{chosen.n} excerpts spread over difficulty, the target sounding in at least "
        f"{100 * chosen.active:.0f} % of each; seed {chosen.seed}"
    )
    facts = (
        ("choice", rule),
        ("fades", f"{chosen.fade_s:g} s, raised cosine"),
        ("built from", "; ".join(_told(source) for source in test.sources) or "not told"),
        ("built by", _told(test.provenance) or "not told"),
    )
    return Section("materials", "Materials", facts, (Table("materials", "Excerpts", "", columns, rows),))


def conditions(analysis: Analysis, test: ListeningTest | None) -> Section:
    """What was done to the music, the anchors with what was measured of them."""
    if test is None:
        roles = analysis.panel.roles
        found = [Condition(id=c, title="", role=roles[c]) for c in analysis.panel.conditions]  # type: ignore[arg-type]
    else:
        found = list(test.conditions)
    rows = tuple((c.id, c.title, c.role.replace("_", " "), c.run[:12], _told(c.details)) for c in found)
    columns = (
        Column("condition", "condition"), Column("title", "title"), Column("role", "role"),
        Column("run", "run"),
        Column("details", "measured", "prose"),
    )  # fmt: skip
    table = Table("design-conditions", "Conditions and anchors", "", columns, rows)
    return Section("conditions-heard", "Conditions and anchors", tables=(table,))


def levels(test: ListeningTest) -> Section:
    """Loudness and gains."""
    wanted = test.protocol.levels
    stimuli = [s for t in test.trials for s in t.files()]
    known = [s.loudness_lufs for s in stimuli if s.loudness_lufs is not None]
    facts = [
        (
            "loudness",
            f"each stimulus at that of its reference, {wanted.reference_lufs:g} LUFS (ITU-R BS.1770)"
            if wanted.align
            else "as the systems gave it",
        ),
        (
            "true peak",
            f"at most {wanted.peak_dbtp:g} dBTP; found at most {_most(s.peak_dbtp for s in stimuli)} dBTP",
        ),
        ("gains", f"{_range([s.gain_db for s in stimuli])} dB"),
        ("loudness before any gain", f"{_range(known)} LUFS" if known else "not measured"),
        ("written as", f"{wanted.bits} bit PCM, lossless"),
        (
            "volume",
            "set by each assessor before the test" if test.protocol.listeners.volume else "not asked for",
        ),
    ]
    return Section("levels", "Levels", tuple(facts))


def training(analysis: Analysis, test: ListeningTest | None) -> Section:
    """What assessors did before ratings counted."""
    facts = []
    if test is not None:
        facts.append(("trials of training", str(sum(t.kind == "training" for t in test.trials))))
    told = [n for n in analysis.panel.notes if "of training" in n]
    facts.append(("ratings of training", told[0] if told else "none are in the data"))
    return Section("training", "Training", tuple(facts))


def _told(details: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {_plain(v)}" for k, v in details.items())


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return f"({_told(value)})"
    if isinstance(value, (list, tuple)):
        return " ".join(map(_plain, value))
    return str(value)


def _range(values: list[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}"


def _most(values: Any) -> str:
    return f"{max(values):.1f}"
