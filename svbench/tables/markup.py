"""A table of ready texts as Markdown, LaTeX or HTML, and what each of these takes for markup."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from svbench.printing.visible import visible

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


# What Markdown might obey, or an interval, which is longer and left alone.
MARKED = re.compile(r"\[[−+]?[\d.∞]+, [−+]?[\d.∞]+\](?![\[(:])|[\\`*_{}\[\]|~]")


def latex_text(text: str) -> str:
    """Write text so that every LaTeX prints it and none obeys it.

    Letters with accents become commands, which need no encoding. What no Latin font has, such as an
    emoji, becomes its code point: pdfLaTeX stops at such characters, and a name must not stop a paper.

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


def markdown_text(text: str) -> str:
    """Write text so that Markdown takes nothing of it for markup.

    Intervals stay as they are: two numbers in square brackets are no link.

    Examples
    --------
    >>> print(markdown_text("a|b <i>*c*</i> [−0.50, 1.25]"))
    a\\|b &lt;i&gt;\\*c\\*&lt;/i&gt; [−0.50, 1.25]
    """
    plain = html.escape(visible(" ".join(text.split())), quote=False)
    return MARKED.sub(lambda found: found[0] if len(found[0]) > 1 else f"\\{found[0]}", plain)


def html_text(text: str) -> str:
    """Write text so that HTML takes nothing of it for markup, nor a terminal for a command.

    Examples
    --------
    >>> html_text("<i>\\x07")
    '&lt;i&gt;\\\\x07'
    """
    return html.escape(visible(text))


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
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    rule = line(["---", *["---:"] * (len(head) - 1)])
    body = [line([markdown_text(c) for c in row]) for row in (head, *rows)]
    return "\n".join([body[0], rule, *body[1:], "", markdown_text(note)])


def _latex(head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(latex_text(c) for c in cells) + r" \\"

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
            rf"\par\smallskip{{\footnotesize {latex_text(note)}}}",
        ]
    )


def _html(head: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    top = "".join(f'<th scope="col">{html_text(h)}</th>' for h in head)
    body = "\n".join(
        f'<tr><th scope="row">{html_text(name)}</th>{"".join(f"<td>{html_text(c)}</td>" for c in cells)}</tr>'
        for name, *cells in rows
    )
    caption = f"<caption>{html_text(note)}</caption>"
    return f"<table>{caption}\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
