"""What is done to every residual block of a supernet at once: sorting its channels, starting it as the identity."""

from __future__ import annotations

import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.bottleneck import ElasticBottleneck
from workbench.supernets.supernet import Supernet


def sort_channels(net: Supernet) -> None:
    """Put the hidden channels that matter most, by L1 norm, first in every block (Cai et al., Once-for-All, ICLR 2020).

    The largest network's output stays as it was; narrower ones keep what matters most. Raises `InvalidInput` where the
    net has no blocks with hidden channels.
    """
    for block in _bottlenecks(net):
        block.sort_channels()
    net.forget()


@torch.no_grad()
def zero_last_norms(net: Supernet) -> None:
    """Set the last gains of every residual block to 0, so that at first it passes on what it gets (BigNAS, ECCV 2020).

    Raises `InvalidInput` where there are no such gains: no inverted bottlenecks, or a net made with `affine=False`.
    """
    gains = [block.last_norm.weight for block in _bottlenecks(net) if block.residual]
    for gain in gains:
        if gain is None:
            raise InvalidInput("This supernet normalises without gains (affine=False): there is nothing to set to 0.")
        gain.zero_()
    net.forget()


def _bottlenecks(net: Supernet) -> list[ElasticBottleneck]:
    found = [part for part in net.network.modules() if isinstance(part, ElasticBottleneck)]
    if not found:
        raise InvalidInput(f"The networks of {net.space.name!r} have no inverted bottlenecks; those of 'mbconv' have.")
    return found
