"""Teachers: whose outputs a sub-network is to reproduce."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.supernets.step import Outputs, Run, Stateful, Step
from workbench.supernets.supernet import Supernet


class Teacher(Stateful):
    """Gives the outputs to reproduce; it gets no gradient."""

    @abstractmethod
    def teach(self, step: Step, run: Run, x: torch.Tensor) -> Outputs | None:
        """The outputs for `x`, of which `step.outputs` are already there; None where this run learns from labels."""

    def after(self, step: Step) -> None:
        """Look at the net after its weights have been updated."""


class InPlace(Teacher):
    """The first sub-network of the step, the largest in a sandwich, teaches the others (Yu et al., BigNAS, 2020)."""

    def teach(self, step: Step, run: Run, x: torch.Tensor) -> Outputs | None:
        """None for the first."""
        if not step.outputs:
            return None
        first = step.outputs[0]
        return Outputs(first.logits.detach(), tuple(feature.detach() for feature in first.features))


class External(Teacher):
    """A trained network, in evaluation mode: a module of images, or a supernet at `gates`."""

    def __init__(self, model: nn.Module, gates: Any = None) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.gates = gates

    @torch.no_grad()
    def teach(self, step: Step, run: Run, x: torch.Tensor) -> Outputs | None:
        """Its logits, and features where it is a supernet."""
        if isinstance(self.model, Supernet):
            gates = self.model.gates(self.gates)
            features = self.model.network.features(x, gates)
            return Outputs(self.model.network.classified(features[-1], gates), tuple(features))
        return Outputs(self.model(x))


class Snapshots(Teacher):
    """The supernet itself as it was, every `every` steps, the last `k` of them voting (Zhu et al., SD-DARTS, 2023).

    They run at the same gates; the teacher is the mean of their probabilities, as logits. With `k=0` nobody teaches.
    """

    def __init__(self, k: int = 3, every: int = 16) -> None:
        if k < 0 or every < 1:
            raise InvalidInput(f"Snapshots takes k from 0 and every from 1; got {k} and {every}.")
        self.k, self.every = k, every
        self._kept: list[dict[str, torch.Tensor]] = []

    @torch.no_grad()
    def teach(self, step: Step, run: Run, x: torch.Tensor) -> Outputs | None:
        """None before the first snapshot."""
        if not self._kept:
            return None
        gates = {n: gate if isinstance(gate, int) else gate.detach() for n, gate in run.gates.items()}
        return Outputs(self.votes(step.net, gates, x))

    def votes(self, net: Supernet, gates: Any, x: torch.Tensor) -> torch.Tensor:
        """The logarithm of the mean probabilities (n, classes)."""
        total = sum(torch.func.functional_call(net, kept, (x, net.gates(gates))).softmax(-1) for kept in self._kept)
        assert isinstance(total, torch.Tensor)
        return (total / len(self._kept)).clamp_min(1e-12).log()

    def after(self, step: Step) -> None:
        """Keep a snapshot when it is time."""
        if self.k and (step.index + 1) % self.every == 0:
            self._kept = [*self._kept, _copied(step.net)][-self.k :]

    def state_dict(self) -> dict[str, Any]:
        """The snapshots."""
        return {"kept": self._kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The snapshots."""
        self._kept = list(state["kept"])


class EMA(Teacher):
    """The moving average of the supernet's weights at the same gates, w' <- decay w' + (1 - decay) w."""

    def __init__(self, decay: float = 0.996) -> None:
        self.decay = decay
        self._mean: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def teach(self, step: Step, run: Run, x: torch.Tensor) -> Outputs | None:
        """The average's logits; the net's own weights before the first step."""
        if not self._mean:
            self._mean = _copied(step.net)
        gates = {n: gate if isinstance(gate, int) else gate.detach() for n, gate in run.gates.items()}
        return Outputs(torch.func.functional_call(step.net, self._mean, (x, step.net.gates(gates))))

    @torch.no_grad()
    def after(self, step: Step) -> None:
        """Move the average."""
        for name, tensor in step.net.state_dict().items():
            if name in self._mean and tensor.is_floating_point():
                self._mean[name].lerp_(tensor, 1 - self.decay)

    def state_dict(self) -> dict[str, Any]:
        """The average."""
        return {"mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The average."""
        self._mean = dict(state["mean"])


def _copied(net: Supernet) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
