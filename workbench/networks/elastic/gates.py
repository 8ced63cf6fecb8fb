"""Gates: the decisions of one forward pass through an elastic network, and the count of what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from workbench.errors import UnknownName

Gate = int | torch.Tensor
Number = float | torch.Tensor


class Gates(Mapping[str, Gate]):
    """Question -> the number of one of its options, or weights over all of them.

    An int is a sampled path: layers are really sliced and one operation runs. A tensor (K,) is a mixture of the K
    options: operations are summed with these weights, widths become soft masks. A tensor (B, K) has weights for each of
    the B examples of the batch. Gates made with `count=True` add up, in every forward pass, the multiply-adds and the
    parameters of what ran: for a mixture in expectation over independent gates, differentiable with respect to them.
    """

    def __init__(self, weights: Mapping[str, Gate], *, count: bool = False) -> None:
        self._weights = weights if isinstance(weights, dict) else dict(weights)
        self._meter = _Meter() if count else None

    def __getitem__(self, question: str) -> Gate:
        try:
            return self._weights[question]
        except KeyError:
            raise UnknownName.of("gate", question, self._weights) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)

    def __contains__(self, question: object) -> bool:
        return question in self._weights

    @property
    def counting(self) -> bool:
        """Whether layers are to report what they cost."""
        return self._meter is not None

    @property
    def macs(self) -> Number:
        """The multiply-adds for one example counted so far."""
        return 0.0 if self._meter is None else self._meter.macs

    @property
    def params(self) -> Number:
        """The parameters counted so far."""
        return 0.0 if self._meter is None else self._meter.params

    def count(self, macs: Number, params: Number) -> None:
        """Add a layer's multiply-adds for one example and its parameters, times the share of it that runs."""
        if self._meter is not None:
            self._meter.macs = self._meter.macs + self._meter.share * macs
            self._meter.params = self._meter.params + self._meter.share * params

    @contextmanager
    def share(self, weight: Number) -> Iterator[None]:
        """Inside, what is counted counts `weight` times: it stands behind a gate."""
        if self._meter is None:
            yield
            return
        before = self._meter.share
        self._meter.share = before * weight
        try:
            yield
        finally:
            self._meter.share = before

    def having(self, changes: Mapping[str, Gate]) -> Gates:
        """The same gates but for the `changes`; what is counted under either is counted for both."""
        changed = Gates({**self._weights, **changes})
        changed._meter = self._meter
        return changed

    def counted(self) -> Gates:
        """The same gates with a count of their own, from zero."""
        return Gates(self._weights, count=True)


@dataclass
class _Meter:
    macs: Number = 0.0
    params: Number = 0.0
    share: Number = 1.0


class Size:
    """A number that is fixed, or that questions decide: `Size(values, question)` gives one for every option.

    `values` is as deep as there are questions. Sizes are multiplied, also where they share questions: the product is
    looked up by all of them, so that its expectation over independent gates is exact.
    """

    def __init__(self, values: int | Sequence[int] | torch.Tensor, *questions: str) -> None:
        self.table = torch.as_tensor(values, device="cpu")
        if self.table.ndim != len(questions):
            raise ValueError(f"{self.table.ndim} axes of values for {len(questions)} questions")
        self.questions = questions
        self.largest = int(self.table.max())
        self._values = self.table.tolist()
        self._masks: torch.Tensor | None = None

    @classmethod
    def of(cls, given: int | Size) -> Size:
        """`given` as a Size."""
        return given if isinstance(given, Size) else cls(given)

    @property
    def fixed(self) -> bool:
        """Whether nothing decides it."""
        return not self.questions

    def mixed(self, gates: Mapping[str, Gate]) -> bool:
        """Whether a question of it has weights instead of a number."""
        return any(not isinstance(gates[question], int) for question in self.questions)

    def at(self, gates: Mapping[str, Gate]) -> int:
        """The number under a path; the largest under a mixture, which computes everything."""
        value: Any = self._values
        for question in self.questions:
            gate = gates[question]
            if not isinstance(gate, int):
                return self.largest
            value = value[gate]
        number: int = value
        return number

    def weights(self, gates: Mapping[str, Gate]) -> torch.Tensor:
        """Weights over the values of a size with one question, (K,) or (B, K); a path is one-hot."""
        (question,) = self.questions
        gate = gates[question]
        if isinstance(gate, int):
            return torch.nn.functional.one_hot(torch.tensor(gate), len(self.table)).float()
        return gate

    def mask(self, gates: Mapping[str, Gate]) -> torch.Tensor | None:
        """How much of each of the `largest` channels is used, (largest,) or (B, largest); None under a path."""
        if not self.mixed(gates):
            return None
        if self._masks is None:
            self._masks = (torch.arange(self.largest, device="cpu") < self.table[..., None]).float()
        return self._contracted(self._masks, gates)

    def expected(self, gates: Mapping[str, Gate]) -> Number:
        """The number under a path, its expectation under a mixture; a mean over the batch where gates have one."""
        if not self.mixed(gates):
            return float(self.at(gates))
        found = self._contracted(self.table.float(), gates)
        return found.mean() if found.ndim else found

    def __mul__(self, other: int | Size) -> Size:
        other = Size.of(other)
        questions = tuple(dict.fromkeys(self.questions + other.questions))
        return Size(self._spread(questions) * other._spread(questions), *questions)

    def map(self, function: Callable[[int], float]) -> Size:
        """Each value turned into `function(value)`, a whole number."""
        mapped = [int(function(value)) for value in self.table.flatten().tolist()]
        return Size(torch.tensor(mapped, device="cpu").reshape(self.table.shape), *self.questions)

    def same(self, other: Size) -> bool:
        """Whether both are decided alike."""
        return self.questions == other.questions and torch.equal(self.table, other.table)

    def __repr__(self) -> str:
        return f"Size({self._values}{''.join(f', {question!r}' for question in self.questions)})"

    def _spread(self, questions: Sequence[str]) -> torch.Tensor:
        """The table with an axis for each of the `questions`, of length 1 for those that it does not depend on."""
        order = sorted(range(len(self.questions)), key=lambda axis: questions.index(self.questions[axis]))
        lengths = dict(zip(self.questions, self.table.shape, strict=True))
        return self.table.permute(order).reshape([lengths.get(question, 1) for question in questions])

    def _contracted(self, table: torch.Tensor, gates: Mapping[str, Gate]) -> torch.Tensor:
        batched = False
        for question in self.questions:
            gate = gates[question]
            if isinstance(gate, int):
                table = table[:, gate] if batched else table[gate]
                continue
            table = table.to(gate)
            if gate.ndim == 1:
                table = torch.einsum("k,bk...->b..." if batched else "k,k...->...", gate, table)
            else:
                table = torch.einsum("bk,bk...->b..." if batched else "bk,k...->b...", gate, table)
                batched = True
        return table


def masked(x: torch.Tensor, size: Size, gates: Mapping[str, Gate], axis: int = 1) -> torch.Tensor:
    """`x` with the channels along `axis` weighted as the gates weigh the size; itself under a path."""
    mask = size.mask(gates)
    if mask is None:
        return x
    shape = [1] * x.ndim
    shape[axis] = mask.shape[-1]
    if mask.ndim == 2:
        shape[0] = mask.shape[0]
    return x * mask.reshape(shape)
