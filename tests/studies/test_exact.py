"""Exact selection: the integer program against brute force, on made-up tables and on recorded ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

import workbench as wb
from workbench.errors import InvalidInput, MissingData, UnknownName, WorkbenchError

NUMBERS = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 2))


@st.composite
def programs(draw: st.DrawFn) -> dict:
    """Scores and one cost of a few questions, a joint cost of the first two, budgets, and a direction."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    table = {f"q{i}": {a: draw(NUMBERS) for a in range(n)} for i, n in enumerate(sizes)}
    cost = {f"q{i}": {a: draw(NUMBERS) for a in range(n)} for i, n in enumerate(sizes)}
    joint = {("q0", "q1"): {pair: draw(NUMBERS) for pair in product(range(sizes[0]), range(sizes[1]))}}
    budgets = {"ms": draw(NUMBERS), "mb": draw(NUMBERS)}
    return {
        "scores": table,
        "costs": {"ms": cost, "mb": joint},
        "budgets": budgets,
        "better": draw(st.sampled_from(["higher", "lower"])),
    }


def total(table: dict, answers: dict) -> float:
    """The sum of a table's numbers for a choice."""
    numbers = []
    for asked, worth in table.items():
        numbers.append(worth[tuple(answers[q] for q in asked) if isinstance(asked, tuple) else answers[asked]])
    return math.fsum(numbers)


def every_choice(program: dict) -> list[tuple[float, dict]]:
    """All choices within the budgets with their scores, the best first."""
    names, tables = zip(*program["scores"].items(), strict=True)
    found = []
    for chosen in product(*tables):
        answers = dict(zip(names, chosen, strict=True))
        spent = {name: total(table, answers) for name, table in program["costs"].items()}
        if all(spent[name] <= limit + 1e-9 for name, limit in program["budgets"].items()):
            found.append((total(program["scores"], answers), answers))
    return sorted(found, key=lambda pair: pair[0], reverse=program["better"] == "higher")


@settings(max_examples=60)
@given(programs(), st.integers(1, 4))
def test_the_choices_are_those_of_brute_force(program: dict, k: int) -> None:
    expected = every_choice(program)
    if not expected:
        with pytest.raises(InvalidInput):
            wb.select(**program)
        return
    found = wb.select(**program, k=k)
    ranked = [found, *found.others]
    assert [each.objective for each in ranked] == pytest.approx([score for score, _ in expected[:k]], abs=1e-6)
    assert len({tuple(each.answers.values()) for each in ranked}) == len(ranked)
    for each in ranked:
        assert each.violation == 0
        assert each.objective == total(program["scores"], each.answers)
        assert each.costs == {name: total(table, each.answers) for name, table in program["costs"].items()}
        assert min(each.slack.values()) >= -1e-8


def test_what_is_chosen_is_printed_with_its_violation() -> None:
    scores = {"layer 0": {"attention": 1.0, "no-op": 0.2}, "layer 1": {"attention": 1.0, "no-op": 0.7}}
    ms = {"layer 0": {"attention": 2.0, "no-op": 0.0}, "layer 1": {"attention": 2.0, "no-op": 0.0}}
    found = wb.select(scores, {"ms": ms, "free": ms}, {"ms": 3})
    assert str(found).splitlines() == [
        "layer 0: attention",
        "layer 1: no-op",
        "objective 1.7",
        "ms 2 of 3, 1 left",
        "free 2",
        "violation 0",
    ]
    assert found.gap == 0


def test_budgets_out_of_reach_name_the_smallest_cost_of_each() -> None:
    scores = {"q": {"a": 1.0, "b": 2.0}}
    costs = {"ms": {"q": {"a": 3.0, "b": 5.0}}, "mb": {"q": {"a": 9.0, "b": 1.0}}}
    words = r"budgets ms <= 2 \(smallest 3\), mb <= 20 \(smallest 1\). Raise that of ms."
    with pytest.raises(InvalidInput, match=words):
        wb.select(scores, costs, {"ms": 2, "mb": 20})
    words = r"Each budget can be met, but not all at once: ms <= 4 \(smallest 3\), mb <= 8 \(smallest 1\)"
    with pytest.raises(InvalidInput, match=words):
        wb.select(scores, costs, {"ms": 4, "mb": 8})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (({},), "at least one|for every question"),
        (({"q": {"a": float("nan")}},), "of 'a' for 'q' must be a finite number"),
        (({"q": {"a": "1"}},), "must be a finite number"),
        (({"q": {"a": 1.0, "b": 2.0}}, {"ms": {"q": {"a": 1.0}}}), "ms has no number for 'b' to 'q'"),
        (({"q": {"a": 1.0}}, {"ms": {"q": {"a": 1.0}}}, {"ms": float("inf")}), "budget of 'ms' must be a finite"),
        (({("q", "r"): {"a": 1.0}},), "one answer is needed for each question"),
    ],
)
def test_tables_with_holes_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        wb.select(*arguments)


def test_other_arguments_are_refused() -> None:
    scores = {"q": {"a": 1.0}}
    with pytest.raises(UnknownName, match="no cost named 'ns'"):
        wb.select(scores, {"ms": scores}, {"ns": 1.0})
    with pytest.raises(InvalidInput, match="k is the number of choices"):
        wb.select(scores, k=0)
    with pytest.raises(InvalidInput, match="better must be"):
        wb.select(scores, better="more")


def test_the_best_within_a_parameter_budget_is_found_from_replaced_blocks() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    space, accuracy, params = bench.space, bench.measure("valid_accuracy"), bench.measure("params_m")
    parent = bench.best("valid_accuracy")[0]
    scores, sizes = wb.replace_one(space, parent, accuracy), wb.replace_one(space, parent, params)
    assert scores(parent) == accuracy(parent)
    near = space.neighbors(parent)
    np.testing.assert_allclose([scores(arch) for arch in near], [accuracy(arch) for arch in near])
    archs = space.sample(500, seed=0)
    missed = [abs(sizes(arch) - params(arch)) for arch in archs]
    assert np.quantile(missed, 0.99) < 1e-6  # parameters add up; the table has a few cells with fewer
    found = wb.select(scores, {"params_m": sizes}, {"params_m": 0.5}, space=space, k=5)
    best = max((arch for arch in space.enumerate() if sizes(arch) <= 0.5), key=scores)
    assert found.objective == pytest.approx(scores(best))
    assert params(found.architecture) <= 0.5
    # Five real accuracies of the selection are worth more than five random ones of that size.
    real = max(accuracy(each.architecture) for each in (found, *found.others))
    small = [accuracy(arch) for arch in archs if params(arch) <= 0.5]
    assert real > np.quantile(small, 0.95)


def test_a_fitted_score_ranks_architectures_that_it_has_not_seen() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    accuracy, latency = bench.measure("valid_accuracy"), bench.measure("latency_ms")
    archs = bench.space.sample(700, seed=1)
    seen, held = archs[:200], archs[200:]
    score = wb.fit_additive(seen, [accuracy(arch) for arch in seen], ridge=1.0)
    cost = wb.fit_additive(seen, [latency(arch) for arch in seen], "lower")
    assert spearmanr([score(a) for a in held], [accuracy(a) for a in held]).statistic > 0.6
    assert spearmanr([cost(a) for a in held], [latency(a) for a in held]).statistic > 0.9
    assert all(abs(sum(worth.values())) < 1e-9 for worth in cost.terms.values())


def test_what_was_not_measured_is_never_chosen() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    archs = [a for a in bench.space.sample(200, seed=0) if "none" not in a.decisions.values()]
    score = wb.fit_additive(archs, [-1.0 * len(set(a.decisions.values())) for a in archs])
    free = {q.name: dict.fromkeys(q.answers, 0.0) for q in bench.space.questions()}
    assert "none" not in wb.select(score, {"free": free}, {"free": 0}).answers.values()
    with pytest.raises(MissingData, match="no estimate"):
        score(next(a for a in bench.space.enumerate() if "none" in a.decisions.values()))


def test_a_change_that_cannot_be_measured_is_left_out_with_its_reason() -> None:
    space = wb.search_space("nasbench201")
    parent = space.sample(1, seed=0)[0]

    def fails_without_skips(arch: wb.Architecture) -> float:
        if arch != parent and arch.decisions["0->1"] == "nor_conv_3x3":
            raise RuntimeError("out of memory")
        return 1.0

    score = wb.replace_one(space, parent, wb.Measure("odd", "higher", fails_without_skips))
    assert list(score.unscored) == [("0->1", "nor_conv_3x3")]
    assert "out of memory" in score.unscored["0->1", "nor_conv_3x3"]
    assert "nor_conv_3x3" not in score.terms["0->1"]
    with pytest.raises(WorkbenchError, match="parent .* cannot be measured: odd is nan"):
        wb.replace_one(space, parent, wb.Measure("odd", "higher", lambda arch: math.nan))


def test_choices_that_are_no_architecture_are_passed_over() -> None:
    space = wb.search_space("nasbench101")
    archs = space.sample(60, seed=0)
    shared = [a for a in archs if a.decisions.keys() == archs[0].decisions.keys()]
    score = wb.fit_additive(shared, range(len(shared)))
    found = wb.select(score, space=space)
    assert str(space.parse(str(found.architecture))) == str(found.architecture)


def bits_and_hardware() -> tuple[wb.SearchSpace, wb.SearchSpace]:
    """NAS-Bench-201 beside bits of its first, middle and last layers, and a small systolic array."""
    cells = wb.search_space("nasbench201")
    array = wb.hardware(rows=(4, 8, 16, 32), columns=(4, 8, 16, 32), dataflow="weight_stationary", buffer_kb=64)
    return cells, cells + wb.quantisation(cells, bits=(2, 4, 8), per="ends") + array


def cycles(space: wb.SearchSpace, channels: int = 16, pixels: int = 1024) -> dict:
    """Cycles of every operation on every array: ceil(C k^2 / rows) ceil(C / columns) pixels, a pass for the others."""
    kernels = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}
    answers = {q.name: q.answers for q in space.questions()}
    edges = [name for name in answers if "->" in name]
    table: dict = {}
    for edge in edges:
        table[edge, "hw.rows", "hw.columns"] = {
            (op, rows, columns): pixels * math.ceil(channels * kernels[op] / rows) * math.ceil(channels / columns)
            if op in kernels
            else (0 if op == "none" else pixels)
            for op, rows, columns in product(answers[edge], answers["hw.rows"], answers["hw.columns"])
        }
    return table


def test_cell_bits_and_accelerator_are_chosen_together() -> None:
    cells, space = bits_and_hardware()
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    accuracy = wb.replace_one(cells, bench.best("valid_accuracy")[0], bench.measure("valid_accuracy"))
    lost = {2: -30.0, 4: -2.0, 8: 0.0}  # points of accuracy that bits cost in every group
    groups = [q.name for q in space.questions() if q.name.startswith("bits.")]
    scores = {**accuracy.terms, **dict.fromkeys(groups, lost)}
    sizes = {name: {bits: bits * n for bits in lost} for name, n in zip(groups, (1, 8, 1), strict=True)}
    array = {("hw.rows", "hw.columns"): {(r, c): r * c for r, c in product((4, 8, 16, 32), repeat=2)}}
    rest = {q.name: {q.answers[0]: 0.0} for q in space.questions() if q.name in ("hw.dataflow", "hw.buffer_kb")}
    costs = {"cycles": cycles(space), "size": sizes, "multipliers": array, "rest": rest}
    fronts: dict[str, list[float]] = {"together": [], "fixed": []}
    for limit in (25_000, 100_000, 400_000):
        budgets = {"cycles": limit, "size": 45, "multipliers": 256}
        found = wb.select(scores, costs, budgets, space=space)
        assert found.violation == 0
        assert found.architecture.decisions["hw.rows"] * found.architecture.decisions["hw.columns"] <= 256
        fixed = {**rest, "hw.rows": {8: 0.0}, "hw.columns": {8: 0.0}}
        pinned = {key: {a: v for a, v in table.items() if a[-2:] == (8, 8)} for key, table in cycles(space).items()}
        one = {("hw.rows", "hw.columns"): {(8, 8): 64.0}}
        alone = {"cycles": pinned, "size": sizes, "multipliers": one, "rest": fixed}
        fronts["together"].append(found.objective)
        fronts["fixed"].append(wb.select(scores, alone, budgets, space=space).objective)
    assert all(a >= b - 1e-9 for a, b in zip(fronts["together"], fronts["fixed"], strict=True))
    assert fronts["together"][0] > fronts["fixed"][0]


def test_the_bits_of_a_real_network_are_scored_one_group_at_a_time() -> None:
    import torch

    cells = wb.search_space("nasbench201")
    space = cells + wb.quantisation(cells, bits=(2, 4, 32), per="ends")
    images = wb.task("digits").batch(8, seed=0).x
    cell = cells.parse("|nor_conv_1x1~0|+|skip_connect~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|")
    parent = space.architecture({**cell.decisions, "bits.first": 32, "bits.middle": 32, "bits.last": 32})

    def outputs(arch: wb.Architecture) -> torch.Tensor:
        network = space.build(arch, "digits", seed=0)
        with torch.no_grad():
            given = network(images)
        return given[-1] if isinstance(given, tuple) else given

    exact = outputs(parent)
    error = wb.Measure("error", "lower", lambda arch: float((outputs(arch) - exact).norm() / exact.norm()))
    part = space.restrict({name: [answer] for name, answer in cell.decisions.items()})
    score = wb.replace_one(part, part.architecture(parent.decisions), error)
    bits = {name: {b: float(b) for b in (2, 4, 32)} for name in ("bits.first", "bits.middle", "bits.last")}
    assert all(score.terms[name][2] > score.terms[name][4] > score.terms[name][32] == 0 for name in bits)
    found = wb.select(score, {"bits": bits}, {"bits": 40}, space=space)
    loose = wb.select(score, {"bits": bits}, {"bits": 96}, space=space)
    assert found.costs["bits"] <= 40
    assert loose.objective == 0 < found.objective


def test_the_additive_score_of_a_macro_space_agrees_with_its_accuracies(shared_data: Callable[[str], Path]) -> None:
    space = wb.search_space("nasbench_macro")
    with np.load(shared_data("nb_macro.npz"), allow_pickle=False) as table:
        truth = dict(zip(table["arch"].tolist(), table["mean_acc"].tolist(), strict=True))
        flops = dict(zip(table["arch"].tolist(), table["flops"].tolist(), strict=True))
    accuracy = wb.Measure("accuracy", "higher", lambda arch: truth[str(arch)], unit="%")
    compute = wb.Measure("flops", "lower", lambda arch: float(flops[str(arch)]))
    parent = space.parse(max(truth, key=truth.__getitem__))
    archs = list(space.enumerate())
    score = wb.replace_one(space, parent, accuracy)
    cost = wb.fit_additive(archs, [compute(arch) for arch in archs], "lower")
    assert max(abs(cost(arch) / compute(arch) - 1) for arch in archs) < 1e-9  # floating-point operations add up
    assert spearmanr([score(a) for a in archs], [truth[str(a)] for a in archs]).statistic > 0.8
    for quantile in (0.2, 0.5):
        limit = float(np.quantile(list(flops.values()), quantile))
        found = wb.select(score, {"flops": cost}, {"flops": limit}, space=space, k=10)
        reach = max(truth[text] for text in truth if flops[text] <= limit * (1 + 1e-9))
        expected = max((a for a in archs if compute(a) <= limit * (1 + 1e-9)), key=score)
        assert found.objective == pytest.approx(score(expected))
        assert max(truth[str(each.architecture)] for each in (found, *found.others)) > reach - 0.7


def test_measured_latencies_add_up_over_the_edges(shared_data: Callable[[str], Path]) -> None:
    devices = {"fpga": 0.99, "1080ti_256": 0.99, "eyeriss": 0.98, "silver_4114": 0.93, "pixel2": 0.85}
    space = wb.search_space("nasbench201")
    with np.load(shared_data("nb201_latency_help.npz"), allow_pickle=False) as table:
        columns = {name: dict(zip(table["arch_str"].tolist(), table[name].tolist(), strict=True)) for name in devices}
    archs = space.sample(900, seed=0)
    for device, at_least in devices.items():
        ms = [columns[device][str(arch)] for arch in archs]
        cost = wb.fit_additive(archs[:200], ms[:200], "lower")
        assert spearmanr([cost(arch) for arch in archs[200:]], ms[200:]).statistic > at_least, device


@pytest.mark.slow
def test_a_model_of_32_layers_and_54_variants_is_solved_under_three_budgets() -> None:
    rng = np.random.default_rng(0)
    layers, variants = 32, 54
    strength = rng.gamma(1.0, 1.0, (layers, variants))
    scores = {f"layer {i}": dict(enumerate(row.tolist())) for i, row in enumerate(strength)}
    costs, budgets = {}, {}
    for name in ("memory", "latency", "cache"):
        spent = 10 * np.exp(-strength) * rng.uniform(0.5, 1.5, strength.shape)
        costs[name] = {f"layer {i}": dict(enumerate(row.tolist())) for i, row in enumerate(spent)}
        budgets[name] = float(0.6 * spent.mean(1).sum())
    found = wb.select(scores, costs, budgets, better="lower")
    assert found.violation == 0
    assert found.gap == 0
    # No change of one or two layers that keeps the budgets is better.
    for name in scores:
        for answer in range(variants):
            moved = {**found.answers, name: answer}
            if all(total(costs[c], moved) <= budgets[c] for c in costs):
                assert total(scores, moved) >= found.objective - 1e-9
