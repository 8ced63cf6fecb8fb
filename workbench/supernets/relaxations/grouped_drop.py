"""Grouped operation dropout: each group of an edge's options loses some of them in every step, none all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.networks.elastic.mixed import MixedOp
from workbench.supernets.architecture import OneLevel
from workbench.supernets.relaxations import Relaxation

if TYPE_CHECKING:
    from workbench.supernets.step import Step
    from workbench.supernets.supernet import Supernet
    from workbench.tasks.task import Batch


class GroupedDrop(Relaxation):
    """The softmax over the options that were kept (Hong et al., DropNAS, IJCAI 2020).

    Every option is dropped with the probability p = rate^(1 / its group's size), drawn again until its group keeps at
    least one. `groups` maps a gate to a group number for each of its options; by default options with weights of their
    own and options without, the paper's two groups. `kept` are the masks of the last draw.
    """

    def __init__(
        self, net: Supernet, *, rate: float = 3e-5, groups: Mapping[str, Sequence[int]] | None = None, **settings: Any
    ) -> None:
        super().__init__(net, **settings)
        if not 0 <= rate < 1:
            raise InvalidInput(
                f"rate is the probability that a whole group would be dropped, 0 to below 1; got {rate}."
            )
        if groups is None:
            groups = {name: [int(one) for one in owned] for name, owned in weighted(net).items()}
        missing = [name for name in self.alphas if len(groups.get(name, ())) != len(self.alphas[name])]
        if missing:
            raise InvalidInput(f"GroupedDrop needs a group for each of the options of {missing[0]!r}: give groups.")
        self.rate = rate
        self.groups = {name: tuple(groups[name]) for name in self.alphas}
        self.kept: dict[str, torch.Tensor] = {}

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """Exactly 0 for what is dropped: it does not run."""
        self.kept[name] = self._drawn(name).to(alpha.device)
        return F.softmax((alpha / temperature).masked_fill(~self.kept[name], -torch.inf), dim=0)

    def _drawn(self, name: str) -> torch.Tensor:
        kept = self.alive[name].clone()
        for group in sorted(set(self.groups[name])):
            members = [i for i, g in enumerate(self.groups[name]) if g == group and self.alive[name][i]]
            stays = torch.zeros(len(members), dtype=torch.bool)
            while members and not bool(stays.any()):
                stays = torch.rand(len(members)) >= self.rate ** (1 / len(members))
            kept[members] = stays
        return kept


class PartialOneLevel(OneLevel):
    """One-level optimisation that touches only the options that took part in the step (DropNAS).

    Adam moves the kept alphas, then they decay by lr * `decay`; those that were dropped keep their value and, the kept
    ones being shifted together, their probability. `relaxation` has the masks `kept`. Weights of dropped operations get
    no gradient, so that the recipe's decay passes them by as well.
    """

    def __init__(self, relaxation: GroupedDrop, *, decay: float = 0.001, **settings: Any) -> None:
        super().__init__(relaxation, **{"weight_decay": 0.0, **settings})
        self.decay = decay

    def after(self, step: Step) -> None:
        """Update, decay, adjust."""
        with others_unchanged(self.relaxation):
            super().after(step)
            if step.warm:
                with torch.no_grad():
                    for alpha in self.relaxation.parameters():
                        alpha.mul_(1 - self.optimiser.param_groups[0]["lr"] * self.decay)


@contextmanager
def others_unchanged(relaxation: Any) -> Iterator[None]:
    """Whatever happens to alphas inside, the probabilities of options outside the masks `kept` stay as they were.

    Those alphas are put back, and the kept ones shifted by one number for each gate, so that together they weigh what
    they weighed before: DropNAS' adjustment of alphas, and ProxylessNAS' rescaling of its two paths.
    """
    before = {name: alpha.detach().clone() for name, alpha in relaxation.alphas.items()}
    yield
    with torch.no_grad():
        for name, kept in relaxation.kept.items():
            alpha, old = relaxation.alphas[name], before[name]
            shift = old[kept].logsumexp(0) - alpha[kept].logsumexp(0)
            alpha.copy_(torch.where(kept, alpha + shift, old))


def weighted(net: Supernet) -> dict[str, tuple[bool, ...]]:
    """For every mixed operation's gate whether each option has weights of its own, normalisation aside."""
    return {
        module.question: tuple(any(p.ndim > 1 for p in op.parameters()) for op in module.operations.values())
        for module in net.network.modules()
        if isinstance(module, MixedOp)
    }


class WeightlessShare:
    """For `train(..., watch=...)`: what part of the alphas' gradient belongs to options without weights, every epoch.

    Of the absolute values, on up to 256 examples of a batch: where it grows, what needs no training is ahead because it
    needs none (the Matthew effect, DropNAS, section 3.1). `values` are the shares, 0 to 1.
    """

    def __init__(self, relaxation: Relaxation, batch: Batch) -> None:
        self.relaxation, self.batch = relaxation, batch
        self.values: list[float] = []

    def __call__(self, training: object = None) -> None:
        """Add the share as it is now."""
        net, names = self.relaxation.net, list(self.relaxation.alphas)
        x, y = (part[:256].to(net.device) for part in (self.batch.x, self.batch.y))
        loss = F.cross_entropy(net(x, self.relaxation.mean()), y)
        slopes = torch.autograd.grad(loss, self.relaxation.parameters())
        owned = weighted(net)
        without = sum(
            float(slope[~torch.tensor(owned[name], device=slope.device)].abs().sum())
            for name, slope in zip(names, slopes, strict=True)
        )
        self.values.append(without / sum(float(slope.abs().sum()) for slope in slopes))
