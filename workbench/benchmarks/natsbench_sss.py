"""NATS-Bench's size search space: learning curves, test accuracy and all three training budgets."""

from __future__ import annotations

from workbench.benchmarks.nats_archive import Edition
from workbench.benchmarks.nats_curves import loader
from workbench.spaces.natsbench_sss import WIDTHS

_DIGITS = {str(width): digit for digit, width in enumerate(WIDTHS)}
_LAYERS = 5


def row_of(text: object) -> int:
    """The row of an official string, its widths read as digits in base eight; -1 for anything else."""
    widths = text.split(":") if isinstance(text, str) else []
    if len(widths) != _LAYERS or not set(widths) <= set(_DIGITS):
        return -1
    row = 0
    for width in widths:
        row = row * len(WIDTHS) + _DIGITS[width]
    return row


SIZE = Edition(
    kind="size",
    noun="networks",
    folder="NATS-sss-v1_0-50262-simple",
    budgets={90: "90", 12: "12", 1: "01"},
    rows=len(WIDTHS) ** _LAYERS,
    row_of=row_of,
)

LOADER = loader(
    "natsbench_sss",
    "natsbench_sss",
    SIZE,
    f"NATS-Bench size ({SIZE.folder}): test accuracy, learning curves, 1, 12 and 90 epochs",
)
