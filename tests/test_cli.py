"""The command line: what it prints, and one clear message with the right exit status for what is wrong."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench import doctor
from workbench.cli import LISTS, main

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
PARAMS = 1_288_506  # every edge of this cell but the skip is a 3x3 convolution, and all are live
HEAVY = ["torch", "optuna", "plotly", "papermill", "sklearn", "pandas", "scipy", "networkx", "nbconvert", "numpy"]


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom workbench.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"
    for command in ("run", "resume", "runs", "list", "score", "search", "report", "doctor", "completion"):
        assert re.search(rf"\n    {command}\b", told)


def test_list_names_everything_there_is_to_choose_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert [line.rstrip(":") for line in told.splitlines() if not line.startswith(" ")] == list(LISTS)
    for name in ("nasbench201  15,625 architectures", "digits", "synflow", "regularized_evolution", "natsbench_tss"):
        assert f"  {name}" in told, name
    assert "n_trials: a whole number from 1 to 5000, default" in told
    assert main(["list", "samplers"]) == 0
    assert "synflow" not in capsys.readouterr().out


def test_score_prints_a_table_for_the_given_architectures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("cells.txt").write_text(f"{CELL}\n\n")
    given = ["score", "nasbench201", "--proxies", "params", "live_params", "--architectures"]
    assert main([*given, "cells.txt"]) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="architecture")
    assert frame.to_dict("index") == {CELL: {"params": PARAMS, "live_params": PARAMS}}
    monkeypatch.setattr("sys.stdin", io.StringIO(CELL))
    assert main([*given, "-", "--output", "scores.csv"]) == 0
    assert list(pd.read_csv("scores.csv")["architecture"]) == [CELL]


def test_score_shares_networks_and_names_the_devices_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|{}~2|"  # nothing reaches node 2
    Path("cells.txt").write_text(f"{cell.format('none')}\n{cell.format('nor_conv_1x1')}")
    asked = ["score", "nasbench201", "--architectures", "cells.txt", "--proxies", "synflow", "--task", "digits"]
    asked += ["--batch-size", "4"]
    assert main([*asked, "--share", "--device", "cpu"]) == 0
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.rpartition(",")[2] == second.rpartition(",")[2]
    assert main([*asked, "--device", "tpu"]) == 2
    assert "'tpu'" in capsys.readouterr().err


def test_score_samples_when_no_architecture_is_given() -> None:
    assert main(["score", "nasbench201", "--proxies", "params", "--sample", "3", "--output", "a.csv"]) == 0
    assert main(["score", "nasbench201", "--proxies", "params", "--sample", "3", "--output", "b.csv"]) == 0
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
    assert len(pd.read_csv("a.csv")) == 3


def test_search_prints_the_best_and_goes_on_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["search", "nasbench201", "--measure", "valid_accuracy", "--sampler", "random", "--storage", "s.sqlite3"]
    assert main([*given, "--n-trials", "5"]) == 0
    arch, value = capsys.readouterr().out.splitlines()
    assert arch.startswith("|")
    assert value.startswith("valid accuracy (%): ")
    assert value.endswith(" in 5 trials")
    assert main([*given, "--n-trials", "7"]) == 0
    assert capsys.readouterr().out.endswith(" in 7 trials\n")


def test_search_for_several_measures_prints_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["search", "nasbench201", "--measure", "valid_accuracy", "latency_ms", "--sampler", "random"]
    assert main([*given, "--n-trials", "10", "--dataset", "cifar100"]) == 0
    front = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="architecture")
    assert {"valid_accuracy", "latency_ms"} <= set(front.columns)
    assert front["valid_accuracy"].is_monotonic_decreasing
    assert front["latency_ms"].is_monotonic_decreasing


WRONG = {
    "a misspelt space": (["score", "nasbench2", "--proxies", "params"], "Did you mean 'nasbench201'"),
    "a misspelt proxy": (["score", "nasbench201", "--proxies", "synflo"], "Did you mean 'synflow'"),
    "a misspelt task": (["score", "nasbench201", "--proxies", "nwot", "--task", "digit"], "Did you mean 'digits'"),
    "a malformed architecture": (
        ["score", "nasbench201", "--proxies", "params", "--architectures", "bad.txt"],
        "nasbench201",
    ),
    "a missing file": (
        ["score", "nasbench201", "--proxies", "params", "--architectures", "nowhere.txt"],
        "nowhere.txt cannot be read as architectures",
    ),
    "an output that cannot be written": (
        ["score", "nasbench201", "--proxies", "params", "--sample", "1", "--output", "no/where.csv"],
        "cannot be written: No such file or directory",
    ),
    "a misspelt measure": (
        ["search", "nasbench201", "--measure", "accuracy", "--n-trials", "1"],
        "Did you mean 'valid_accuracy'",
    ),
    "a misspelt data set": (
        ["search", "nasbench201", "--measure", "valid_accuracy", "--dataset", "cifar"],
        "Did you mean 'cifar10",
    ),
    "a misspelt sampler": (
        ["search", "nasbench201", "--measure", "valid_accuracy", "--sampler", "tpee"],
        "Did you mean 'tpe'",
    ),
    "a misspelt pipeline": (["run", "nasbench"], "Did you mean 'nasbench201'"),
    "a misspelt parameter": (
        ["run", "nasbench201", "-p", "n_trial=3"],
        "the pipeline nasbench201 has no parameter 'n_trial'. Did you mean 'n_trials'",
    ),
    "a mistyped parameter": (["run", "nasbench201", "-p", "n_trials=many"], "'many' is not a whole number"),
    "a parameter out of bounds": (["run", "nasbench201", "-p", "n_trials=0"], "0 is outside its bounds"),
    "a parameter without a value": (["run", "nasbench201", "-p", "n_trials"], "-p n_trials is not NAME=VALUE"),
    "a parameter given twice": (["run", "nasbench201", "-p", "seed=1", "-p", "seed=2"], "-p seed is given twice"),
    "a report of nothing": (["report", "."], "is not the folder of a run"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_one_clear_message_and_status_2(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.txt").write_text("|conv~0|")
    arguments, words = WRONG[what]
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.err.startswith("workbench: ")
    assert words in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert not Path("runs").exists()


def test_a_misspelt_command_or_option_is_refused_by_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["rum"], ["run", "nasbench201", "--fold", "x"], []):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "unrecognized arguments: --fold x" in capsys.readouterr().err


def test_a_dry_run_says_why_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nasbench201", "--dry-run", "--smallest"]) == 0
    first, *stages = capsys.readouterr().out.splitlines()
    assert first.startswith("nasbench201 in runs/nasbench201-")
    smallest = ("random", "regularized_evolution")
    assert sorted(stages) == [
        f"  {name}: would run, because no result yet"
        for name in ("explore-cifar10", "report", "score", *(f"search-cifar10-{name}" for name in smallest))
    ]
    assert not Path("runs").exists()


def test_the_help_of_a_named_pipeline_shows_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "nasbench201", "--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert "--dry-run" in told
    assert "n_trials: a whole number from 1 to 5000" in told
    with pytest.raises(SystemExit) as caught:
        main(["run", "nasbench2", "--help"])
    assert caught.value.code == 2
    assert "Did you mean 'nasbench201'" in capsys.readouterr().err


def test_scripts_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> Any:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    lists = told("list")
    assert list(lists) == list(LISTS)
    assert {"name": "nasbench201", "size": 15_625} in lists["spaces"]
    assert "synflow" in {one["name"] for one in lists["proxies"]}
    assert told("score", "nasbench201", "--proxies", "params", "--sample", "2").popitem()[1]["params"] > 0
    found = told("search", "nasbench201", "--measure", "valid_accuracy", "--sampler", "random", "--n-trials", "3")
    assert found["n_trials"] == 3
    assert found["valid_accuracy"] > 0
    steps = told("run", "nasbench201", "--dry-run", "--smallest")["stages"]
    assert {step["stage"] for step in steps} >= {"score", "report"}
    assert isinstance(told("doctor")["findings"], list)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("workbench ru", {"run", "runs"}),
        ("workbench run nasb", {"nasbench201"}),
        ("workbench run nasbench201 -p n_tr", {"n_trials="}),
        ("workbench search nasbench201 --sampler regul", {"regularized_evolution"}),
        ("workbench score nasbench201 --proxies synf", {"synflow", "synflow_bn"}),
    ],
)
def test_a_shell_completes_from_the_catalogues(typed: str, offered: set[str]) -> None:
    told = Path("told")
    given = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told.resolve()),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": typed,
        "COMP_POINT": str(len(typed)),
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n\"'><;|&(:",
    }
    subprocess.run([sys.executable, "-m", "workbench.cli"], env={**os.environ, **given}, check=False)
    assert {word.strip() for word in told.read_text().split("\n")} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_ask(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "workbench" in capsys.readouterr().out


def test_the_doctor_says_what_is_here_and_how_to_get_the_rest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (*doctor.PACKAGES, "no-such-package"))
    monkeypatch.setattr(doctor, "BROWSERS", ())
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    for line in (r"ok      python", "MISSING packages", "pip install no-such-package", "ok      torch", "task digits"):
        assert line in told, line
    assert "-       chromium" in told
    assert "apt-get install chromium" in told
    assert "ok      benchmark nasbench201" in told


def test_a_healthy_machine_has_status_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    finding = doctor.Finding("x", False, "", "get it", needed=False)
    monkeypatch.setattr(doctor, "examine", lambda: iter([finding, finding._replace(ok=True)]))
    assert main(["doctor"]) == 0
    assert "get it" in capsys.readouterr().out
