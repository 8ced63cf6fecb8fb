"""Comparing strategies over seeds, against curves measured independently."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import optuna
import pytest
from nbclient import NotebookClient

from workbench.architecture import Architecture
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName, WorkbenchError
from workbench.executors import Auto, Local
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.studies.compare import compare


def test_the_frame_has_a_row_for_every_strategy_seed_and_query() -> None:
    valid = benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    frame = compare(["random", "regularized_evolution"], valid, range(3), 20, progress=False)
    assert len(frame) == 2 * 3 * 20
    assert frame.groupby(["strategy", "seed"])["query"].apply(list).map(lambda q: q == list(range(1, 21))).all()
    assert (frame["regret"] >= 0).all()
    for _, run in frame.groupby(["strategy", "seed"]):
        assert np.allclose(run["best"], run["value"].cummax())
        assert np.allclose(run["regret"], valid.optimum - run["best"])
        assert [valid(valid.space.parse(a)) for a in run["incumbent"]] == run["best"].tolist()


def test_the_incumbent_stays_when_it_is_only_equalled() -> None:
    space = benchmark("nasbench201", "cifar10").space
    flat = Measure("flat", "higher", lambda arch: 1.0, space=space)
    frame = compare(["random"], flat, [0], 5, progress=False)
    assert frame["incumbent"].nunique() == 1
    assert frame["incumbent"].iloc[0] == frame["architecture"].iloc[0]


def test_the_incumbent_chosen_by_one_measure_is_judged_by_another() -> None:
    bench = benchmark("nasbench201", "cifar100")
    latency = bench.measure("latency_ms")
    frame = compare(["random"], bench.measure("valid_accuracy"), [0], 30, report=latency, progress=False)
    assert frame["best"].tolist() == [latency(bench.space.parse(a)) for a in frame["incumbent"]]
    assert np.allclose(frame["regret"], frame["best"] - latency.optimum)
    assert not frame["best"].is_monotonic_decreasing


def test_processes_give_the_same_frame_as_one() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    here = compare(["random", "tpe"], valid, range(2), 15, progress=False)
    with Local(2) as executor:
        there = compare(["random", "tpe"], valid, range(2), 15, executor=executor, progress=False)
    assert here.equals(there)


def test_a_strategy_may_be_made_by_a_function_of_the_seed() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    mine = {"mine": partial(sampler, "random"), "random": "random"}
    frame = compare(mine, valid, [5], 10, progress=False)
    curves = [run["value"].tolist() for _, run in frame.groupby("strategy")]
    assert curves[0] == curves[1]


def test_wrong_arguments_are_refused_before_anything_runs() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    with pytest.raises(UnknownName, match="no sampler named 'evolution'. Did you mean 'regularized_evolution'"):
        compare(["random", "evolution"], valid, [0], 5)
    with pytest.raises(InvalidInput, match="at least one strategy"):
        compare([], valid, [0], 5)
    with pytest.raises(InvalidInput, match="at least one seed"):
        compare(["random"], valid, [], 5)
    with pytest.raises(InvalidInput, match="A seed is given twice"):
        compare(["random"], valid, [1, 1], 5)
    with pytest.raises(InvalidInput, match="whole number of queries, at least one; got 0"):
        compare(["random"], valid, [0], 0)
    with pytest.raises(InvalidInput, match="'mine' must be a sampler's name or a function of the seed"):
        compare({"mine": 3}, valid, [0], 5)  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match="'ones' does not say which space it measures: give space="):
        compare(["random"], Measure("ones", "higher", lambda arch: 1.0), [0], 5)


def counted(n_calls: list[int], stop: int | None = None) -> Measure:
    """The validation accuracy, which counts how often it is asked for, and is interrupted at the `stop`-th time."""
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")

    def function(arch: Architecture) -> float:
        n_calls[0] += 1
        if n_calls[0] == stop:
            raise KeyboardInterrupt
        return valid(arch)

    return Measure(valid.name, valid.better, function, valid.unit, valid.task, optimum=valid.optimum, space=valid.space)


def broken(seed: int) -> optuna.samplers.BaseSampler:
    """A strategy that fails with every odd seed."""
    if seed % 2:
        raise RuntimeError("no sampler today")
    return sampler("random", seed)


def test_the_frame_says_what_its_columns_are_and_which_direction_is_better() -> None:
    latency = benchmark("nasbench201", "cifar10").measure("latency_ms")
    frame = compare(["random"], latency, [0], 3, progress=False)
    assert frame.attrs["better"] == {"value": "lower", "best": "lower", "regret": "lower"}
    assert frame.attrs["label"]["regret"] == f"regret of {latency.label}"
    assert frame.attrs["failed"] == {}


def test_a_failing_search_is_named_and_the_others_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    frame = compare({"random": "random", "mine": broken}, valid, range(4), 5)
    assert frame.groupby("strategy")["seed"].unique().map(list).to_dict() == {"random": [0, 1, 2, 3], "mine": [0, 2]}
    assert set(frame.attrs["failed"]) == {"mine, seed 1", "mine, seed 3"}
    assert "RuntimeError: no sampler today" in frame.attrs["failed"]["mine, seed 3"]
    said = capsys.readouterr().err
    assert "2 of 8 searches failed and are left out; mine, seed 1: RuntimeError: no sampler today" in said
    with pytest.raises(WorkbenchError, match="Every search failed; mine, seed 1: RuntimeError"):
        compare({"mine": broken}, valid, [1], 5, progress=False)


def test_a_search_without_one_value_failed_and_says_why() -> None:
    space = benchmark("nasbench201", "cifar10").space
    nothing = Measure("nothing", "higher", lambda arch: float("nan"), space=space)
    with pytest.raises(WorkbenchError, match="not one of 5 trials has a value; the first: nothing is nan"):
        compare(["random"], nothing, [0], 5, progress=False)


def test_trials_that_fail_cost_a_query_and_are_never_the_incumbent() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    calls = itertools.count()
    some = Measure("some", "higher", lambda a: float("nan") if next(calls) % 3 == 0 else valid(a), space=valid.space)
    for report in (None, valid):
        frame = compare(["random"], some, [0], 9, report=report, progress=False)
        assert frame["value"].isna().tolist() == [True, False, False] * 3
        assert frame["best"].isna().tolist() == [True] + [False] * 8
        assert frame["best"].iloc[1:].tolist() == frame["value"].iloc[1:].fillna(-1).cummax().tolist()


def test_an_interrupted_comparison_returns_what_is_there_equally_far_for_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frame = compare(["random", "regularized_evolution"], counted([0], stop=95), range(10), 10)
    assert frame.groupby("strategy")["seed"].nunique().to_dict() == {"random": 5, "regularized_evolution": 4}
    assert (frame.groupby(["strategy", "seed"]).size() == 10).all()
    assert "Stopped after 9 of 20 searches, which are returned." in capsys.readouterr().err
    with pytest.raises(WorkbenchError, match="before one search was finished"):
        compare(["random"], counted([0], stop=5), range(10), 10, progress=False)


def test_a_kept_comparison_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    path, calls = tmp_path / "deeper" / "kept.jsonl", [0]
    whole = compare(["random", "regularized_evolution"], counted([0]), range(3), 10, progress=False)
    compare(["random", "regularized_evolution"], counted([0], stop=35), range(3), 10, path=path, progress=False)
    frame = compare(["random", "regularized_evolution"], counted(calls), range(3), 10, path=path, progress=False)
    assert frame.equals(whole)
    assert frame.attrs == whole.attrs
    assert calls == [30]
    more = compare(["random", "tpe"], counted(calls), range(4), 10, path=path, progress=False)
    assert calls == [30 + 10 + 40]
    assert more[(more["strategy"] == "random") & (more["seed"] < 3)]["value"].tolist() == (
        whole[whole["strategy"] == "random"]["value"].tolist()
    )


def test_a_killed_comparison_loses_no_finished_search(tmp_path: Path) -> None:
    script = """
import os, sys, workbench as wb
valid = wb.benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
calls = []
def function(arch):
    calls.append(1)
    if len(calls) == 25:
        os._exit(9)
    return valid(arch)
measure = wb.Measure(valid.name, valid.better, function, valid.unit, valid.task, space=valid.space)
wb.compare(["random"], measure, range(4), 10, path=sys.argv[1], progress=False)
"""
    path = tmp_path / "kept.jsonl"
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 9
    calls = [0]
    frame = compare(["random"], counted(calls), range(4), 10, path=path, progress=False)
    assert calls == [20]
    assert frame.equals(compare(["random"], counted([0]), range(4), 10, progress=False))


def test_a_line_that_was_cut_off_is_searched_again(tmp_path: Path) -> None:
    path, calls = tmp_path / "kept.jsonl", [0]
    whole = compare(["random"], counted([0]), range(3), 10, path=path, progress=False)
    path.write_text(path.read_text()[:-40])
    assert compare(["random"], counted(calls), range(3), 10, path=path, progress=False).equals(whole)
    assert calls == [10]
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 4


def test_a_file_of_another_question_is_refused(tmp_path: Path) -> None:
    path, measure = tmp_path / "kept.jsonl", counted([0])
    compare(["random"], measure, [0], 10, path=path, progress=False)
    with pytest.raises(InvalidInput, match=r"made with another n_trials \(10\) than asked for now \(20\)"):
        compare(["random"], measure, [0], 20, path=path, progress=False)
    other = benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    with pytest.raises(InvalidInput, match="another measure .*cifar10.* than .*cifar100"):
        compare(["random"], other, [0], 10, path=path, progress=False)
    with pytest.raises(InvalidInput, match="'random' is random, and now it is tpe. Give the strategy another name"):
        compare({"random": "tpe"}, measure, [0], 10, path=path, progress=False)
    notes = tmp_path / "notes.txt"
    notes.write_text("strategy,seed\n")
    with pytest.raises(InvalidInput, match="notes.txt is not the file of a comparison"):
        compare(["random"], measure, [0], 10, path=notes, progress=False)
    assert notes.read_text() == "strategy,seed\n"


def test_a_comparison_takes_processes_as_soon_as_they_are_worth_it() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    one = compare(["random", "regularized_evolution"], valid, range(6), 20, progress=False)
    eager = Auto(worth=0.0, each=1e-6)
    assert compare(["random", "regularized_evolution"], valid, range(6), 20, executor=eager, progress=False).equals(one)


def test_a_space_with_nothing_new_left_ends_the_searches_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    space = benchmark("nasbench201", "cifar10").space
    first, *rest = [question.name for question in space.questions()]
    small = space.restrict({first: ["nor_conv_3x3"], **{name: ["skip_connect"] for name in rest[:-1]}})
    frame = compare(["random"], Measure("ones", "higher", lambda a: 1.0, space=small), [0], 50, duplicates="exact")
    assert len(frame) == 5
    assert "has nothing new left: random ended after 5 of 50 queries" in capsys.readouterr().err


def test_the_curves_fill_one_picture_in_a_notebook() -> None:
    code = """
import workbench as wb
valid = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
frame = wb.compare(["random", "regularized_evolution"], valid, range(3), 20)
quiet = wb.compare(["random"], valid, range(3), 20, live=False)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(notebook, kernel_name="python3", timeout=120)
    seen: list[object] = []
    handle = client.process_message

    def process(message: dict[str, object], cell: object, index: int) -> object:
        seen.append(message["msg_type"])
        return handle(message, cell, index)

    client.process_message = process
    client.execute()
    plotly = "application/vnd.plotly.v1+json"
    figures = [out["data"][plotly] for out in notebook.cells[0].outputs if plotly in out.get("data", {})]
    assert [figure["layout"]["title"]["text"] for figure in figures] == ["<b>Search strategies</b>"]
    assert figures[0]["layout"]["yaxis"]["title"]["text"] == "regret of valid accuracy (%)"
    assert seen.count("update_display_data") >= 1


def test_evolution_is_within_the_reference_band_on_cifar100(
    shared_data: Callable[[str], Path],
) -> None:
    """Median test regret over 100 seeds at 50, 100 and 200 queries, against 200 independent seeds."""
    reference = shared_data("nb201_core.npz").parents[1] / "research" / "search_reference.csv"
    with reference.open() as file:
        row = next(
            r
            for r in csv.DictReader(file)
            if r["strategy"] == "regularized_evolution(pop30,tour10,no-duplicates)"
            and r["setting"] == "C100_val200"
            and r["count"] == "test_regret/trials"
        )
    official = np.load(shared_data("nb201_core.npz"))
    known = dict(zip(official["arch_str"].tolist(), official["cifar100_test_acc"].tolist(), strict=True))
    test = Measure("test_accuracy", "higher", lambda arch: known[str(arch)], optimum=max(known.values()))
    valid = benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    frame = compare(["regularized_evolution"], valid, range(100), 200, report=test, progress=False)
    for query in (50, 100, 200):
        regret = frame.loc[frame["query"] == query, "regret"]
        assert float(row[f"q25_{query}"]) - 1e-9 <= regret.median() <= float(row[f"q75_{query}"]) + 1e-9
        assert regret.mean() <= float(row[f"mean{query}"]) + 3 * regret.std() / 10
