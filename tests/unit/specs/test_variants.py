from __future__ import annotations

import pytest

from svbench.errors import SpecError
from svbench.specs.system import load_system, parameter_values, variants


def test_values_are_read_as_toml_or_words() -> None:
    assert parameter_values("overlap=0,0.25, 1e-1") == ("overlap", [0, 0.25, 0.1])
    name, values = parameter_values('x=true,-3,hann,nan,2020-01-01,"0.5"')
    assert (name, values) == ("x", [True, -3, "hann", "nan", "2020-01-01", "0.5"])
    assert [type(v) for v in values[:2]] == [bool, int]
    assert parameter_values("x=a/b,\"ü,x\", 'c, d',[1, 2] ,[]") == ("x", ["a/b", "ü,x", "c, d", [1, 2], []])


@pytest.mark.parametrize("text", ["overlap", "=1,2", "overlap=", "overlap=1,,2", "x=[1,2", 'x="a', 'x="a"b'])
def test_what_is_no_list_of_values_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="expected NAME=VALUE,VALUE"):
        parameter_values(text)


def test_a_value_or_a_parameter_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="a value stands twice"):
        parameter_values("overlap=0.5,0.25,0.50")
    with pytest.raises(SpecError, match="stands twice; give all its values at once"):
        variants(load_system("hpss"), [("length", [1]), ("length", [2])])


def test_a_grid_changes_its_parameters_and_nothing_else() -> None:
    located = load_system("hpss")
    grid = variants(located, [("length", [9, 17]), ("b", [False, 0.5, -1])])
    assert [v.values for v in grid][:4] == [
        {"length": 9, "b": False}, {"length": 9, "b": 0.5}, {"length": 9, "b": -1}, {"length": 17, "b": False},
    ]  # fmt: skip
    assert [v.located.spec.id for v in grid][:3] == [
        "hpss-length_9-b_false", "hpss-length_9-b_0.5", "hpss-length_9-b_-1",
    ]  # fmt: skip
    for v in grid:
        assert v.located.folder == located.folder
        assert v.located.spec.parameters == {**located.spec.parameters, **v.values}
        assert v.located.spec.adapter == located.spec.adapter
    assert len({v.located.spec.digest for v in grid}) == 6


def test_ids_stay_file_names_and_differ() -> None:
    grid = variants(load_system("hpss"), [("path", ["a/b", "a b", "--x", "../y"])])
    ids = [v.located.spec.id for v in grid]
    assert len(set(ids)) == 4
    for one in ids:
        assert "--" not in one
        assert "/" not in one
    assert ids[2] == "hpss-path_-x"
