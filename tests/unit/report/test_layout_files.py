"""Layouts and quoted rows as files: what is refused, what is shipped, and the command that takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from svbench.cli.main import main
from svbench.errors import DataError, SpecError
from svbench.report.layouts.table import published_rows
from svbench.specs.records import load_toml
from svbench.specs.report import Published, TableSpec, load_layout, load_report
from svbench.specs.system import load_system


def test_definitions_of_the_other_kind_and_wrong_ones(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="it lays out a table; use `svbench table --layout`"):
        load_report("challenge")
    with pytest.raises(SpecError, match="it defines a report, not a table"):
        load_layout("default")
    text = Path(load_layout("patterns")[2] / "patterns.toml").read_text()
    path = tmp_path / "patterns.toml"
    path.write_text(text.replace('["vocals"]', '["vocals", "drums"]'))
    with pytest.raises(SpecError, match="patterns in rows take one group with one target"):
        load_layout(path)
    path.write_text(text.replace("[table]", '[table]\npublished = "nothing.toml"'))
    with pytest.raises(SpecError, match=r"table\.published: no such file: nothing\.toml"):
        load_layout(path)
    path.write_text(text + '\n[[table.groups]]\nid = "vocals"\ntargets = ["vocals"]\n')
    with pytest.raises(SpecError, match="two groups have one id"):
        load_layout(path)
    path.write_text('schema = 1\nid = "x"\ntitle = "t"\ndescription = "d"\n')
    with pytest.raises(SpecError, match="sections: missing"):
        load_report(path)
    with pytest.raises(DataError, match="no quoted rows of its own; name a file"):
        published_rows(TableSpec(groups=load_layout("stereo")[1].groups), tmp_path, [""])
    with pytest.raises(SpecError, match="cannot be read"):
        published_rows(load_layout("stereo")[1], tmp_path, [str(tmp_path / "no.toml")])


@pytest.mark.parametrize(
    "path", sorted((load_layout("stereo")[2] / "published").glob("*.toml")), ids=lambda p: p.stem
)
def test_every_shipped_quoted_number_finds_its_column(path: Path) -> None:
    layouts = [load_layout(str(p)) for p in path.parent.parent.glob("*.toml") if p.stem != "default"]
    tables = [t for _, t, _ in layouts if t.published == f"published/{path.name}"]
    assert tables
    for table in tables:
        for row in load_toml(path, Published).rows:
            printed = sum(len(d) for d in row.scores.values())
            shown = [
                row.score(g.id, m, t)
                for g in table.groups
                for t in g.targets
                for m in g.metrics or ("headline",)
            ]
            assert sum(v is not None for v in shown) == printed, row.system
            assert set(row.facts) <= {*table.before, *table.after}
            if row.measured_as:
                assert load_system(row.measured_as).spec.adapter == "zoo"


def test_rows_in_print_need_what_they_show(tmp_path: Path) -> None:
    text = Path(load_layout("lightsaft-runnable")[2] / "lightsaft-runnable.toml").read_text()
    path = tmp_path / "lightsaft-runnable.toml"
    for old, new, sentence in (
        ('rows = "published"', "", "measured: stands with rows = 'published', and only there"),
        ('metrics = ["uSDR"]', "", "rows in print take groups that name their metrics"),
        ('published = "published/lightsaft.toml"', "", "rows in print need a file of them"),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(SpecError, match=sentence):
            load_layout(path)


def test_the_command_line(small_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["table", str(small_runs), "--layout", "sisec18-table"]
    assert main([*words, "--published", "--format", "html"]) == 0
    assert "Wave-U-Net (STL2)" in capsys.readouterr().out
    assert main([*words, "--metric", "SDR"]) == 2
    assert "a layout says which quantities" in capsys.readouterr().err
    assert main(["table", str(small_runs), "--protocol", "mdx21", "--published"]) == 2
    assert "quoted rows need a layout" in capsys.readouterr().err
    assert main(["table", str(small_runs), "--layout", "sisec18-tabel"]) == 2
    assert "did you mean 'sisec18-table'" in capsys.readouterr().err
