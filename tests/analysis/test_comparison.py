"""Statistics of comparisons: on numbers whose answers are known, and against second implementations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.analysis.comparison import relative_improvement, summary
from workbench.analysis.intervals import interval, surpassing
from workbench.analysis.rank_tests import critical_difference, holm, rank_tests
from workbench.errors import InvalidInput, UnknownName


def frame_of(best: dict[str, list[list[float]]], optimum: float | None = 100.0, better: str = "higher") -> pd.DataFrame:
    """A comparison in which every strategy's seeds have these best values, query by query."""
    rows = [
        {"strategy": name, "seed": seed, "query": query, "incumbent": f"{name}{seed}", "best": value}
        for name, seeds in best.items()
        for seed, curve in enumerate(seeds)
        for query, value in enumerate(curve, start=1)
    ]
    frame = pd.DataFrame(rows)
    frame["value"] = frame["best"]
    if optimum is not None:
        frame["regret"] = (1 if better == "higher" else -1) * (optimum - frame["best"])
    frame.attrs["better"] = {"best": better, "value": better, "regret": "lower"}
    return frame


def searches() -> pd.DataFrame:
    """Three strategies over twelve seeds: a good one, one like random, and random."""
    rng = np.random.default_rng(0)

    def curves(reach: float) -> list[list[float]]:
        return [np.maximum.accumulate(reach + rng.normal(0, 1, 20)).round(3).tolist() for _ in range(12)]

    return frame_of({"random": curves(90.0), "like_random": curves(90.0), "good": curves(93.0)})


def test_a_summary_has_middle_spread_and_hits_of_the_seeds() -> None:
    frame = frame_of({"a": [[90.0, 100.0], [92.0, 96.0], [94.0, 94.0], [91.0, 99.0]]})
    table = summary(frame, at=[1, 2])
    assert table.index.tolist() == [(1, "a"), (2, "a")]
    end = table.loc[2, "a"]
    assert (end["median"], end["mean"], end["q25"], end["q75"]) == (2.5, 2.75, 0.75, 4.5)
    assert end["hit_rate"] == 0.25
    assert table.loc[1, "a"]["hit_rate"] == 0.0
    assert np.isnan(end["surpasses_random"])
    best = summary(frame, at=2, value="best").loc[2, "a"]
    assert (best["median"], best["mean"]) == (97.5, 97.25)


def test_few_seeds_are_said_and_enough_are_not() -> None:
    few = summary(frame_of({"a": [[1.0]] * 4}))
    assert few["caution"].tolist() == ["only 4 seeds: no ground for a ranking"]
    assert "caution" not in summary(frame_of({"a": [[1.0]] * 10}))


def test_intervals_are_percentiles_of_resampled_statistics() -> None:
    table = summary(searches(), at=20, n_boot=2000).loc[20]
    for name, rows in searches().query("query == 20").groupby("strategy"):
        for statistic in (np.mean, np.median):
            theirs = stats.bootstrap(
                (rows["regret"].to_numpy(),), statistic, n_resamples=4000, method="percentile", rng=1
            ).confidence_interval
            word = statistic.__name__
            assert table.loc[name, f"{word}_low"] == pytest.approx(theirs.low, abs=0.08)
            assert table.loc[name, f"{word}_high"] == pytest.approx(theirs.high, abs=0.08)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for draw in range(300):
        sample = rng.normal(size=40)
        found = interval(lambda x: x.mean(axis=-1), sample, n_boot=300, seed=draw)
        hits += found.low <= 0 <= found.high
    assert 0.90 <= hits / 300 <= 0.98


def test_random_is_what_strategies_are_held_against() -> None:
    frame = frame_of({"random": [[50.0, 80.0], [60.0, 82.0]], "a": [[70.0, 90.0], [81.0, 82.0]]})
    row = summary(frame, at=2).loc[2, "a"]
    assert row["relative_improvement"] == pytest.approx(100 * (86 - 81) / 81)
    assert row["surpasses_random"] == (2 + 1.5) / 4
    assert row["queries_to_random"] == 1.0  # one of two seeds has 81, random's median at the end, at once
    assert summary(frame, at=2).loc[2, "random"]["relative_improvement"] == 0.0
    other = summary(frame, at=2, random="a").loc[2, "random"]
    assert other["relative_improvement"] == pytest.approx(100 * (81 - 86) / 86)
    assert other["queries_to_random"] == np.inf


def test_lower_may_be_better() -> None:
    frame = frame_of({"random": [[8.0], [10.0]], "a": [[6.0], [9.0]]}, optimum=5.0, better="lower")
    row = summary(frame).loc[1, "a"]
    assert row["relative_improvement"] == pytest.approx(100 * (9 - 7.5) / 9)
    assert row["surpasses_random"] == 0.75
    assert rank_tests(frame).loc[("random", "a"), "surpasses"] == 0.25


def test_a_frame_from_a_file_still_knows_its_direction() -> None:
    frame = frame_of({"random": [[8.0, 7.0], [10.0, 9.0]], "a": [[6.0, 5.5], [9.0, 6.0]]}, optimum=5.0, better="lower")
    frame.attrs = {}
    assert summary(frame).loc[2, "a"]["surpasses_random"] == 1.0
    with pytest.raises(
        InvalidInput, match=r"Whether a higher best is better is not known: set frame.attrs\['better'\]"
    ):
        summary(frame.drop(columns="regret"))


def test_a_search_that_ended_early_counts_with_its_last_query() -> None:
    frame = frame_of({"a": [[90.0, 95.0], [80.0, 85.0, 99.0]]})
    assert summary(frame, at=3, value="best").loc[3, "a"]["mean"] == 97.0


def test_relative_improvement_on_published_numbers() -> None:
    """Perplexities of Yu et al. (2020, table 1): random search beats DARTS and NAO, ENAS beats it by one percent."""
    published = {"enas": 61.91, "darts": 63.29, "nao": 63.22}
    found = {name: relative_improvement([value], [62.50], "lower").value for name, value in published.items()}
    assert found["enas"] == pytest.approx(0.944, abs=1e-3)
    assert found["darts"] == pytest.approx(-1.264, abs=1e-3)
    assert found["nao"] == pytest.approx(-1.152, abs=1e-3)
    # Of 214 random DARTS networks (Yang et al., 2020) the best is as far above their mean as searched ones are.
    assert relative_improvement([97.41], [96.95]).value == pytest.approx(0.474, abs=1e-3)
    assert relative_improvement([96.03], [96.95]).value == pytest.approx(-0.949, abs=1e-3)


def test_relative_improvement_has_an_interval_and_refuses_nothing() -> None:
    rng = np.random.default_rng(0)
    found = relative_improvement(rng.normal(97.3, 0.2, 8), rng.normal(97.0, 0.2, 8))
    assert found.low < found.value < found.high
    with pytest.raises(InvalidInput, match="finite numbers on both sides"):
        relative_improvement([float("nan")], [1.0])
    with pytest.raises(InvalidInput, match="better must be 'higher' or 'lower'"):
        relative_improvement([1.0], [1.0], "more")


def test_there_is_no_percentage_of_nothing() -> None:
    frame = frame_of({"random": [[0.0], [0.0], [2.0]], "good": [[3.0], [3.0], [4.0]]}, optimum=None)
    row = summary(frame).loc[1, "good"]  # resamples in which random search found nothing are left out, unwarned
    assert row["relative_improvement"] == pytest.approx(100 * (10 / 3 - 2 / 3) / (2 / 3))
    assert np.isfinite([row["relative_improvement_low"], row["relative_improvement_high"]]).all()


def test_surpassing_counts_pairs_and_halves() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.0])
    naive = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    found = surpassing(a, b)
    assert found.value == pytest.approx(naive)
    assert 0 <= found.low <= found.value <= found.high <= 1
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.5, 1, 60), rng.normal(0, 1, 50)
    u = stats.mannwhitneyu(one, other).statistic
    assert surpassing(one, other).value == pytest.approx(u / 3000)


def test_pairs_are_tested_and_corrected_for_all_of_them() -> None:
    frame = searches()
    table = rank_tests(frame)
    assert len(table) == 3
    end = {name: rows["regret"].to_numpy() for name, rows in frame.query("query == 20").groupby("strategy")}
    for (a, b), row in table.iterrows():
        assert row["p"] == pytest.approx(stats.mannwhitneyu(end[a], end[b]).pvalue)
        assert row["surpasses"] == pytest.approx(1 - stats.mannwhitneyu(end[a], end[b]).statistic / 144)
        assert row["difference"] == pytest.approx(np.median(end[a]) - np.median(end[b]))
    assert table["p_holm"].tolist() == pytest.approx(naive_holm(table))
    assert table.loc[("random", "good"), "p_holm"] < 0.01 < table.loc[("random", "like_random"), "p_holm"]


def naive_holm(table: pd.DataFrame) -> list[float]:
    """Step down from the smallest p, each times the number of those left."""
    corrected, before = [], 0.0
    for place, p in enumerate(sorted(table["p"])):
        before = max(before, min(1.0, p * (len(table) - place)))
        corrected.append(before)
    return corrected


def test_holm_on_a_known_example() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_equal_seeds_may_be_paired_and_one_side_asked_for() -> None:
    frame = searches()
    end = {name: rows["regret"].to_numpy() for name, rows in frame.query("query == 20").groupby("strategy")}
    paired = rank_tests(frame, paired=True).loc[("random", "good")]
    assert paired["p"] == pytest.approx(stats.wilcoxon(end["random"], end["good"]).pvalue)
    assert paired["difference"] == pytest.approx(np.median(end["random"] - end["good"]))
    better = rank_tests(frame, against="random", alternative="better")
    assert better.index.tolist() == [("good", "random"), ("like_random", "random")]
    theirs = stats.mannwhitneyu(end["good"], end["random"], alternative="less").pvalue
    assert better.loc[("good", "random"), "p"] == pytest.approx(theirs)


def test_strategies_that_find_the_same_do_not_differ() -> None:
    frame = frame_of({"a": [[100.0]] * 12, "b": [[100.0]] * 12})
    for paired in (False, True):
        row = rank_tests(frame, paired=paired).iloc[0]
        assert (row["p"], row["p_holm"], row["surpasses"]) == (1.0, 1.0, 0.5)


def test_false_alarms_of_the_corrected_tests_are_rare() -> None:
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        same = {name: rng.normal(90, 1, (15, 1)).tolist() for name in "abcde"}
        alarms += rank_tests(frame_of(same))["p_holm"].min() < 0.05
    assert alarms / 60 <= 0.12


def test_tests_refuse_what_they_cannot_compare() -> None:
    frame = searches()
    with pytest.raises(InvalidInput, match="at least two strategies"):
        rank_tests(frame[frame["strategy"] == "good"])
    with pytest.raises(UnknownName, match="no strategy of the comparison named 'rando'. Did you mean 'random'"):
        rank_tests(frame, against="rando")
    with pytest.raises(InvalidInput, match=r"from query 1 to 20; asked for at=21"):
        rank_tests(frame, 21)
    with pytest.raises(InvalidInput, match=r"it lacks \['best', 'query', 'seed', 'strategy'\]"):
        rank_tests(pd.DataFrame({"a": [1]}))
    with pytest.raises(UnknownName, match="no column of the comparison named 'regrets'. Did you mean 'regret'"):
        summary(frame, value="regrets")
    with pytest.raises(InvalidInput, match="alternative must be 'two-sided' or 'better'"):
        rank_tests(frame, alternative="worse")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="at names no number of queries"):
        summary(frame, at=[])


def test_mean_ranks_over_tasks_with_friedman_and_nemenyi() -> None:
    """Demšar (2006, table 6): AUC of four variants of C4.5 on 14 data sets; chi2 9.28 from mean ranks, CD 1.25."""
    auc = pd.DataFrame(
        [
            [0.763, 0.768, 0.771, 0.798],
            [0.599, 0.591, 0.590, 0.569],
            [0.954, 0.971, 0.968, 0.967],
            [0.628, 0.661, 0.654, 0.657],
            [0.882, 0.888, 0.886, 0.898],
            [0.936, 0.931, 0.916, 0.931],
            [0.661, 0.668, 0.609, 0.685],
            [0.583, 0.583, 0.563, 0.625],
            [0.775, 0.838, 0.866, 0.875],
            [1.000, 1.000, 1.000, 1.000],
            [0.940, 0.962, 0.965, 0.962],
            [0.619, 0.666, 0.614, 0.669],
            [0.972, 0.981, 0.9751, 0.975],
            [0.957, 0.978, 0.946, 0.970],
        ],
        columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
    )
    table = critical_difference(auc.T)
    published = {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    for name, rank in published.items():
        assert table.loc[name, "mean_rank"] == pytest.approx(rank, abs=1e-3)
    assert table.attrs["critical_difference"] == pytest.approx(1.25, abs=5e-3)
    published_statistic = 12 * 14 / (4 * 5) * ((table["mean_rank"] ** 2).sum() - 4 * 25 / 4)  # not corrected for ties
    assert published_statistic == pytest.approx(9.28, abs=5e-3)
    assert table.attrs["statistic"] == pytest.approx(stats.friedmanchisquare(*auc.to_numpy().T).statistic)
    assert table.index[0] == "C4.5+m+cf"
    assert table["wins"].sum() == pytest.approx(14)


def test_groups_are_the_runs_that_tasks_cannot_tell_apart() -> None:
    ranks = pd.DataFrame(np.array([[4, 3, 2, 1]] * 30).T, index=list("abcd"), dtype=float)
    apart = critical_difference(ranks)
    assert apart["group"].tolist() == ["a", "b", "c", "d"]
    assert apart.attrs["p"] < 1e-10
    near = critical_difference(ranks.iloc[:, :6])  # critical difference 1.91: each is like its neighbours
    assert near["group"].tolist() == ["a", "ab", "bc", "c"]
    same = critical_difference(pd.DataFrame(1.0, index=list("abc"), columns=range(5)))
    assert same["group"].tolist() == ["a", "a", "a"]
    assert same.attrs["p"] == 1.0


def test_tasks_may_be_comparisons_and_lower_may_be_better() -> None:
    tasks = {str(seed): searches() for seed in range(3)}
    table = critical_difference(tasks)
    assert table.index[0] == "good"
    assert table.loc["good", "mean_rank"] == 1.0
    scores = pd.DataFrame({"t1": [1.0, 2.0, 3.0], "t2": [1.0, 3.0, 2.0]}, index=list("abc"))
    assert critical_difference(scores, better="lower").index[0] == "a"
    with pytest.raises(InvalidInput, match="One comparison is one task"):
        critical_difference(searches())
    with pytest.raises(InvalidInput, match="three systems and two tasks; got 3 and 1"):
        critical_difference(scores[["t1"]])
    with pytest.raises(InvalidInput, match="no score in one of the tasks"):
        critical_difference(scores.replace(3.0, np.nan))


def test_regret_is_of_the_truth_and_a_lucky_run_is_not_skill() -> None:
    """Noise makes the found value look better than it is: a summary of regret never sees it."""
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    noisy = bench.measure("valid_accuracy", noisy=True, seed=1)
    frame = wb.compare(["random"], noisy, range(10), 40, progress=False)
    chosen = frame[frame["query"] == 40]
    seen = np.array([noisy(bench.space.parse(name)) for name in chosen["incumbent"]])
    assert (seen - chosen["best"]).mean() > 0  # the winner's curse, which the truth takes off
    row = summary(frame).loc[40, "random"]
    assert row["mean"] == pytest.approx((bench.optimum("valid_accuracy") - chosen["best"]).mean())
    assert row["mean"] > bench.optimum("valid_accuracy") - seen.mean()
