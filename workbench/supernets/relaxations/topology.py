"""Topology: which edges a cell has, learned apart from the operations on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.relaxations import Relaxation, gumbel, one_hot_through
from workbench.supernets.selection import incoming

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.step import Step
    from workbench.supernets.supernet import Supernet


class Topology(Relaxation):
    """Two edges into every node by Gumbel-Top2 over beta, one operation on each by hard Gumbel-softmax over alpha.

    ROME (Wang et al., ICCV 2023): search and derivation follow the same rule, so that a single-path supernet has no
    reason to collapse into skips. The gate of a chosen edge is its one-hot operation, gradients straight through to
    both; an edge that is not chosen is "none". `betas` has a number for every edge into a node, as `incoming` names it.
    """

    def __init__(self, net: Supernet, *, scale: float = 1e-3, seed: int = 0, **settings: Any) -> None:
        super().__init__(net, scale=scale, seed=seed, **settings)
        self.nodes = incoming(net)
        narrow = [name for name in net.options if name not in self.alphas]
        if narrow or any(len(edges) < 2 for edges in self.nodes.values()):
            raise InvalidInput(
                "Topology chooses two edges of at least two for every node, each with an operation beside 'none'; "
                f"{narrow[0] if narrow else 'a node of ' + net.space.name} does not leave the choice."
            )
        generator = torch.Generator().manual_seed(seed + 1)
        self.betas = {
            node: torch.nn.Parameter((scale * torch.randn(len(edges), generator=generator)).to(net.device))
            for node, edges in self.nodes.items()
        }
        self.none = {name: allowed.index("none") for name, allowed in net.options.items()}
        for name, number in self.none.items():
            self.drop(name, number)  # the edges say what is not there

    def gates(self, step: Step | None = None) -> dict[str, Gate]:
        """A draw: exactly two edges into every node."""
        temperature = self._temperature(0.0 if step is None else step.progress)
        gates: dict[str, Gate] = dict(self.none)
        for node, edges in self.nodes.items():
            chosen = top_two((self.betas[node] + gumbel(self.betas[node])) / temperature)
            for name, there in zip(edges, chosen, strict=True):
                if there != 0:
                    alpha = self._masked(name)
                    soft = F.softmax((alpha + gumbel(alpha)) / temperature, dim=0)
                    gates[name] = there * one_hot_through(soft, soft.argmax())
        return gates

    def mean(self) -> dict[str, Gate]:
        """The probabilities of every edge's operations, "none" where it is not among the two."""
        gates: dict[str, Gate] = {}
        for node, edges in self.nodes.items():
            for name, there in zip(edges, inclusion(self.betas[node]), strict=True):
                none = F.one_hot(torch.tensor(self.none[name]), len(self.alphas[name])).to(self.alphas[name])
                gates[name] = there * F.softmax(self._masked(name), dim=0) + (1 - there) * none
        return gates

    def probabilities(self) -> dict[str, torch.Tensor]:
        """The same, without gradients."""
        with torch.no_grad():
            return {name: gate.cpu() for name, gate in self.mean().items() if not isinstance(gate, int)}

    def path(self, rng: np.random.Generator) -> dict[str, Gate]:
        """One draw as numbers."""
        gates: dict[str, Gate] = dict(self.none)
        for node, edges in self.nodes.items():
            p = F.softmax(self.betas[node].detach().cpu().double(), dim=0).numpy()
            for number in rng.choice(len(edges), size=2, replace=False, p=p / p.sum()):
                q = F.softmax(self._masked(edges[number]).detach().cpu().double(), dim=0).numpy()
                gates[edges[number]] = int(rng.choice(len(q), p=q / q.sum()))
        return gates

    def argmax(self) -> Architecture:
        """The same rule without chance: the two edges of the largest beta, on each the operation of largest alpha."""
        gates: dict[str, Gate] = dict(self.none)
        for node, edges in self.nodes.items():
            for number in self.betas[node].topk(2).indices.tolist():
                gates[edges[number]] = int(self._masked(edges[number]).argmax())
        return self.net.architecture(gates)

    def decide(self, name: str, number: int) -> None:
        """An edge cannot be decided by itself, because its node has two: raises `InvalidInput`."""
        raise InvalidInput(f"{name!r} is chosen among the edges of its node: Topology decides none by itself.")

    def parameters(self) -> list[torch.nn.Parameter]:
        """The alphas, then the betas."""
        return [*self.alphas.values(), *self.betas.values()]

    def state_dict(self) -> dict[str, Any]:
        """The relaxation's, and the betas."""
        return super().state_dict() | {"betas": {node: beta.detach().clone() for node, beta in self.betas.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them back."""
        super().load_state_dict(state)
        with torch.no_grad():
            for node, beta in self.betas.items():
                beta.copy_(state["betas"][node])


def top_two(logits: torch.Tensor) -> torch.Tensor:
    """Two-hot forward at the two largest; backward the sum of two softmaxes, the second without the first's choice.

    With Gumbel noise on the logits it is a draw of two without replacement (Kool et al., ICML 2019), and its gradient
    that of the relaxed draw (Xie & Ermon, IJCAI 2019).
    """
    first = F.softmax(logits, dim=0)
    rest = F.softmax(logits.index_fill(0, first.argmax(), -torch.inf), dim=0)
    return one_hot_through(first + rest, torch.stack([first.argmax(), rest.argmax()]))


def inclusion(logits: torch.Tensor) -> torch.Tensor:
    """The probability of each to be among two drawn without replacement: p_i + sum over j of p_j p_i / (1 - p_j)."""
    p = F.softmax(logits, dim=0)
    odds = p / (1 - p).clamp_min(1e-12)
    return p * (1 + odds.sum() - odds)
