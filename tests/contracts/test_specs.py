"""Every shipped file is valid, and the quick listing says what the files say."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from svbench.cli.spec_files import load_spec
from svbench.specs import library
from svbench.specs.library import load_plugin

SPECS = [(kind, name) for kind in library.FOLDERS for name in library.entries(kind)]


@pytest.mark.parametrize(("kind", "name"), SPECS)
def test_shipped_file_is_valid_and_listed_truly(kind: str, name: str) -> None:
    record, _ = load_spec(kind, name)
    entry = library.entries(kind)[name]
    assert (record.id, record.title) == (entry.id, entry.title)
    assert record.title


def test_there_is_something_of_each_kind() -> None:
    assert {kind for kind, _ in SPECS} == set(library.FOLDERS)


@pytest.mark.parametrize("kind", sorted(library.GROUPS))
def test_registry_agrees_with_importlib_metadata(kind: str) -> None:
    expected = {e.name: e.value for e in entry_points(group=library.GROUPS[kind])}
    assert {p.name: p.target for p in library.plugins(kind).values()} == expected
    assert expected


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in library.GROUPS for name in library.plugins(kind)]
)
def test_plugin_loads_and_has_a_summary(kind: str, name: str) -> None:
    assert load_plugin(kind, name) is not None
    assert library.summary(kind, name)


def test_adapters_of_one_module_have_summaries_of_their_own() -> None:
    names = [
        n for n, p in library.plugins("adapter").items() if p.target.startswith("svbench.systems.baselines:")
    ]
    assert len({library.summary("adapter", name) for name in names}) == len(names) > 1


@pytest.mark.parametrize("name", sorted(library.plugins("metric")))
def test_metric_record_is_complete(name: str) -> None:
    metric = load_plugin("metric", name)
    assert metric.id == name
    assert metric.citation
    assert metric.version
    assert metric.quantities
    for quantity in metric.quantities:
        assert quantity.name
        assert quantity.unit
        assert quantity.description
