"""Block-coordinate Frank-Wolfe: architecture probabilities whose expected cost keeps a hard limit at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import torch
from scipy.optimize import Bounds, LinearConstraint, milp

from workbench.errors import InvalidInput, WorkbenchError
from workbench.networks.elastic.gates import Gate
from workbench.progress import say
from workbench.supernets.architecture import ArchitectureOptimiser
from workbench.supernets.relaxations import Relaxation
from workbench.supernets.selection.constrained import interactions

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.step import Step
    from workbench.supernets.supernet import Supernet

_MARGIN = 1e-6  # share of the limit that float32 may get wrong


class Simplex(Relaxation):
    """The alphas are the probabilities themselves: points of one simplex for each gate, uniform at first."""

    def __init__(self, net: Supernet) -> None:
        super().__init__(net)
        with torch.no_grad():
            for alpha in self.parameters():
                alpha.fill_(1 / len(alpha))

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """The probabilities."""
        return self.probability(alpha)

    def probability(self, alpha: torch.Tensor) -> torch.Tensor:
        """Without options that are gone."""
        if not bool(torch.isinf(alpha).any()):
            return alpha.clone()
        left = alpha.masked_fill(torch.isinf(alpha), 0.0)
        return left / left.sum()


class FrankWolfe(ArchitectureOptimiser):
    """Minimise the validation loss over probabilities whose expected `cost` never exceeds `limit`.

    Gates are put into blocks within which the cost is linear: kernels and expansions of different layers, say, but not
    the depth that multiplies them. A step takes one block, the others fixed, finds by a linear program the point within
    simplexes and limit that the gradient likes best, and goes the share gamma = rate * 2 n / (k + 2 n) of the way there
    in the k-th step of n blocks; between two feasible points all are (Nayman et al., HardCoRe-NAS, ICML 2021, section
    4). The start is the point nearest to uniform on the way to the smallest architecture. `violations` has the excess
    of every step, as a share of the limit. Raises `InvalidInput` for a limit below the smallest architecture.
    """

    def __init__(self, relaxation: Simplex, limit: float, cost: str = "macs", *, rate: float = 0.5) -> None:
        super().__init__(relaxation)
        self.net, self.limit, self.cost, self.rate = relaxation.net, limit, cost, rate
        smallest = float(self.net.costs(self.net.smallest())[cost])
        if smallest > limit:
            raise InvalidInput(
                f"No architecture is within {cost} <= {limit:g}: the smallest has {smallest:g}. Raise the limit to "
                "that or above."
            )
        colours = nx.greedy_color(interactions(self.net, cost), strategy="DSATUR")
        self.blocks = [
            [name for name in relaxation.alphas if colours[name] == c] for c in sorted(set(colours.values()))
        ]
        self.steps = 0
        self.violations: list[float] = []
        self._shrink()

    def before(self, step: Step) -> None:
        """One step of one block on a validation batch; the blocks take turns."""
        if not step.warm:
            return
        free = [[name for name in block if name not in self.relaxation.decided] for block in self.blocks]
        blocks = [block for block in free if block]
        if not blocks:
            return
        block = blocks[self.steps % len(blocks)]
        alphas = [self.relaxation.alphas[name] for name in block]
        loss = self.penalised(step.loss(step.valid, self.relaxation.gates(step)))
        slopes = torch.autograd.grad(loss, alphas)
        vertices = self.program(block, {n: s.cpu().double().numpy() for n, s in zip(block, slopes, strict=True)})
        share = self.rate * 2 * len(blocks) / (self.steps + 2 * len(blocks))
        self.go(vertices, share)
        self.steps += 1
        self.violations.append(self.violation())

    def program(self, block: list[str], slopes: dict[str, np.ndarray], *, whole: bool = False) -> dict[str, np.ndarray]:
        """The feasible point of a block that is lowest along the slopes, the other gates being as they are.

        With `whole` the best one-hot point, which is there: the cheapest options cost no more than the mixture does.
        """
        base, prices = self._linear(block)
        lengths = [len(slopes[name]) for name in block]
        price = np.concatenate([prices[name] for name in block])
        ends = np.cumsum(lengths)
        ones = np.zeros((len(block), ends[-1]))
        for row, (end, length) in enumerate(zip(ends, lengths, strict=True)):
            ones[row, end - length : end] = 1.0
        least = base + sum(prices[name].min() for name in block)
        room = max(self.limit * (1 - _MARGIN), least) - base
        scale = np.abs(price).max() or 1.0
        slope = np.concatenate([slopes[name] for name in block])
        gone = np.concatenate([self.relaxation.alive[name].numpy() for name in block]) == 0
        solved = milp(
            slope / (np.abs(slope).max() or 1.0),
            integrality=np.full(len(slope), int(whole)),
            bounds=Bounds(0, np.where(gone, 0.0, 1.0)),
            constraints=[LinearConstraint(ones, 1, 1), LinearConstraint(price[None] / scale, ub=room / scale)],
        )
        if solved.x is None:
            raise WorkbenchError(
                f"The linear program of the gates {', '.join(block)} has no solution: {solved.message}"
            )
        return dict(zip(block, np.split(solved.x, ends[:-1]), strict=True))

    @torch.no_grad()
    def go(self, vertices: dict[str, np.ndarray], share: float) -> None:
        """Go this share of the way."""
        for name, vertex in vertices.items():
            alpha = self.relaxation.alphas[name]
            alpha.lerp_(torch.from_numpy(vertex).to(alpha), share).clamp_min_(0)
            alpha.div_(alpha.sum())

    def violation(self) -> float:
        """By how much the expected cost exceeds the limit, as a share of it."""
        with torch.no_grad():
            spent = float(self.relaxation.expected_costs()[self.cost])
        over = spent / self.limit - 1
        return over if over > _MARGIN else 0.0

    def sparsify(self) -> Architecture:
        """The one-hot feasible point that the same programs reach, block by block, along minus the probabilities.

        The paper's linear programs leave at most one gate of a block between two options; whole numbers leave none.
        """
        for block in self.blocks:
            slopes = {name: -self.relaxation.alphas[name].detach().cpu().double().numpy() for name in block}
            ends = self.program(block, slopes, whole=True)
            self.go({name: np.round(end) for name, end in ends.items()}, 1.0)
        arch = self.relaxation.argmax()
        spent = float(self.net.costs(arch)[self.cost])
        say(f"{arch}: {self.cost} {spent:g} of {self.limit:g}, violation {max(0.0, spent / self.limit - 1):g}")
        return arch

    def state_dict(self) -> dict[str, Any]:
        """The probabilities, the number of steps and their violations."""
        return {**super().state_dict(), "steps": self.steps, "violations": list(self.violations)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load_state_dict(state)
        self.steps, self.violations = state["steps"], list(state["violations"])

    def _linear(self, block: list[str]) -> tuple[float, dict[str, np.ndarray]]:
        """The expected cost along the block's probabilities alone: a constant and a price for each option."""
        with torch.enable_grad():
            spent = self.relaxation.expected_costs()[self.cost]
            alphas = [self.relaxation.alphas[name] for name in block]
            prices = torch.autograd.grad(spent, alphas, allow_unused=True)
        found = {
            name: np.zeros(len(alpha)) if price is None else price.cpu().double().numpy()
            for name, alpha, price in zip(block, alphas, prices, strict=True)
        }
        now = {name: self.relaxation.alphas[name].detach().cpu().double().numpy() for name in block}
        return float(spent.detach()) - sum(float(now[name] @ found[name]) for name in block), found

    @torch.no_grad()
    def _shrink(self) -> None:
        """Go from uniform towards the smallest architecture until the limit is met, by halving the way."""
        uniform = {name: alpha.clone() for name, alpha in self.relaxation.alphas.items()}
        smallest = self.net.smallest()
        low, high = 0.0, 1.0

        def at(share: float) -> bool:
            for name, alpha in self.relaxation.alphas.items():
                alpha.copy_((1 - share) * uniform[name])
                alpha[smallest[name]] += share
            return float(self.relaxation.expected_costs()[self.cost]) <= self.limit

        if at(0.0):
            return
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (low, middle) if at(middle) else (middle, high)
        at(high)
