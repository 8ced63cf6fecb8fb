"""swap: how many different patterns of samples the units of a network respond to (Peng et al., ICLR 2024)."""

from __future__ import annotations

from math import exp
from typing import Any

import torch
from torch import nn

from workbench.networks.running import run
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored

# As many inputs as the authors give it: a pattern has one bit for each.
SAMPLES = 16
# Millions of parameters: the largest network of NAS-Bench-201 has 1.53.
MU = 1.5
SIGMA = 1.5
_SEEN = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU)
_PAPER = "Peng et al., SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS, ICLR 2024"


class Patterns:
    """Which of the patterns of n inputs occur: bit i of a pattern says whether the unit is on for input i."""

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.seen = torch.zeros(2**n_inputs, dtype=torch.bool)
        self.n_units = 0
        self.mixed = False

    def add(self, _layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        """Add the units of one activation; its values are not kept."""
        if len(output) != self.n_inputs:
            self.mixed = True
            return
        on = (output.detach() > 0).flatten(1)
        patterns = torch.zeros(on.shape[1], dtype=torch.int64, device=on.device)
        for bit, units in enumerate(on):
            patterns += units.to(torch.int64) << bit
        self.seen[patterns.to("cpu")] = True
        self.n_units += on.shape[1]


def patterns(probe: Probe) -> float:
    """The number of different patterns, or `Unscored`: one forward of the first 16 inputs, shared by both scores."""
    x = probe.batch.x[:SAMPLES]
    with undisturbed(probe.model, probe.seed, x.device, differentiable=False):
        found = Patterns(len(x))
        handles = [m.register_forward_hook(found.add) for m in probe.model.modules() if isinstance(m, _SEEN)]
        try:
            logits = run(probe.model, x)
        finally:
            for handle in handles:
                handle.remove()
    if found.mixed:
        return Unscored("an activation does not have the inputs on its first axis: its units have no pattern")
    if not found.n_units:
        return Unscored("the network has no nn.ReLU, nn.ReLU6, nn.GELU or nn.SiLU module (functions are not seen)")
    if not logits.isfinite().all():
        return Unscored("the network's outputs are not finite")
    return float(found.seen.sum())


@proxy(
    better="higher",
    needs="inputs",
    cost="forward",
    paper=_PAPER,
    equation="number of different columns of the matrix 1[activation > 0] of (inputs x units)",
)
def swap(probe: Probe) -> float:
    """The patterns among the first 16 inputs of the batch (at most 2^16), in the network's own weights.

    The authors average 32 draws of N(0, 1) weights and look at `nn.ReLU` modules of images; here it is one draw, the
    network's own, and like their later code (SWAP_Universal) also GELU and SiLU, whatever the shape, and ReLU6.
    """
    return probe.once(patterns)


@proxy(
    better="higher",
    needs="inputs",
    cost="forward",
    paper=_PAPER,
    equation="swap * exp(-(P - mu)^2 / sigma), P = millions of parameters, mu = sigma = 1.5",
)
def swap_regularised(probe: Probe) -> float:
    """`swap`, drawn towards a size: a bell curve of the number of parameters.

    The paper sets mu and sigma by space and counts thousands of parameters. The values here are this workbench's, for
    NAS-Bench-201 at its full size: mu is about the largest network there, so that more parameters are better all the
    way. Elsewhere use `regularised` with values of your own.
    """
    return regularised(probe, MU, SIGMA)


def regularised(probe: Probe, mu: float, sigma: float) -> float:
    """`swap` times exp(-(P - mu)^2 / sigma) for P parameters in millions; `sigma` in millions squared."""
    found = probe.once(patterns)
    if isinstance(found, Unscored):
        return found
    score = found * exp(-((probe.counts.params / 1e6 - mu) ** 2) / sigma)
    if score == 0:
        return Unscored(f"the network's {probe.counts.params:,} parameters lie too far from mu = {mu:g} million")
    return score
