"""Aggregates: votes, log ranks and RoBoT's weights, against naive second implementations and known answers."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import RandomSampler
from scipy import stats

import workbench as wb
from workbench.analysis.aggregates import VKDNW_PARTS, az_nas, borda, vkdnw, vote
from workbench.analysis.robot import RobustWeights, robot
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure

SPACE = wb.search_space("nasbench201")


def frame_of(n: int, columns: int, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(n, columns))
    index = pd.Index([str(arch) for arch in SPACE.sample(n, seed=0)], name="architecture")
    frame = pd.DataFrame(values, index=index, columns=[f"p{k}" for k in range(columns)])
    frame.attrs["space"] = "nasbench201"
    return frame


def naive_vote(frame: pd.DataFrame, signs: list[int]) -> list[float]:
    """Each pair by itself, each proxy one ballot."""
    rows = [
        [-math.inf if math.isnan(v) else s * v for s, v in zip(signs, row, strict=True)] for row in frame.to_numpy()
    ]
    wins = [0.0] * len(rows)
    for i, j in combinations(range(len(rows)), 2):
        for_i = sum(a > b for a, b in zip(rows[i], rows[j], strict=True))
        for_j = sum(a < b for a, b in zip(rows[i], rows[j], strict=True))
        wins[i] += 1.0 if for_i > for_j else 0.5 if for_i == for_j else 0.0
        wins[j] += 1.0 if for_j > for_i else 0.5 if for_i == for_j else 0.0
    return [w / (len(rows) - 1) for w in wins]


@pytest.mark.parametrize("columns", [3, 4])
def test_a_vote_is_the_share_of_pairs_won_by_majority(columns: int) -> None:
    frame = frame_of(40, columns).round(0)
    frame.iloc[3, 1] = frame.iloc[7, 1] = math.nan
    frame.attrs["better"] = {"p1": "lower"}
    signs = [-1 if name == "p1" else 1 for name in frame.columns]
    assert vote(frame).tolist() == pytest.approx(naive_vote(frame, signs))
    assert vote(frame, {"p1": "higher", "p0": "lower"}).tolist() == pytest.approx(
        naive_vote(frame, [-1, *[1] * (columns - 1)])
    )


def test_a_vote_of_more_rows_than_are_compared_at_a_time_is_the_same() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 3)))
    assert vote(frame).tolist() == pytest.approx(naive_vote(frame, [1, 1, 1]))


def test_one_voter_decides_alone_and_the_best_row_wins_every_pair() -> None:
    assert vote(pd.DataFrame({"a": [3.0, 1.0, 2.0]})).tolist() == [1.0, 0.0, 0.5]
    assert vote(pd.DataFrame({"a": [1.0, 1.0]})).tolist() == [0.5, 0.5]


def test_a_vote_needs_two_rows() -> None:
    with pytest.raises(InvalidInput, match="at least two rows; got 1"):
        vote(pd.DataFrame({"a": [1.0]}))


def test_borda_is_the_mean_rank() -> None:
    frame = frame_of(30, 4)
    ranks = [[1 + sum(other < value for other in frame[name]) for value in frame[name]] for name in frame.columns]
    assert borda(frame).tolist() == pytest.approx(np.mean(ranks, axis=0))


def parts_of_vkdnw(n: int) -> pd.DataFrame:
    frame = pd.DataFrame(np.random.default_rng(2).normal(size=(n, 6)), columns=list(VKDNW_PARTS))
    return frame.assign(n_layers=np.random.default_rng(3).integers(1, 4, n).astype(float))


def test_vkdnw_ranks_within_equal_size_and_sums_the_logarithms_of_five_ranks() -> None:
    frame = parts_of_vkdnw(25)
    pairs = sorted(zip(frame["n_layers"], frame["vkdnw"], strict=True))
    expected = np.log([(pairs.index(p) + 1) / 25 for p in zip(frame["n_layers"], frame["vkdnw"], strict=True)])
    for name in ("jacov", "az_expressivity", "az_trainability", "flops"):
        expected += np.log(stats.rankdata(frame[name]) / 25)
    assert vkdnw(frame).tolist() == pytest.approx(expected)
    assert vkdnw(frame).name == "vkdnw"


def test_vkdnw_ranks_what_is_missing_last() -> None:
    frame = parts_of_vkdnw(10)
    frame.loc[4, ["vkdnw", "jacov", "az_expressivity", "az_trainability"]] = math.nan
    assert vkdnw(frame).notna().all()
    parts = frame.assign(flops=1.0)
    assert vkdnw(parts).idxmin() == 4


@pytest.mark.parametrize(("aggregate", "words"), [(az_nas, "az_progressivity"), (vkdnw, "n_layers, vkdnw, jacov")])
def test_an_aggregate_says_which_columns_it_needs(aggregate: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        aggregate(pd.DataFrame({"flops": [1.0]}))  # type: ignore[operator]


def known_truth(frame: pd.DataFrame) -> pd.Series:
    """A weighted sum of scaled columns, one of them with a minus sign, one without weight."""
    scaled = (frame - frame.min()) / (frame.max() - frame.min())
    return scaled["p0"] - 0.8 * scaled["p1"] + 0.3 * scaled["p2"]


def test_robot_finds_signs_and_weights_from_few_labels() -> None:
    frame = frame_of(200, 4)
    truth = known_truth(frame)
    found = robot(frame, truth.iloc[:50], 40, objective="kendall")
    held_out = stats.kendalltau(found.score.iloc[50:], truth.iloc[50:]).statistic
    alone = [stats.kendalltau(frame[name].iloc[50:], truth.iloc[50:]).statistic for name in frame]
    assert held_out > max(map(abs, alone)) + 0.1
    assert found.weights["p0"] > 0 > found.weights["p1"]
    assert found.weights.abs().le(1).all()
    assert not found.history["new"].sum() > 50


def test_robots_score_is_the_weighted_sum_of_columns_scaled_over_all_rows_without_what_is_missing() -> None:
    frame = frame_of(30, 3)
    frame.iloc[2, 1] = math.nan
    frame["p2"] = 5.0
    found = robot(frame, pd.Series(np.arange(30.0), index=frame.index), 3, sampler=RandomSampler(seed=0))
    for row, name in enumerate(frame.index):
        expected = 0.0
        for column in frame.columns:
            values = frame[column]
            value, low, high = values.iloc[row], values.min(), values.max()
            if not math.isnan(value) and high > low:
                expected += found.weights[column] * (value - low) / (high - low)
        assert found.score[name] == pytest.approx(expected)


def test_robot_asks_a_measure_only_for_the_architectures_it_puts_first_and_each_once() -> None:
    frame = frame_of(100, 3)
    truth = -known_truth(frame)
    asked: list[str] = []

    def value(arch: wb.Architecture) -> float:
        asked.append(str(arch))
        return float(truth[str(arch)])

    found = robot(frame, Measure("error", "lower", value), 20)
    assert asked == found.queried
    assert len(set(asked)) == len(asked) <= 20
    assert len(found.history) == 20
    assert found.history["value"].max() == -truth[asked].min()
    last_best = found.history.index[found.history["value"] == found.history["value"].max()][-1]
    assert found.weights.tolist() == found.history.loc[last_best, list(frame.columns)].tolist()
    first = found.history.iloc[-1]
    weights = first[list(frame.columns)].to_numpy(float)
    scaled = (frame - frame.min()) / (frame.max() - frame.min())
    assert first["architecture"] == frame.index[np.argmax(scaled.to_numpy() @ weights)]


def test_robot_puts_first_only_what_has_a_label() -> None:
    frame = frame_of(50, 2)
    labels = known_truth(frame.assign(p2=frame["p0"])).iloc[10:20]
    found = robot(frame, labels, 10)
    assert set(found.history["architecture"]) <= set(labels.index)
    assert found.history["value"].tolist() == labels[found.history["architecture"]].tolist()


def test_equal_seeds_of_robot_find_equal_weights_and_optuna_says_nothing() -> None:
    frame = frame_of(40, 2)
    labels = known_truth(frame.assign(p2=0.0)).fillna(0.0)
    before = optuna.logging.get_verbosity()

    def found(seed: int) -> RobustWeights:
        return robot(frame, labels, 12, objective="top", top=0.2, seed=seed)

    assert found(0).history.equals(found(0).history)
    assert not found(0).history.equals(found(1).history)
    assert optuna.logging.get_verbosity() == before


def test_robot_takes_no_trial_without_a_value_for_the_best() -> None:
    frame = frame_of(30, 2)
    names = iter(range(100))
    sometimes = Measure("m", "higher", lambda arch: math.nan if next(names) % 2 else 1.0)
    found = robot(frame, sometimes, 12, sampler=RandomSampler(seed=1))
    assert found.history["value"].isna().any()
    assert found.history["value"].max() == 1.0
    with pytest.raises(InvalidInput, match="None of 3 trials has a finite first"):
        robot(frame, Measure("m", "higher", lambda arch: math.nan), 3)


def test_bad_input_to_robot_is_refused() -> None:
    frame = frame_of(20, 2)
    labels = pd.Series(np.arange(20.0), index=frame.index)
    with pytest.raises(InvalidInput, match="Are both indexed by the architecture's string"):
        robot(frame, labels.reset_index(drop=True))
    with pytest.raises(InvalidInput, match=r"give labels, architecture string -> value, in place of the measure 'm'"):
        robot(frame, Measure("m", "higher", lambda arch: 1.0), objective="kendall")
    with pytest.raises(UnknownName, match="'kendall'"):
        robot(frame, labels, objective="kendal")
    with pytest.raises(InvalidInput, match="one row for each architecture"):
        robot(pd.concat([frame, frame]), labels)
    with pytest.raises(InvalidInput, match="one row for each architecture"):
        robot(frame[[]], labels)
    nameless = frame.copy()
    nameless.attrs = {}
    with pytest.raises(InvalidInput, match="give space="):
        robot(nameless, Measure("m", "higher", lambda arch: 1.0))
