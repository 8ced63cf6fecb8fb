"""A folder in the layout of the official NATS-Bench topology archive, written from real records."""

from __future__ import annotations

import bz2
import gzip
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def records(shared_data: Callable[[str], Path]) -> dict[int, Any]:
    """The real records of cells 0, 11 and 284, keyed as the official files are."""
    with gzip.open(shared_data("nats_curves_sample.json.gz")) as file:
        sample = json.load(file)
    return {number: official(sample[f"tss-{number}"]) for number in (0, 11, 284)}


@pytest.fixture(scope="session")
def nats_archive(
    records: dict[int, Any], shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The archive's folder with three architectures in it."""
    folder = tmp_path_factory.mktemp("data") / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    with np.load(shared_data("nb201_core.npz")) as core:
        strings = core["arch_str"].tolist()
    meta = {"meta_archs": strings, "total_archs": 15625, "arch2infos": None, "evaluated_indexes": set()}
    write_pickle(folder / "meta.pickle.pbz2", meta)
    for number, record in records.items():
        write_pickle(folder / f"{number:06d}.pickle.pbz2", record)
    return folder


def write_pickle(path: Path, value: object) -> None:
    """Pickle `value` as the official files are: protocol 4, compressed with bz2."""
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=4)))


def official(sample: dict[str, Any]) -> OrderedDict[str, Any]:
    """One architecture's JSON record with the containers and numbers of the official pickles."""
    return OrderedDict(
        (
            budget,
            {**record, "all_results": dict(_run(key, run) for key, run in record["all_results"].items())},
        )
        for budget, record in sample.items()
    )


def _run(key: str, run: dict[str, Any]) -> tuple[tuple[str, int], dict[str, Any]]:
    name, seed = key.split("|")
    by_epoch = ("train_acc1es", "train_acc5es", "train_losses", "train_times")
    restored = {**run, **{k: OrderedDict(enumerate(run[k])) for k in by_epoch if run[k] is not None}}
    restored["params"] = np.float64(run["params"])
    restored["latency"] = [np.float64(seconds) for seconds in run["latency"]]
    return (name, int(seed)), restored
