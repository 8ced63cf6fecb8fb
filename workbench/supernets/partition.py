"""Partitioners: which gate of a supernet to split, and which of its options may go on sharing weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.networks.elastic.mixed import MixedOp
from workbench.proxies.naslid import local_intrinsic_dimension
from workbench.supernets.supernet import Supernet

if TYPE_CHECKING:
    from workbench.spaces.choices import Answer
    from workbench.tasks.task import Splits

Criterion = Callable[[Supernet, "Splits", str], np.ndarray]
"""The distances (K, K) of a gate's K options."""


class Partition(NamedTuple):
    """A gate, groups of its options for `Supernet.split`, and the distances (K, K) of every gate that was looked at."""

    gate: str
    groups: tuple[tuple[Answer, ...], ...]
    distances: Mapping[str, np.ndarray]


def partition(net: Supernet, data: Splits, criterion: Criterion, n: int | None = 2) -> Partition:
    """The gate whose options fall apart most clearly by the distances of `criterion`, and its `n` groups.

    Of all ways to put a gate's options into n groups of two or more each (one where there are too few for that), the
    one in which options of different groups are furthest apart in the mean; of all gates the one where they are
    furthest (the exhaustive search of Hu et al., Few-shot NAS with Gradient Matching, ICLR 2022). With `n=None` every
    option is by itself (Zhao et al., Few-shot NAS, ICML 2021). Raises `InvalidInput` where no gate has enough options.
    """
    least = 2 if n is None else n
    gates = [name for name, options in net.options.items() if len(options) >= least]
    if not gates or least < 2:
        raise InvalidInput(f"A split into {least} needs 2 groups or more and a gate with as many options; got {n}.")
    distances = {name: criterion(net, data, name) for name in gates}
    best: tuple[float, str, tuple[tuple[int, ...], ...]] | None = None
    for name in gates:
        k = len(net.options[name])
        for groups in _groupings(tuple(range(k)), k if n is None else n):
            apart = _between(distances[name], groups)
            if best is None or apart > best[0]:
                best = apart, name, groups
    assert best is not None
    _, gate, groups = best
    options = net.options[gate]
    return Partition(gate, tuple(tuple(options[i] for i in group) for group in groups), distances)


# -- criteria --------------------------------------------------------------------------------------------------------


def gradient_matching(batches: int = 4, batch_size: int = 128, seed: int = 0) -> Criterion:
    """1 - cos of the gradients that the weights of all other modules get when an option runs alone.

    Hu et al., Few-shot NAS with Gradient Matching, ICLR 2022: options that pull shared weights alike may share them.
    The other gates are mixed in equal parts, the gradients averaged over the batches.
    """

    def distance(net: Supernet, data: Splits, gate: str) -> np.ndarray:
        signatures = _by_option(net, gate, partial(_gradient, net, data, gate, batches, batch_size, seed))
        unit = F.normalize(signatures.double(), dim=1)
        apart: np.ndarray = (1 - unit @ unit.T).clamp(0, 2).fill_diagonal_(0).numpy()
        return apart

    return distance


def lid_distance(n_examples: int = 256, neighbours: int = 20, seed: int = 0) -> Criterion:
    """How far the local intrinsic dimensions of all blocks' features differ, Euclidean, option against option.

    He et al., NAS-LID, AAAI 2023: forward passes alone. A block whose features have no such dimension, as those that
    are all alike, has 0.
    """

    def distance(net: Supernet, data: Splits, gate: str) -> np.ndarray:
        signatures = _by_option(net, gate, partial(lid_signature, net, data, n_examples, neighbours, seed))
        return torch.cdist(signatures[None], signatures[None])[0].numpy()

    return distance


def cost_distance(cost: str = "macs") -> Criterion:
    """How far the expected costs differ: groups are neighbours in size (size buckets)."""

    def distance(net: Supernet, data: Splits, gate: str) -> np.ndarray:
        found = _by_option(net, gate, lambda gates: torch.tensor([float(net.costs(gates)[cost])]))
        return (found - found.T).abs().double().numpy()

    return distance


def random_distance(seed: int = 0) -> Criterion:
    """Numbers without meaning: a random gate and random groups."""

    def distance(net: Supernet, data: Splits, gate: str) -> np.ndarray:
        rng = np.random.default_rng([seed, list(net.options).index(gate)])
        drawn = np.triu(rng.uniform(size=(len(net.options[gate]),) * 2), 1)
        return drawn + drawn.T

    return distance


@torch.no_grad()
def lid_signature(
    net: Supernet, data: Splits, n_examples: int, neighbours: int, seed: int, gates: Mapping[str, Gate]
) -> torch.Tensor:
    """The local intrinsic dimension of every block's features of a sub-network, on training examples."""
    numbers = np.random.default_rng(seed).permutation(len(data.train.x))[:n_examples]
    net.calibrate(data.train, gates)
    before = net.training
    net.eval()
    features = net.network.features(data.train.x[torch.from_numpy(numbers)].to(net.device), net.gates(gates))
    net.train(before)
    dimensions = [local_intrinsic_dimension(feature.flatten(1).cpu(), neighbours) for feature in features]
    return torch.tensor([d if np.isfinite(d) else 0.0 for d in dimensions], dtype=torch.float64)


def _by_option(net: Supernet, gate: str, signature: Callable[[Mapping[str, Gate]], torch.Tensor]) -> torch.Tensor:
    """The signature of each option of a gate, the others mixed in equal parts, (K, D)."""
    mixed: dict[str, Gate] = {
        name: 0 if len(options) == 1 else torch.full((len(options),), 1 / len(options), device=net.device)
        for name, options in net.options.items()
    }
    return torch.stack([signature(mixed | {gate: number}) for number in range(len(net.options[gate]))])


def _gradient(
    net: Supernet, data: Splits, gate: str, batches: int, size: int, seed: int, gates: Mapping[str, Gate]
) -> torch.Tensor:
    own = {
        id(parameter)
        for module in net.network.modules()
        if isinstance(module, MixedOp) and module.question == gate
        for parameter in module.parameters()
    }
    shared: list[nn.Parameter] = [parameter for parameter in net.parameters() if id(parameter) not in own]
    order = np.random.default_rng(seed).permutation(len(data.train.x))
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    before = net.training
    net.train()
    total = torch.zeros(sum(parameter.numel() for parameter in shared))
    for batch in range(batches):
        numbers = torch.from_numpy(order[np.arange(batch * size, (batch + 1) * size) % len(order)])
        loss = F.cross_entropy(net(data.train.x[numbers].to(net.device), gates), data.train.y[numbers].to(net.device))
        found = torch.autograd.grad(loss, shared, allow_unused=True)
        flat = [torch.zeros_like(p) if g is None else g for p, g in zip(shared, found, strict=True)]
        total += torch.cat([part.flatten() for part in flat]).cpu() / batches
    net.train(before)
    with torch.no_grad():
        for name, buffer in net.named_buffers():
            buffer.copy_(kept[name])
    return total


# -- groups ----------------------------------------------------------------------------------------------------------


def _groupings(items: Sequence[int], n: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to put the items into n groups of at least two (one where there are fewer than 2 n items)."""
    yield from _grouped(tuple(items), n, 2 if len(items) >= 2 * n else 1)


def _grouped(items: tuple[int, ...], n: int, least: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    if n == 1:
        yield (items,)
        return
    first, others = items[0], items[1:]
    for size in range(least, len(items) - (n - 1) * least + 1):
        for rest in combinations(others, size - 1):
            left = tuple(item for item in others if item not in rest)
            for groups in _grouped(left, n - 1, least):
                yield ((first, *rest), *groups)


def _between(distances: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> float:
    """The mean distance of options of different groups."""
    pairs = [distances[i, j] for a, b in combinations(groups, 2) for i in a for j in b]
    return float(np.mean(pairs))
