"""NAS-Bench-Macro's table: test accuracy of three runs of all 6,561 architectures on CIFAR-10, from the user's file."""

from __future__ import annotations

from workbench.benchmarks.loader import Loader
from workbench.benchmarks.macro_json import MacroTable

TABLE = MacroTable(
    name="nasbench_macro",
    file="nas-bench-macro_cifar10.json",
    origin="github.com/xiusu/NAS-Bench-Macro (folder data)",
    digits="012",
    layers=8,
    runs="test_acc",
    mean="mean_acc",
)

LOADER = Loader(
    space="nasbench_macro",
    datasets=("cifar10",),
    settle=TABLE.settle,
    load=TABLE.load,
    title="NAS-Bench-Macro: test accuracy of three runs, parameters, FLOPs",
    paper="Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021",
    licence="Apache-2.0",
    keywords=("path",),
)
