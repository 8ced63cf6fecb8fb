"""NATS-Bench's topology search space: learning curves, test accuracy and both training budgets."""

from __future__ import annotations

import re

from workbench.benchmarks.nats_archive import Edition
from workbench.benchmarks.nats_curves import loader
from workbench.spaces.nasbench201 import OPERATIONS

_OPERATION = re.compile(r"[a-z0-9_]+(?=~)")


def row_of(text: object) -> int:
    """The row of an official string, its operations read as digits in base five; -1 for anything else."""
    operations = _OPERATION.findall(text) if isinstance(text, str) else []
    if len(operations) != 6 or not set(operations) <= set(OPERATIONS):
        return -1
    row = 0
    for operation in operations:
        row = row * len(OPERATIONS) + OPERATIONS.index(operation)
    return row


TOPOLOGY = Edition(
    kind="topology",
    noun="cells",
    folder="NATS-tss-v1_0-3ffb9-simple",
    budgets={200: "200", 12: "12"},
    rows=5**6,
    row_of=row_of,
)

LOADER = loader(
    "natsbench_tss",
    "nasbench201",
    TOPOLOGY,
    f"NATS-Bench topology ({TOPOLOGY.folder}): test accuracy, learning curves, 12 and 200 epochs",
)
