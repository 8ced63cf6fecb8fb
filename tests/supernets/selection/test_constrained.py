"""Exact selection under limits: additive costs, the best choice by enumeration, and limits that cannot be met."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName

SPACES = {"mbconv": {}, "nasbench201": {"n_cells": 1, "channels": 4}, "fbnet_small": {}}


def supernet(name: str) -> wb.Supernet:
    return wb.Supernet(wb.search_space(name), "digits", 0, **SPACES[name])


@pytest.mark.parametrize(
    ("name", "cost"), [("mbconv", "macs"), ("mbconv", "params"), ("nasbench201", "macs"), ("fbnet_small", "macs")]
)
def test_the_tables_add_up_to_the_cost_of_any_architecture(name: str, cost: str) -> None:
    net, rng = supernet(name), np.random.default_rng(0)
    tables, rest = sn.cost_tables(net, cost), float(net.costs(net.smallest())[cost])
    for _ in range(15):
        path = net.random_path(rng)
        total = sum(
            table[tuple(path[q] for q in asked) if isinstance(asked, tuple) else path[asked]]
            for asked, table in tables.items()
        )
        assert rest + total == float(net.costs(path)[cost])


def test_gates_interact_where_one_multiplies_the_other() -> None:
    graph = sn.interactions(supernet("mbconv"))
    assert graph.has_edge("s1.b1.kernel", "s1.b1.expand")
    assert graph.has_edge("s1.depth", "s1.b2.expand")
    assert not graph.has_edge("s1.b1.kernel", "s2.b1.kernel")
    assert not sn.interactions(supernet("nasbench201")).edges


@pytest.fixture(scope="module")
def small() -> tuple[wb.Supernet, dict, list[tuple[float, float, dict[str, int]]]]:
    """A net of 2 x 2 x 2 x 3 x 2 paths, scores, and (score, macs, path) of all of them."""
    space = wb.search_space("mbconv")
    open_ = {"s1.width", "s1.depth", "s1.b2.kernel", "s1.b2.expand", "s2.b1.kernel"}
    options = {name: allowed if name in open_ else allowed[:1] for name, allowed in space.gates().items()}
    net = wb.Supernet(space, "digits", 0, options=options)
    generator = torch.Generator().manual_seed(0)
    scores = {name: torch.randn(len(allowed), generator=generator) for name, allowed in options.items()}
    free = {name: range(len(allowed)) for name, allowed in net.options.items()}
    every = [dict(zip(free, numbers, strict=True)) for numbers in product(*free.values())]
    listed = [
        (sum(float(scores[name][k]) for name, k in path.items() if len(free[name]) > 1), net.costs(path)["macs"], path)
        for path in every
    ]
    return net, scores, listed


def test_the_choice_is_the_best_of_all_within_the_limit(small) -> None:
    net, scores, listed = small
    for limit in np.quantile([macs for _, macs, _ in listed], [0.0, 0.1, 0.3, 0.6, 1.0]):
        found = sn.constrained(net, scores, {"macs": float(limit)})
        best = max(score for score, macs, _ in listed if macs <= limit)
        assert found.objective == pytest.approx(best)
        assert found.violation == 0.0
        assert found.costs["macs"] == net.costs(found.architecture)["macs"] <= limit


def test_a_cost_that_does_not_add_up_is_enumerated_from_the_best_on(small) -> None:
    net, scores, listed = small

    def odd(arch: wb.Architecture) -> float:
        return (net.costs(arch)["macs"] / 1000) % 7

    limit = {"odd": 1.5}
    found = sn.constrained(net, scores, limit, measures={"odd": odd}, most=200)
    best = max(score for score, _, path in listed if odd(net.architecture(path)) <= 1.5)
    assert found.objective == pytest.approx(best)
    assert found.costs["odd"] == odd(found.architecture) <= 1.5
    both = sn.constrained(net, scores, {"odd": 3.0, "params": 4000.0}, measures={"odd": odd}, most=200)
    assert both.violation == 0.0
    assert net.costs(both.architecture)["params"] <= 4000


def test_a_limit_below_the_smallest_names_the_smallest(small) -> None:
    net, scores, listed = small
    least = min(macs for _, macs, _ in listed)
    with pytest.raises(
        InvalidInput, match=f"within macs <= {least - 1:g}: the smallest has {least:g}. Raise the limit"
    ):
        sn.constrained(net, scores, {"macs": least - 1})
    with pytest.raises(InvalidInput, match="None of the 8 best choices is within steps <= 0 .smallest seen 1.. Raise"):
        sn.constrained(net, scores, {"steps": 0.0}, measures={"steps": lambda arch: 1.0}, most=8)


def test_it_says_its_violation(small, capsys) -> None:
    net, scores, _ = small
    sn.constrained(net, scores, {"macs": 2e5})
    assert "violation 0" in capsys.readouterr().err


def test_what_it_refuses(small) -> None:
    net, scores, _ = small
    with pytest.raises(UnknownName, match="cost of a supernet"):
        sn.constrained(net, scores, {"watts": 1.0})
    with pytest.raises(InvalidInput, match="needs a score for each; 's1.depth'"):
        sn.constrained(net, {**scores, "s1.depth": [1.0]}, {"macs": 1e6})
