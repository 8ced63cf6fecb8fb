"""The elastic network: all architectures of a space in one module, and a stand-alone network where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.module import ElasticModule

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = Any
Options = Mapping[str, Sequence[Answer]]


class ElasticNetwork(ElasticModule):
    """A network whose every gate has the given `options`, the cheapest first.

    Gates are numbers of options. They are the questions of a space unless a subclass says how its gates stand for the
    answers: `numbers` and `answers` turn one into the other.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = {name: tuple(allowed) for name, allowed in options.items()}

    def numbers(self, decisions: Mapping[str, Answer]) -> dict[str, int]:
        """The gates of an architecture's decisions; questions that it does not answer get the first option.

        Raises `InvalidInput` for an answer that is not among the options.
        """
        return {name: self._number(name, decisions[name]) if name in decisions else 0 for name in self.options}

    def answers(self, numbers: Mapping[str, int]) -> dict[str, Answer]:
        """The decisions that gates stand for."""
        return {name: allowed[numbers[name]] for name, allowed in self.options.items()}

    def size(self, question: str, value: Callable[[Answer], int] = int) -> Size:
        """The size that a question decides: `value` of each of its options."""
        return Size([value(answer) for answer in self.options[question]], question)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The outputs of the network's blocks in their order, the last what the head reads."""
        raise InvalidInput(f"{type(self).__name__} does not say which of its tensors are features.")

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The logits of the last features."""
        raise InvalidInput(f"{type(self).__name__} does not say which of its tensors are features.")

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Logits (n, n_classes)."""
        return self.classified(self.features(x, gates)[-1], gates)

    def _number(self, name: str, answer: Answer) -> int:
        for number, option in enumerate(self.options[name]):
            if option == answer and type(option) is type(answer):
                return number
        listed = ", ".join(map(repr, self.options[name]))
        raise InvalidInput(f"{answer!r} to {name!r} is not in this supernet. It has: {listed}.")


class Alone(nn.Module):
    """A stand-alone network: an elastic one whose every gate has one option."""

    def __init__(self, network: ElasticNetwork) -> None:
        super().__init__()
        many = [name for name, options in network.options.items() if len(options) != 1]
        if many:
            raise InvalidInput(f"A stand-alone network has one option for every gate; {many[0]!r} has several.")
        self.network = network
        self._gates = Gates(dict.fromkeys(network.options, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes)."""
        out: torch.Tensor = self.network(x, self._gates)
        return out
