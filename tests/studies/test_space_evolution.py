"""Spaces as individuals: what an evolution keeps to, what its score says, and that it finds better spaces."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.studies.space_scores import looked_at

CELLS = wb.search_space("nasbench201")
N_SPACES, SIZE = 200, 243


def convolutions(space: wb.SearchSpace) -> float:
    """How many edges may have a 3x3 convolution."""
    return float(sum("nor_conv_3x3" in question.answers for question in space.questions()))


def test_every_space_tried_is_as_small_as_it_may_be() -> None:
    for size in (1, 100, 729, 15_625):
        found = wb.evolve_space(CELLS, convolutions, size=size, n_spaces=150, population=20, tournament=5)
        for tried in found.history:
            kept = [len(answers) for answers in tried.kept.values()]
            assert tried.size == math.prod(kept)
            assert size <= tried.size < 2 * size
            assert all(tried.size // n * (n - 1) < size for n in kept if n > 1)
        assert len({tuple(t.kept.items()) for t in found.history}) == len(found.history)
    assert len(found.history) == 1  # only the whole space has 15,625


def test_the_best_space_is_found_where_the_score_leads_there() -> None:
    found = wb.evolve_space(CELLS, convolutions, size=64, n_spaces=400, population=40, tournament=10, seed=1)
    assert found.score == 6 == max(t.score for t in found.history)
    assert convolutions(found.space) == 6
    archs = list(found.space.enumerate())
    assert len(archs) == next(t.size for t in found.history if t.score == 6)
    assert all(CELLS.parse(str(arch)) == arch for arch in archs[:50])
    table = found.table()
    assert table["best"].is_monotonic_increasing
    assert table.loc[table["operator"] == "random"].index.max() < 40
    assert set(table["operator"]) == {"random", "swap", "add"}


def test_a_child_has_one_mutation_of_a_member_that_is_alive() -> None:
    found = wb.evolve_space(CELLS, convolutions, size=100, n_spaces=120, population=20, tournament=5)
    grown = 0
    for tried in found.history[20:]:
        assert tried.parent is not None
        assert tried.number - 22 <= tried.parent < tried.number
        parent = found.history[tried.parent]
        differing = [name for name in tried.kept if tried.kept[name] != parent.kept[name]]
        if tried.operator == "swap":
            (name,) = differing
            assert len(set(tried.kept[name]) - set(parent.kept[name])) == 1
            assert len(tried.kept[name]) == len(parent.kept[name])
        else:
            new = {name: set(tried.kept[name]) - set(parent.kept[name]) for name in differing}
            assert sum(map(len, new.values())) == 1
            grown += any(len(tried.kept[name]) > len(parent.kept[name]) for name in differing)
    assert grown > 20


def test_numbers_are_kept_in_windows_that_shift() -> None:
    space = wb.search_space("natsbench_sss")
    widths = wb.evolve_space(
        space,
        lambda part: float(sum(float(a) for q in part.questions() for a in q.answers) / part.size),
        size=100,
        n_spaces=150,
        population=20,
        tournament=5,
    )
    for tried in widths.history:
        for question in space.questions():
            at = [question.answers.index(answer) for answer in tried.kept[question.name]]
            assert at == list(range(at[0], at[0] + len(at)))
    assert {t.operator for t in widths.history} == {"random", "shift", "add"}


def test_named_questions_keep_windows_too() -> None:
    found = wb.evolve_space(CELLS, convolutions, size=100, n_spaces=60, population=20, tournament=5, ordered=["0->1"])
    answers = next(q.answers for q in CELLS.questions() if q.name == "0->1")
    for tried in found.history:
        at = [answers.index(answer) for answer in tried.kept["0->1"]]
        assert at == list(range(at[0], at[0] + len(at)))
    assert {t.operator for t in found.history} == {"random", "swap", "shift", "add"}


def test_equal_seeds_give_equal_evolutions() -> None:
    one, two, other = (
        wb.evolve_space(CELLS, convolutions, size=50, n_spaces=60, population=10, tournament=3, seed=seed)
        for seed in (0, 0, 1)
    )
    assert one.history == two.history != other.history


def test_spaces_where_not_every_combination_is_an_architecture_are_evolved() -> None:
    space = wb.search_space("nasbench101")
    deepest = lambda part: float(max(len(a.graph) for a in looked_at(part, 5)))  # noqa: E731
    found = wb.evolve_space(space, deepest, size=2**14, n_spaces=15, population=8, tournament=3)
    assert len(found.history) == 15
    assert len(looked_at(found.space, 5)) == 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 0}, "size must be a number of combinations from 1 to 15,625; got 0"),
        ({"size": 20_000}, "got 20000"),
        ({"size": 10, "tournament": 500}, "tournament of 1 to population"),
        ({"size": 10, "n_spaces": 0}, "n_spaces from 1"),
        ({"size": 10, "ordered": "0->1"}, "ordered must be a list"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        wb.evolve_space(CELLS, convolutions, **settings)


def test_a_score_that_is_no_number_and_a_question_that_is_none_are_refused() -> None:
    with pytest.raises(InvalidInput, match="score of a space must be a finite number; got nan"):
        wb.evolve_space(CELLS, lambda part: math.nan, size=10)
    with pytest.raises(UnknownName, match="question of nasbench201 named '0->9'"):
        wb.evolve_space(CELLS, convolutions, size=10, ordered=["0->9"])


# -- the Q-T score ---------------------------------------------------------------------------------------------


def measures() -> tuple[wb.Measure, wb.Measure, float]:
    """Accuracy and latency that the packages bring, and a limit that three in ten cells keep."""
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    return (
        bench.measure("valid_accuracy"),
        bench.measure("latency_ms"),
        float(bench.table()["latency_ms"].quantile(0.3)),
    )


def test_the_score_is_the_papers_formula() -> None:
    accuracy, latency, limit = measures()
    part = CELLS.restrict({"0->1": ["nor_conv_3x3"], "0->2": ["skip_connect", "nor_conv_1x1"], "1->2": ["none"]})
    archs = list(part.enumerate())
    expected = 0.0
    for bound in (limit, 1.5 * limit):
        kept = sorted(100 - accuracy(a) for a in archs if latency(a) <= bound)
        share = len(kept) / len(archs)
        expected += 1 / (max((0.9 / share) ** 0.5, 1) * np.mean(kept[:7]))
    score = wb.qt_score(accuracy, {latency: [limit, 1.5 * limit]}, top=7, target=0.9, exponent=0.5)
    assert score(part) == pytest.approx(expected)
    by_share = wb.qt_score(accuracy, {latency: limit}, top=0.2)(part)
    kept = sorted(100 - accuracy(a) for a in archs if latency(a) <= limit)
    assert by_share == pytest.approx(1 / np.mean(kept[: round(0.2 * len(kept))]))


def test_no_architecture_is_measured_twice_and_a_limit_nobody_keeps_adds_nothing() -> None:
    calls: list[str] = []
    counted = wb.Measure("counted", "lower", lambda arch: calls.append(str(arch)) or 1.0)
    _, latency, limit = measures()
    score = wb.qt_score(counted, {latency: limit}, n=60)
    assert score(CELLS) == score(CELLS)
    assert len(calls) == len(set(calls)) == 60
    assert wb.qt_score(counted, {latency: 0.0}, n=60)(CELLS) == 0


def test_a_score_without_a_limit_or_without_a_scale_is_refused() -> None:
    accuracy, latency, limit = measures()
    with pytest.raises(InvalidInput, match="needs a limit"):
        wb.qt_score(accuracy, {})
    with pytest.raises(InvalidInput, match="needs a limit, n from 1"):
        wb.qt_score(accuracy, {latency: limit}, top=0)
    with pytest.raises(InvalidInput, match="what a perfect 'bare' is"):
        wb.qt_score(wb.Measure("bare", "higher", lambda arch: 1.0), {latency: limit})


# -- what it is good for -----------------------------------------------------------------------------------------


def best_of(space: wb.SearchSpace, accuracy: wb.Measure, latency: wb.Measure, limit: float, n: int) -> float:
    """Mean accuracy of the `n` best architectures under the limit."""
    kept = sorted((accuracy(arch) for arch in space.enumerate() if latency(arch) <= limit), reverse=True)
    return float(np.mean(kept[:n])) if kept else 0.0


def judged(accuracy: wb.Measure, latency: wb.Measure, limit: float, size: int, seeds: int) -> tuple[float, float]:
    """How often random spaces of the evolved one's shape are as good, and the test of 50 queries inside and outside."""
    n = size // 20
    found = wb.evolve_space(CELLS, wb.qt_score(accuracy, {latency: limit}, top=n), size=size, n_spaces=600)
    best = best_of(found.space, accuracy, latency, limit, n)
    rng, answers = np.random.default_rng(0), {q.name: q.answers for q in CELLS.questions()}
    kept = max(found.history, key=lambda tried: tried.score).kept
    worse = 0
    for _ in range(N_SPACES):
        part = {name: [answers[name][i] for i in rng.permutation(5)[: len(own)]] for name, own in kept.items()}
        worse += best_of(CELLS.restrict(part), accuracy, latency, limit, n) < best
    searches = [
        [
            max((accuracy(a) for a in space.sample(50, seed) if latency(a) <= limit), default=0.0)
            for seed in range(seeds)
        ]
        for space in (found.space, CELLS)
    ]
    return 1 - worse / N_SPACES, float(mannwhitneyu(*searches, alternative="greater").pvalue)


def test_the_evolved_space_beats_random_ones_and_the_whole() -> None:
    accuracy, latency, limit = measures()
    share, p = judged(accuracy, latency, limit, SIZE, seeds=20)
    assert share < 0.01
    assert p < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("device", ["pixel2", "gold_6226", "1080ti_32"])
def test_the_evolved_space_is_better_after_quantisation_on_a_device(
    device: str, shared_data: Callable[[str], Path]
) -> None:
    columns = []
    for file, name in (("nb201_analog.npz", "ptq_accuracy"), ("nb201_latency_help.npz", device)):
        with np.load(shared_data(file), allow_pickle=False) as table:
            columns.append(dict(zip(table["arch_str"].tolist(), table[name].astype(float).tolist(), strict=True)))
    accuracy = wb.Measure("ptq_accuracy", "higher", lambda arch: columns[0][str(arch)], unit="%")
    latency = wb.Measure(device, "lower", lambda arch: columns[1][str(arch)], unit="ms")
    limit = float(np.quantile(list(columns[1].values()), 0.3))
    share, p = judged(accuracy, latency, limit, 729, seeds=50)
    assert share < 0.01
    assert p < 0.01
