"""naslid: the local intrinsic dimension of every block's features, the profile of NAS-LID (He et al., AAAI 2023)."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from workbench.networks.running import run
from workbench.proxies.az_nas import mean_of_layers
from workbench.proxies.blocks import blocks
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored

NEIGHBOURS = 20
# Of squared distances in float64, next to the largest square that they are the differences of.
_ROUNDING = 1e-13


def local_intrinsic_dimension(points: torch.Tensor, neighbours: int = NEIGHBOURS) -> float:
    """The mean over `points` (n, D) of -k / sum_j log(d_j / d_k), d_1 <= ... <= d_k the distances to the k nearest.

    k is `neighbours`, or n - 1 where there are fewer. Points of a normal distribution in m dimensions give about m
    if n is large, whatever D is. `Unscored` where a distance is 0 or all are equal.
    """
    k = min(neighbours, len(points) - 1)
    if k < 2:
        return Unscored("a local dimension takes three inputs or more")
    points = points.to(torch.float64)
    if not points.isfinite().all():
        return Unscored("are not finite")
    distances = _distances(points)
    distances.fill_diagonal_(-1)  # itself, not a neighbour, comes first
    nearest = distances.sort(dim=1).values[:, 1 : k + 1]
    if not nearest[:, 0].all():
        return Unscored("do not tell two inputs apart")
    growth = -torch.log(nearest / nearest[:, -1:]).sum(dim=1)
    if not growth.all():
        return Unscored("have an input with all its neighbours at one distance")
    return float((k / growth).mean())


def _distances(points: torch.Tensor) -> torch.Tensor:
    """(n, n) distances of (n, D) by one product of matrices; what is 0 within its rounding is 0."""
    centred = points - points.mean(dim=0)
    products = centred @ centred.t()
    sizes = products.diagonal()
    squares = sizes[:, None] + sizes[None, :] - 2 * products
    return torch.where(squares > _ROUNDING * sizes.max(), squares, 0).sqrt()


@proxy(
    better="higher",
    needs="inputs",
    cost="forward",
    of="function",
    paper="He et al., NAS-LID: Efficient Neural Architecture Search with Local Intrinsic Dimension, AAAI 2023",
    equation="mean over blocks of the mean over inputs of -k / sum_j log(d_j / d_k), k = 20 nearest features",
    total=mean_of_layers,
)
def naslid(probe: Probe) -> float | dict[str, float]:
    """By block, the local intrinsic dimension of its flattened outputs over the batch; the total is their mean.

    A profile rather than a score: the paper compares profiles by layer, of supernets in training, and ranks no
    networks by their mean. A batch of 20 inputs or fewer has fewer neighbours, and other numbers.
    """
    x = probe.batch.x
    found: dict[str, float] = {}

    def add(name: str, _block: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        fits = isinstance(output, torch.Tensor) and output.is_floating_point() and output.ndim > 1
        if fits and len(output) == len(x) and name not in found:
            found[name] = local_intrinsic_dimension(output.detach().flatten(1))

    with undisturbed(probe.model, probe.seed, x.device, differentiable=False):
        handles = [m.register_forward_hook(partial(add, name)) for name, m in blocks(probe.model).items()]
        try:
            run(probe.model, x)
        finally:
            for handle in handles:
                handle.remove()
    for name, value in found.items():
        if isinstance(value, Unscored):
            return value if len(x) < 3 else Unscored(f"the features of block {name!r} {value.reason}")
    return found or Unscored("no block of the network has an output by input")
