"""Experts: several weights for every layer, mixed for each architecture, and collapsed into one once it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.layers import Weighted
from workbench.networks.elastic.transforms import Experts
from workbench.supernets.supernet import Supernet

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.spaces.choices import Answer

Where = Callable[[str, Weighted], bool]


def with_experts(net: Supernet, n: int = 2, *, per_neuron: bool = False, where: Where | None = None) -> Supernet:
    """A supernet like `net`, with its weights, whose elastic layers mix `n` experts by the architecture.

    Jawahar et al., Mixture-of-Supernets, ACL Findings 2024: one share an expert ("archrouting"), or with `per_neuron`
    one for every output neuron. `where(name, layer)` says which of the linear and convolutional layers; the paper's
    are the feed-forward ones. Parts that are taken out are routed as in the whole. Raises `InvalidInput` for a net
    without such layers.
    """
    if n < 1:
        raise InvalidInput(f"A layer has at least one expert; got {n}.")

    def adapt(network: ElasticNetwork, gates: Mapping[str, Sequence[Answer]]) -> None:
        chosen = [
            layer
            for name, layer in network.named_modules()
            if isinstance(layer, Weighted) and (where is None or where(name, layer))
        ]
        if not chosen:
            raise InvalidInput(f"{net.space.name} has no elastic linear or convolutional layer to give experts to.")
        for layer in chosen:
            layer.transforms.append(Experts(layer.weight.shape, n, gates, network.options, per_neuron=per_neuron))

    made = Supernet(net.space, net.task, net.seed, options=net.options, affine=net.affine, adapt=adapt, **net.settings)
    return made.to(net.device).inherit(net)


@torch.no_grad()
def collapsed(net: Supernet, arch: Architecture) -> Supernet:
    """The stand-alone network of `arch` with plain weights: what the transforms of `net` make of its own."""
    routed = net.extract(arch)
    plain = Supernet(net.space, net.task, net.seed, options=routed.options, affine=net.affine, **net.settings)
    plain.to(net.device).inherit(routed)
    gates = routed.gates()
    theirs = dict(routed.network.named_modules())
    for name, layer in plain.network.named_modules():
        source = theirs[name]
        if isinstance(layer, Weighted) and isinstance(source, Weighted):
            layer.weight.copy_(source.transformed(source.weight, gates))
    return plain
