"""The search for proxies: what it is given, how it goes, and whether what it finds holds where it did not look."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import InvalidInput
from workbench.executors import Here, Outcome
from workbench.plots.proxy_evolution import proxy_evolution, proxy_evolution_data
from workbench.proxies.symbolic import KNOWN, NAMES, Evolution, Examples, evolution, parse
from workbench.spaces import search_space

SPACE = search_space("nasbench201")


@pytest.fixture(scope="module")
def cells() -> Examples:
    """Sixteen cells of NAS-Bench-201 on digits, with their accuracy on CIFAR-10."""
    truth = wb.benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    return wb.proxy_examples(SPACE.sample(16, seed=0), truth, "digits", 8, progress=False)


def truths(examples: Examples) -> dict[str, float]:
    return dict(zip(map(str, examples.archs), examples.truth, strict=True))


def searched(examples: Examples | list[Examples], n: int = 150, **settings: Any) -> Evolution:
    return wb.evolve_proxy(examples, n, **{"population": 20, "tournament": 5, "progress": False, **settings})


# -- examples --------------------------------------------------------------------------------------------------------


def test_scores_of_examples_are_those_of_the_proxies(cells: Examples) -> None:
    cells = cells.take(range(6))
    frame = cells.scores(KNOWN)
    expected = wb.score(cells.archs, ["params", "live_params", *KNOWN], "digits", 8, ledger=False, progress=False)
    for name in expected:
        scale = expected["snip"] if name == "plain" else expected[name].abs()
        assert (frame[name].isna() == expected[name].isna()).all(), name
        assert ((frame[name] - expected[name]).abs().fillna(0) <= 1e-5 * scale.fillna(1)).all(), name
    mine = wb.symbolic_proxy("mean(log(output.std)) * max(depth)", "mine")
    table = wb.score(cells.archs, [mine], "digits", 8, ledger=False, progress=False)
    assert cells.scores({"mine": mine.equation})["mine"].to_numpy() == pytest.approx(table["mine"].to_numpy())


def test_scores_of_examples_go_into_agreement(cells: Examples) -> None:
    found = wb.agreement(cells.scores({"mine": "sum(weight.l2)"}), truths(cells), 10)
    assert set(found.index) == {"mine", "params", "live_params"}


def test_rows_are_split_and_take_another_truth(cells: Examples) -> None:
    train, held = cells.split(10, seed=3)
    assert (len(train), len(held)) == (10, 6)
    assert {*train.archs, *held.archs} == set(cells.archs)
    other = wb.benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    assert held.against(other).truth.tolist() == [other(arch) for arch in held.archs]
    row = cells.archs.index(held.archs[2])
    assert all(np.array_equal(held.values[n][2], cells.values[n][row], equal_nan=True) for n in NAMES)


def test_a_truth_that_is_better_when_lower_is_turned_round(cells: Examples) -> None:
    seconds = wb.benchmark("nasbench201", "cifar10").measure("train_time_s")
    assert cells.against(seconds).truth.tolist() == [-seconds(arch) for arch in cells.archs]


class Posted(Here):
    """Sends the work and what comes of it as bytes, as workers get and return them."""

    def map(self, function: Any, *arguments: Any, **settings: Any) -> Iterator[Outcome]:
        there = pickle.loads(pickle.dumps(function))  # noqa: S301  # our own bytes
        for outcome in super().map(there, *arguments, **settings):
            yield pickle.loads(pickle.dumps(outcome))  # noqa: S301


def test_the_same_examples_come_by_post(cells: Examples) -> None:
    again = wb.proxy_examples(cells.archs[:3], truths(cells), "digits", 8, executor=Posted(), progress=False)
    for name in NAMES:
        assert np.allclose(again.values[name], cells.values[name][:3, : again.values[name].shape[1]], equal_nan=True)


class Interrupted(Here):
    """Stops after some items, as a user does."""

    def __init__(self, after: int) -> None:
        self.after = after

    def map(self, *arguments: Any, **settings: Any) -> Iterator[Outcome]:
        for number, outcome in enumerate(super().map(*arguments, **settings)):
            if number == self.after:
                raise KeyboardInterrupt
            yield outcome


def test_a_collection_that_was_stopped_goes_on(cells: Examples, capsys: pytest.CaptureFixture[str]) -> None:
    truth = truths(cells)
    some = wb.proxy_examples(cells.archs[:5], truth, "digits", 8, executor=Interrupted(3), progress=False)
    assert some.archs == cells.archs[:3]
    assert "Stopped after 3 of 5 architectures; go on with known=." in capsys.readouterr().err
    rest = wb.proxy_examples(cells.archs[:5], truth, "digits", 8, executor=Interrupted(2), known=some, progress=False)
    assert rest.archs == cells.archs[:5]
    for name in NAMES:
        assert np.allclose(rest.values[name], cells.values[name][:5, : rest.values[name].shape[1]], equal_nan=True)
    assert rest.truth.tolist() == cells.truth[:5].tolist()
    with pytest.raises(InvalidInput, match="batch size 8 and seed 0; asked for are digits, 4 and 0"):
        wb.proxy_examples(cells.archs[:5], truth, "digits", 4, known=some)


class Failing(Here):
    """Fails at the second item."""

    def map(self, *arguments: Any, **settings: Any) -> Iterator[Outcome]:
        for outcome in super().map(*arguments, **settings):
            yield replace(outcome, value=None, error="ValueError: no network") if outcome.index == 1 else outcome


def test_an_architecture_that_fails_ranks_last_and_says_why(cells: Examples) -> None:
    truth = truths(cells)
    found = wb.proxy_examples(cells.archs[:6], truth, "digits", 8, executor=Failing(), progress=False)
    assert found.reasons == {str(cells.archs[1]): "ValueError: no network"}
    assert found.scores({"mine": "sum(one)"})["mine"].isna().tolist() == [False, True, *[False] * 4]
    assert len(wb.proxy_examples(found.archs, truth, "digits", 8, known=found, progress=False).reasons) == 0


@pytest.mark.parametrize(
    ("archs", "truth", "words"),
    [
        (SPACE.sample(2, seed=0), {}, "at least 3 different architectures; got 2"),
        ([*SPACE.sample(3, seed=0), *search_space("darts").sample(1, seed=0)], {}, "of one space"),
        (["|none~0|"], {}, "'|none~0|' is no Architecture"),
        (SPACE.sample(4, seed=0), {}, "a finite value for 0 of the architectures"),
    ],
)
def test_what_makes_no_examples_is_refused(archs: list[Any], truth: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        wb.proxy_examples(archs, truth, "digits", 4)
    assert words in str(caught.value)


def test_a_split_leaves_something_on_both_sides(cells: Examples) -> None:
    for n in (2, 14):
        with pytest.raises(InvalidInput, match="leaves at least 3 on both sides"):
            cells.split(n)


# -- the search ------------------------------------------------------------------------------------------------------


def test_the_same_seed_finds_the_same(cells: Examples) -> None:
    one, other, third = searched(cells), searched(cells), searched(cells, seed=1)
    assert one.history.equals(other.history)
    assert one.best == other.best
    assert one.best != third.best


def test_a_search_that_was_stopped_and_resumed_is_the_one_that_was_not(
    cells: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = searched(cells)
    advance = evolution._advance

    def stopped(search: Evolution, number: int) -> None:
        if number == 70:
            raise KeyboardInterrupt
        advance(search, number)

    with monkeypatch.context() as patch:
        patch.setattr(evolution, "_advance", stopped)
        part = searched(cells)
    assert len(part.steps) == 70
    assert part.best
    again = pickle.loads(pickle.dumps(part))  # noqa: S301  # our own bytes
    resumed = again.resume(150, progress=False)
    assert resumed.history.equals(whole.history)
    assert (resumed.population, resumed.best) == (whole.population, whole.best)
    assert len(part.steps) == 70  # what was found before is left as it was


def test_fitness_is_the_rank_correlation_with_the_truth(cells: Examples) -> None:
    for statistic, expected in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        found = searched(cells, 60, statistic=statistic)
        best = found.best[0]
        scores = best.expression(cells.values)
        scores = np.where(np.isfinite(scores), scores, scores[np.isfinite(scores)].min() - 1)
        assert best.fitness == pytest.approx(expected(scores, cells.truth).statistic)
        assert found.agreement(best.expression, cells) == best.fitness


def test_evolution_gets_better_than_chance(cells: Examples) -> None:
    bred = [searched(cells, 300, seed=seed).best[0].fitness for seed in range(3)]
    drawn = [searched(cells, 300, seed=seed, population=300).best[0].fitness for seed in range(3)]
    assert np.mean(bred) > np.mean(drawn)


def test_a_law_of_three_statistics_is_found(cells: Examples) -> None:
    law = parse("sum(weight.n * sqrt(output.std)) - sum(gradient.l2)")
    known = replace(cells, truth=law(cells.values))
    assert searched(known, 400).best[0].fitness > 0.97


def test_size_has_its_price(cells: Examples) -> None:
    dear, free = searched(cells, 300, penalty=0.05), searched(cells, 300, penalty=0.0)
    assert dear.best[0].expression.size < free.best[0].expression.size
    assert all(each.expression.size <= 12 for each in searched(cells, 200, max_size=12).population)


def test_the_population_is_bounded_and_the_best_never_die(cells: Examples) -> None:
    found = searched(cells, 400, population=15, elite=3)
    assert len(found.population) == 15
    assert found.best[0] in found.population
    assert len(searched(cells, 400, population=15, elite=0).population) == 15


def test_nothing_is_tried_twice_and_everything_is_accounted_for(cells: Examples) -> None:
    found = searched(cells, 400)
    history = found.history
    assert len(history) == 400
    assert set(history["outcome"]) <= {"new", "repeated", "too large", "undefined", "constant", "equivalent"}
    new = history[history["outcome"] == "new"]
    assert new["equation"].is_unique
    assert (new["fitness"] >= 0).all()
    assert history["best"].dropna().is_monotonic_increasing
    assert history["best"].iloc[-1] == pytest.approx(history["fitness"].max())
    rankings = {tuple(stats.rankdata(np.nan_to_num(f.expression(cells.values), nan=-np.inf))) for f in found.best}
    assert len(rankings) == len(found.best)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("log(first(depth))", "undefined"),
        ("first(one)", "constant"),
        ("sum(weight.n) * 2", "equivalent"),
        ("-sum(weight.n)", "repeated"),
        (" + ".join(["sum(weight.n)"] * 10), "too large"),
        ("sum(gradient.l1)", "new"),
    ],
)
def test_a_candidate_is_turned_down_for_a_reason(cells: Examples, text: str, outcome: str) -> None:
    found = searched(cells, 2, start=["sum(weight.n)", text])
    assert [step.outcome for step in found.steps] == ["new", outcome]


def test_what_agrees_negatively_is_turned_round(cells: Examples) -> None:
    found = searched(cells, 1, start=["-sum(weight.n)"])
    assert str(found.best[0].expression) == "sum(weight.n)"
    assert found.best[0].fitness > 0.5


def test_several_sets_count_alike(cells: Examples) -> None:
    opposed = replace(cells, truth=-cells.truth)
    found = searched([cells, opposed], 100)
    assert found.best[0].fitness < 0.1
    assert [found.agreement(found.best[0].expression, each) for each in (cells, opposed)] == pytest.approx(
        [found.best[0].fitness] * 2, abs=1.0
    )


def test_a_table_shows_what_was_learnt_beside_what_was_known(cells: Examples) -> None:
    train, held = cells.split(10)
    found = searched(train, 60)
    index = [str(arch) for arch in cells.archs]
    beside = pd.DataFrame({"other": cells.truth**2, "kappa": [3, np.nan, *range(14)]}, index)
    beside.attrs["better"] = {"kappa": "lower"}
    lacking = beside[["other"]].rename(columns={"other": "lacking"}).loc[[str(arch) for arch in train.archs]]
    table = found.table({"held out": held}, [beside, lacking], top=2)
    assert list(table.index) == ["found_1", "found_2", *KNOWN, "params", "live_params", "other", "kappa", "lacking"]
    assert list(table.columns) == ["equation", "size", "train", "held out"]
    assert table.loc["found_1", "train"] == found.best[0].fitness
    for name, column in (("params", held.free["params"]), ("snip", held.scores(KNOWN)["snip"].fillna(-np.inf))):
        assert table.loc[name, "held out"] == pytest.approx(stats.spearmanr(column, held.truth).statistic)
    kappa = -beside["kappa"].fillna(np.inf)  # lower is better, and what is missing is worst
    for name, examples in (("train", train), ("held out", held)):
        expected = stats.spearmanr(kappa.loc[[str(arch) for arch in examples.archs]], examples.truth).statistic
        assert table.loc["kappa", name] == pytest.approx(expected)
        assert table.loc["other", "train"] == pytest.approx(1)
    assert np.isfinite(table.loc["lacking", "train"])
    assert np.isnan(table.loc["lacking", "held out"])


def test_what_was_found_is_a_proxy(cells: Examples) -> None:
    found = searched(cells, 60).best[0]
    proxy = found.as_proxy("found")
    table = wb.score(cells.archs[:4], [proxy], "digits", 8, ledger=False, progress=False)
    assert table["found"].to_numpy() == pytest.approx(found.expression(cells.values)[:4], nan_ok=True)
    assert parse(proxy.equation) == found.expression


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"population": 4, "elite": 4}, "A population is larger than its elite"),
        ({"tournament": 21}, "population=20, elite=5, tournament=21"),
        ({"crossover": 1.5}, "crossover lies in 0..1"),
        ({"statistic": "pearson"}, "'spearman' or 'kendall'; got 'pearson'"),
        ({"start": ["sum(x)"]}, "no statistic of a layer named 'x'"),
    ],
)
def test_settings_out_of_range_are_refused(cells: Examples, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(wb.WorkbenchError) as caught:
        searched(cells, **settings)
    assert words in str(caught.value)
    with pytest.raises(InvalidInput, match="make them with wb.proxy_examples"):
        searched([])
    with pytest.raises(
        InvalidInput, match="Nothing can be learnt from <Examples: 16 architectures of nasbench201, task"
    ):
        searched(replace(cells, truth=np.ones(16)))


# -- the figure ------------------------------------------------------------------------------------------------------


def test_the_figure_draws_what_the_search_saw_and_what_it_did_not(cells: Examples) -> None:
    train, held = cells.split(10)
    found = searched(train, 120)
    data = proxy_evolution_data(found, {"held out": held})
    assert list(data.curves) == ["train", "held out"]
    assert data.candidates[-1] == 120
    assert data.curves["train"][-1] == found.best[0].fitness
    assert data.curves["held out"][-1] == found.agreement(found.best[0].expression, held)
    assert data.equations[-1] == str(found.best[0].expression)
    table = found.table({"held out": held})
    assert data.baseline == {name: table.loc["live_params", name] for name in ("train", "held out")}
    figure = proxy_evolution(found, {"held out": held})
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == ["train", "held out"]
    with pytest.raises(InvalidInput, match="call the held-out set something else"):
        proxy_evolution_data(found, {"train": held})


def test_the_figure_of_no_search_says_so(cells: Examples) -> None:
    figure = proxy_evolution(searched(cells, 0))
    assert figure.layout.annotations[0].text == "No candidate has a rank correlation yet."


# -- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_found_holds_on_held_out_cells_and_less_in_another_space(shared_data: Callable[[str], Path]) -> None:
    truth = wb.benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    cells = wb.proxy_examples(SPACE.sample(120, seed=0), truth, "cifar10_noise", 8, progress=False)
    macro = wb.search_space("nasbench_macro")
    with np.load(shared_data("nb_macro.npz")) as columns:
        accuracy = pd.Series(columns["mean_acc"], columns["arch"]).sample(60, random_state=0)
    values = {str(macro.parse(text)): value for text, value in accuracy.items()}
    elsewhere = wb.proxy_examples(map(macro.parse, values), values, "cifar10_noise", 8, progress=False)
    tables = []
    for seed in range(5):
        train, held = cells.split(60, seed)
        found = wb.evolve_proxy(train, 1000, seed=seed, progress=False)
        tables.append(found.table({"held": held, "macro": elsewhere})[["train", "held", "macro"]])
    mean = pd.concat(tables).groupby(level=0).mean()
    best = mean.loc["found_1"]
    assert best["train"] > best["held"] > mean.loc["live_params", "held"]
    assert best["macro"] < best["held"]
    assert best["macro"] < mean.loc["grad_norm", "macro"]
