"""Thresholds on weights: a part of a superkernel is used where its norm exceeds a learned threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.networks.elastic.layers import ElasticConv
from workbench.networks.elastic.module import centre
from workbench.networks.elastic.stack import ElasticStack
from workbench.supernets.relaxations import Relaxation

if TYPE_CHECKING:
    from workbench.supernets.supernet import Supernet

Parts = Callable[[], tuple[list[torch.Tensor], torch.Tensor]]


class NormThreshold(Relaxation):
    """Gates of nested options, made of the net's own weights (Stamoulis et al., Single-Path NAS, ECML PKDD 2019).

    Option k uses all that option k - 1 uses and a part more: the ring of a larger kernel, further channels, a further
    block. d_k = 1 where |part_k| > t_k, else 0; backward it is the sigmoid of the difference over the temperature, with
    respect to weights and thresholds alike. The gate of option k is d_1 ... d_k (1 - d_k+1): W = K3 + d5 * ring. The
    alphas are the thresholds, the first of each gate, of a part that is always there, being of no use. There is one
    weight a layer, the largest. |part| is the root mean square of its entries divided by that of the whole weight, so
    that layers are comparable and all parts are in use at first, from thresholds of 0; the paper takes the norm itself.
    """

    def __init__(self, net: Supernet, *, temperature: float = 0.3, start: float = 0.0) -> None:
        super().__init__(net, temperature=temperature)
        self._parts = {name: _layers(net, name) for name in self.alphas}
        with torch.no_grad():
            for alpha in self.parameters():
                alpha.fill_(start)

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """One-hot forward."""
        used = torch.sigmoid((self.norms(name) - alpha[1:]) / temperature)
        used = used + ((self.norms(name) > alpha[1:]).to(used) - used).detach()
        reached = torch.cat([torch.ones_like(used[:1]), used.cumprod(0)])
        further = torch.cat([used, torch.zeros_like(used[:1])])
        return reached * (1 - further)

    def norms(self, name: str) -> torch.Tensor:
        """|part| for each option after the first, (K - 1,)."""
        found = [parts() for parts in self._parts[name]]
        return torch.stack([torch.stack([_size(part, whole) for part in parts]) for parts, whole in found]).mean(0)

    def mean(self) -> dict[str, Gate]:
        """The gates themselves: there is no chance in them."""
        return self.gates()

    def probabilities(self) -> dict[str, torch.Tensor]:
        """One-hot each."""
        return {
            name: torch.nn.functional.one_hot(torch.tensor(gate), len(self.alphas[name])).float()
            if isinstance(gate, int)
            else gate.detach().cpu()
            for name, gate in self.gates().items()
            if name in self.alphas
        }

    def drop(self, name: str, number: int) -> None:
        """Raises `InvalidInput`: options are nested."""
        raise InvalidInput(f"Option {number} of {name!r} is part of all larger ones: decide the gate instead.")


def _size(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    # Weights may be exactly zero, where a root has no slope.
    return ((part.square().mean() + 1e-12) / (whole.square().mean() + 1e-12)).sqrt()


def _layers(net: Supernet, name: str) -> list[Parts]:
    """For each weight that a gate has a say in, what gives the part that each next option adds, and the whole."""
    found: list[Parts] = []
    for module in net.network.modules():
        if isinstance(module, ElasticConv) and name in module.kernel.questions:
            found.append(partial(_rings, module))
        elif isinstance(module, ElasticConv) and name in module.c_out.questions:
            found.append(partial(_channels, module, name))
        elif isinstance(module, ElasticStack) and name in module.depth.questions:
            found.append(partial(_blocks, module))
    if not found:
        raise InvalidInput(f"No weight has parts that {name!r} adds to it: its options must be nested sizes.")
    return found


def _rings(conv: ElasticConv) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What each next larger kernel adds around the one before."""
    sizes = [int(size) for size in conv.kernel.table.tolist()]
    rings = []
    for small, large in pairwise(sizes):
        inside = torch.ones_like(conv.weight, dtype=torch.bool)
        centre(inside, small, conv.n_axes).fill_(False)
        rings.append(centre(conv.weight, large, conv.n_axes)[centre(inside, large, conv.n_axes)])
    return rings, conv.weight


def _channels(conv: ElasticConv, name: str) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The rows of further channels out, every other question being answered with its largest."""
    table = conv.c_out.table.movedim(conv.c_out.questions.index(name), 0)
    ends = [int(end) for end in table.reshape(len(table), -1).amax(1)]
    return [conv.weight[low:high] for low, high in pairwise(ends)], conv.weight


def _blocks(stack: ElasticStack) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The depthwise kernels of further blocks."""
    kernels = [
        torch.cat(
            [conv.weight.flatten() for conv in block.modules() if isinstance(conv, ElasticConv) and conv.depthwise]
        )
        for block in stack.blocks
    ]
    depths = [int(depth) for depth in stack.depth.table.tolist()]
    return [torch.cat(kernels[low:high]) for low, high in pairwise(depths)], torch.cat(kernels)
