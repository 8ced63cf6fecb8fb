"""TabNAS: the correction for what is discarded, and that nothing over a limit is ever measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.samplers.domain import SpaceDomain
from workbench.samplers.history import History, Told
from workbench.samplers.policies.factorised import Factorised
from workbench.samplers.policies.rejection import TabNAS, log_mass_gradient

SIZES = [4, 3, 5]
EVERY = np.array(np.meshgrid(*map(range, SIZES), indexing="ij")).reshape(len(SIZES), -1).T
FEASIBLE = EVERY.sum(axis=1) <= 4  # a limit on a size, as it were
SPACE = wb.search_space("nasbench201")
PARAMS = wb.benchmark("nasbench201", dataset="cifar10").measure("params_m")


def policy_of(seed: int) -> Factorised:
    policy = Factorised(SIZES)
    policy.parameters[:] = 0.7 * np.random.default_rng(seed).normal(size=policy.parameters.size)
    return policy


def exact(policy: Factorised) -> np.ndarray:
    """The gradient of log P(V) by listing V: the mean of the gradients of log p(z) over V, weighted by p(z)."""
    inside = EVERY[FEASIBLE]
    chances = np.exp(policy.log_probability(inside))
    return policy.gradient(inside, chances / chances.sum())


def sampled(policy: Factorised, older: Factorised, n: int, seed: int = 0) -> np.ndarray:
    codes = older.draw(n, np.random.default_rng(seed))
    return log_mass_gradient(policy, codes, codes.sum(axis=1) <= 4, older.log_probability(codes))


def test_the_exact_gradient_is_that_of_the_listed_mass() -> None:
    policy = policy_of(0)

    def log_mass() -> float:
        return float(np.log(np.exp(policy.log_probability(EVERY[FEASIBLE])).sum()))

    by_hand = np.zeros_like(policy.parameters)
    for i, kept in enumerate(policy.parameters):
        policy.parameters[i] = kept + 1e-6
        above = log_mass()
        policy.parameters[i] = kept - 1e-6
        by_hand[i] = (above - log_mass()) / 2e-6
        policy.parameters[i] = kept
    assert exact(policy) == pytest.approx(by_hand, abs=1e-8)


def test_the_sampled_gradient_is_the_exact_one_from_samples_of_the_policy_and_of_an_older_one() -> None:
    policy, older = policy_of(0), policy_of(1)
    for drawn_from in (policy, older):
        assert np.abs(sampled(policy, drawn_from, 200_000) - exact(policy)).max() < 0.01
    # Without the ratio p / q the samples of the older policy give the gradient of another mass.
    codes = older.draw(200_000, np.random.default_rng(0))
    plain = log_mass_gradient(policy, codes, codes.sum(axis=1) <= 4, policy.log_probability(codes))
    assert np.abs(plain - exact(policy)).max() > 0.05


def test_the_error_of_the_sampled_gradient_falls_as_one_over_the_root_of_the_samples() -> None:
    policy = policy_of(2)
    truth = exact(policy)
    few, many = (
        np.sqrt(np.mean([np.square(sampled(policy, policy, n, seed) - truth).sum() for seed in range(60)]))
        for n in (100, 1600)
    )
    assert few / many == pytest.approx(4, rel=0.25)


def test_without_a_feasible_sample_nothing_is_corrected() -> None:
    policy = policy_of(0)
    gradient = log_mass_gradient(policy, EVERY, np.zeros(len(EVERY), bool), policy.log_probability(EVERY))
    assert not gradient.any()


def test_the_update_follows_log_p_less_the_log_of_the_mass() -> None:
    domain = SpaceDomain(SPACE)
    rng = np.random.default_rng(0)
    limit = float(np.median([PARAMS(arch) for arch in SPACE.sample(200, seed=0)]))
    points = [p for p, _ in zip(domain.samples(rng), range(60), strict=False)]
    kept = [p for p in points if PARAMS(domain.architecture(p)) <= limit]
    told = [Told(p, float(rng.random()), i) for i, p in enumerate(kept)]
    with_limit = TabNAS(feasible={PARAMS: limit}).learnt(domain, History.of(told)).policy.parameters
    without = TabNAS().learnt(domain, History.of(told)).policy.parameters
    assert np.abs(with_limit - without).max() > 0.05
    # What breaks the limit, enqueued by hand perhaps, changes nothing.
    over = next(p for p in points if p not in kept)
    more = TabNAS(feasible={PARAMS: limit})
    before = more.learnt(domain, History.of(told)).policy.parameters.copy()
    after = more.learnt(domain, History.of([*told, Told(over, 99.0, len(told))])).policy.parameters
    assert np.array_equal(before, after)


def test_nothing_over_a_limit_is_measured() -> None:
    limit = float(np.quantile([PARAMS(arch) for arch in SPACE.sample(300, seed=0)], 0.3))
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    study = wb.search(SPACE, accuracy, sampler("tabnas", 0, feasible={PARAMS: limit}), 80, progress=False)
    sizes = [PARAMS(SPACE.parse(trial.user_attrs["architecture"])) for trial in study.trials]
    assert len(sizes) == 80
    assert max(sizes) <= limit


def test_a_lower_limit_a_free_proxy_and_several_at_once() -> None:
    convolutions = Measure("convolutions", "higher", lambda a: sum("conv" in v for v in a.decisions.values()))
    limits = {"params": 600_000, convolutions: 2}
    offered = TabNAS(feasible=limits)(SpaceDomain(SPACE), History.of([]), np.random.default_rng(0))
    archs = [SPACE.architecture(point) for point, _ in zip(offered, range(20), strict=False)]
    assert all(SPACE.counts(arch).params <= 600_000 and convolutions(arch) >= 2 for arch in archs)


def test_an_architecture_whose_size_is_not_known_is_not_feasible() -> None:
    odd = Measure("odd", "lower", lambda a: math.nan if a.decisions["0->1"] == "none" else 1.0)
    offered = TabNAS(feasible={odd: 2.0})(SpaceDomain(SPACE), History.of([]), np.random.default_rng(0))
    assert all(point["0->1"] != "none" for point, _ in zip(offered, range(60), strict=False))


def test_limits_that_nothing_keeps_are_said_to_be_with_the_closest() -> None:
    words = r"None of 2,\d+ architectures keeps the limits \(params_m at most 0.01\). The closest is \|.*over by \d+"
    with pytest.raises(InvalidInput, match=words):
        wb.search(SPACE, PARAMS, sampler("tabnas", 0, feasible={PARAMS: 0.01}), 5, progress=False)


@pytest.mark.parametrize(
    ("limits", "error", "words"),
    [
        ({"parms": 1e6}, UnknownName, "no free proxy named 'parms'. Did you mean 'params'"),
        ({"synflow": 1e6}, UnknownName, "give the Measure itself as the key"),
        ({PARAMS: "many"}, InvalidInput, "The limit of 'params_m' must be a finite number; got 'many'"),
        ({PARAMS: math.nan}, InvalidInput, "The limit of 'params_m' must be a finite number; got nan"),
    ],
)
def test_what_is_no_limit_is_refused_before_anything_runs(limits: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        sampler("tabnas", 0, feasible=limits)


def test_under_a_limit_it_finds_better_than_a_reward_with_an_absolute_penalty() -> None:
    """Yang et al., 2022: the absolute-value reward of MnasNet and TuNAS loses where the limit is tight."""
    loss = wb.benchmark("fcnet", dataset="naval_propulsion").measure("valid_loss")
    size = wb.benchmark("fcnet", dataset="naval_propulsion").measure("params_m")
    space = loss.space
    assert space is not None
    limit = float(np.quantile([size(arch) for arch in space.sample(500, seed=0)], 0.3))
    quality = Measure("quality", "higher", lambda arch: -math.log10(loss(arch)))
    absolute = Measure("absolute", "higher", lambda arch: quality(arch) - 0.3 * abs(size(arch) / limit - 1))

    def best(measure: Measure, seed: int, **settings: Any) -> float:
        study = wb.search(space, measure, sampler("tabnas", seed, **settings), 80, progress=False)
        archs = [space.parse(trial.user_attrs["architecture"]) for trial in study.trials]
        return max((quality(arch) for arch in archs if size(arch) <= limit), default=-math.inf)

    wins = [best(quality, seed, feasible={size: limit}) >= best(absolute, seed) for seed in range(8)]
    assert np.mean(wins) >= 0.7
