"""Every space with an elastic form is held to the contract of supernets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from workbench.spaces import catalogue
from workbench.spaces.mbconv import MBConv, Stage
from workbench.spaces.space import SearchSpace
from workbench.supernets.supernet import Supernet
from workbench.tasks.task import Task
from workbench.testing import supernet_contract

# What makes a small supernet; spaces whose networks are large by themselves are held to the contract in the slow tests.
SMALL: dict[str, dict[str, Any]] = {
    "darts": {"n_cells": 3, "channels": 4},
    "elastic_decoder": {},
    "nasbench201": {"n_cells": 1, "channels": 4},
}
LARGE = {"autoformer", "fbnet", "mobilenetv4_uib", "ofa_mobilenetv3"}
ELASTIC = [name for name in catalogue.names() if type(catalogue.find(name)).elastic is not SearchSpace.elastic]
# FBNet makes one pixel of a digit, and of one pixel of one example there is no variance.
CASES = [
    *(
        pytest.param(name, "noise" if name == "fbnet" else "digits", marks=[pytest.mark.slow] * (name in LARGE))
        for name in ELASTIC
    ),
    pytest.param("text_encoder", "python_topics"),
    pytest.param("elastic_decoder", "python_topics", marks=pytest.mark.slow),
]


TASKS = {"noise": Task("noise", (3, 32, 32), 10, "as large as CIFAR's images")}


@cache
def supernet(name: str, task: str) -> Supernet:
    return Supernet(catalogue.find(name), TASKS.get(task, task), seed=3, **SMALL.get(name, {}))


@pytest.mark.parametrize("check", supernet_contract, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "task"), CASES)
def test_every_elastic_form_passes_its_contract(name: str, task: str, check: Callable[[Supernet], None]) -> None:
    check(supernet(name, task))


@pytest.mark.parametrize("check", supernet_contract, ids=lambda check: check.__name__)
def test_so_do_quantised_blocks_with_matrices_between_kernels(check: Callable[[Supernet], None]) -> None:
    # At one width: a filter's scale is that of all its channels under a mixture, and of those that are left in a path.
    stages = (Stage((8,), (1, 2), (3, 5, 7), (2,), 2),)
    check(Supernet(MBConv(stem=4, stages=stages, bits=(2, 8, 32)), "digits", 4, kernel_matrices=True))
