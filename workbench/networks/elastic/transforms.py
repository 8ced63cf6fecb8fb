"""Weight transforms: what becomes of a layer's sliced weight before the layer uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn

from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.module import overlap
from workbench.networks.quantised import WHOLE, FakeQuantised, check_bits

Cut = Callable[[torch.Tensor], torch.Tensor]


class WeightTransform(nn.Module):
    """Turns a weight into another of the same shape; `cut` slices a tensor of the layer's full shape alike.

    `questions` are those that it reads.
    """

    questions: Iterable[str] = ()

    def forward(self, weight: torch.Tensor, gates: Gates, cut: Cut) -> torch.Tensor:
        """The weight to use."""
        raise TypeError(f"{type(self).__name__} transforms nothing")

    def inherit(self, other: nn.Module) -> None:
        """Take over the leading part of every tensor."""
        overlap(self, other)


class FakeQuantise(WeightTransform):
    """The weight at the bits that a question decides; a mixture mixes the quantised weights."""

    def __init__(self, bits: int | Size) -> None:
        super().__init__()
        self.bits = Size.of(bits)
        self.questions = self.bits.questions
        for width in self.bits.table.flatten().tolist():
            check_bits(width)
        self._quantisers = {int(n): FakeQuantised(int(n)) for n in self.bits.table.flatten().tolist() if n < WHOLE}

    def forward(self, weight: torch.Tensor, gates: Gates, cut: Cut) -> torch.Tensor:
        """Quantised with a scale for every output channel."""
        if not self.bits.mixed(gates):
            return self._at(weight, self.bits.at(gates))
        shares = self.bits.weights(gates)
        options = [self._at(weight, int(bits)) for bits in self.bits.table.tolist()]
        return sum((w * option for w, option in zip(shares, options, strict=True)), torch.zeros_like(weight))

    def _at(self, weight: torch.Tensor, bits: int) -> torch.Tensor:
        if bits >= WHOLE:
            return weight
        quantised: torch.Tensor = self._quantisers[bits](weight)
        return quantised


class LowRank(WeightTransform):
    """The weight plus B A of an elastic rank, its leading columns and rows (Hu et al., LoRA, 2022; Shears, 2024).

    `rank` may be 0. B starts at zero, so that nothing changes at first. With `per_option` every option of the first
    question of `rank` has factors of its own, which its options do not share (Yi et al., One QuantLLM for ALL, 2024).
    """

    def __init__(self, shape: Sequence[int], rank: int | Size, *, per_option: bool = False) -> None:
        super().__init__()
        self.rank = Size.of(rank)
        self.questions = self.rank.questions
        copies = len(self.rank.table) if per_option else 1
        self.per_option = per_option
        n_in = int(torch.tensor(shape[1:]).prod())
        most = max(1, self.rank.largest)
        self.a = nn.Parameter(torch.randn(copies, most, n_in) * n_in**-0.5)
        self.b = nn.Parameter(torch.zeros(copies, shape[0], most))

    def forward(self, weight: torch.Tensor, gates: Gates, cut: Cut) -> torch.Tensor:
        """Under a mixture of ranks the columns are weighted."""
        gate = gates[self.rank.questions[0]] if self.per_option else 0
        copy = gate if isinstance(gate, int) else 0
        rank = self.rank.at(gates)
        if rank == 0:
            return weight
        b, a = self.b[copy, : weight.shape[0], :rank], self.a[copy, :rank, : weight[0].numel()]
        mask = self.rank.mask(gates)
        return weight + ((b if mask is None else b * mask) @ a).reshape(weight.shape)


class Sparse(WeightTransform):
    """The weight under a fixed mask of zeros and ones, of the full shape."""

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float())

    def forward(self, weight: torch.Tensor, gates: Gates, cut: Cut) -> torch.Tensor:
        """Masked weights are exactly zero."""
        return weight * cut(self.mask)


class Experts(WeightTransform):
    """A mixture of weights routed by the architecture (Jawahar et al., Mixture-of-Supernets, ACL Findings 2024).

    W = sum_m r_m E_m, r = softmax of a two-layer router of the architecture's encoding: one share for each of the `n`
    experts, or with `per_neuron` for each expert and output neuron. The layer's own weight is the first expert; with
    one expert nothing changes. `questions` maps the questions that are encoded to their numbers of options.
    """

    def __init__(
        self,
        shape: Sequence[int],
        n: int,
        questions: dict[str, int],
        *,
        per_neuron: bool = False,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        self.options = dict(questions)
        self.questions = tuple(questions)
        self.n = n
        self.per_neuron = per_neuron
        self.experts = nn.ParameterList([nn.Parameter(torch.empty(*shape)) for _ in range(n - 1)])
        for expert in self.experts:
            nn.init.kaiming_uniform_(expert, a=5**0.5)
        self.router = nn.Sequential(
            nn.Linear(sum(questions.values()), hidden),
            nn.ReLU(),
            nn.Linear(hidden, n * (shape[0] if per_neuron else 1)),
        )

    def shares(self, gates: Gates) -> torch.Tensor:
        """What each expert gets, (n,) or (n, output neurons); they add up to 1 over the experts."""
        weight = next(self.router.parameters())
        encoded = []
        for question, n_options in self.options.items():
            gate = gates[question]
            if isinstance(gate, int):
                gate = nn.functional.one_hot(torch.tensor(gate, device=weight.device), n_options).float()
            encoded.append(gate)
        routed = self.router(torch.cat(encoded)).reshape(self.n, -1)
        out: torch.Tensor = routed.softmax(dim=0)
        return out if self.per_neuron else out[:, 0]

    def forward(self, weight: torch.Tensor, gates: Gates, cut: Cut) -> torch.Tensor:
        """The experts' sum."""
        if self.n == 1:
            return weight
        shares = self.shares(gates)
        if self.per_neuron:
            shares = shares[:, : weight.shape[0]].reshape(self.n, -1, *[1] * (weight.ndim - 1))
        total = shares[0] * weight
        for share, expert in zip(shares[1:], self.experts, strict=True):
            total = total + share * cut(expert)
        return total
