"""swap: how many different patterns of samples the units of a network respond to (Peng et al., ICLR 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Any

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.running import run
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy, proxy, reported
from workbench.proxies.tailored import Tailored
from workbench.proxies.unscored import Unscored
from workbench.proxies.zen import gaussian_state

# As many inputs as the authors give it: a pattern has one bit for each.
SAMPLES = 16
# Draws of weights of the members of the catalogue.
DRAWS = 1
# Millions of parameters: the largest network of NAS-Bench-201 has 1.53.
MU = 1.5
SIGMA = 1.5
_SEEN = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU)
_PAPER = "Peng et al., SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS, ICLR 2024"
_EQUATION = "mean over draws of N(0, 1) weights of the different columns of 1[activation > 0], (16 inputs x units)"
_BELL = f"{_EQUATION}, times exp(-(P - mu)^2 / sigma), P = millions of parameters"


class Patterns:
    """Which of the patterns of n inputs occur: bit i of a pattern says whether the unit is on for input i."""

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.seen = torch.zeros(2**n_inputs, dtype=torch.bool)
        self.n_units = 0

    def add(self, output: torch.Tensor) -> None:
        """Add the units of one activation, (n, ...); its values are not kept."""
        on = (output.detach() > 0).flatten(1)
        patterns = torch.zeros(on.shape[1], dtype=torch.int64, device=on.device)
        for bit, units in enumerate(on):
            patterns += units.to(torch.int64) << bit
        self.seen[patterns.to("cpu")] = True
        self.n_units += on.shape[1]

    def __len__(self) -> int:
        return int(self.seen.sum())


def count_patterns(model: nn.Module, state: dict[str, torch.Tensor], x: torch.Tensor, seed: int) -> float:
    """The different patterns that `model` with the tensors of `state` shows over the inputs `x`, at most 2^n.

    Of activations of feature maps, (n, C, H, W), as the authors' code has it; of all activations in a network without
    any. One training-mode forward.
    """
    with undisturbed(model, seed, x.device, differentiable=False):
        maps, others, mixed = Patterns(len(x)), Patterns(len(x)), []

        def look(_layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> None:
            if len(output) != len(x):
                mixed.append(output.shape)
            else:
                (maps if output.ndim == 4 else others).add(output)

        handles = [m.register_forward_hook(look) for m in model.modules() if isinstance(m, _SEEN)]
        try:
            logits = run(lambda given: torch.func.functional_call(model, state, (given,)), x)
        finally:
            for handle in handles:
                handle.remove()
    if mixed:
        return Unscored("an activation does not have the inputs on its first axis: its units have no pattern")
    found = maps if maps.n_units else others
    if not found.n_units:
        return Unscored("the network has no nn.ReLU, nn.ReLU6, nn.GELU or nn.SiLU module (functions are not seen)")
    if not logits.isfinite().all():
        return Unscored("the network's outputs are not finite")
    return float(len(found))


def mean_patterns(probe: Probe, draws: int) -> float:
    """The mean over `draws` of weights from the probe's seed of the patterns of the batch's first 16 inputs."""
    x = probe.batch.x[:SAMPLES]
    generator = torch.Generator().manual_seed(probe.seed)
    total = 0.0
    for _ in range(draws):
        with torch.inference_mode(False):  # what is made in that mode cannot be written in another
            state = gaussian_state(probe.model, generator)
        found = count_patterns(probe.model, state, x, probe.seed)
        if isinstance(found, Unscored):
            return found
        total += found
    return total / draws


def default_patterns(probe: Probe) -> float:
    """`mean_patterns` of as many draws as the catalogue's members take, which share them."""
    return mean_patterns(probe, DRAWS)


def bell(probe: Probe, patterns: float, mu: float, sigma: float) -> float:
    """`patterns` times exp(-(P - mu)^2 / sigma) for P parameters in millions; `sigma` in millions squared."""
    if isinstance(patterns, Unscored):
        return patterns
    score = patterns * exp(-((probe.counts.params / 1e6 - mu) ** 2) / sigma)
    if score == 0:
        return Unscored(f"the network's {probe.counts.params:,} parameters lie too far from mu = {mu:g} million")
    return score


@proxy(better="higher", needs="inputs", cost="forward", paper=_PAPER, equation=_EQUATION)
def swap(probe: Probe) -> float:
    """The patterns among the first 16 inputs of the batch (at most 2^16), with N(0, 1) weights drawn from the seed.

    One draw, where the authors average 32: `swap_of(draws=32)` is theirs. On 239 networks of NAS-Bench-201 the mean of
    four draws agrees 0.002 better with accuracy than one. Beside `nn.ReLU`, which the authors look at, ReLU6, GELU and
    SiLU count; where there are feature maps (n, C, H, W), only theirs. The network's own weights are neither used nor
    touched.
    """
    return probe.once(default_patterns)


@proxy(
    better="higher",
    needs="inputs",
    cost="forward",
    paper=_PAPER,
    equation=f"{_BELL}, mu = sigma = {MU:g}",
    published=reported("Peng et al., abstract, with mu and sigma of their own", "nasbench201", cifar100=0.90),
)
def swap_regularised(probe: Probe) -> float:
    """`swap`, drawn towards a size: a bell curve of the number of parameters.

    The paper sets mu and sigma by space and counts thousands of parameters. The values here are this workbench's, for
    NAS-Bench-201 at its full size: mu is about the largest network there, so that more parameters are better all the
    way. Elsewhere use `swap_of(mu=..., sigma=...)`.
    """
    return bell(probe, probe.once(default_patterns), MU, SIGMA)


@dataclass(frozen=True)
class _Swap:
    """The score with settings of its own."""

    draws: int
    mu: float | None
    sigma: float | None

    def __call__(self, probe: Probe) -> float:
        found = mean_patterns(probe, self.draws)
        return found if self.mu is None or self.sigma is None else bell(probe, found, self.mu, self.sigma)


def swap_of(draws: int = 32, mu: float | None = None, sigma: float | None = None) -> Proxy:
    """`swap` as the mean over `draws` of weights, 32 as the authors take; with `mu` and `sigma`, regularised.

    `mu` is the size that is drawn to, in millions of parameters, `sigma` the width of the bell curve in millions
    squared: both or neither. Its name says the settings; its scores are not kept in the ledger. Raises `InvalidInput`.
    """
    if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
        raise InvalidInput(f"swap is a mean over draws of weights, 1 or more; got {draws!r}.")
    if (mu is None) != (sigma is None) or (sigma is not None and not sigma > 0):
        raise InvalidInput(f"Regularised swap takes mu and a sigma above 0, plain swap neither; got {mu!r}, {sigma!r}.")
    bell_curve = "" if mu is None else f"_mu{mu:g}_sigma{sigma:g}"
    return Tailored(
        f"swap_{draws}{bell_curve}",
        better="higher",
        needs="inputs",
        cost="forward",
        paper=_PAPER,
        equation=_EQUATION if mu is None else _BELL,
        function=_Swap(draws, mu, sigma),
    )
