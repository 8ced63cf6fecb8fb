"""Attentive sampling: the costs are drawn as they are spread, and of k candidates the best or the worst is run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.paths.attentive import minus_loss
from workbench.supernets.step import Step
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=1, batch_size=32)


@pytest.fixture(scope="module")
def data() -> Splits:
    parts = wb.task("digits").split(0)
    return Splits(*(Batch(part.x[:96], part.y[:96], part.source) for part in parts))


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", 0)


@pytest.fixture(scope="module")
def table(net: wb.Supernet) -> sn.CostTable:
    return sn.cost_table(net, bins=5, n=300)


def test_the_table_is_a_distribution_of_costs_and_of_options_at_each(net: wb.Supernet, table: sn.CostTable) -> None:
    assert table.shares.sum() == pytest.approx(1)
    for name, chances in table.options.items():
        assert chances.shape == (5, len(net.options[name]))
        assert chances.sum(1) == pytest.approx(np.ones(5))
        assert (chances > 0).all()
    # Cheap networks expand less than costly ones.
    wide = table.options["s2.b1.expand"][:, -1]
    assert wide[0] < wide[2]
    costs = [net.costs(arch)["macs"] for arch in net.sample(100, seed=1)]
    numbers = [table.bin_of(cost) for cost in costs]
    assert all(table.edges[n] - 1e-6 <= cost or n == 0 for n, cost in zip(numbers, costs, strict=True))
    assert all(cost <= table.edges[n + 1] + 1e-6 or n == 4 for n, cost in zip(numbers, costs, strict=True))


def test_what_is_drawn_for_a_bin_lies_in_it(net: wb.Supernet, table: sn.CostTable) -> None:
    rng = np.random.default_rng(0)
    for bin_ in (0, 1, 2, 3):
        for _ in range(3):
            cost = net.costs(table.draw(bin_, rng))["macs"]
            assert table.edges[bin_] <= cost <= table.edges[bin_ + 1]


class Probe(sn.Sandwich):
    """Keeps the runs and the losses of every step."""

    def __init__(self, inner: sn.BestUp) -> None:
        self.inner, self.seen = inner, []

    def plan(self, step: Step) -> list:
        runs = self.inner.plan(step)
        self.seen.append((step, runs))
        return runs


def test_with_one_candidate_costs_are_those_of_uniform_paths_and_nothing_is_scored(
    net: wb.Supernet, table: sn.CostTable
) -> None:
    def never(step: Step, gates: object) -> float:
        raise AssertionError

    paths = sn.BestUp(1, score=never, table=table)
    drawn = []
    for index in range(70):
        step = Step(net, None, RECIPE, 0, index, 120, np.random.default_rng(index), None, None, None, None, None)
        drawn += [table.bin_of(net.costs(arch)["macs"]) for arch in paths.between(step, 2)]
    counts, shares = np.bincount(drawn, minlength=5), table.shares
    # The two dearest bins together: alone each is rarer than chi-square wants.
    merged = np.append(counts[:3], counts[3:].sum()), np.append(shares[:3], shares[3:].sum())
    assert chisquare(merged[0], merged[1] * counts.sum()).pvalue > 0.001


@pytest.mark.parametrize(("kind", "choose"), [(sn.BestUp, max), (sn.WorstUp, min)])
def test_the_best_or_the_worst_of_k_of_one_cost_is_run(kind, choose, net: wb.Supernet, table: sn.CostTable) -> None:
    scored: list[tuple[float, dict]] = []

    def score(step: Step, gates) -> float:
        scored.append((float(np.random.default_rng(len(scored)).random()), dict(gates)))
        return scored[-1][0]

    paths = kind(4, n=1, score=score, table=table)
    step = Step(net, None, RECIPE, 0, 0, 1, np.random.default_rng(0), None, None, None, None, None)
    largest, chosen, smallest = paths.plan(step)
    assert len(scored) == 4
    assert dict(chosen.gates) == choose(scored, key=lambda pair: pair[0])[1]
    assert (largest.gates, smallest.gates) == (net.gates(net.largest()), net.gates(net.smallest()))
    assert len({table.bin_of(net.costs(gates)["macs"]) for _, gates in scored}) == 1


def test_by_default_the_score_is_minus_the_loss_of_the_batch(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("mbconv"), "digits", 0)
    seen: list[tuple[float, float]] = []

    class Checking(sn.BestUp):
        def learned(self, step: Step) -> None:
            seen.append((step.losses[1], -scores[step.index]))

    scores: dict[int, float] = {}

    def score(step: Step, gates: object) -> float:
        found = minus_loss(step, gates)
        scores[step.index] = max(found, scores.get(step.index, -np.inf))
        return found

    sn.train(net, data, Checking(3, n=1, score=score, bins=4, drawn=60), recipe=RECIPE, show=False)
    assert len(seen) == 3
    for ran, best in seen:
        assert ran == pytest.approx(best, abs=1e-6)


def test_no_candidate_is_refused() -> None:
    with pytest.raises(InvalidInput, match="k candidates, 1 or more; got 0"):
        sn.WorstUp(0)
