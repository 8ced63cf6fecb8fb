"""RoBoT's weights follow from the history, cost a trial only for a new first choice; then the best ones rank."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import InvalidInput, WorkbenchError
from workbench.measure import Measure
from workbench.samplers.domain import Domain, SpaceDomain
from workbench.samplers.history import History, Told
from workbench.samplers.robot import RoBoT, scaled

SPACE = wb.search_space("nasbench201")
ACCURACY = wb.benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")


def frame(n: int = 60) -> pd.DataFrame:
    """Real numbers of `n` cells: what they cost, what they cost with dead edges, and one column upside down."""
    archs = SPACE.sample(n, seed=5)
    rows = [[SPACE.counts(a, live=True).macs, -SPACE.counts(a).params, ACCURACY(a)] for a in archs]
    return pd.DataFrame(rows, index=[str(a) for a in archs], columns=["macs", "params", "told"])


def played(strategy: RoBoT, domain: Domain, n: int) -> History:
    """The first new candidate, `n` times, valued by the table."""
    told: list[Told] = []
    for number in range(n):
        seen = {domain.key(t.params) for t in told}
        candidates = strategy(domain, History.of(told), np.random.default_rng(number))
        point = next(c for c in candidates if domain.key(c) not in seen)
        told.append(Told(point, ACCURACY(domain.architecture(point)), number))
    return History.of(told)


def test_every_trial_of_the_weighings_is_what_some_weights_put_first_and_the_rest_goes_down_the_best_ones() -> None:
    pool = frame()
    domain, strategy = SpaceDomain(SPACE), RoBoT(proxies=pool, weighings=8, first=3)
    history = played(strategy, domain, 20)
    columns = scaled(pool.to_numpy())
    names = [str(domain.architecture(point)) for point in history.points]
    weighed = 0
    while weighed < 20:
        weights = strategy.weights(domain, history[:weighed])
        if names[weighed] != pool.index[np.argmax(columns @ weights)]:
            break
        weighed += 1
    assert 1 <= weighed <= 8  # a choice that is known costs no trial
    best = strategy.weights(domain, history)
    assert np.array_equal(best, strategy.weights(domain, history[:weighed]))
    ranking = [pool.index[row] for row in np.argsort(-(columns @ best), kind="stable")]
    left = [name for name in ranking if name not in names[:weighed]]
    assert names[weighed:] == left[: 20 - weighed]
    firsts = [pool["told"][name] for name in names[:weighed]]
    assert pool["told"][ranking[0]] == max(firsts)


def test_weights_follow_from_the_history_alone() -> None:
    domain = SpaceDomain(SPACE)
    going = RoBoT(proxies=frame(), weighings=12)
    history = played(going, domain, 15)
    for n in (0, 3, 9, 15):
        expected = going.weights(domain, history[:n])
        assert np.array_equal(RoBoT(proxies=frame(), weighings=12).weights(domain, history[:n]), expected)
        assert np.array_equal(deepcopy(going).weights(domain, history[:n]), expected)
        assert np.abs(expected).max() <= 1
    other = RoBoT(proxies=frame(), weighings=12, seed=1)
    assert not np.array_equal(other.weights(domain, history), going.weights(domain, history))


def test_a_proxy_that_is_the_truth_upside_down_is_as_good_as_one_that_is_not() -> None:
    pool = frame(200)
    pool["told"] *= -1
    study = wb.search(SPACE, ACCURACY, wb.sampler("robot", 0, proxies=pool), 20, progress=False)
    top = pool["told"].nsmallest(3).index
    assert study.best_trial.user_attrs["architecture"] in top
    assert {trial.user_attrs["architecture"] for trial in study.trials} <= set(pool.index)


def test_a_choice_that_may_not_be_measured_leaves_its_place_to_the_next() -> None:
    pool = frame()
    bound = float(pool["macs"].median())
    macs = Measure("macs", "lower", lambda arch: SPACE.counts(arch, live=True).macs, space=SPACE)
    sampler = wb.sampler("robot", 0, proxies=pool, weighings=10)
    study = wb.search(SPACE, [ACCURACY], sampler, 15, constraints={macs: bound}, handling="reject", progress=False)
    found = [trial.user_attrs["architecture"] for trial in study.trials]
    assert len(set(found)) == 15
    assert all(pool["macs"][name] <= bound for name in found)


def test_without_a_frame_it_ranks_by_what_costs_nothing_also_where_there_is_no_space() -> None:
    study = wb.search(SPACE, ACCURACY, wb.sampler("robot", 0, pool=300), 20, progress=False)
    drawn = [ACCURACY(arch) for arch in SPACE.sample(2000, seed=1)]
    assert study.best_value > np.quantile(drawn, 0.9)
    plain = Domain(wb.search_space("fcnet").distributions())
    points, columns = RoBoT(pool=50)._pool(plain)
    assert len(points) == len(columns) == 50
    assert columns.min() == 0
    assert columns.max() == 1


def test_columns_are_scaled_over_what_they_have() -> None:
    given = np.array([[1.0, 5.0, np.nan, np.nan], [3.0, 5.0, 2.0, np.nan], [2.0, 5.0, -2.0, np.nan]])
    assert scaled(given).tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0.5, 0, 0, 0]]


def test_a_frame_that_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"ranks the rows of a frame by its columns; this one is \(0, 0\)"):
        RoBoT(proxies=pd.DataFrame())
    plain = Domain(SPACE.distributions())
    with pytest.raises(InvalidInput, match="need a search space"):
        next(iter(RoBoT(proxies=frame())(plain, History.of([]), np.random.default_rng(0))))
    odd = pd.DataFrame({"a": [1.0, 2.0]}, index=["nonsense", "more"])
    with pytest.raises(WorkbenchError, match="nonsense"):
        wb.search(SPACE, ACCURACY, wb.sampler("robot", 0, proxies=odd), 2, progress=False)


@pytest.mark.slow
def test_the_papers_six_proxies_find_the_pools_best_in_twenty_trials(shared_data: Callable[[str], Path]) -> None:
    table = np.load(shared_data("nb201_zerocost_third.npz"))
    truth = np.load(shared_data("nb201_core.npz"))
    six = ["grad_norm", "snip", "grasp", "fisher", "synflow", "jacov"]
    early = dict(zip(truth["arch_str"].tolist(), truth["cifar10_12ep_valid_acc"].tolist(), strict=True))
    measure = Measure("valid_accuracy_12", "higher", lambda arch: early[str(arch)], "%", space=SPACE)
    for dataset, images, published in (
        ("cifar10", "cifar10", 94.36),
        ("cifar100", "cifar10", 73.51),
        ("imagenet16_120", "imagenet16_120", 46.34),
    ):
        rows = (table["source"] == "graf") & (table["dataset"] == images)
        pool = pd.DataFrame({name: table[name][rows].astype(float) for name in six}, table["arch_str"][rows])
        test = dict(zip(truth["arch_str"].tolist(), truth[f"{dataset}_test_acc"].tolist(), strict=True))
        found = {}
        for name, settings in {"robot": {"proxies": pool}, "random": {}, "regularized_evolution": {}}.items():
            studies = [
                wb.search(SPACE, measure, wb.sampler(name, seed, **settings), 20, progress=False) for seed in range(20)
            ]
            found[name] = [test[study.best_trial.user_attrs["architecture"]] for study in studies]
        assert np.median(found["robot"]) == pytest.approx(published, abs=0.01)
        assert np.mean(found["robot"]) > max(np.mean(found["random"]), np.mean(found["regularized_evolution"]))
