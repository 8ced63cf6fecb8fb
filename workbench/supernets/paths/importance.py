"""Importance sampling of paths and data: what has large gradients is drawn more often."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.mixed import MixedOp
from workbench.supernets.paths import PathSampler
from workbench.supernets.recipe import Recipe
from workbench.supernets.step import Outputs, Run, Step

if TYPE_CHECKING:
    from workbench.supernets.supernet import Supernet
    from workbench.tasks.task import Splits


class Importance(PathSampler):
    """Paths and examples drawn by the size of their gradients (Lu et al., PA&DA, CVPR 2023).

    A share tau = epoch / epochs of the probability follows importance, the rest is uniform, so that the first epoch is
    that of `Uniform`. An option's importance is the mean norm of the gradients of its own weights in the steps that
    drew it; an example's is ||softmax - onehot||, the norm of the loss' gradient by its logits. After an epoch each is
    the mean of what it was and what was found. `floor` is the part of an option's share that is uniform whatever its
    importance: options without weights, such as a skip connection, have none and would die out otherwise. Gates that
    no mixed operation reads stay uniform. Losses are not weighted back, as in the released code.
    """

    def __init__(self, n: int = 1, *, floor: float = 0.2, paths: bool = True, data: bool = True) -> None:
        if n < 1 or not 0 <= floor <= 1:
            raise InvalidInput(f"Importance takes n from 1 and a floor from 0 to 1; got {n} and {floor}.")
        self.n, self.floor, self.paths, self.data = n, floor, paths, data
        self._options: dict[str, torch.Tensor] = {}
        self._examples = torch.empty(0)
        self._found: dict[str, torch.Tensor] = {}
        self._drawn: dict[str, torch.Tensor] = {}
        self._seen = torch.empty(0)

    def probabilities(self, net: Supernet, tau: float) -> dict[str, np.ndarray]:
        """What each option of each gate is drawn with, when a share `tau` follows importance."""
        return {
            name: _mixed(_shares(self._options.get(name, torch.zeros(len(allowed))), self.floor), tau)
            for name, allowed in net.options.items()
        }

    def example_probabilities(self, n: int, tau: float) -> np.ndarray:
        """What each of `n` training examples is drawn with."""
        known = self._examples if len(self._examples) else torch.zeros(n)
        # What has never been drawn counts as the mean of the others.
        seen = known[known > 0]
        filled = torch.where(known > 0, known, seen.mean()) if len(seen) else known
        return _mixed(_shares(filled, 0.0), tau)

    def plan(self, step: Step) -> list[Run]:
        """Every gate by itself."""
        tau = step.epoch / step.recipe.epochs
        if not (self.paths and tau and self._options):
            return [Run(step.net.gates(arch), 1 / self.n) for arch in step.net.sample(self.n, step.rng)]
        drawn = self.probabilities(step.net, tau)
        return [
            Run({name: int(step.rng.choice(len(p), p=p)) for name, p in drawn.items()}, 1 / self.n)
            for _ in range(self.n)
        ]

    def order(self, n: int, epoch: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
        """Drawn with replacement once importance counts, in random order before."""
        self._remember(n)
        if not (self.data and epoch and len(self._examples)):
            return rng.permutation(n)
        return rng.choice(n, size=n, p=self.example_probabilities(n, epoch / epochs))

    def learned(self, step: Step) -> None:
        """Add up what this step shows of its options and examples."""
        if len(self._seen) != len(step.data.train.x):
            self._seen = torch.full((len(step.data.train.x),), torch.nan)
        norms = sum(sample_norms(outputs, step.train.y) for outputs in step.outputs) / len(step.outputs)
        assert isinstance(norms, torch.Tensor)
        self._seen[torch.from_numpy(np.asarray(step.numbers))] = norms.cpu()
        chosen = {(name, gate) for run in step.runs for name, gate in run.gates.items()}
        for (name, number), weights in _own_weights(step.net).items():
            gradients = [p.grad for p in weights if p.grad is not None]
            if (name, number) in chosen and gradients:
                k = len(step.net.options[name])
                norm = float(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients])))
                self._found.setdefault(name, torch.zeros(k))[number] += norm
                self._drawn.setdefault(name, torch.zeros(k))[number] += 1

    def state_dict(self) -> dict[str, Any]:
        """What has been remembered, and what has been found since."""
        return {
            "options": dict(self._options),
            "examples": self._examples,
            "found": dict(self._found),
            "drawn": dict(self._drawn),
            "seen": self._seen,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self._options, self._examples = dict(state["options"]), state["examples"]
        self._found, self._drawn, self._seen = dict(state["found"]), dict(state["drawn"]), state["seen"]

    def _remember(self, n: int) -> None:
        """At the end of an epoch: the mean of what was known and what has been found."""
        for name, found in self._found.items():
            drawn = self._drawn[name]
            mean = found / drawn.clamp_min(1)
            old = self._options.get(name, mean)
            self._options[name] = torch.where(drawn > 0, (old + mean) / 2, old)
        self._found, self._drawn = {}, {}
        if len(self._seen):
            known = self._examples if len(self._examples) else torch.where(self._seen.isnan(), 0.0, self._seen)
            old = torch.where(known > 0, known, self._seen)
            self._examples = torch.where(self._seen.isnan(), known, (old + self._seen) / 2)
            self._seen = torch.full((n,), torch.nan)


def sample_norms(outputs: Outputs, labels: torch.Tensor) -> torch.Tensor:
    """||softmax(logits) - onehot|| (n,): the norm of the cross entropy's gradient by the logits of each example."""
    with torch.no_grad():
        apart = outputs.logits.softmax(-1) - F.one_hot(labels, outputs.logits.shape[-1])
        norms: torch.Tensor = torch.linalg.vector_norm(apart, dim=-1)
    return norms


def gradient_variance(
    net: Supernet,
    data: Splits,
    paths: PathSampler,
    *,
    draws: int = 20,
    epoch: int = 0,
    recipe: Recipe | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """How much the gradients of `draws` steps, as `paths` would draw them in `epoch`, differ, the weights being fixed.

    "variance" is the sum over the weights of the variance over the draws, "mean" the squared norm of the draws' mean,
    "relative" their quotient: noise in units of signal. `paths` is not told of the gradients.
    """
    recipe = recipe or Recipe()
    kept = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    training = net.training
    net.train()
    rng = np.random.default_rng([seed, epoch])
    gradients = []
    for draw in range(draws):
        order = paths.order(len(data.train.x), epoch, recipe.epochs, rng)[: recipe.batch_size]
        gradients.append(_gradient(net, data, paths, order, epoch, recipe, np.random.default_rng([seed, epoch, draw])))
    net.load_state_dict(kept)
    net.train(training)
    stacked = torch.stack(gradients).double()
    variance, mean = float(stacked.var(0).sum()), float(stacked.mean(0).square().sum())
    return {"variance": variance, "mean": mean, "relative": variance / max(mean, 1e-30)}


def _gradient(
    net: Supernet,
    data: Splits,
    paths: PathSampler,
    order: np.ndarray,
    epoch: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> torch.Tensor:
    """The flat gradient of one step's loss; weights that did not take part have zeros."""
    index = torch.from_numpy(np.asarray(order))
    batch = type(data.train)(data.train.x[index].to(net.device), data.train.y[index].to(net.device), data.train.source)
    parameters = list(net.parameters())
    optimiser = recipe.optimiser_of(parameters)

    def loss_of(batch: Any, gates: Any) -> torch.Tensor:
        return F.cross_entropy(net(batch.x, gates), batch.y)

    total = recipe.epochs * (len(data.train.x) // recipe.batch_size)
    step = Step(net, data, recipe, epoch, 0, total, rng, batch, batch, order, optimiser, loss_of)
    loss = sum((run.weight * loss_of(batch, run.gates) for run in paths.plan(step)), torch.zeros((), device=net.device))
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    flat = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
    return torch.cat([part.flatten() for part in flat]).cpu()


def _own_weights(net: Supernet) -> dict[tuple[str, int], list[nn.Parameter]]:
    """(gate, number of the option) -> the weights of its operation, wherever a mixed operation reads the gate."""
    own: dict[tuple[str, int], list[nn.Parameter]] = defaultdict(list)
    for module in net.network.modules():
        if isinstance(module, MixedOp):
            for number, operation in enumerate(module.operations.values()):
                own[module.question, number].extend(p for p in operation.parameters() if p.ndim > 1)
    return own


def _shares(importance: torch.Tensor, floor: float) -> np.ndarray:
    """Importance scaled to a sum of 1, a part `floor` of it uniform; uniform where nothing is important."""
    numbers = importance.double().numpy()
    uniform = np.full(len(numbers), 1 / len(numbers))
    total = numbers.sum()
    return uniform if total <= 0 else (1 - floor) * numbers / total + floor * uniform


def _mixed(shares: np.ndarray, tau: float) -> np.ndarray:
    mixed = tau * shares + (1 - tau) / len(shares)
    normalised: np.ndarray = mixed / mixed.sum()
    return normalised
