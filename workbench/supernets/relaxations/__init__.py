"""Relaxations: how architecture parameters become the weights of gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.gates import Gate
from workbench.supernets.step import Stateful

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.step import Step
    from workbench.supernets.supernet import Supernet

Schedule = float | Callable[[float], float]


class Relaxation(Stateful):
    """A vector alpha of K numbers for each gate of `net`, and what gates are made of them: here their softmax.

    DARTS (Liu, Simonyan & Yang, ICLR 2019, equation 2) with a temperature, a number or a function of the training's
    progress, 0 to 1. The parameters are kept outside the net, so that no optimiser of weights touches them. Gates with
    one option are fixed, as are those in `decided`, a gate's name -> the number of its option.
    """

    def __init__(self, net: Supernet, *, temperature: Schedule = 1.0, scale: float = 1e-3, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.net = net
        self.temperature = temperature
        self.alphas = {
            name: torch.nn.Parameter((scale * torch.randn(len(allowed), generator=generator)).to(net.device))
            for name, allowed in net.options.items()
            if len(allowed) > 1
        }
        self.decided: dict[str, int] = {}
        self.alive = {name: torch.ones(len(alpha), dtype=torch.bool) for name, alpha in self.alphas.items()}

    # -- what differs --------------------------------------------------------------------------------------------

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """The gate of one alpha in training."""
        return F.softmax(alpha / temperature, dim=0)

    def probability(self, alpha: torch.Tensor) -> torch.Tensor:
        """What each option is worth, without chance."""
        return F.softmax(alpha, dim=0)

    # -- what is shared ------------------------------------------------------------------------------------------

    def gates(self, step: Step | None = None) -> dict[str, Gate]:
        """The gates for a step of training, differentiable with respect to the alphas; chance is torch's own."""
        temperature = self._temperature(0.0 if step is None else step.progress)
        return self._filled({n: self.weights(n, self._masked(n), temperature) for n in self._free()})

    def mean(self) -> dict[str, Gate]:
        """The gates without chance: the probabilities, differentiable."""
        return self._filled({name: self.probability(self._masked(name)) for name in self._free()})

    def probabilities(self) -> dict[str, torch.Tensor]:
        """What each option of each gate that has several is worth now; a decided gate is one-hot."""
        found: dict[str, torch.Tensor] = {}
        for name, alpha in self.alphas.items():
            if name in self.decided:
                found[name] = F.one_hot(torch.tensor(self.decided[name]), len(alpha)).float()
            else:
                found[name] = self.probability(self._masked(name)).detach().cpu()
        return found

    def path(self, rng: np.random.Generator) -> dict[str, Gate]:
        """One option for every gate, drawn from the probabilities."""
        drawn = {}
        for name, probability in self.probabilities().items():
            p = probability.double().numpy()
            drawn[name] = int(rng.choice(len(p), p=p / p.sum()))
        return self._filled(drawn)

    def argmax(self) -> Architecture:
        """The architecture of the most probable options."""
        return self.net.architecture(self._filled({n: int(p.argmax()) for n, p in self.probabilities().items()}))

    def decide(self, name: str, number: int) -> None:
        """Fix a gate: from now on it is this option."""
        if name not in self.alphas:
            raise UnknownName.of("gate with several options", name, self.alphas)
        self.decided[name] = number

    def drop(self, name: str, number: int) -> None:
        """Take an option away for good; the last one of a gate stays."""
        alive = self.alive[name]
        if alive.sum() == 1 and alive[number]:
            raise InvalidInput(f"Option {number} of {name!r} is the last one left.")
        alive[number] = False

    def parameters(self) -> list[torch.nn.Parameter]:
        """The alphas."""
        return list(self.alphas.values())

    def expected_costs(self) -> dict[str, torch.Tensor]:
        """The "macs" and "params" in expectation, differentiable with respect to the alphas."""
        return self.net.costs(self.mean())

    def state_dict(self) -> dict[str, Any]:
        """Alphas, decisions and what is alive."""
        return {
            "alphas": {name: alpha.detach().clone() for name, alpha in self.alphas.items()},
            "decided": dict(self.decided),
            "alive": {name: alive.clone() for name, alive in self.alive.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        with torch.no_grad():
            for name, alpha in self.alphas.items():
                alpha.copy_(state["alphas"][name])
        self.decided = dict(state["decided"])
        self.alive = {name: alive.clone() for name, alive in state["alive"].items()}

    def _free(self) -> list[str]:
        return [name for name in self.alphas if name not in self.decided]

    def _masked(self, name: str) -> torch.Tensor:
        alpha, alive = self.alphas[name], self.alive[name]
        return alpha if bool(alive.all()) else alpha.masked_fill(~alive.to(alpha.device), -torch.inf)

    def _filled(self, gates: Mapping[str, Gate]) -> dict[str, Gate]:
        return {name: gates.get(name, self.decided.get(name, 0)) for name in self.net.options}

    def _temperature(self, progress: float) -> float:
        return self.temperature(progress) if callable(self.temperature) else self.temperature


Softmax = Relaxation


class Sigmoid(Relaxation):
    """Every option by itself, sigmoid(alpha): none competes with another (Bi et al., GOLD-NAS, 2020)."""

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """Between 0 and 1 each."""
        return torch.sigmoid(alpha / temperature)

    def probability(self, alpha: torch.Tensor) -> torch.Tensor:
        """The same without temperature."""
        return torch.sigmoid(alpha)


class MaxW(Relaxation):
    """1 - max(w) + w with w the softmax: the strongest option counts exactly 1 (Hundt et al., sharpDARTS, 2019)."""

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """The largest is 1, the others less; what is dropped is 0."""
        w = F.softmax(alpha / temperature, dim=0)
        return (1 - w.max() + w) * (alpha > -torch.inf)


class GumbelSoftmax(Relaxation):
    """softmax((alpha + Gumbel noise) / temperature) (Wu et al., FBNet, CVPR 2019); `hard` is one-hot forward.

    Hard gates pass the gradient of the soft ones straight through (Dong & Yang, GDAS, CVPR 2019): one operation runs.
    """

    def __init__(self, net: Supernet, *, hard: bool = False, **settings: Any) -> None:
        super().__init__(net, **settings)
        self.hard = hard

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """A draw."""
        soft = F.softmax((alpha + gumbel(alpha)) / temperature, dim=0)
        if not self.hard:
            return soft
        return one_hot_through(soft, soft.argmax())


def gumbel(like: torch.Tensor) -> torch.Tensor:
    """Standard Gumbel noise, from torch's own generator."""
    return -torch.empty_like(like).exponential_().log()


def one_hot_through(soft: torch.Tensor, number: torch.Tensor | int) -> torch.Tensor:
    """One-hot forward, the gradient of `soft` backward; exactly 0 and 1."""
    hard = torch.zeros_like(soft)
    hard[number] = 1.0
    return _Straight.apply(soft, hard)  # type: ignore[no-untyped-call,no-any-return]


class _Straight(torch.autograd.Function):
    """The second argument forward, its gradient to the first backward."""

    @staticmethod
    def forward(ctx: Any, soft: torch.Tensor, hard: torch.Tensor) -> torch.Tensor:
        """The hard one."""
        return hard.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Straight through."""
        return gradients[0], None
