"""The strategy to start with: what it knows for free, how it sees answers, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from scipy.stats import spearmanr

import workbench as wb
from workbench.executors import Here
from workbench.predictors.additive_gp import AdditiveGP
from workbench.samplers.auto import answer_counts, auto, free_proxies, ordered_answers
from workbench.samplers.domain import Domain, SpaceDomain
from workbench.samplers.history import History

BENCH = wb.benchmark("nasbench201", dataset="cifar100")
SPACE = BENCH.space


def test_half_the_distance_is_the_number_of_differing_answers_and_numbers_lie_in_order() -> None:
    domain = SpaceDomain(SPACE)
    archs = SPACE.sample(30, seed=1)
    seen = ordered_answers(domain, [a.decisions for a in archs])
    for i, a in enumerate(archs):
        for j, b in enumerate(archs):
            assert np.abs(seen[i] - seen[j]).sum() / 2 == sum(a.decisions[q] != b.decisions[q] for q in a.decisions)
    widths = Domain({"width": CategoricalDistribution((64, 16, 32)), "op": CategoricalDistribution(("a", "b"))})
    rows = ordered_answers(widths, [{"width": w, "op": "a"} for w in (16, 32, 64)])
    assert np.abs(rows[0] - rows[1]).sum() / 2 == np.abs(rows[1] - rows[2]).sum() / 2 == 0.5
    assert np.abs(rows[0] - rows[2]).sum() / 2 == 1
    floats = Domain({"x": FloatDistribution(0.0, 1.0)})
    places = ordered_answers(floats, [{"x": x} for x in (0.0, 0.5, 0.99)])[:, 0]
    assert places[0] == 0
    assert places[2] == 2
    assert places[0] < places[1] < places[2]


def test_the_free_proxies_are_counts_with_and_without_dead_edges() -> None:
    arch = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")
    (found,) = free_proxies(SpaceDomain(SPACE), [arch.decisions])
    live, whole = SPACE.counts(arch, live=True), SPACE.counts(arch)
    assert found == pytest.approx(np.log1p([live.params, live.macs, whole.params, whole.macs]))


def test_answers_are_counted_over_the_questions_that_offer_the_same() -> None:
    domain = SpaceDomain(SPACE)
    arch = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")
    (found,) = answer_counts(domain, [arch.decisions])
    answers = SPACE.questions()[0].answers
    given = list(arch.decisions.values())
    assert found.tolist() == [given.count(answer) for answer in answers]
    widths = SpaceDomain(wb.search_space("channel_bench_resnet"))
    assert answer_counts(widths, [widths.sample(np.random.default_rng(0))]).shape == (1, 0)


def test_it_begins_with_what_is_large_where_size_is_known_and_at_random_elsewhere() -> None:
    domain = SpaceDomain(SPACE)
    empty = History.of([])
    begun = [p for p, _ in zip(auto(domain, empty, np.random.default_rng(0)), range(10), strict=False)]
    drawn = [a.decisions for a in SPACE.sample(200, seed=0)]
    assert free_proxies(domain, begun)[:, 1].min() > np.median(free_proxies(domain, drawn)[:, 1])
    graphs = wb.search_space("nasbench_graph")
    assert not graphs.counted_by_formula
    assert next(iter(auto(SpaceDomain(graphs), empty, np.random.default_rng(0)))).keys() == {
        q.name for q in graphs.questions()
    }


@pytest.mark.parametrize(("name", "by_formula"), [("nasbench201", True), ("darts", True), ("fcnet", False)])
def test_a_space_says_whether_it_counts_by_formula(name: str, by_formula: bool) -> None:
    space = wb.search_space(name)
    question = space.questions()[0]
    assert space.counted_by_formula is by_formula
    assert space.restrict({question.name: question.answers[:2]}).counted_by_formula is by_formula


def test_proxies_beside_the_answers_are_used_as_far_as_they_help() -> None:
    """Spearman on 500 cells from 40 labels: real counts help, noise in their place does next to no harm."""
    domain, rng = SpaceDomain(SPACE), np.random.default_rng(0)
    table = BENCH.table()["valid_accuracy"]
    agreement: dict[str, list[float]] = {"none": [], "counts": [], "noise": []}
    for seed in range(4):
        archs = SPACE.sample(540, seed=seed)
        truth = table[[str(a) for a in archs]].to_numpy()
        points = [a.decisions for a in archs]
        answers, counts = ordered_answers(domain, points), free_proxies(domain, points)
        counts = (counts - counts.mean(axis=0)) / counts.std(axis=0)
        for name, beside in {"none": None, "counts": counts, "noise": rng.standard_normal(counts.shape)}.items():
            x = answers if beside is None else np.hstack([answers, beside])
            model = AdditiveGP(beside=0 if beside is None else 4).fit(x[:40], truth[:40])
            agreement[name].append(spearmanr(model.predict(x[40:]), truth[40:]).statistic)
    mean = {name: float(np.mean(found)) for name, found in agreement.items()}
    assert mean["counts"] > mean["none"] + 0.05
    assert mean["noise"] > mean["none"] - 0.08


def test_it_works_where_there_is_nothing_beside_the_answers() -> None:
    bench = wb.benchmark("hpobench_mlp", dataset="australian")
    study = wb.search(bench.space, bench.measure("valid_accuracy"), "auto", 25, progress=False)
    assert len(study.trials) == 25
    late = [trial.value for trial in study.trials[10:]]
    assert sum(late) / len(late) > sum(trial.value for trial in study.trials[:10]) / 10


def test_at_fifty_queries_it_is_ahead_of_local_search_and_chance() -> None:
    measure = BENCH.measure("valid_accuracy")
    frame = wb.compare(["auto", "local_search", "random"], measure, range(8), 50, progress=False, executor=Here())
    regret = frame[frame["query"] == 50].groupby("strategy")["regret"].mean()
    assert regret["auto"] < regret["local_search"] < regret["random"]
    assert regret["auto"] < 0.6
