"""Tables compile: by pdfLaTeX where there is one, and always by a parser that knows what tables are made of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from svbench.report.layouts.default import paper_table
from svbench.report.layouts.table import layout_table, published_rows
from svbench.results.store import Run
from svbench.specs.report import Published, QuotedRow, load_layout
from svbench.tables.latex import latex_text

STEMS = ("vocals", "drums", "bass", "other")
EVIL = [
    "a_b & 50% #1 $x$ ~^ {curly} \\input{/etc/passwd}", "[option]", "*starred", "<b>bold</b> | \"quoted\"",
    "Motörhead Žižek Łódź Ångström naïve ½ ə", "🎸 ギター قيثارة", "tab\tand\nline", "−1 × 2 → 3 ≤ Δ·μ …",
]  # fmt: skip

COMMANDS = {
    "begin", "end", "toprule", "midrule", "bottomrule", "cmidrule", "multicolumn", "textbf", "textcolor",
    "underline", "boldmath", "rlap", "hphantom", "noindent", "par", "smallskip", "medskip", "footnotesize",
    "endhead", "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
    "addlinespace", "scriptsize", "infty", "texttt", "dagger", "cdot", "times", "pm", "le", "ge", "Delta", "Sigma", "mu", "downarrow", "uparrow", "to",
    "ldots", "ss", "o", "O", "ae", "AE", "oe", "OE", "l", "L", "i", "u", "r", "H", "v", "c",
}  # fmt: skip


def check_latex(text: str) -> None:
    """Assert that text is plain ASCII, balanced, made of known commands, and rectangular."""
    assert text.isascii()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert set(re.findall(r"\\([A-Za-z]+)", body)) <= COMMANDS
    bare = re.sub(r"\\[^A-Za-z]", "", body)  # \& \% \_ and so on are characters; \\ ends a row
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "#" not in bare
    assert "%" not in bare
    begun = re.findall(r"\\begin\{(\w+)\}", body)
    assert begun == re.findall(r"\\end\{(\w+)\}", body)
    for table in re.findall(r"\\begin\{(?:tabular|longtable)\}(.*?)\\end", body, re.DOTALL):
        check_table(table)


def check_table(table: str) -> None:
    head, *lines = [line for line in table.splitlines() if line]
    columns = re.sub(r"\[[^\]]*\]", "", head)
    n_columns = len(re.findall(r"[lrS]", columns.strip("{}")))
    for line in lines:
        line = line.removesuffix("*")
        if line.endswith(r"\\"):
            spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
            cells = re.sub(r"\\&", "", line).count("&") + 1
            assert cells - len(spans) + sum(spans) == n_columns, line
            assert not line.startswith(("[", "*")), line


def compile_latex(fragments: list[str], folder: Path) -> str:
    """Compile fragments as one document; return the log."""
    assert shutil.which("pdflatex")
    document = "\n\n".join(fragments)
    (folder / "tables.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs,siunitx,xcolor,longtable}\n"
        f"\\begin{{document}}\\tiny\n{document}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "tables.pdf").stat().st_size > 1000
    return done.stdout


@pytest.fixture
def fragments(make: Any) -> list[str]:
    """Every layout that a plain run fits, and the default table, with names that try to be LaTeX."""
    tracks = {f"{EVIL[i % len(EVIL)]} {i}": dict.fromkeys(STEMS, 3.0 * i - 5) for i in range(5)}
    low = {t: {s: v - 0.5 for s, v in row.items()} for t, row in tracks.items()}
    runs = [make("net_1.0", tracks), make("low+2", low), make("ideal", tracks, kind="oracle")]
    runs.append(make("broken", {}, failed=dict.fromkeys(tracks, EVIL[0])))
    data = msgspec.structs.replace(runs[0].record.data, id=EVIL[0], left_out=tuple(EVIL))
    runs = [msgspec.structs.replace(r, record=msgspec.structs.replace(r.record, data=data)) for r in runs]
    rows = tuple(QuotedRow(system=e, source=e, rule=e, data=e, facts={"parameters": e}) for e in EVIL)
    quoted = [Published(schema=1, id="q", title="t", rows=rows)]
    known = ("Zeno - Signs", "Al James - Schoolboy Facination", "PR - Oh No")  # with defects in their stems
    leaky = make("leaky", {t: dict.fromkeys(STEMS, 4.0 - i) for i, t in enumerate(known)})
    data = msgspec.structs.replace(leaky.record.data, id="musdb18-hq", manifest="gone/manifest.toml")
    system = msgspec.structs.replace(leaky.record.system, training_data=("dsd100",))
    leaky = Run(leaky.path, msgspec.structs.replace(leaky.record, data=data, system=system), leaky.results)
    return [
        laid_out([leaky], "challenge", []),
        *(laid_out(runs, name, quoted) for name in ("challenge", "resources")),
        paper_table(runs, format="latex"),
    ]


def laid_out(runs: list[Run], layout: str, published: list[Published]) -> str:
    spec, table, folder = load_layout(layout)
    own = published_rows(table, folder, [""]) if table.published else []
    return layout_table(runs, spec, table, format="latex", published=[*own, *published])


def test_tables_are_what_latex_expects(fragments: list[str]) -> None:
    for text in fragments:
        check_latex(text)


def test_the_parser_finds_what_is_wrong(fragments: list[str]) -> None:
    text = fragments[1]
    for wrong in (
        text.replace(r"\end{tabular}", "", 1),
        text.replace(" & ", " ", 1),
        text.replace(r"\_", "_ {"),
        text.replace("net", "nét"),
        text.replace("net", r"\input{a}"),
        text.replace("net", "50%"),
    ):
        with pytest.raises(AssertionError):
            check_latex(wrong)


def test_long_tables_too(make: Any) -> None:
    runs = [
        make(f"net-{i:03}", {"a": dict.fromkeys(STEMS, i / 9), "b": dict.fromkeys(STEMS, 0.0)})
        for i in range(60)
    ]
    check_latex(laid_out(runs, "challenge", []))
    check_latex(paper_table(runs, format="latex"))


def test_a_real_latex_compiles_them(fragments: list[str], make: Any, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on PATH (Debian: apt-get install texlive-latex-extra texlive-science)")
    runs = [
        make(f"net-{i:03}", {"a": dict.fromkeys(STEMS, i / 9), "b": dict.fromkeys(STEMS, 0.0)})
        for i in range(200)
    ]
    long = [laid_out(runs, "challenge", []), paper_table(runs, format="latex")]
    log = compile_latex([*fragments, *long], tmp_path)
    assert "Missing character" not in log
    assert "Font Warning" not in log


def test_characters() -> None:
    assert latex_text("é Ž ł") == r"\'{e} \v{Z} \l{}"
    assert latex_text("−1·2") == r"$-$1$\cdot$2"
    assert latex_text("e\N{COMBINING ACUTE ACCENT}") == r"\'{e}"
    assert latex_text("[x]") == "{}[x]"
    assert latex_text(" *x") == "{} *x"
    assert latex_text("½") == r"\texttt{U+00BD}"
    assert latex_text("a\nb\tc\x00") == r"a b c\texttt{U+0000}"
