"""Folders in the layout of the official NATS-Bench archives, written from real records."""

from __future__ import annotations

import bz2
import gzip
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def records(shared_data: Callable[[str], Path]) -> dict[int, Any]:
    """The real records of cells 0, 11 and 284, keyed as the official files are."""
    return real_records(shared_data("nats_curves_sample.json.gz"), "tss")


@pytest.fixture(scope="session")
def size_records(shared_data: Callable[[str], Path]) -> dict[int, Any]:
    """The real records of sizes 0, 11 and 284, keyed as the official files are."""
    return real_records(shared_data("nats_curves_sample.json.gz"), "sss")


@pytest.fixture(scope="session")
def nats_archive(
    records: dict[int, Any], shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The topology archive's folder with three architectures in it."""
    with np.load(shared_data("nb201_core.npz")) as core:
        strings = core["arch_str"].tolist()
    return written(tmp_path_factory.mktemp("data") / "NATS-tss-v1_0-3ffb9-simple", strings, records)


@pytest.fixture(scope="session")
def size_archive(size_records: dict[int, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The size archive's folder with three architectures in it; the official list counts the last width fastest."""
    strings = [":".join(map(str, widths)) for widths in product(range(8, 65, 8), repeat=5)]
    return written(tmp_path_factory.mktemp("data") / "NATS-sss-v1_0-50262-simple", strings, size_records)


def real_records(path: Path, kind: str) -> dict[int, Any]:
    """Official number -> record, of the three architectures in the sample of one kind."""
    with gzip.open(path) as file:
        sample = json.load(file)
    return {number: official(sample[f"{kind}-{number}"]) for number in (0, 11, 284)}


def written(folder: Path, strings: list[str], records: dict[int, Any]) -> Path:
    """The folder, made with the list of all architectures and the records there are."""
    folder.mkdir()
    meta = {"meta_archs": strings, "total_archs": len(strings), "arch2infos": None, "evaluated_indexes": set()}
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
