"""A table of ready texts as Markdown, LaTeX or HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

Format = Literal["markdown", "csv", "latex", "html", "json"]
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "·": r"$\cdot$",
    "Δ": r"$\Delta$",
}


def text_table(
    format: Literal["markdown", "latex", "html"],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    note: str,
) -> str:
    """Write a table whose first column names the rows.

    Examples
    --------
    >>> print(text_table("markdown", ["system", "a"], [["x", "−1"]], "n = 1."))
    | system | a |
    | --- | ---: |
    | x | −1 |
    <BLANKLINE>
    n = 1.
    """
    return {"markdown": _markdown, "latex": _latex, "html": _html}[format](head, rows, note)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(
        [*(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in r)} |" for r in lines), "", note]
    )


def _latex(head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(_safe(c) for c in cells) + r" \\"

    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            line(head),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip{{\footnotesize {_safe(note)}}}",
        ]
    )


def _safe(text: str) -> str:
    return "".join(LATEX.get(c, c) for c in text)


def _html(head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    top = "".join(f'<th scope="col">{html.escape(h)}</th>' for h in head)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f"{''.join(f'<td>{html.escape(c)}</td>' for c in cells)}</tr>"
        for name, *cells in rows
    )
    caption = f"<caption>{html.escape(note)}</caption>"
    return f"<table>{caption}\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
