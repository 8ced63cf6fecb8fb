"""Runs to look at: small pipelines of real notebooks, and the record of one with a large matrix."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

SEARCHES = 60
_NAME = "pipeline_tests_conftest"


def notebooks() -> ModuleType:
    """The helpers of the pipelines' own tests."""
    if _NAME not in sys.modules:
        path = Path(__file__).parents[1] / "pipelines" / "conftest.py"
        spec = importlib.util.spec_from_file_location(_NAME, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[_NAME] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[_NAME])
    return sys.modules[_NAME]


def small_pipeline(folder: Path, *, slow: float = 0.0, failing: bool = False) -> Path:
    """Four stages: numbers -> sum -> tell, and aside; `sum` takes `slow` seconds, or fails in its second cell."""
    from_tests = notebooks()
    pause = [f"import time\nprint('waiting', flush=True)\ntime.sleep({slow})"] if slow else []
    broken = ["total = 1\nraise ValueError(f'no sum of {factor}')"] if failing else []
    folder.mkdir(parents=True, exist_ok=True)
    from_tests.notebook(
        folder / "numbers.ipynb",
        from_tests.NUMBERS,
        parameters=from_tests.PLACES + "n: int = 3  # how many\nseed: int = 0",
    )
    factor = from_tests.PLACES + "factor: int = 1"
    from_tests.notebook(folder / "sum.ipynb", *pause, *broken, from_tests.SUM, parameters=factor)
    from_tests.notebook(folder / "aside.ipynb", "x = 1")
    from_tests.notebook(folder / "tell.ipynb", "# md # The answer", from_tests.TELL, parameters=from_tests.PLACES)
    (folder / "small.toml").write_text(from_tests.SMALL, encoding="utf-8")
    return folder / "small.toml"


def record(stages: list[dict[str, Any]], state: str = "running", **more: Any) -> dict[str, Any]:
    """What a run writes of itself."""
    facts = {"pipeline": "made_up", "title": "A run that was made up", "started": "2026-01-01T00:00:00+00:00"}
    return {
        **facts,
        "state": state,
        "updated": "",
        "seconds": 61.5,
        "parameters": {},
        "report": {},
        "stages": stages,
        **more,
    }


def stage(name: str, state: str = "waiting", needs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """What a run writes of one stage."""
    facts = {"base": name, "matrix": {}, "seconds": 0.0, "why": "", "error": "", "file": f"{name}.ipynb"}
    return {"name": name, "state": state, "needs": list(needs), **facts, **more}


def matrix_run(folder: Path, *, at_work: bool = True) -> list[str]:
    """A run over 3 datasets, 4 strategies and 5 seeds in the middle of it; the names of its searches."""
    datasets, strategies = ("cifar10", "cifar100", "ImageNet16-120"), ("random", "local_search", "evolution", "auto")
    stages = [stage("prepare", "kept", seconds=12.3)]
    stages += [stage(f"table-{d}", "done", ("prepare",), base="table", matrix={"dataset": d}) for d in datasets]
    names = []
    for dataset in datasets:
        for strategy in strategies:
            for seed in range(5):
                place = len(names)
                state = "failed" if place == 17 else "done" if place < 38 else "running" if place < 40 else "waiting"
                name = f"search-{dataset}-{strategy}-{seed}"
                names.append(name)
                stages.append(
                    stage(
                        name,
                        state,
                        (f"table-{dataset}",),
                        base="search",
                        matrix={"dataset": dataset, "strategy": strategy, "seed": seed},
                        seconds=4.0 + place if state == "done" else 0.0,
                        why="no result yet" if state != "waiting" else "",
                        error="ValueError: no accuracy in cell 2" if state == "failed" else "",
                    )
                )
    stages += [stage("compare", needs=tuple(names)), stage("report", needs=("compare", "prepare"))]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record(stages, "running" if at_work else "interrupted")))
    if at_work:
        cells = {names[38]: {"cell": 3, "of": 8, "seconds": 12.4}, names[39]: {"cell": 6, "of": 8, "seconds": 5.1}}
        (folder / "progress.json").write_text(json.dumps({"pid": os.getpid(), "stages": cells}))
    partial = folder / f"{names[17]}.partial"
    partial.mkdir()
    (partial / "stage.log").write_text("".join(f"line {i}\n" for i in range(300)))
    (partial / "notebook.ipynb").write_text(json.dumps(FAILED))
    return names


FAILED: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {"tags": ["injected-parameters"]},
            "source": '# Parameters\ndataset = "cifar100"\nseed = 2\noutput = "x"\n',
            "outputs": [],
        },
        {
            "cell_type": "code",
            "execution_count": 2,
            "metadata": {},
            "source": ["best = study.best\n", "print(best)"],
            "outputs": [
                {
                    "output_type": "error",
                    "ename": "ValueError",
                    "evalue": "no accuracy",
                    "traceback": ["\x1b[31mValueError\x1b[0m", "line 1"],
                }
            ],
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
