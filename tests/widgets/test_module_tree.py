"""The module tree: what it offers, what it makes of what is picked, and its browser half."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.module_tree import ModuleTree

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def small() -> nn.Module:
    """Two convolutions and a classifier."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


@pytest.fixture
def tree() -> ModuleTree:
    return ModuleTree(small())


def offers(tree: ModuleTree) -> dict[str, Any]:
    return {row["name"]: row["offers"] for row in tree.rows}


def test_each_layer_offers_what_it_may_become(tree: ModuleTree) -> None:
    assert offers(tree)["0.0"] == {"kernel": [1, 3, 5, 7], "width": [2, 4, 6, 8]}
    assert offers(tree)["1"] == {"skip": True}
    assert "GELU" in offers(tree)["1.1"]["replace"]
    assert offers(tree)["4"] == {"width": "it is the model's output"}


def test_every_single_offer_makes_a_space_that_builds(tree: ModuleTree) -> None:
    x = torch.zeros(2, 3, 32, 32)
    tried = 0
    for name, kinds in offers(tree).items():
        for kind, answers in kinds.items():
            if not isinstance(answers, str):
                tree.choices = {name: {kind: answers}}
                assert tree.message == ""
                for arch in tree.space().enumerate():
                    assert arch.space.build(arch)(x).shape == (2, 4)
                    tried += 1
    assert tried > 25


def test_what_is_picked_is_a_space_its_size_and_the_call_that_makes_it(tree: ModuleTree) -> None:
    assert tree.size == "nothing picked yet"
    tree.choices = {"0.0": {"kernel": [3, 5], "width": [4, 8]}, "1.1": {"replace": ["GELU"]}}
    assert tree.size == "8 architectures"
    assert tree.space("mine").size == 8
    assert tree.space("mine").name == "mine"
    assert tree.code == (
        "wb.space_from_module(model, {'0.0': {'kernel': [3, 5], 'width': [4, 8]}, '1.1': {'replace': ['GELU']}})"
    )
    still = tree.still()
    assert "kernel 3, 5; width 4, 8" in still
    assert "http" not in still.replace("http://www.w3.org/2000/svg", "")


def test_a_choice_that_cannot_be_is_named_and_the_tree_lives_on(tree: ModuleTree) -> None:
    tree.choices = {"4": {"width": [2]}}
    assert tree.message == "The width of '4' cannot be chosen: it is the model's output."
    tree.choices = {"0.0": {"kernel": [3]}}
    assert tree.message == ""


def test_only_a_module_has_a_tree() -> None:
    with pytest.raises(InvalidInput, match="ModuleTree shows a torch module; got 3"):
        ModuleTree(3)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="heigth"):
        ModuleTree(small(), heigth=3)


# -- the browser half ----------------------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, pages: ModuleType, lab_module: ModuleType, tree: ModuleTree) -> Iterator[Page]:
    page = browser.new_context(viewport={"width": 1000, "height": 800}).new_page()
    record = lab_module.Record(page)
    page.set_content(pages.page_of(tree))
    page.wait_for_function("window.ready")
    yield page
    page.context.close()
    assert record.errors == []


@pytest.mark.browser
def test_buttons_pick_answers_and_take_them_back(page: Page) -> None:
    page.get_by_role("button", name="0.0 kernel 5").click()
    page.get_by_role("button", name="0.0 kernel 3").click()
    page.get_by_role("button", name="1 may be left out", exact=True).click()
    assert page.evaluate("models[0].state.choices") == {"0.0": {"kernel": [3, 5]}, "1": {"skip": True}}
    page.get_by_role("button", name="0.0 kernel 5").click()
    page.get_by_role("button", name="1 may be left out", exact=True).click()
    assert page.evaluate("models[0].state.choices") == {"0.0": {"kernel": [3]}}
    assert page.get_by_role("button", name="0.0 kernel 3").get_attribute("aria-pressed") == "true"


@pytest.mark.browser
def test_parts_fold_and_layers_are_found(page: Page, tree: ModuleTree) -> None:
    every = page.get_by_role("treeitem").count()
    assert every == len(tree.rows)
    page.get_by_role("button", name="Close 0").click()
    assert page.get_by_role("treeitem").count() == every - 3
    page.get_by_label("Find a layer").fill("0.")
    assert page.get_by_role("treeitem").count() == 3
