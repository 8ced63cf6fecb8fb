"""The search phase: known inputs, and a ranking that is spoilt step by step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.analysis.search_phase import search_phase
from workbench.errors import InvalidInput, UnknownName


def test_known_inputs_have_known_answers() -> None:
    table = search_phase({"mine": [3.0, 5.0, 4.0, 4.0]}, random=[1.0, 4.0, 4.0, 6.0])
    row = table.loc["mine"]
    assert (row["repeats"], row["mean"], row["best"]) == (4, 4.0, 5.0)
    assert row["std"] == pytest.approx(np.sqrt(2 / 3))
    assert row["surpasses_random"] == pytest.approx((1 + 3 + 2 + 2) / 16)
    assert table.loc["random architecture", "surpasses_random"] == 0.5
    assert row["caution"] == "only 4 repeats: no ground for a ranking"
    lower = search_phase({"mine": [3.0, 5.0]}, random=[4.0], better="lower").loc["mine"]
    assert (lower["best"], lower["surpasses_random"]) == (3.0, 0.5)


def test_spoiling_the_ranking_of_a_search_lowers_what_it_finds_and_its_kendall() -> None:
    """Cells of NAS-Bench-201: the search takes the best of 50 by accuracy with more and more noise."""
    valid = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    space = valid.space
    assert space is not None
    archs = [str(arch) for arch in space.sample(1000, seed=0)]
    truth = pd.Series({arch: valid(space.parse(arch)) for arch in archs})
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(truth))
    spoilt = {f"noise {scale}": truth + scale * noise for scale in (0, 5, 20, 60, 10_000)}
    samples = [rng.choice(len(truth), 50, replace=False) for _ in range(120)]
    found = {
        name: [truth.iloc[sample[np.argmax(thought.iloc[sample])]] for sample in samples]
        for name, thought in spoilt.items()
    }
    random = truth.sample(200, random_state=1).tolist()
    table = search_phase(found, random, estimates=spoilt, truth=valid, n_boot=50)
    methods = table.loc[list(spoilt)]
    assert (methods["kendall"].diff().dropna() < 0).all()
    assert (methods["surpasses_random"].diff().dropna() < 0).all()
    assert methods["kendall"].iloc[0] == 1.0
    assert methods["surpasses_random"].iloc[0] > 0.95
    assert methods["kendall"].iloc[-1] == pytest.approx(0.0, abs=0.05)
    assert methods["surpasses_random"].iloc[-1] == pytest.approx(0.5, abs=0.1)
    theirs = stats.kendalltau(spoilt["noise 20"], truth).statistic
    assert methods.loc["noise 20", "kendall"] == pytest.approx(theirs)


def test_a_comparison_is_judged_by_its_end_against_the_first_query_of_random() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    noisy, valid = bench.measure("valid_accuracy", noisy=True), bench.measure("valid_accuracy")
    frame = wb.compare(["random", "regularized_evolution"], noisy, range(10), 40, progress=False)
    table = search_phase(frame, truth=valid, n_boot=50)
    assert table.index.tolist() == ["regularized_evolution", "random architecture"]
    row = table.loc["regularized_evolution"]
    last = frame[(frame["strategy"] == "regularized_evolution") & (frame["query"] == 40)]["best"]
    assert (row["repeats"], row["mean"]) == (10, pytest.approx(last.mean()))
    assert row["surpasses_random"] > 0.9
    assert 0.7 < row["kendall"] < 1.0
    assert row["kendall_low"] <= row["kendall"] <= row["kendall_high"]
    assert np.isnan(table.loc["random architecture", "kendall"])


def test_estimates_may_be_of_another_direction_than_the_truth() -> None:
    """Searching for low latency and judged by accuracy: what it finds is judged as it is, its ranking runs against."""
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    latency, valid = bench.measure("latency_ms"), bench.measure("valid_accuracy")
    frame = wb.compare(["random"], latency, range(3), 30, report=valid, progress=False)
    found = search_phase(frame, [60.0, 70.0], truth=valid, n_boot=20)
    assert found.loc["random", "kendall"] < 0


def test_a_lower_value_may_be_better() -> None:
    latency = wb.benchmark("nasbench201", dataset="cifar100").measure("latency_ms")
    frame = wb.compare(["random", "regularized_evolution"], latency, range(3), 20, progress=False)
    row = search_phase(frame, truth=latency, n_boot=20).loc["regularized_evolution"]
    assert row["kendall"] == 1.0
    assert row["surpasses_random"] > 0.5
    assert row["best"] == frame.query("strategy == 'regularized_evolution'")["best"].min()
    thought = {"mine": {"a": 3.0, "b": 2.0, "c": 1.0}}
    known = {"a": 30.0, "b": 20.0, "c": 10.0}
    assert (
        search_phase({"mine": [3.0]}, [4.0], estimates=thought, truth=known, better="lower").loc["mine", "kendall"] == 1
    )


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Give the values of architectures drawn at random"):
        search_phase({"mine": [1.0]})
    with pytest.raises(InvalidInput, match=r"found\['mine'\] holds no finite number"):
        search_phase({"mine": [float("nan")]}, [1.0])
    with pytest.raises(InvalidInput, match="Estimates are held against a truth"):
        search_phase({"mine": [1.0]}, [1.0], estimates={"mine": {"a": 1.0}})
    with pytest.raises(InvalidInput, match="No method is given"):
        search_phase({}, [1.0])
    valid = wb.benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
    frame = wb.compare(["tpe"], valid, [0], 3, progress=False)
    with pytest.raises(UnknownName, match="no strategy of the comparison named 'random'"):
        search_phase(frame)
