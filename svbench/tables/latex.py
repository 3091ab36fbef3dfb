"""Write tables as LaTeX: booktabs, siunitx's S columns, bold, underlined and grey.

siunitx sets plain numbers. Those with a font or a line of their own are set as formulas at the right edge
of their cell: all numbers of a column have the same count of decimals, so the points still line up, in any
version of siunitx.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from svbench.tables.model import LEAK, TIE, Grid, GridCell, GridColumn, GridRow

LONG = 40  # rows beyond which a table is broken over pages
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
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "−": "$-$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "Δ": r"$\Delta$",
    "μ": r"$\mu$",
    "Σ": r"$\Sigma$",
    "†": r"$^\dagger$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "→": r"$\to$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "„": ",,",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\N{NO-BREAK SPACE}": "~",
}
ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}


def latex_text(text: str) -> str:
    """Escape text for LaTeX, so that any engine prints it and takes nothing of it for a command.

    Letters with accents become commands, which need no encoding. What no Latin font has, such as an
    emoji, becomes its code point, because pdfLaTeX stops at such characters.

    Examples
    --------
    >>> print(latex_text("a_b 50% Ré🎸"))
    a\\_b 50\\% R\\'{e}\\texttt{U+1F3B8}
    """
    written = "".join(map(_latex_character, unicodedata.normalize("NFC", text)))
    # At the beginning of a row these would be options of the line break before it.
    return "{}" + written if written.lstrip()[:1] in ("[", "*") else written


def _latex_character(character: str) -> str:
    if character in LATEX:
        return LATEX[character]
    if character.isspace():
        return " "
    if " " < character <= "~":
        return character
    base, *marks = list(unicodedata.normalize("NFD", character))
    if "A" <= base <= "z" and base.isalpha() and len(marks) == 1 and marks[0] in ACCENTS:
        return rf"\{ACCENTS[marks[0]]}{{{base}}}"
    return rf"\texttt{{U+{ord(character):04X}}}"


DAGGER = latex_text(TIE)


def latex(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write tables to be put into a document."""
    long = any(g.is_long or len(g.rows) > LONG for g in grids)
    # Tables of ready texts need neither siunitx nor colours.
    numeric = any(c.kind == "number" for g in grids for c in g.columns)
    packages = ["booktabs", *(["siunitx", "xcolor"] if numeric else []), *(["longtable"] if long else [])]
    head = "% needs " + " ".join(rf"\usepackage{{{p}}}" for p in packages)
    if long:
        head += "; a longtable stands by itself, not in a table"
    body = [line for grid in grids for line in _table(grid, len(grids) > 1)]
    below = rf"\par\smallskip\noindent{{\footnotesize {latex_text(' '.join(notes))}\par}}"
    return "\n".join([head, *body, *([below] if notes else [])])


def _table(grid: Grid, titled: bool) -> list[str]:
    posts = [_widest_post(grid, i) for i in range(len(grid.columns))]
    prose = sum(k == "prose" for k in (grid.first_kind, *(c.kind for c in grid.columns)))
    width = rf"p{{{0.5 / max(prose, 1):.2f}\linewidth}}"
    columns = (width if grid.first_kind == "prose" else "l") + "".join(
        width if column.kind == "prose" else _column(grid, i, post)
        for i, (column, post) in enumerate(zip(grid.columns, posts, strict=True))
    )
    environment = "longtable" if grid.is_long or len(grid.rows) > LONG else "tabular"
    start = r"\noindent" if environment == "tabular" else ""
    measured = [r for r in grid.rows if not r.quoted]
    quoted = [r for r in grid.rows if r.quoted]
    title = [rf"\par\medskip\noindent\textbf{{{latex_text(grid.title)}}}\par\smallskip"] if titled else []
    return [
        *title,
        rf"{start}\begin{{{environment}}}{{{columns}}}",
        *([rf"\caption{{{latex_text(grid.title)}}}\\"] if grid.is_long else []),
        r"\toprule",
        *_groups(grid.columns),
        " & ".join([latex_text(grid.first), *(_head(c) for c in grid.columns)]) + r" \\",
        r"\midrule",
        *([r"\endhead"] if environment == "longtable" else []),
        *_lines(measured, grid, posts),
        *([r"\midrule"] if quoted and measured else []),
        *_lines(quoted, grid, posts),
        r"\bottomrule",
        rf"\end{{{environment}}}",
    ]


def _column(grid: Grid, number: int, post: str) -> str:
    """Describe a column by its widest number, so that it is as wide as it must be."""
    kind = grid.columns[number].kind
    if kind != "number":
        return "r" if kind == "right" else "l"
    texts = [row.cells[number].text for row in grid.rows if row.cells[number].is_number]
    whole = max((len(t.lstrip("−").partition(".")[0]) for t in texts), default=1)
    parts = max((len(t.partition(".")[2]) for t in texts), default=0)
    sign = "-" if any(t.startswith("−") for t in texts) else ""
    space = f", table-space-text-post={{{post}}}" if post else ""
    return (
        f"S[table-format={sign}{whole}.{parts}, table-number-alignment=right, "
        f"table-text-alignment=right{space}]"
    )


def _groups(columns: Sequence[GridColumn]) -> list[str]:
    """The line of heads that several columns share, with a rule below each."""
    if not any(c.group for c in columns):
        return []
    cells, rules, at = [], [], 0
    while at < len(columns):
        group, start = columns[at].group, at
        while at < len(columns) and columns[at].group == group:
            at += 1
        if group:
            cells.append(rf"\multicolumn{{{at - start}}}{{c}}{{{latex_text(group)}}}")
            rules.append(rf"\cmidrule(lr){{{start + 2}-{at + 1}}}")  # the first column holds the names
        else:
            cells += [r"\multicolumn{1}{c}{}"] * (at - start)
    return [" & ".join(["", *cells]) + r" \\", " ".join(rules)]


def _head(column: GridColumn) -> str:
    text = latex_text(column.head)
    return f"{{{text}}}" if column.kind == "number" else text


def _lines(rows: Sequence[GridRow], grid: Grid, posts: Sequence[str]) -> list[str]:
    """The lines of rows: their numbers, and below them their intervals where there are any."""
    lines: list[str] = []
    for row in rows:
        line = _row(row, grid, posts)
        if any(cell.interval for cell in row.cells):
            below = " & ".join(["", *(_interval(cell.interval) for cell in row.cells)])
            # The star keeps both on one page of a long table.
            lines += [r"\addlinespace[2pt]"] * bool(lines) + [f"{line}*", rf"{below} \\"]
        else:
            lines.append(line)
    return lines


def _interval(text: str) -> str:
    if not text:
        return "{}"
    formula = text.replace("−", "-").replace("∞", r"\infty")
    return rf"{{\scriptsize\textcolor{{darkgray}}{{${formula}$}}}}"


def _row(row: GridRow, grid: Grid, posts: Sequence[str]) -> str:
    name = latex_text(row.name + (f" [{row.quoted}]" if row.quoted else ""))
    if row.quoted:
        name = rf"\textcolor{{gray}}{{{name}}}"
    if row.leaked:
        name += rf" \textcolor{{red}}{{{LEAK}}}"
    cells = [
        _cell(cell, column, post, grey=bool(row.quoted) and not cell.measured)
        for cell, column, post in zip(row.cells, grid.columns, posts, strict=True)
    ]
    return " & ".join([name, *cells]) + r" \\"


def _cell(cell: GridCell, column: GridColumn, post: str, *, grey: bool) -> str:
    text, own = latex_text(cell.text), _post(cell)
    if column.kind != "number":
        return rf"\textcolor{{gray}}{{{text}}}" if grey else text
    if cell.is_number and not (cell.best or cell.second or grey):
        return cell.text.replace("−", "-") + (f" {{{own}}}" if own else "")
    text = f"${cell.text.replace('−', '-')}$" if cell.is_number else text
    text = rf"\boldmath{text}" if cell.best else rf"\underline{{{text}}}" if cell.second else text
    text = rf"\textcolor{{gray}}{{{text}}}" if grey else text
    space = rf"\rlap{{{own}}}\hphantom{{{post}}}" if post else own
    return f"{{{text}{space}}}"


def _post(cell: GridCell) -> str:
    """What stands behind a number: the dagger, and the number without known defects."""
    return (DAGGER if cell.tied else "") + latex_text(cell.extra)


def _widest_post(grid: Grid, number: int) -> str:
    cells = [row.cells[number] for row in grid.rows]
    extra = max((latex_text(c.extra) for c in cells), key=len, default="")
    return (DAGGER if any(c.tied for c in cells) else "") + extra
