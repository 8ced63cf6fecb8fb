"""Enrichment: the p-values are those of drawing at random, and the best cells of NAS-Bench-201 look as they do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.enrichment import Features, enrichment
from workbench.analysis.features import Feature, Wording, features_of
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space

SPACE = search_space("nasbench201")
POPULATION = SPACE.sample(60, seed=0)


def test_the_best_hundredth_of_nasbench201_is_skips_from_end_to_end_around_convolutions_in_a_row() -> None:
    table = benchmark("nasbench201").table()
    table.attrs["space"] = "nasbench201"
    found = enrichment(table.nlargest(156, "valid_accuracy"), table, depth=1).set_index("feature")
    assert found.loc["0->3 = skip_connect", "selected"] == pytest.approx(139 / 156)
    assert found.loc["0->3 = skip_connect", "everywhere"] == 0.2
    assert found.loc["nor_conv_3x3(nor_conv_3x3)", "lift"] > 8
    assert found.loc["1 or more avg_pool_3x3", "lift"] < 0.3
    assert found.index[0] == "2 or more nor_conv_3x3"
    assert (found["p_adjusted"].head(10) < 1e-18).all()


def test_a_p_value_is_how_often_a_random_draw_is_as_far_off() -> None:
    features = Features(POPULATION)
    found = features.enriched(range(20)).set_index("feature")
    column = [name for _, name in features.names].index("1 or more nor_conv_3x3")
    held = features.has(column)
    rng = np.random.default_rng(0)
    drawn = np.array([held[rng.permutation(60)[:20]].sum() for _ in range(20_000)])
    inside = held[:20].sum()
    chance = 2 * min((drawn >= inside).mean(), (drawn <= inside).mean())
    assert found.loc["1 or more nor_conv_3x3", "p"] == pytest.approx(min(1, chance), abs=0.02)
    np.testing.assert_allclose(found["p_adjusted"], stats.false_discovery_control(found["p"]))


@pytest.mark.parametrize("size", [1, 7, 30, 59])
def test_p_values_are_scipys_for_every_feature_and_size(size: int) -> None:
    features = Features(POPULATION)
    rows = np.random.default_rng(size).permutation(60)[:size]
    found = features.enriched(rows)
    overall = np.array([features.has(number).sum() for number in found.index])
    inside = np.array([features.has(number)[rows].sum() for number in found.index])
    more = stats.hypergeom.sf(inside - 1, 60, overall, size)
    less = stats.hypergeom.cdf(inside, 60, overall, size)
    np.testing.assert_allclose(found["p"], np.clip(2 * np.minimum(more, less), 0, 1), rtol=1e-9)
    np.testing.assert_allclose(found["selected"], inside / size)
    np.testing.assert_allclose(found["everywhere"], overall / 60)


def test_features_found_before_are_not_looked_for_again() -> None:
    had = [features_of(arch, 1) for arch in POPULATION]
    again, anew = Features(POPULATION, had=had), Features(POPULATION, depth=1)
    assert again.names == anew.names
    pd.testing.assert_frame_equal(again.enriched([1, 2, 3]), anew.enriched([1, 2, 3]))


@pytest.mark.parametrize(
    ("space", "feature", "words"),
    [
        ("nasbench201", Feature("answer", "0->3 = skip_connect"), "skip on in→out"),
        ("nasbench201", Feature("operation", "3 or more nor_conv_3x3"), "at least 3 conv 3×3"),
        ("nasbench201", Feature("motif", "nor_conv_3x3(skip_connect)"), "conv 3×3 after skip"),
        ("nasbench201", Feature("motif", "output(nor_conv_3x3, nor_conv_3x3)"), "out after 2 × conv 3×3"),
        (
            "nasbench201",
            Feature("motif", "output(nor_conv_1x1(input), skip_connect(avg_pool_3x3))"),
            "out after (conv 1×1 after in) + (skip after avg pool)",
        ),
        ("nasbench201", Feature("motif", "nor_conv_1x1(skip_connect(input))"), "conv 1×1 after skip after in"),
        ("nasbench101", Feature("answer", "0->1 = True"), "edge in→1"),
        ("nasbench101", Feature("answer", "0->1 = False"), "no edge in→1"),
        ("nasbench101", Feature("answer", "op2 = maxpool3x3"), "max pool at 2"),
        ("darts", Feature("answer", "normal.2.op1 = skip_connect"), "skip on normal c_{k-2}→2"),
        ("darts", Feature("answer", "normal.5.op1 = skip_connect"), "normal 5 op1: skip"),  # its input is a choice
        ("nasbench_macro", Feature("answer", "layer2 = identity"), "skip at layer2"),
        ("natsbench_sss", Feature("answer", "cell1 = 32"), "32 at cell1"),
    ],
)
def test_features_are_put_into_words_as_they_are_drawn(space: str, feature: Feature, words: str) -> None:
    assert Wording(search_space(space).sample(60, seed=3)).of(feature).words == words


def test_a_name_that_is_no_motif_is_shown_as_it_is() -> None:
    for name in ("pool(3)(x)", "a(b", "f(a))("):
        assert Wording([]).of(Feature("motif", name)).words


def test_features_are_counted_in_the_live_graph_and_each_is_named_once() -> None:
    dead = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")  # only the skip lives
    alive = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")
    features = Features([dead, alive, *POPULATION])
    names = [name for _, name in features.names]
    has_convolution = features.has(names.index("1 or more nor_conv_3x3"))
    assert has_convolution[:2].tolist() == [False, True]
    assert not {name for _, name in Features([dead, alive]).names} & {"1 or more skip_connect"}  # both have it
    assert not any("input()" in name for name in names)
    assert len({features.has(number).tobytes() for number in range(len(names))}) == len(names)


def test_strings_tables_and_architectures_say_the_same() -> None:
    table = pd.DataFrame(index=[str(arch) for arch in POPULATION])
    table.attrs["space"] = "nasbench201"
    there = enrichment(table.iloc[:9], table)
    pd.testing.assert_frame_equal(there, enrichment(POPULATION[:9], POPULATION))
    pd.testing.assert_frame_equal(there, enrichment(list(table.index[:9]), list(table.index), space=SPACE))


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(InvalidInput, match="choose from 1 to 59 of the 60 architectures; got 60"):
        enrichment(POPULATION, POPULATION)
    with pytest.raises(InvalidInput, match="Architectures of one space are compared; got darts, nasbench201"):
        Features([POPULATION[0], search_space("darts").sample(1)[0]])
    with pytest.raises(UnknownName, match="is selected, but it is not in the population of 10"):
        enrichment(POPULATION[10:12], POPULATION[:10])
    with pytest.raises(InvalidInput, match="Strings are read by their search space, and none is named: give space="):
        enrichment([str(POPULATION[0])], [str(arch) for arch in POPULATION])
