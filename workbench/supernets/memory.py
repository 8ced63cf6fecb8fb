"""Memory: the bytes that a training step keeps alive from its forward to its backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from workbench.networks.elastic.gates import Gate

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.supernet import Supernet


def activation_bytes(net: Supernet, x: torch.Tensor, gates: Architecture | Mapping[str, Gate] | None = None) -> int:
    """The bytes of everything that autograd saves in a forward pass of `x` in training mode, weights aside.

    Every storage counts once, however many operations save it. This is what decides how large a mixture fits into
    memory (Cai, Zhu & Han, ProxylessNAS, ICLR 2019). Statistics of batch normalisation move by one batch.
    """
    owned = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    saved: dict[int, int] = {}
    alive: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
            saved[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)  # so that no other storage gets its address
        return tensor

    net.train()
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x.to(net.device), gates)
    return sum(saved.values())
