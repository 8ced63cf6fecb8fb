"""The variance-exploding diffusion: noise from 0.1 to 5 on one-hot tensors, learned, and undone by its score."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Generator

import torch

from workbench.samplers.diffusion.score_network import ScoreNetwork

LOWEST, HIGHEST = 0.1, 5.0  # noise levels, as DiffusionNAG has them
Score = Callable[[torch.Tensor, float], torch.Tensor]  # tensors and their noise level -> a gradient of a log-density
_RATIO = 0.16  # of signal to noise in a corrector's step (Song et al., 2021, table 5)
_HELD_OUT = 256  # examples by which it is told when to stop
BETWEEN = 25  # steps between two looks at them
_PATIENCE = 8  # looks without anything better before it stops
_BETTER = 1e-4  # of the loss that counts as better


def loss(network: ScoreNetwork, x0: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """-log p(x0 | x0 + sigma z), averaged over answers, with sigma uniform in the logarithm.

    Its minimiser is the posterior of the answers, whose mean is also what denoising score matching finds (Song et al.,
    2021, eq. 7); as a likelihood it is learned with less noise where answers are categories.
    """
    span = math.log(HIGHEST / LOWEST)
    sigma = LOWEST * torch.exp(span * torch.rand(len(x0), generator=generator))
    x = x0 + sigma[:, None, None] * torch.randn(x0.shape, generator=generator)
    told = network.log_probabilities(x, sigma)
    return -torch.where(x0 > 0, told, 0.0).sum(dim=2).mean()


def train(
    network: ScoreNetwork, examples: torch.Tensor, steps: int, batch: int, rate: float, generator: torch.Generator
) -> Generator[float]:
    """Train on tensors (n, questions, answers) for at most `steps`; yields the loss of held-out examples now and then.

    The rate falls as a cosine to 0. A tenth of the examples, at most 256, is held out. Training ends where they have
    not been told better for eight looks, and the network is left as it was at the best one: in a space in which every
    combination of answers is an architecture the untrained network is exact, and it ends at once.
    """
    order = torch.randperm(len(examples), generator=generator)
    n = min(_HELD_OUT, max(len(examples) // 10, 1))
    held, rest = examples[order[:n]], examples[order[n:] if len(examples) > 1 else order]
    held = held[torch.arange(_HELD_OUT) % len(held)]
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    best, kept, waited = _held_out(network, held), copy.deepcopy(network.state_dict()), 0
    try:
        for step in range(1, steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            chosen = torch.randint(len(rest), (batch,), generator=generator)
            value = loss(network, rest[chosen], generator)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % BETWEEN and step != steps:
                continue
            now = _held_out(network, held)
            waited += 1
            if now < best * (1 - _BETTER):
                best, kept, waited = now, copy.deepcopy(network.state_dict()), 0
            yield now
            if waited == _PATIENCE:
                break
    finally:
        network.load_state_dict(kept)


@torch.no_grad()
def _held_out(network: ScoreNetwork, held: torch.Tensor) -> float:
    return float(loss(network, held, torch.Generator().manual_seed(0)))


@torch.no_grad()
def sample(
    score: Score, mask: torch.Tensor, n: int, steps: int, corrections: int, generator: torch.Generator
) -> torch.Tensor:
    """Tensors (n, questions, answers) with the lowest noise, by the reverse diffusion of `score`.

    A predictor-corrector sampler (Song et al., Score-Based Generative Modeling through Stochastic Differential
    Equations, ICLR 2021, algorithms 1 and 4): at each of `steps` levels `corrections` steps of Langevin dynamics, then
    one of ancestral sampling to the next level.
    """
    levels = torch.logspace(math.log10(HIGHEST), math.log10(LOWEST), steps + 1).tolist()
    x = HIGHEST * torch.randn((n, *mask.shape), generator=generator) * mask
    for level, following in itertools.pairwise(levels):
        for _ in range(corrections):
            uphill = score(x, level) * mask
            noise = torch.randn(x.shape, generator=generator) * mask
            norms = noise.flatten(1).norm(dim=1).mean() / uphill.flatten(1).norm(dim=1).mean().clamp_min(1e-12)
            size = 2 * (_RATIO * norms) ** 2
            x = x + size * uphill + (2 * size).sqrt() * noise
        noise = torch.randn(x.shape, generator=generator) * mask
        shrunk = level**2 - following**2
        x = x + shrunk * score(x, level) * mask + following / level * math.sqrt(shrunk) * noise
    return x
