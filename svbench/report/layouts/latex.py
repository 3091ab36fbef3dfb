"""Grids as LaTeX: booktabs, siunitx's S columns, bold, underlined and grey.

Plain numbers are left to siunitx. Those with a font or a line of their own are set as formulas at the
right edge of their cell: the digits behind the point are as many in a whole column, so the points still
meet, in any version of siunitx.
"""

from __future__ import annotations

from collections.abc import Sequence

from svbench.report.layouts.grid import TIE, Grid, GridCell, GridColumn, GridRow
from svbench.report.view.caveats import LEAK
from svbench.tables.markup import latex_text

LONG = 40  # rows beyond which a table is broken over pages
DAGGER = latex_text(TIE)


def latex(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Write tables to be put into a document."""
    long = any(len(g.rows) > LONG for g in grids)
    packages = ["booktabs", "siunitx", "xcolor", *(["longtable"] if long else [])]
    head = "% needs " + " ".join(rf"\usepackage{{{p}}}" for p in packages)
    if long:
        head += "; a longtable stands by itself, not in a table"
    body = [line for grid in grids for line in _table(grid, len(grids) > 1)]
    return "\n".join(
        [head, *body, rf"\par\smallskip\noindent{{\footnotesize {latex_text(' '.join(notes))}\par}}"]
    )


def _table(grid: Grid, titled: bool) -> list[str]:
    posts = [_widest_post(grid, i) for i in range(len(grid.columns))]
    columns = "".join(_column(grid, i, post) for i, post in enumerate(posts))
    environment = "longtable" if len(grid.rows) > LONG else "tabular"
    start = r"\noindent" if environment == "tabular" else ""
    measured = [r for r in grid.rows if not r.quoted]
    quoted = [r for r in grid.rows if r.quoted]
    title = [rf"\par\medskip\noindent\textbf{{{latex_text(grid.title)}}}\par\smallskip"] if titled else []
    return [
        *title,
        rf"{start}\begin{{{environment}}}{{l{columns}}}",
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
    if not grid.columns[number].is_numeric:
        return "l"
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
    return f"{{{text}}}" if column.is_numeric else text


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
    if not column.is_numeric:
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
