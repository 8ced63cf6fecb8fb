"""BOSHNAS: climbs the surrogate's confidence bound by gradients on the input (Tuli et al., JAIR 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.strategy import Offspring

if TYPE_CHECKING:
    import torch

    from workbench.predictors.npn import NPN

Vectors = NDArray[np.float32]
_MOVES = 100  # that lead from where a climb began to the point nearest to where it ended, at most


@strategy("boshnas", paper="Tuli et al., FlexiBERT (BOSHNAS), JAIR 2023")
def boshnas(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 10,
    batch: int = 10,
    encoding: str = "one_hot",
    explore: float = 0.5,
    aleatoric: bool = False,
    starts: int = 32,
    steps: int = 20,
    rate: float = 0.1,
    second_order: bool = True,
    most: int = 200,
) -> Iterator[Params]:
    """The points nearest to where gradients of the predictor npn's bound, mean + `explore` x unknown, lead.

    Half of the `starts` are the best trials, half random points. Each climbs for `steps` in the space of the
    `encoding`, by at most `rate` of a column's range a step, within the ranges there are; steps are scaled by the
    diagonal of the Hessian as in AdaHessian (Yao et al., AAAI 2021) or, not `second_order`, by the gradient's own size
    as in Adam. Then one answer after the other is changed towards where the climb ended. The points reached are
    proposed in the order of their bound, then their neighbours. With `steps=0` the candidates are 1,000 random points.
    """
    from workbench.predictors.inputs import FEWEST_LABELS
    from workbench.predictors.npn import NPN

    values = history.values
    if len(history) < max(initial, FEWEST_LABELS) or not np.ptp(values) > 0:
        yield from domain.samples(rng)
    learned = np.unique(np.concatenate([history.ranked[: most // 2], np.arange(len(history))[-most // 2 :]]))
    points = history.points
    x = domain.encode([points[i] for i in learned], encoding)
    model = NPN(seed=int(rng.integers(2**31))).fit(x, values[learned])
    if not steps:
        pool = list(islice(domain.samples(rng), 1_000))
        yield from _best_first(pool, domain, model, encoding, explore, aleatoric)
    drawn = islice(domain.samples(rng), starts - starts // 2)
    began = [*(Offspring(told.params, told.number, "gradient") for told in history.top(starts // 2)), *drawn]
    reached = _climbed(model, domain.encode(began, encoding), x, steps, rate, explore, aleatoric, second_order, rng)
    snapped = _best_first(
        [*_unlike(domain, _snapped(domain, began, reached, encoding, rng))], domain, model, encoding, explore, aleatoric
    )
    yield from snapped
    around = [_moved(point, near) for point in snapped[:batch] for near in domain.neighbors(point, rng)]
    yield from _best_first([*_unlike(domain, around)], domain, model, encoding, explore, aleatoric)
    yield from domain.samples(rng)


def _climbed(
    model: NPN,
    x: Vectors,
    seen: Vectors,
    steps: int,
    rate: float,
    explore: float,
    aleatoric: bool,
    second_order: bool,
    rng: np.random.Generator,
) -> Vectors:
    """Where climbs from the rows of `x` end, each within the ranges of the columns of `seen` and `x`."""
    import torch

    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    every = np.concatenate([seen, x])
    low, high = torch.tensor(every.min(axis=0)), torch.tensor(every.max(axis=0))
    at = torch.tensor(x)
    slopes, sizes = torch.zeros_like(at), torch.zeros_like(at)
    for step in range(1, steps + 1):
        at.requires_grad_(True)
        bound = model.bound(at, explore, aleatoric).sum()
        slope, size = _slope(bound, at, generator if second_order else None)
        with torch.no_grad():
            slopes = 0.9 * slopes + 0.1 * slope
            sizes = 0.9 * sizes + 0.1 * size**2
            scaled = (slopes / (1 - 0.9**step)) / ((sizes / (1 - 0.9**step)).sqrt() + 1e-8)
            # Where the bound is nearly straight its curvature says nothing of how far to go: a trust region does.
            at = torch.clamp(at + rate * (high - low) * scaled.clamp(-1.0, 1.0), low, high)
    found: Vectors = at.detach().numpy()
    return found


def _slope(
    bound: torch.Tensor, at: torch.Tensor, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient, and the diagonal of the Hessian by Hutchinson's estimate with one draw: z * Hz, z of signs."""
    import torch

    (slope,) = torch.autograd.grad(bound, at, create_graph=generator is not None)
    if generator is None:
        return slope, slope
    signs = 2.0 * torch.randint(0, 2, at.shape, generator=generator) - 1.0
    (curved,) = torch.autograd.grad((slope * signs).sum(), at)
    return slope.detach(), signs * curved


def _snapped(
    domain: Domain, began: list[Params], reached: Vectors, encoding: str, rng: np.random.Generator
) -> list[Params]:
    """From where each climb began, change one answer after the other as long as that leads nearer to its end."""
    points = list(began)
    distances = ((domain.encode(points, encoding) - reached) ** 2).sum(axis=1)
    moving = list(range(len(points)))
    for _ in range(_MOVES):
        around = [(i, _moved(points[i], near)) for i in moving for near in domain.neighbors(points[i], rng)]
        if not around:
            break
        owners = np.array([i for i, _ in around])
        away = ((domain.encode([near for _, near in around], encoding) - reached[owners]) ** 2).sum(axis=1)
        moving = []
        for i in np.unique(owners):
            nearest = np.flatnonzero(owners == i)[np.argmin(away[owners == i])]
            if away[nearest] < distances[i] - 1e-6:
                points[i], distances[i] = around[nearest][1], away[nearest]
                moving.append(int(i))
    return points


def _best_first(
    points: list[Params], domain: Domain, model: NPN, encoding: str, explore: float, aleatoric: bool
) -> list[Params]:
    import torch

    if not points:
        return []
    with torch.no_grad():
        bound = model.bound(torch.tensor(domain.encode(points, encoding)), explore, aleatoric).numpy()
    return [points[i] for i in np.argsort(-bound, kind="stable")]


def _moved(start: Point, near: Params) -> Params:
    """A neighbour, with the descent of what it is the neighbour of."""
    return Offspring(near, start.parent, start.operator) if isinstance(start, Offspring) else near


def _unlike(domain: Domain, points: list[Params]) -> Iterator[Params]:
    """Each point once."""
    yield from {domain.key(point): point for point in points}.values()
