"""Enrichment: the p-values are those of drawing at random, and the best cells of NAS-Bench-201 look as they do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.enrichment import Features, enrichment
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
    held = features.held[:, column]
    rng = np.random.default_rng(0)
    drawn = np.array([held[rng.permutation(60)[:20]].sum() for _ in range(20_000)])
    inside = held[:20].sum()
    chance = 2 * min((drawn >= inside).mean(), (drawn <= inside).mean())
    assert found.loc["1 or more nor_conv_3x3", "p"] == pytest.approx(min(1, chance), abs=0.02)
    np.testing.assert_allclose(found["p_adjusted"], stats.false_discovery_control(found["p"]))


def test_features_are_counted_in_the_live_graph_and_each_is_named_once() -> None:
    dead = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")  # only the skip lives
    alive = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")
    features = Features([dead, alive, *POPULATION])
    names = [name for _, name in features.names]
    has_convolution = features.held[:, names.index("1 or more nor_conv_3x3")]
    assert has_convolution[:2].tolist() == [False, True]
    assert not {name for _, name in Features([dead, alive]).names} & {"1 or more skip_connect"}  # both have it
    assert not any("input()" in name for name in names)
    assert len({column.tobytes() for column in features.held.T}) == len(names)


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
