"""Catalogues and the errors that name what is near."""

from __future__ import annotations

import pytest

from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput, UnknownName, nearest, refuse_unknown


@pytest.fixture
def fruits() -> Catalogue[str]:
    catalogue: Catalogue[str] = Catalogue("fruit")
    catalogue.enter("apple", "red")
    catalogue.enter("apricot", "orange")
    catalogue.enter("banana", "yellow")
    return catalogue


def test_a_member_is_found_by_its_name(fruits: Catalogue[str]) -> None:
    assert fruits.find("apple") == "red"
    assert "apple" in fruits
    assert list(fruits) == ["red", "orange", "yellow"]
    assert len(fruits) == 3


def test_an_unknown_name_shows_the_nearest_and_all_known(fruits: Catalogue[str]) -> None:
    with pytest.raises(UnknownName) as caught:
        fruits.find("Aple")
    assert str(caught.value) == ("There is no fruit named 'Aple'. Did you mean 'apple'? Known: apple, apricot, banana.")


@pytest.mark.parametrize("name", [None, 3, ["apple"]])
def test_a_name_that_is_no_string_is_unknown_too(fruits: Catalogue[str], name: object) -> None:
    with pytest.raises(UnknownName, match="There is no fruit named"):
        fruits.find(name)  # type: ignore[arg-type]


def test_a_name_is_given_once_and_is_an_identifier(fruits: Catalogue[str]) -> None:
    with pytest.raises(InvalidInput, match="already a fruit named 'apple': choose another name"):
        fruits.enter("apple", "green")
    with pytest.raises(InvalidInput, match="'red apple' cannot name a fruit"):
        fruits.enter("red apple", "red")


def test_a_decorator_enters_what_it_decorates(fruits: Catalogue[str]) -> None:
    assert fruits.entering("cherry")("dark") == "dark"
    assert fruits.find("cherry") == "dark"


def test_a_notebook_cell_may_be_run_again(fruits: Catalogue[str]) -> None:
    def melon() -> int:
        return 1

    def again() -> int:
        return 2

    again.__qualname__ = melon.__qualname__
    with pytest.raises(InvalidInput, match="already a fruit"):
        fruits.enter("melon", fruits.enter("melon", melon))  # type: ignore[type-var]
    melon.__module__ = again.__module__ = "__main__"
    assert fruits.enter("melon", again) is again  # type: ignore[type-var]
    assert fruits.find("melon") is again


def test_the_table_has_a_row_for_every_member(fruits: Catalogue[str]) -> None:
    table = fruits.table(lambda member: {"colour": member})
    assert table.loc["banana", "colour"] == "yellow"
    assert table.index.name == "name"


def test_a_part_of_a_name_finds_it() -> None:
    assert nearest("acc", ["latency_ms", "valid_accuracy"]).startswith("Did you mean 'valid_accuracy'?")


def test_many_known_names_are_cut_and_counted() -> None:
    hint = nearest("zzz", [f"name{i:02}" for i in range(30)])
    assert hint.endswith("name19 and 10 more.")
    assert "Did you mean" not in hint


def test_an_unknown_keyword_is_refused_by_name() -> None:
    refuse_unknown(["x"], ["x", "y"], "a map")
    with pytest.raises(UnknownName, match="a map takes no keyword 'colr'. Did you mean 'color'"):
        refuse_unknown(["x", "colr"], ["x", "color"], "a map")


def test_a_public_name_that_is_also_a_folder_stays_a_function() -> None:
    import workbench as wb
    import workbench.samplers

    assert callable(wb.samplers)
    assert "regularized_evolution" in wb.samplers().index
    with pytest.raises(AttributeError, match="has no attribute 'serch'"):
        wb.serch  # noqa: B018


def test_every_public_name_exists() -> None:
    import workbench as wb

    for name in wb.__all__:
        assert getattr(wb, name) is not None, name
