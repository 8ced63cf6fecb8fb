"""The policies of the policy-gradient strategies: their gradients, what they learn, and that the history is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.stats import mannwhitneyu, spearmanr, wilcoxon

import workbench as wb
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.samplers.domain import SpaceDomain
from workbench.samplers.history import History, Told
from workbench.samplers.policies.conservative import AutoGNN, classes
from workbench.samplers.policies.controller import Controller, LSTMController
from workbench.samplers.policies.edits import RENA, EditPolicy
from workbench.samplers.policies.factorised import Factorised, different
from workbench.samplers.policies.learning import MovingAverage, PolicyStrategy, standings
from workbench.samplers.policies.lstm import LSTM
from workbench.samplers.policies.reinforce import Reinforce
from workbench.samplers.policies.rejection import TabNAS

SPACE = wb.search_space("nasbench201")
DOMAIN = SpaceDomain(SPACE)
SIZES = [5, 3, 4]
BETTER_THAN_RANDOM = ["lstm_controller", "rena", "auto_gnn", "tabnas"]
LEARNERS: dict[str, Callable[[], PolicyStrategy[Any]]] = {
    "reinforce": Reinforce,
    "reinforce in rounds": lambda: Reinforce(batch=5, entropy=0.1),
    "lstm_controller": lambda: LSTMController(memory=20),
    "rena": RENA,
    "auto_gnn": AutoGNN,
    "tabnas": TabNAS,
}


def ones(point: Any) -> float:
    """How many edges carry a 3x3 convolution: a landscape with one best cell."""
    return float(sum(answer == "nor_conv_3x3" for answer in point.values()))


def played(strategy: PolicyStrategy[Any], n: int, seed: int = 0, score: Callable[[Any], float] = ones) -> list[Told]:
    """`n` trials of a strategy without an adapter: its first candidate, repeats and all."""
    told: list[Told] = []
    for number in range(n):
        candidate = next(strategy(DOMAIN, History.of(told), np.random.default_rng([seed, number])))
        parent = getattr(candidate, "parent", None)
        told.append(Told(dict(candidate), score(candidate), number, parent=parent))
    return told


def numerical(function: Callable[[], float], parameters: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of `function` by central differences, changing `parameters` in place."""
    found = np.zeros_like(parameters)
    for i, kept in enumerate(parameters):
        parameters[i] = kept + step
        above = function()
        parameters[i] = kept - step
        found[i] = (above - function()) / (2 * step)
        parameters[i] = kept
    return found


def parameters_of(learner: Any) -> list[np.ndarray]:
    if hasattr(learner, "classes"):
        return [one.policy.parameters for one in learner.classes]
    return [(learner.controller if hasattr(learner, "controller") else learner.policy).parameters]


# -- gradients ---------------------------------------------------------------------------------------------------


def test_the_factorised_policy_has_the_gradients_of_its_own_log_probability_and_entropy() -> None:
    rng = np.random.default_rng(0)
    policy = Factorised(SIZES)
    policy.parameters[:] = rng.normal(size=policy.parameters.size)
    codes = policy.draw(9, rng)
    codes[2, 1] = -1  # a question that is not asked
    weights = rng.normal(size=9)
    by_hand = numerical(lambda: float(weights @ policy.log_probability(codes)), policy.parameters)
    assert policy.gradient(codes, weights) == pytest.approx(by_hand, abs=1e-8)
    by_hand = numerical(lambda: float(policy.entropies().sum()), policy.parameters)
    assert policy.entropy_gradient() == pytest.approx(by_hand, abs=1e-8)


def test_the_controller_has_the_gradient_of_its_own_log_probability() -> None:
    rng = np.random.default_rng(1)
    controller = Controller(SIZES, units=7, embedding=6, rng=rng)
    codes = controller.draw(9, rng)
    codes[2, 1] = -1
    weights = rng.normal(size=9)
    by_hand = numerical(lambda: float(weights @ controller.log_probability(codes)), controller.parameters)
    assert controller.gradient(codes, weights) == pytest.approx(by_hand, abs=1e-7)


def test_the_entropy_bonus_and_the_memory_pull_the_controller_uphill() -> None:
    rng = np.random.default_rng(2)
    controller = Controller(SIZES, units=7, embedding=6, rng=rng)
    codes = np.unique(controller.draw(40, rng), axis=0)[:6]
    every = np.array(np.meshgrid(*map(range, SIZES))).reshape(len(SIZES), -1).T
    for _ in range(150):
        controller.parameters += 0.5 * controller.gradient(codes[:1], np.ones(1))
    narrow = controller.log_probability(every).min()
    for _ in range(150):
        controller.parameters += 0.5 * controller.gradient(codes[:1], np.zeros(1), entropy=1.0)
    assert controller.log_probability(every).min() > narrow + 1
    named = controller._chances("read_out", np.broadcast_to(controller.hidden_states(codes), (3, len(codes), 7)))
    for _ in range(800):
        controller.parameters += controller.memory_gradient(codes)
    after = controller._chances("read_out", np.broadcast_to(controller.hidden_states(codes), (3, len(codes), 7)))
    assert np.take_along_axis(named, codes.T[:, :, None], axis=2).mean() < 0.5
    assert np.take_along_axis(after, codes.T[:, :, None], axis=2).mean() > 0.95


def test_the_probabilities_of_a_controller_sum_to_one_and_are_those_it_draws_with() -> None:
    rng = np.random.default_rng(3)
    controller = Controller([3, 2, 2], units=5, embedding=4, rng=rng)
    controller.parameters *= 15  # far from uniform
    every = np.array(np.meshgrid(range(3), range(2), range(2))).reshape(3, -1).T
    chances = np.exp(controller.log_probability(every))
    assert chances.sum() == pytest.approx(1)
    assert chances.max() > 2 * chances.min()
    drawn = controller.draw(20_000, rng)
    shares = [(drawn == row).all(axis=1).mean() for row in every]
    assert shares == pytest.approx(chances, abs=0.015)


def test_the_lstm_is_torchs() -> None:
    import torch

    rng = np.random.default_rng(4)
    inputs, units = 3, 5
    ours = LSTM(rng.normal(size=(inputs + units + 1, 4 * units)))
    theirs = torch.nn.LSTM(inputs, units).double()
    blocks = [ours.weights[:, i * units : (i + 1) * units] for i in (0, 1, 3, 2)]  # theirs: input, forget, cell, output
    stacked = torch.tensor(np.concatenate(blocks, axis=1).T)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(stacked[:, :inputs])
        theirs.weight_hh_l0.copy_(stacked[:, inputs:-1])
        theirs.bias_ih_l0.copy_(stacked[:, -1])
        theirs.bias_hh_l0.zero_()
    x = rng.normal(size=(6, 2, inputs))
    given = torch.tensor(x, requires_grad=True)
    expected, _ = theirs(given)
    states, kept = ours.forward(x)
    assert states == pytest.approx(expected.detach().numpy())
    upward = rng.normal(size=states.shape)
    expected.backward(torch.tensor(upward))
    by_weights, by_inputs = ours.backward(upward, kept)
    assert by_inputs == pytest.approx(given.grad.numpy())
    assert by_weights[:inputs, :units] == pytest.approx(theirs.weight_ih_l0.grad.numpy()[:units].T)


def test_the_edit_policy_has_its_gradient_and_never_proposes_what_is_there() -> None:
    policy = EditPolicy(SIZES, units=7, embedding=6, rng=np.random.default_rng(5))
    codes = np.array([1, 2, -1])
    chances = policy.probabilities(codes)
    assert chances.sum() == pytest.approx(1)
    assert chances[0, 1] == chances[1, 2] == 0
    assert not chances[2].any()  # a question that is not asked has nothing to edit

    def entropy() -> float:
        kept = policy.probabilities(codes)
        return float(-(kept[kept > 0] * np.log(kept[kept > 0])).sum())

    by_hand = numerical(lambda: 1.7 * float(np.log(policy.probabilities(codes)[0, 3])), policy.parameters)
    assert policy.gradient(codes, 0, 3, 1.7) == pytest.approx(by_hand, abs=1e-7)
    assert policy.gradient(codes, 0, 3, 0.0, entropy=1.0) == pytest.approx(
        numerical(entropy, policy.parameters), abs=1e-7
    )


# -- rewards -----------------------------------------------------------------------------------------------------


def test_a_standing_is_the_share_of_recent_trials_that_a_trial_beats() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0, 9.0])
    assert standings(values, 0, window=3).tolist() == pytest.approx([0.5, 0.25, 0.5, 2 / 3, 2.5 / 3])
    assert standings(1000 * values - 7, 2, window=3) == pytest.approx(standings(values, 2, window=3))
    assert standings(np.full(4, 7.0), 0, window=50).tolist() == [0.5] * 4


def test_the_baseline_is_a_moving_average_that_takes_a_reward_in_before_it_judges_it() -> None:
    average = MovingAverage(0.9)  # as in NATS-Bench's REINFORCE: sum and weight decay alike
    assert average.advantages(np.array([4.0])) == pytest.approx([0.0])
    expected = 7 - (0.1 * 7 + 0.09 * 4) / (0.1 + 0.09)
    assert average.advantages(np.array([7.0])) == pytest.approx([expected])


# -- what is learnt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEARNERS)
def test_the_history_alone_makes_the_policy(name: str) -> None:
    told = played(LEARNERS[name](), 60)
    step_by_step, at_once, astray = LEARNERS[name](), LEARNERS[name](), LEARNERS[name]()
    for n in range(0, 61, 5):
        step_by_step.learnt(DOMAIN, History.of(told[:n]))
    astray.learnt(DOMAIN, History.of(played(LEARNERS[name](), 30, seed=9)))  # the history of another study
    expected = parameters_of(at_once.learnt(DOMAIN, History.of(told)))
    assert any(np.abs(part).max() > 0.05 for part in expected)
    for strategy in (step_by_step, astray):
        for ours, theirs in zip(parameters_of(strategy.learnt(DOMAIN, History.of(told))), expected, strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("reinforce", {"rate": 0.1, "batch": 4}),
        ("lstm_controller", {"memory": 20}),
        ("rena", {}),
        ("auto_gnn", {"initial": 15}),
        ("tabnas", {"feasible": {"params": 900_000}}),
    ],
)
def test_a_search_taken_up_again_goes_on_as_an_undisturbed_one(name: str, settings: dict[str, Any]) -> None:
    measure = Measure("ones", "higher", lambda arch: ones(arch.decisions))
    tried = {}
    for stops in ([60], [23, 60]):
        storage = optuna.storages.InMemoryStorage()
        for n_trials in stops:
            study = wb.search(
                SPACE, measure, sampler(name, 1, **settings), n_trials, storage=storage, name="x", progress=False
            )
        tried[len(stops)] = [trial.user_attrs["architecture"] for trial in study.trials]
    assert tried[1] == tried[2]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_trial_that_finishes_late_is_learnt_in_its_place(name: str) -> None:
    told = played(LEARNERS[name](), 40)
    late = LEARNERS[name]()
    late.learnt(DOMAIN, History.of([*told[:20], *told[21:30]]))
    expected = parameters_of(LEARNERS[name]().learnt(DOMAIN, History.of(told)))
    for ours, theirs in zip(parameters_of(late.learnt(DOMAIN, History.of(told))), expected, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", LEARNERS)
def test_equal_values_teach_nothing(name: str) -> None:
    if name == "lstm_controller":
        pytest.skip("its memory and its entropy learn without a reward")
    told = played(LEARNERS[name](), 30, score=lambda point: 1.0)
    start = parameters_of(LEARNERS[name]().learnt(DOMAIN, History.of([])))
    for ours, before in zip(parameters_of(LEARNERS[name]().learnt(DOMAIN, History.of(told))), start, strict=True):
        assert ours == pytest.approx(before, abs=0.3 if name == "rena" else 1e-9)  # entropy moves that one a little


@pytest.mark.parametrize("make", [lambda: Reinforce(rate=0.1), LSTMController, TabNAS, AutoGNN])
def test_a_policy_comes_to_propose_what_is_rewarded(make: Callable[[], PolicyStrategy[Any]]) -> None:
    values = [told.value for told in played(make(), 300)]
    assert np.mean(values[:30]) < 2.5
    assert np.mean(values[-30:]) > 4.5


def test_a_collapsed_policy_goes_on_around_its_favourite() -> None:
    policy = Factorised.of(DOMAIN)
    policy.logits[:, 3] = 30.0
    rng = np.random.default_rng(0)
    offered = list(islice(different(lambda n, t: policy.draw(n, rng, temperature=t), DOMAIN, rng), 200))
    away = [6 - int(ones(point)) for point in offered]
    assert away[0] == 0  # whatever else it draws is drawn at a higher temperature
    assert len({str(point) for point in offered}) > 100
    assert sorted(set(away[-150:-100])) != sorted(set(away[-50:]))
    assert max(away) >= 4


# -- edits and classes -------------------------------------------------------------------------------------------


def test_rena_learns_which_edit_pays() -> None:
    rng = np.random.default_rng(0)
    told: list[Told] = []
    for number in range(0, 400, 2):
        parent = DOMAIN.sample(rng)
        child = DOMAIN.mutate(parent, rng)
        told += [Told(parent, ones(parent), number), Told(child, ones(child), number + 1, parent=number)]
    policy = RENA(rate=0.02, entropy=0.0).learnt(DOMAIN, History.of(told))
    chances = np.mean([policy.policy.probabilities(row) for row in rng.integers(3, size=(20, 6))], axis=0)
    assert chances[:, 3].sum() > 0.6  # 3x3 convolutions, a quarter of all edits of cells without any


def test_rena_edits_along_a_chain_and_begins_again_at_the_best() -> None:
    strategy = RENA(initial=3, edits=2)
    told = played(strategy, 9)
    best = int(np.argmax([t.value for t in told[:3]]))
    parents = [t.parent for t in told]
    assert parents[:3] == [None] * 3
    assert parents[3:5] == [best, 3]
    assert (parents[6], parents[8]) == (5, 7)
    for child in told[3:]:
        parent = told[child.parent or 0].params
        assert sum(child.params[name] != parent[name] for name in parent) == 1


def test_what_breaks_a_limit_is_worth_less_to_rena_the_more_it_breaks_it() -> None:
    points = list(zip(DOMAIN.samples(np.random.default_rng(0)), range(5), strict=False))
    violations, values = [0.0, 0.0, 10.0, 10.0, 30.0], [1.0, 3.0, 2.0, 4.0, 5.0]
    told = [Told(p, values[i], i, violation=violations[i]) for p, i in points]
    for penalty, factors, best in (
        (0.0, [1, 1, 1, 1, 1], 4),
        (0.5, [1, 1, 0.5**0.5, 0.5**0.5, 0.5], 1),  # ranks 1 3 2 4 5: 3 beats 4 * 0.71 and 5 * 0.5
        (2.0, [1, 1, 0.25, 0.25, 0.0625], 1),
    ):
        strategy = RENA(initial=5, penalty=penalty)
        policy = strategy.learnt(DOMAIN, History.of(told))
        assert strategy._factors(policy) == pytest.approx(np.array(factors))
        assert next(strategy(DOMAIN, History.of(told), np.random.default_rng(0))).parent == best


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nasbench201", [6]),
        ("nasbench_graph", [1, 4]),
        ("fcnet", [2, 2, 2, 1, 1, 1]),
        ("hpobench_mlp", [1, 1, 1, 1, 1]),
    ],
)
def test_questions_that_ask_the_same_are_one_class(name: str, expected: list[int]) -> None:
    domain = SpaceDomain(wb.search_space(name))
    assert [len(questions) for questions in classes(domain)] == expected
    assert sorted(q for questions in classes(domain) for q in questions) == list(range(sum(expected)))


def test_the_conservative_explorer_changes_one_class_of_the_best() -> None:
    domain = SpaceDomain(wb.search_space("nasbench_graph"))
    points = list(zip(domain.samples(np.random.default_rng(0)), range(12), strict=False))
    told = [Told(point, float(number == 7), number) for point, number in points]
    offered = list(islice(AutoGNN(initial=10)(domain, History.of(told), np.random.default_rng(0)), 30))
    best = told[7].params
    links = [child["links"] != best["links"] for child in offered]
    operations = [sum(child[f"op{i}"] != best[f"op{i}"] for i in (1, 2, 3, 4)) for child in offered]
    assert {child.parent for child in offered} == {7}
    assert all((n == 0) == changed for n, changed in zip(operations, links, strict=True))
    assert any(links)
    assert {1, 2} <= set(operations)


def test_what_the_conservative_explorer_keeps_is_the_latest_of_the_best_of_late() -> None:
    points = list(zip(DOMAIN.samples(np.random.default_rng(0)), range(30), strict=False))
    told = [Told(point, {3: 9.0, 24: 5.0, 26: 5.0}.get(number, 1.0), number) for point, number in points]
    for recent, parent in ((60, 3), (10, 26), (2, 29)):
        strategy = AutoGNN(initial=10, recent=recent)
        assert next(strategy(DOMAIN, History.of(told), np.random.default_rng(0))).parent == parent


def test_a_settled_class_is_left_alone() -> None:
    domain = SpaceDomain(wb.search_space("nasbench_graph"))
    rng = np.random.default_rng(0)
    told = [Told(domain.sample(rng), 0.0, number) for number in range(10)]
    strategy = AutoGNN(initial=10)
    learner = strategy.learnt(domain, History.of(told))
    learner.classes[1].policy.logits[:, 0] = 20.0  # the operations have no entropy left
    offered = list(islice(strategy.propose(learner, domain, History.of(told), rng), 5))
    best = told[0].params
    assert all(child["links"] != best["links"] for child in offered)


# -- hidden states -----------------------------------------------------------------------------------------------


def correlations(seed: int, n_trials: int, archs: Sequence[Any], **settings: Any) -> float:
    """Spearman's between the distances of hidden states and the Weisfeiler-Lehman distances of the same cells."""
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    tried = sampler("lstm_controller", seed, **settings)
    study = wb.search(SPACE, accuracy, tried, n_trials, seed=seed, progress=False)
    told = [Told(t.params, t.values[0], t.number) for t in study.trials]
    strategy = LSTMController(seed=seed, **settings)
    states = strategy.hidden_states(DOMAIN, History.of(told), [dict(arch.decisions) for arch in archs])
    assert states.shape == (len(archs), 32)
    pairs = np.triu_indices(len(archs), 1)
    apart = np.linalg.norm(states[:, None] - states[None], axis=2)
    return float(spearmanr(apart[pairs], wb.distances(archs, "wl")[pairs]).statistic)


@pytest.mark.slow
def test_the_memory_buffer_makes_hidden_states_know_how_alike_architectures_are() -> None:
    """Adam & Lorraine (2019): next to no correlation without the buffer, more with it."""
    archs = SPACE.sample(100, seed=0)
    without = [correlations(seed, 200, archs) for seed in range(20)]
    within = [correlations(seed, 200, archs, memory=1000) for seed in range(20)]
    assert abs(np.mean(without)) < 0.12
    assert wilcoxon(within, without, alternative="greater").pvalue < 0.01
    assert np.mean(within) > 1.5 * np.mean(without)


# -- searches ----------------------------------------------------------------------------------------------------


def regrets(name: str, measure: Measure, seeds: int, queries: Sequence[int]) -> np.ndarray:
    frame = wb.compare(name, measure, range(seeds), max(queries), progress=False)
    return frame[frame["query"].isin(queries)].pivot(index="seed", columns="query", values="regret").to_numpy()


def at_random(measure: Measure, seeds: int, queries: Sequence[int]) -> np.ndarray:
    """The regrets of drawing every architecture with equal chance, none of them twice."""
    accuracies = np.array([measure(arch) for arch in SPACE.enumerate()])
    drawn = [np.random.default_rng(seed).permutation(accuracies)[: max(queries)] for seed in range(seeds)]
    return accuracies.max() - np.maximum.accumulate(drawn, axis=1)[:, np.array(queries) - 1]


@pytest.mark.parametrize("name", BETTER_THAN_RANDOM)
def test_it_beats_random_search(name: str) -> None:
    accuracy = wb.benchmark("nasbench201", dataset="imagenet16_120").measure("valid_accuracy")
    ours, random = regrets(name, accuracy, 6, [100])[:, 0], at_random(accuracy, 500, [100])[:, 0]
    assert mannwhitneyu(ours, random, alternative="less").pvalue < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["cifar100", "imagenet16_120"])
def test_all_but_the_published_settings_beat_random_search_over_100_seeds(dataset: str) -> None:
    accuracy = wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
    random = regrets("random", accuracy, 100, [100, 200])
    for name in BETTER_THAN_RANDOM:
        ours = regrets(name, accuracy, 100, [100, 200])
        for i in range(2):
            assert mannwhitneyu(ours[:, i], random[:, i], alternative="less").pvalue < 0.01, name
