"""Preferred architectures: which to train at all, by one backward pass of the untrained supernet."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.layers import ElasticConv
from workbench.supernets.supernet import Supernet

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.networks.elastic.gates import Gate


class Saliency:
    """What every architecture of an untrained supernet weighs: the sum of |w dz/dw| over the weights that it keeps.

    z is the sum of the logits of the largest network for `n_inputs` Gaussian inputs, drawn like nothing else from
    `seed`: neither data nor labels (Wang et al., PreNAS, ICML 2023; Tanaka et al., SynFlow, NeurIPS 2020). One backward
    pass serves all architectures. Learned matrices between kernels count for nothing: untrained they crop.
    """

    def __init__(self, net: Supernet, *, n_inputs: int = 64, seed: int = 0) -> None:
        # Every weight is replaced by its saliency, of which an architecture is then taken out like of weights.
        self.net = copy.deepcopy(net)
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn((n_inputs, *net.task.shape), generator=generator).to(net.device)
        parameters = {name: p for name, p in self.net.named_parameters() if p.requires_grad}
        self.net.train()
        total = self.net(x, self.net.largest()).sum()
        found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters.values(), found, strict=True):
                parameter.copy_(torch.zeros_like(parameter) if gradient is None else (parameter * gradient).abs())
            for layer in self.net.modules():
                if isinstance(layer, ElasticConv):
                    for matrix in layer.matrices.values():
                        matrix.copy_(torch.eye(len(matrix)))

    def of(self, given: Architecture | Mapping[str, Gate]) -> float:
        """The score of an architecture, or of a path; the largest one's is that of the whole supernet."""
        path = self.net.gates(given)
        chosen = {name: (allowed[_number(path[name])],) for name, allowed in self.net.options.items()}
        alone = self.net.narrowed(chosen)
        return sum(float(parameter.detach().double().sum()) for parameter in alone.parameters())

    def select(
        self, limits: Sequence[float], n: int = 1, *, cost: str = "params", candidates: int = 300, seed: int = 0
    ) -> list[Architecture]:
        """Of `candidates` drawn from `seed`, the `n` of highest score between each two of the rising cost `limits`.

        Raises `InvalidInput` for limits that do not rise, and where no candidate lies between any two.
        """
        if len(limits) < 2 or any(low >= high for low, high in pairwise(limits)) or n < 1:
            raise InvalidInput(f"select takes two rising limits or more, n from 1; got {list(limits)}, n={n!r}.")
        drawn = list(dict.fromkeys(self.net.sample(candidates, seed)))
        costs = {arch: float(self.net.costs(arch)[cost]) for arch in drawn}
        found: list[Architecture] = []
        for low, high in pairwise(limits):
            between = [arch for arch in drawn if low <= costs[arch] < high]
            found += sorted(between, key=self.of, reverse=True)[:n]
        if not found:
            raise InvalidInput(
                f"No candidate lies between {list(limits)}: they have {min(costs.values()):,.0f} to "
                f"{max(costs.values()):,.0f} {cost}."
            )
        return found


def _number(gate: Gate) -> int:
    if not isinstance(gate, int):
        raise InvalidInput("A mixture is no architecture: give a path.")
    return gate
