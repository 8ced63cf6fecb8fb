"""Spaces as individuals: restrictions of NAS-Bench-201 that evolve by what their samples are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.spaces.combined.subspaces import Subspaces
from workbench.spaces.space import SearchSpace
from workbench.testing import space_contract

WHOLE = search_space("nasbench201")
SPACES = Subspaces(WHOLE)


@pytest.mark.parametrize("check", space_contract, ids=lambda check: check.__name__)
def test_spaces_pass_the_contract_of_architectures(check: Callable[[SearchSpace], None]) -> None:
    check(SPACES)


def test_a_question_of_five_answers_has_31_subsets_or_15_windows() -> None:
    assert SPACES.size == 31**6
    assert Subspaces(WHOLE, keep="windows").size == 15**6
    assert "none|nor_conv_1x1" not in Subspaces(WHOLE, keep="windows").questions()[0].answers
    assert "none|nor_conv_1x1" in SPACES.questions()[0].answers


def test_questions_with_many_answers_are_asked_for_windows() -> None:
    spaces = Subspaces(search_space("natsbench_sss"))  # eight widths in each of five layers
    assert all(len(question.answers) == 36 for question in spaces.questions())
    arch = spaces.sample(1, seed=0)[0]
    widths = spaces.kept(arch)[spaces.questions()[0].name]
    assert list(widths) == [8 * (i + widths[0] // 8) for i in range(len(widths))]


def test_an_architecture_stands_for_a_space_of_the_wholes_architectures() -> None:
    arch = SPACES.architecture({q.name: "none|skip_connect" for q in WHOLE.questions()} | {"2->3": "nor_conv_3x3"})
    space = SPACES.space(arch)
    assert space.size == 2**5
    for inside in space.enumerate():
        assert WHOLE.parse(str(inside)) == inside
        assert inside.decisions["2->3"] == "nor_conv_3x3"
    assert SPACES.largest(arch).decisions == {q.name: "skip_connect" for q in WHOLE.questions()} | {
        "2->3": "nor_conv_3x3"
    }
    assert SPACES.counts(arch) == WHOLE.counts(SPACES.largest(arch))


def test_the_space_around_an_architecture_holds_it_alone() -> None:
    arch = WHOLE.sample(1, seed=4)[0]
    assert list(SPACES.space(SPACES.around(arch)).enumerate()) == [arch]


def test_the_graph_shows_what_is_kept_and_zero_only_where_nothing_else_is() -> None:
    arch = SPACES.architecture({q.name: "none|skip_connect" for q in WHOLE.questions()} | {"2->3": "none"})
    edges = SPACES.graph(arch).edges
    assert edges[0, 1]["op"] == "none|skip_connect"
    assert not edges[0, 1]["zero"]
    assert edges[2, 3]["zero"]


def test_conditional_spaces_have_subspaces_too() -> None:
    whole = search_space("typed_convolutions")
    spaces = Subspaces(whole)
    assert spaces.flat
    arch = spaces.architecture({q.name: "|".join(map(str, q.answers)) for q in whole.questions()} | {"depth": "2"})
    assert all(inside.decisions["depth"] == 2 for inside in spaces.space(arch).sample(5, seed=0))


@pytest.mark.parametrize("keep", ["all", 3])
def test_another_way_of_keeping_is_refused(keep: str) -> None:
    with pytest.raises(InvalidInput, match="keep must be 'subsets', 'windows' or None; got"):
        Subspaces(WHOLE, keep=keep)


def test_answers_that_read_alike_are_refused() -> None:
    from workbench.spaces.combined.sides import Side

    with pytest.raises(InvalidInput, match="The answers to 's.a' cannot be told apart in writing"):
        Subspaces(Side("s", {"a": ("x", "x|y", "y")}))


def test_evolved_spaces_are_worth_more_than_random_ones() -> None:
    # SpaceEvo's loop on a real table: an individual is worth the mean accuracy of eight of its architectures.
    accuracy = wb.benchmark("nasbench201").measure("valid_accuracy")

    def worth(individual: Architecture) -> float:
        space = SPACES.space(individual)
        return float(np.mean([accuracy(arch) for arch in space.sample(min(8, space.size), seed=0)]))

    # Every space keeps at least two answers a question, or the best space would be one architecture.
    wide = SPACES.restrict({q.name: [text for text in q.answers if "|" in str(text)] for q in SPACES.questions()})
    measure = Measure("mean_accuracy", "higher", worth, unit="%")
    study = wb.search(wide, measure, sampler="regularized_evolution", n_trials=150, seed=0, progress=False)
    best = SPACES.space(wb.best(study, SPACES))
    random = [worth(individual) for individual in wide.sample(150, seed=1)]
    everything = np.mean([accuracy(arch) for arch in best.enumerate()])
    assert everything > np.quantile(random, 0.95)
    assert everything > np.mean([accuracy(arch) for arch in WHOLE.enumerate()]) + 4
