"""Sharpness: how curved the loss is around the architecture parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from workbench.errors import InvalidInput

if TYPE_CHECKING:
    from workbench.supernets.relaxations import Relaxation
    from workbench.tasks.task import Batch


def sharpness(relaxation: Relaxation, batch: Batch, *, iterations: int = 20, seed: int = 0) -> float:
    """The largest eigenvalue, by size, of the Hessian of the loss on `batch` with respect to the alphas.

    By power iteration on Hessian-vector products by two backward passes, in evaluation mode with the statistics of
    batch normalisation measured at the relaxation's gates. A sharp minimum is what discretisation falls out of (Zela et
    al., Understanding and Robustifying Differentiable Architecture Search, ICLR 2020, section 3).
    """
    if iterations < 1:
        raise InvalidInput(f"sharpness takes iterations from 1; got {iterations}.")
    net, alphas = relaxation.net, relaxation.parameters()
    with torch.no_grad():
        net.calibrate(batch, relaxation.mean())
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        loss = F.cross_entropy(net(batch.x.to(net.device), relaxation.mean()), batch.y.to(net.device))
        slope = parameters_to_vector(
            torch.autograd.grad(loss, alphas, create_graph=True, materialize_grads=True, allow_unused=True)
        )
        generator = torch.Generator().manual_seed(seed)
        vector = torch.randn(len(slope), generator=generator).to(slope)
        eigenvalue = 0.0
        for _ in range(iterations):
            vector = vector / vector.norm().clamp_min(1e-30)
            product = parameters_to_vector(
                torch.autograd.grad(slope, alphas, vector, retain_graph=True, materialize_grads=True, allow_unused=True)
            )
            eigenvalue = float(vector @ product)
            vector = product
    finally:
        for module, training in modes:
            module.training = training
    return eigenvalue
