"""Perturbation selection: an option is worth what the supernet loses without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.gates import Gate
from workbench.progress import progress
from workbench.supernets.paths import Mixture
from workbench.supernets.relaxations import Relaxation
from workbench.supernets.selection import incoming
from workbench.supernets.training import train

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.recipe import Recipe
    from workbench.tasks.task import Batch, Splits

By = Literal["accuracy", "loss"]


def perturbation(
    relaxation: Relaxation,
    data: Splits,
    *,
    keep: int | None = None,
    by: By = "accuracy",
    tune: Recipe | None = None,
    seed: int = 0,
    show: bool = True,
) -> Architecture:
    """Decide gate after gate, in an order drawn from `seed`, on the option whose removal costs the supernet most.

    Removing an option sets its weight to 0, the others are not renormalised; the supernet is judged on `data.valid`
    with batch statistics, by its accuracy or its loss. After every decision the supernet is tuned by the recipe `tune`
    where there is one (Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, algorithm 1).
    With `keep`, where gates are edges of cells, "none" is no choice at first; when all gates are decided, each node
    gives up the edge whose removal costs least, one at a time, until that many remain. Works on every relaxation; its
    gates are decided afterwards.
    """
    if by not in ("accuracy", "loss"):
        raise UnknownName.of("measure of a perturbation", by, ("accuracy", "loss"))
    net, rng = relaxation.net, np.random.default_rng(seed)
    nodes = [] if keep is None else list(incoming(net).values())
    none = {name: net.options[name].index("none") for node in nodes for name in node}
    free = [name for name in relaxation.alphas if name not in relaxation.decided]

    def tuned(number: int) -> None:
        if tune is not None:
            train(net, data, Mixture(relaxation), recipe=tune, seed=seed + 1 + number, show=False)

    order = [free[int(i)] for i in rng.permutation(len(free))]
    for number, name in enumerate(progress(order, len(order), "deciding gates", show=show)):
        worth = removal(relaxation, name, data.valid, by=by).masked_fill(~relaxation.alive[name], -torch.inf)
        if name in none:
            worth[none[name]] = -torch.inf
        relaxation.decide(name, int(worth.argmax()))
        tuned(number)
    for number, i in enumerate(rng.permutation(len(nodes)), len(order)):
        left = list(nodes[int(i)])
        while keep is not None and len(left) > keep:
            gates = relaxation.mean()
            losses = [_judged(relaxation, {**gates, name: none[name]}, data.valid, by) for name in left]
            least = left.pop(int(np.argmin(losses)))
            relaxation.decide(least, none[least])
        tuned(number)
    return relaxation.argmax()


def removal(relaxation: Relaxation, gate: str, batch: Batch, *, by: By = "loss") -> torch.Tensor:
    """How much the mixture's loss (or error, 1 - accuracy) is without each option of a gate, (K,): high is important.

    Neither weights nor alphas nor statistics change.
    """
    gates = relaxation.mean()
    weight = gates[gate]
    if isinstance(weight, int):
        raise InvalidInput(f"{gate!r} is decided: there is no mixture to remove an option from.")
    return torch.tensor([_judged(relaxation, without(gates, gate, k), batch, by) for k in range(len(weight))])


def without(gates: Mapping[str, Gate], gate: str, number: int) -> dict[str, Gate]:
    """The gates with the weight of one option exactly 0 and all others untouched."""
    weight = gates[gate]
    assert isinstance(weight, torch.Tensor)
    masked = weight.detach().clone()
    masked[number] = 0.0
    return {**gates, gate: masked}


@torch.no_grad()
def _judged(relaxation: Relaxation, gates: Mapping[str, Gate], batch: Batch, by: By, size: int = 256) -> float:
    net, total = relaxation.net, 0.0
    with _batch_statistics(net):
        for start in range(0, len(batch.x), size):
            x, y = batch.x[start : start + size].to(net.device), batch.y[start : start + size].to(net.device)
            logits = net(x, gates)
            wrong = (logits.argmax(1) != y).sum() if by == "accuracy" else F.cross_entropy(logits, y, reduction="sum")
            total += float(wrong)
    return total / len(batch.x)


@contextmanager
def _batch_statistics(net: nn.Module) -> Iterator[None]:
    """Inside, batch normalisation uses the batch's own statistics; outside, everything kept is as it was."""
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    modes = [(part, part.training) for part in net.modules()]
    net.train()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        for name, buffer in net.named_buffers():
            buffer.copy_(kept[name])
