"""The size of a NAS-Bench-201 network by arithmetic, without torch: quick enough for all 15,625 (Dong & Yang, 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import InvalidInput, nearest
from workbench.networks.counts import Counts

if TYPE_CHECKING:
    import networkx as nx

STAGES = 3
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
_WEIGHTLESS = ("none", "skip_connect", "avg_pool_3x3")


def counts(
    graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int, *, n_cells: int = 5, channels: int = 16
) -> Counts:
    """Parameters and multiply-adds of `networks.nasbench201.Network` with the same arguments, by arithmetic alone.

    A graph whose dead edges have been removed gives the live counts.
    """
    check_size(n_cells, channels)
    kernels = [_area(data["op"]) for _, _, data in graph.edges(data=True)]
    convs, taps = sum(k > 0 for k in kernels), sum(kernels)
    c_image, height, width = shape
    params = 9 * c_image * channels + 2 * channels
    macs = 9 * c_image * channels * height * width
    c = channels
    for stage in range(STAGES):
        if stage:
            height, width = (height + 1) // 2, (width + 1) // 2
            weights = 9 * c * 2 * c + 9 * 2 * c * 2 * c + c * 2 * c
            c *= 2
            params += weights + 4 * c
            macs += weights * height * width
        params += n_cells * (taps * c * c + convs * 2 * c)
        macs += n_cells * taps * c * c * height * width
    return Counts(params + 2 * c + (c + 1) * n_classes, macs + c * n_classes)


def _area(op: str) -> int:
    if op in KERNELS:
        return KERNELS[op] ** 2
    if op in _WEIGHTLESS:
        return 0
    raise unknown_operation(op)


def unknown_operation(op: str) -> InvalidInput:
    """The error for an operation that the benchmark does not have."""
    known = nearest(op, (*KERNELS, *_WEIGHTLESS))
    return InvalidInput(f"The NAS-Bench-201 network has no operation {op!r}. {known}")


def check_size(n_cells: int, channels: int) -> None:
    """Raise `InvalidInput` for a network that cannot be."""
    if n_cells < 0 or channels < 1:
        raise InvalidInput(
            "A NAS-Bench-201 network takes n_cells of at least 0 and channels of at least 1; "
            f"got {n_cells} and {channels}."
        )
