"""The files of a report: one page, one LaTeX document, tables of both kinds, and everything as JSON.

OUT/index.html          opens from disk; drawings and style are inside
OUT/report.tex          needs OUT/tables/*.tex
OUT/tables/NAME.tex     booktabs, for papers
OUT/tables/NAME.csv     unrounded, safe for spreadsheets
OUT/analysis.json
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from svbench.listening.analysis.pipeline import Analysis
from svbench.listening.report.build import Report
from svbench.printing.pages import templates
from svbench.results.folders import replaced
from svbench.tables.latex import latex_text

TEMPLATES = Path(__file__).with_name("templates")
MARK = ".svbench-listening-report"


def write_report(report: Report, analysis: Analysis, out: Path) -> Path:
    """Write all files.

    Parameters
    ----------
    report : Report
    analysis : Analysis
        That it was built from.
    out : Path
        A folder: new, empty, or an earlier report, which is replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        The folder holds other things.
    """
    with replaced(out, MARK, "listening report") as new:
        (new / "index.html").write_text(html(report), encoding="utf-8")
        (new / "report.tex").write_text(latex(report), encoding="utf-8")
        content = json.dumps(as_json(report, analysis), indent=2, ensure_ascii=False, allow_nan=False)
        (new / "analysis.json").write_text(content + "\n", encoding="utf-8")
        (new / "tables").mkdir()
        for table in report.tables:
            (new / "tables" / f"{table.id}.tex").write_text(table.latex(), encoding="utf-8")
            (new / "tables" / f"{table.id}.csv").write_text(table.csv(), encoding="utf-8")
    return out / "index.html"


def html(report: Report) -> str:
    """Return the page: no script, nothing from elsewhere."""
    return templates(TEMPLATES).get_template("analysis.html").render(report=report)


def latex(report: Report) -> str:
    """Return a document that reads the tables from their files."""
    lines = [
        r"\documentclass[a4paper,landscape]{article}",
        r"\usepackage[margin=15mm]{geometry}",
        r"\usepackage{booktabs,longtable}",
        r"\setlength{\tabcolsep}{4pt}\setlength{\parindent}{0pt}",
        rf"\title{{{latex_text(report.title)}}}\author{{}}\date{{}}",
        r"\begin{document}\maketitle",
        latex_text(report.summary),
    ]
    for section in report.sections:
        lines.append(rf"\section*{{{latex_text(section.title)}}}")
        if section.facts:
            facts = "\n".join(rf"\item[{{{latex_text(n)}}}] {latex_text(v)}" for n, v in section.facts)
            lines.append(rf"\begin{{description}}{chr(10)}{facts}{chr(10)}\end{{description}}")
        lines += [rf"{latex_text(note)}\par" for note in section.notes]
        lines += [rf"{{\footnotesize\input{{tables/{table.id}}}}}" for table in section.tables]
    lines.append(rf"{{\footnotesize Made by svbench {latex_text(report.version)}.}}")
    return "\n".join([*lines, r"\end{document}", ""])


def as_json(report: Report, analysis: Analysis) -> dict[str, Any]:
    """Return what the tables hold, unrounded, with settings and notes."""
    return {
        "title": report.title,
        "svbench": report.version,
        "method": analysis.panel.method,
        "settings": asdict(analysis.settings),
        "excluded": list(analysis.excluded),
        "flags": [asdict(f) for f in analysis.flags],
        "notes": [note for section in report.sections for note in section.notes],
        "tables": {table.id: table.records() for table in report.tables},
    }
