"""What a gate found: lines for a terminal, Markdown for a pull request, JUnit XML for its list of checks."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from svbench.printing.paths import without_paths
from svbench.printing.visible import visible
from svbench.report.text.comparison import settings_text
from svbench.report.view.caveats import footnotes
from svbench.report.view.numbers import decibels, with_sign
from svbench.results.store import Run
from svbench.statistics.gate import Check, Gate
from svbench.tables.markdown import markdown, markdown_text
from svbench.tables.model import Kind, text_grid

HEAD = ("target set", "baseline", "candidate", "gain", "surely above", "win/tie/loss", "tracks", "verdict")
KINDS: tuple[Kind, ...] = (*("right",) * 6, "text")


def gate_text(gate: Gate) -> str:
    """Print the verdict, and each check in two lines."""
    lines = [_verdict(gate)]
    for check in gate.checks:
        cells = ", ".join(
            f"{name} {cell}" for name, cell in zip(HEAD[1:-1], _cells(check)[1:-1], strict=True)
        )
        lines += [f"{check.verdict}: {_name(check)}: {check.reason}", f"  {cells}"]
        lines += [f"  lost most: {_worst(check)}"] if check.worst else []
        lines += [f"  {note}" for note in check.notes]
    return "\n".join(map(visible, [*lines, *_notes(gate), _about(gate)]))


def gate_markdown(gate: Gate) -> str:
    """Write a summary for a pull request; nothing in a name is read as markup."""
    sign = "✅" if gate.passes else "❌"
    lines = [
        f"### {sign} {_markdown(_verdict(gate))}",
        "",
        _unlinked(markdown([text_grid("", HEAD, list(map(_cells, gate.checks)), KINDS)], [])),
    ]
    for check in gate.checks:
        lines += ["", f"**{_markdown(_name(check))}**: {_markdown(check.reason)}."]
        lines += [f"Lost most: {_markdown(_worst(check))}."] if check.worst else []
        lines += [_markdown(note) for note in check.notes]
    lines += ["", *(_markdown(note) for note in _notes(gate)), _markdown(_about(gate))]
    return "\n".join(lines) + "\n"


def gate_junit(gate: Gate) -> str:
    """Write one test case for each column, a failure where it does not pass.

    Services of continuous integration know a test case by its class and name alone, also from one pipeline
    to the next. So these hold what tells two gates apart: protocol, data, candidate, baseline and target.
    """
    record = gate.candidate.record
    data = f"{record.data.id} {record.data.variant}".strip()
    candidate, baseline = record.system.id, gate.baseline.record.system.id
    of = f"{candidate} against {baseline}, {record.protocol.id}, {data}"
    suite = _suite(of, len(gate.checks), failures=sum(c.verdict == "fail" for c in gate.checks))
    properties = ET.SubElement(suite, "properties")
    for key, value in {
        "baseline": _identity(gate.baseline),
        "candidate": _identity(gate.candidate),
        "max_drop": gate.max_drop,
        **asdict(gate.settings),
    }.items():
        ET.SubElement(properties, "property", name=key, value=_xml(str(value)))
    for check in gate.checks:
        case = _case(suite, f"{record.protocol.id}.{candidate}", f"{_name(check)}: {of}")
        told = _xml("\n".join(f"{h}: {c}" for h, c in zip(HEAD, _cells(check), strict=True)))
        if check.verdict == "fail":
            ET.SubElement(case, "failure", message=_xml(check.reason), type="inferior").text = told
        else:
            ET.SubElement(case, "system-out").text = told
    return _document(suite)


def unusable_junit(reason: str, baseline: Path, candidate: Path) -> str:
    """Write one test case with an error, named after the folders of runs that cannot be compared."""
    of = f"{candidate.resolve().name} against {baseline.resolve().name}"
    suite = _suite(of, 1, errors=1)
    case = _case(suite, candidate.resolve().name, f"gate: {of}")
    ET.SubElement(case, "error", message=_xml(without_paths(reason)), type="unusable")
    return _document(suite)


def unusable_markdown(reason: str) -> str:
    """Write the summary for runs that cannot be compared."""
    return f"### ⚠️ The gate could not decide\n\n{_markdown(without_paths(reason))}\n"


def gate_plain(gate: Gate) -> dict[str, Any]:
    """Return a gate unrounded, of plain values, for JSON."""
    return {
        "passes": gate.passes,
        "baseline": _identity(gate.baseline),
        "candidate": _identity(gate.candidate),
        "protocol": gate.baseline.record.protocol.id,
        "protocol_digest": gate.baseline.record.protocol_digest,
        "max_drop": gate.max_drop,
        "notes": _notes(gate),
        "settings": asdict(gate.settings),
        "checks": [
            {
                **asdict(check.column),
                "unit": check.quantity.unit,
                **{k: v for k, v in asdict(check).items() if k not in ("column", "quantity")},
            }
            for check in gate.checks
        ],
    }


def _verdict(gate: Gate) -> str:
    names = f"{gate.candidate.record.system.id} against {gate.baseline.record.system.id}"
    record = gate.baseline.record
    n_failed = sum(c.verdict == "fail" for c in gate.checks)
    told = "passes" if gate.passes else f"fails {n_failed} of {len(gate.checks)} checks"
    return f"{names} {told} on {record.protocol.id} {record.protocol_digest[:8]}, {record.data.id}"


def _notes(gate: Gate) -> list[str]:
    """What a reader must know of the candidate, and which runs were not read as either of the two."""
    told = dict.fromkeys(
        f"Not judged: {text}." for text in (*gate.baseline.left_out, *gate.candidate.left_out)
    )
    candidate = msgspec.structs.replace(gate.candidate, left_out=())
    return [*footnotes([candidate]), *told]


def _about(gate: Gate) -> str:
    return (
        f"Largest drop allowed {gate.max_drop:g}; one-sided interval of the paired difference, "
        f"{settings_text(gate.settings)}"
    )


def _identity(run: Run) -> str:
    record = run.record
    return f"{record.system.id} ({record.system_digest[:8]}), {run.path.name}"


def _name(check: Check) -> str:
    column = check.column
    return f"{column.target_set}, {column.target} {column.metric}"


def _cells(check: Check) -> list[str]:
    tests = check.tests
    return [
        _name(check),
        "–" if check.baseline is None else decibels(check.baseline),
        "–" if check.candidate is None else decibels(check.candidate),
        "–" if check.gain is None else with_sign(check.gain),
        "–" if check.bound is None else with_sign(check.bound),
        f"{tests.wins}/{tests.ties}/{tests.losses}" if tests else "–",
        str(check.n_tracks),
        check.verdict,
    ]


def _worst(check: Check) -> str:
    return ", ".join(f"{track} {with_sign(gain)}" for track, gain in check.worst)


def _markdown(text: str) -> str:
    """Escape what Markdown or HTML would read as markup, and what would notify people."""
    return _unlinked(markdown_text(text))


def _unlinked(markdown: str) -> str:
    """Escape what a code host would turn into a link to an issue or a notification: ``#1`` and ``@name``."""
    return markdown.replace("#", r"\#").replace("@", "&#64;")


def _xml(text: str) -> str:
    """Escape control characters, most of which XML cannot hold."""
    return visible(text, lines=True)


def _suite(of: str, tests: int, *, failures: int = 0, errors: int = 0) -> ET.Element:
    return ET.Element(
        "testsuite", name=visible(f"svbench gate: {of}"), tests=str(tests), failures=str(failures),
        errors=str(errors), skipped="0", time="0",
    )  # fmt: skip


def _case(suite: ET.Element, of: str, name: str) -> ET.Element:
    classname = visible(f"svbench.gate.{of}")
    return ET.SubElement(suite, "testcase", classname=classname, name=visible(name), time="0")


def _document(suite: ET.Element) -> str:
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
