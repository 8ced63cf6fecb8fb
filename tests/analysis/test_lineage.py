"""Descent: which trial was made from which, the line of ancestors of one, and what every step changed."""

from __future__ import annotations

import math
from itertools import pairwise

import optuna
import pytest
from optuna.trial import TrialState, create_trial

import workbench as wb
from workbench.analysis.lineage import NO_DESCENT, ancestry, lineage
from workbench.benchmarks import Benchmark, benchmark
from workbench.errors import InvalidInput
from workbench.measure import Measure


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    return benchmark("nasbench201", dataset="cifar10")


@pytest.fixture(scope="module")
def evolved(bench: Benchmark) -> optuna.Study:
    return wb.search(bench.space, bench.measure("valid_accuracy"), "regularized_evolution", 80, progress=False)


def test_the_graph_has_every_trial_and_an_edge_from_every_parent(evolved: optuna.Study) -> None:
    graph = lineage(evolved)
    assert list(graph) == list(range(80))
    named = {(t.user_attrs["parent"], t.number) for t in evolved.trials if "parent" in t.user_attrs}
    assert set(graph.edges) == named
    assert len(named) >= 60
    for number, trial in enumerate(evolved.trials):
        node = graph.nodes[number]
        assert node["architecture"] == trial.user_attrs["architecture"]
        assert (node["value"], node["state"]) == (trial.value, "complete")
        assert node["operator"] == trial.user_attrs.get("operator", "")
    assert {data["rank"] for *_, data in graph.edges(data=True)} == {1}
    assert graph.graph["better"] == {"valid_accuracy": "higher"}
    assert graph.graph["note"] == ""


def test_the_ancestry_of_the_best_says_what_each_step_changed_and_brought(
    evolved: optuna.Study, bench: Benchmark
) -> None:
    line = ancestry(evolved)
    assert line.index[-1] == evolved.best_trial.number
    graph = lineage(evolved)
    assert list(graph.predecessors(line.index[0])) == []
    assert all(graph.has_edge(parent, child) for parent, child in pairwise(line.index))
    assert line.changed.iloc[0] == {}
    assert math.isnan(line["valid_accuracy change"].iloc[0])
    for (_, parent), (_, child) in pairwise(line.iterrows()):
        before, after = (dict(bench.space.parse(row.architecture).decisions) for row in (parent, child))
        assert child.changed
        assert before | {name: new for name, (_, new) in child.changed.items()} == after
        assert all(before[name] == old != new for name, (old, new) in child.changed.items())
        assert child["valid_accuracy change"] == pytest.approx(child.valid_accuracy - parent.valid_accuracy)


def test_a_trial_is_named_by_its_number_its_architecture_or_a_twin_of_it(evolved: optuna.Study) -> None:
    last = evolved.trials[-1]
    assert list(ancestry(evolved, 79).index) == list(ancestry(evolved, last.user_attrs["architecture"]).index)
    space = wb.search_space("nasbench201")
    dead = space.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|nor_conv_3x3~1|none~2|")
    twin = space.parse("|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|skip_connect~1|none~2|")
    study = wb.search(space, Measure("m", "higher", lambda arch: 1.0), "random", 0, progress=False)
    wb.enqueue(study, dead)
    wb.search(space, Measure("m", "higher", lambda arch: 1.0), "random", 0, progress=False)
    assert space.canonical(dead, "functional") == space.canonical(twin, "functional")
    assert list(ancestry(study, twin).index) == [0]


def test_a_study_of_plain_optuna_has_roots_only_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    graph = lineage(study)
    assert len(graph) == 5
    assert not graph.edges
    assert graph.graph["note"] == NO_DESCENT
    assert "does not say what its trials were made from" in capsys.readouterr().err
    line = ancestry(study)
    assert list(line.index) == [study.best_trial.number]
    assert line.value_0.iloc[0] == study.best_value


def told(study: optuna.Study, value: float | None, state: TrialState = TrialState.COMPLETE, **attrs: object) -> None:
    bounds = {"latency": float(attrs.pop("over", 0.0))}  # type: ignore[arg-type]
    trial = create_trial(
        state=state, value=value, params={"a": len(study.trials)}, user_attrs=attrs,
        distributions={"a": optuna.distributions.IntDistribution(0, 100)},
    )  # fmt: skip
    trial.system_attrs["constraints:latency"] = bounds["latency"]
    study.add_trial(trial)


def test_second_parents_failures_and_bounds_are_in_the_graph_and_nonsense_is_not() -> None:
    study = optuna.create_study(direction="maximize")
    told(study, 1.0)
    told(study, 2.0)
    told(study, None, TrialState.FAIL, parent=0, operator="mutation", reason="out of memory")
    told(study, 3.0, parent=0, other_parent=1, operator="crossover")
    told(study, 4.0, parent=9, other_parent=4, operator="odd")  # the future, and itself
    told(study, 4.0, parent=True, other_parent="1")
    graph = lineage(study)
    assert dict(graph.edges) == {
        (0, 2): {"operator": "mutation", "rank": 1},
        (0, 3): {"operator": "crossover", "rank": 1},
        (1, 3): {"operator": "crossover", "rank": 2},
    }
    assert (graph.nodes[2]["state"], graph.nodes[2]["reason"]) == ("failed", "out of memory")
    assert graph.nodes[2]["value"] is None
    line = ancestry(study, 3)
    assert list(line.index) == [0, 3]
    assert line.other_parent.iloc[1] == 1
    assert line.changed.iloc[1] == {"a": (0, 3)}  # without a space, the parameters say it


def test_infeasible_trials_are_said_and_never_the_best(bench: Benchmark) -> None:
    study = wb.search(
        bench.space, bench.measure("valid_accuracy"), n_trials=40, progress=False, constraints={"latency_ms": 13.0}
    )
    graph = lineage(study)
    states = {data["state"] for _, data in graph.nodes(data=True)}
    assert states == {"complete", "infeasible"}
    line = ancestry(study)
    assert graph.nodes[line.index[-1]]["state"] == "complete"
    assert line.architecture.iloc[-1] == str(wb.best(study))


def test_several_objectives_have_a_value_and_a_change_each(bench: Benchmark) -> None:
    measures = [bench.measure("valid_accuracy"), bench.measure("latency_ms")]
    study = wb.search(bench.space, measures, "random", 20, progress=False)
    line = ancestry(study)
    assert line.architecture.iloc[-1] == str(wb.choose(study))
    assert {"valid_accuracy", "valid_accuracy change", "latency_ms", "latency_ms change"} <= set(line.columns)
    assert lineage(study).graph["better"] == {"valid_accuracy": "higher", "latency_ms": "lower"}


def test_what_is_not_there_is_refused_in_words(evolved: optuna.Study) -> None:
    with pytest.raises(InvalidInput, match=r"a number from 0 to 79, or an architecture; got 80"):
        ancestry(evolved, 80)
    with pytest.raises(InvalidInput, match=r"None of the 80 trials of .* is nonsense, or computes the same"):
        ancestry(evolved, "nonsense")
    with pytest.raises(InvalidInput, match=r"has no trial yet"):
        ancestry(optuna.create_study())
    failed = optuna.create_study()
    failed.add_trial(create_trial(state=TrialState.FAIL))
    with pytest.raises(InvalidInput, match=r"no feasible trial with a value: name the trial"):
        ancestry(failed)
    assert list(ancestry(failed, 0).index) == [0]


def test_a_line_of_ten_thousand_ancestors_is_no_trouble() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trials([create_trial(value=float(i), user_attrs={"parent": i - 1} if i else {}) for i in range(10_000)])
    assert list(ancestry(study).index) == list(range(10_000))
