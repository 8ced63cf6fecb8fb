"""Weight transforms: what becomes of a layer's sliced weight before the layer uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod

import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate, Gates, Size
from workbench.networks.elastic.module import cut, leading, overlap, write, write_kernel
from workbench.networks.quantised import WHOLE, FakeQuantised, check_bits

Used = Callable[[torch.Tensor], torch.Tensor]


class WeightTransform(nn.Module):
    """Turns a weight into another of the same shape; `used` slices a tensor of the layer's full shape alike.

    `questions` are those that it reads.
    """

    questions: Iterable[str] = ()

    def forward(self, weight: torch.Tensor, gates: Gates, used: Used) -> torch.Tensor:
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

    def forward(self, weight: torch.Tensor, gates: Gates, used: Used) -> torch.Tensor:
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

    `rank` may be 0. B starts at zero, so that nothing changes at first. With `per_option`, the options of the first
    question of `rank`, each has factors of its own, and keeps them when it is taken out (Yi et al., One QuantLLM for
    ALL, 2024).
    """

    def __init__(self, shape: Sequence[int], rank: int | Size, *, per_option: Sequence[object] = ()) -> None:
        super().__init__()
        self.rank = Size.of(rank)
        self.questions = self.rank.questions
        most = max(1, self.rank.largest)
        self.names = [str(option).replace(".", "_") for option in per_option] or ["all"]
        if per_option and len(per_option) != len(self.rank.table):
            raise InvalidInput(f"A rank for each of {len(per_option)} options takes as many; got {self.rank}.")
        # Laid out as weights of `most` outputs, so that they are cut as weights are.
        scale = prod(shape[1:]) ** -0.5
        for name in self.names:
            self.register_parameter(f"a_{name}", nn.Parameter(torch.randn(most, *shape[1:]) * scale))
            self.register_parameter(f"b_{name}", nn.Parameter(torch.zeros(shape[0], most)))

    def forward(self, weight: torch.Tensor, gates: Gates, used: Used) -> torch.Tensor:
        """Under a mixture of ranks the columns are weighted, and factors of their own are summed."""
        if len(self.names) == 1:
            return weight + self._product(weight, self.names[0], self.rank.at(gates), self.rank.mask(gates))
        question = self.rank.questions[0]
        gate = gates[question]
        chosen: dict[int, torch.Tensor | None] = {gate: None} if isinstance(gate, int) else dict(enumerate(gate))
        total = weight
        for number, share in chosen.items():
            alone = gates.having({question: number})
            term = self._product(weight, self.names[number], self.rank.at(alone), self.rank.mask(alone))
            total = total + (term if share is None else share * term)
        return total

    def factors(self, name: str = "all") -> tuple[torch.Tensor, torch.Tensor]:
        """A, (rank, inputs, ...), and B, (outputs, rank), of the largest rank; `name` is an option with its own."""
        return self.get_parameter(f"a_{name}"), self.get_parameter(f"b_{name}")

    def inherit(self, other: nn.Module) -> None:
        """Take over the factors of the options that both have."""
        if isinstance(other, LowRank):
            for name in set(self.names) & set(other.names):
                for ours, theirs in zip(self.factors(name), other.factors(name), strict=True):
                    write_kernel(ours, theirs)

    def _product(self, weight: torch.Tensor, name: str, rank: int, mask: torch.Tensor | None) -> torch.Tensor:
        """B A for one weight, B's columns weighted by the mask."""
        if rank == 0:
            return torch.zeros_like(weight)
        a, b = self.factors(name)
        a, b = cut(a, (rank, *weight.shape[1:])).flatten(1), leading(b, (len(weight), rank))
        return ((b if mask is None else b * mask) @ a).reshape(weight.shape)


class Sparse(WeightTransform):
    """The weight under a fixed mask of zeros and ones, of the full shape."""

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float())

    def forward(self, weight: torch.Tensor, gates: Gates, used: Used) -> torch.Tensor:
        """Masked weights are exactly zero."""
        return weight * cut(self.mask, weight.shape)

    def inherit(self, other: nn.Module) -> None:
        """Take over the part of the mask that belongs to the weights taken over."""
        if isinstance(other, Sparse):
            write_kernel(self.mask, other.mask)


class Experts(WeightTransform):
    """A mixture of weights routed by the architecture (Jawahar et al., Mixture-of-Supernets, ACL Findings 2024).

    W = sum_m r_m E_m, r = softmax of a two-layer router of the architecture's encoding: one share for each of the `n`
    experts, or with `per_neuron` for each expert and output neuron. The layer's own weight is the first expert; with
    one expert nothing changes. `questions` maps the questions that are encoded to the options that are told apart;
    `options` are those that gates choose from, fewer in a part of a supernet, which is routed as in the whole; a
    question that no longer arises there counts as its first option.
    """

    def __init__(
        self,
        shape: Sequence[int],
        n: int,
        questions: Mapping[str, Sequence[object]],
        options: Mapping[str, Sequence[object]] | None = None,
        *,
        per_neuron: bool = False,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        own = questions if options is None else options
        self.encoded = {q: len(all_) for q, all_ in questions.items()}
        self.numbers = {q: [list(all_).index(o) for o in own[q]] if q in own else [0] for q, all_ in questions.items()}
        self.questions = tuple(question for question in questions if question in own)
        self.n, self.per_neuron = n, per_neuron
        # The same bounds as torch gives the layer's own weight.
        bound = prod(shape[1:]) ** -0.5
        self.experts = nn.Parameter(torch.empty(n - 1, *shape).uniform_(-bound, bound))
        self.hidden = nn.Linear(sum(self.encoded.values()), hidden)
        n_out = shape[0] if per_neuron else 1
        self.routes = nn.Parameter(torch.randn(n, n_out, hidden) * hidden**-0.5)
        self.offsets = nn.Parameter(torch.zeros(n, n_out))

    def shares(self, gates: Gates) -> torch.Tensor:
        """What each expert gets, (n,) or (n, output neurons); they add up to 1 over the experts."""
        encoded = torch.cat([self._encoded(q, gates[q] if q in self.questions else 0) for q in self.encoded])
        hidden = F.relu(F.linear(encoded, self.hidden.weight, self.hidden.bias))
        # Summed by output, as a product of matrices would be rounded otherwise for fewer of them.
        routed = (self.routes * hidden).sum(-1) + self.offsets
        out: torch.Tensor = routed.softmax(dim=0)
        return out if self.per_neuron else out[:, 0]

    def forward(self, weight: torch.Tensor, gates: Gates, used: Used) -> torch.Tensor:
        """The experts' sum."""
        if self.n == 1:
            return weight
        shares = self.shares(gates)
        if self.per_neuron:
            shares = shares[:, : weight.shape[0]].reshape(self.n, -1, *[1] * (weight.ndim - 1))
        total = shares[0] * weight
        for share, expert in zip(shares[1:], self.experts, strict=True):
            total = total + share * used(expert)
        return total

    def inherit(self, other: nn.Module) -> None:
        """Take over the router's last layer, and of every expert what a layer takes over of its own weight."""
        if isinstance(other, Experts):
            write(self.routes, other.routes)
            write(self.offsets, other.offsets)
            for expert, theirs in zip(self.experts.unbind(0), other.experts.unbind(0), strict=False):
                write_kernel(expert, theirs)

    def _encoded(self, question: str, gate: Gate) -> torch.Tensor:
        """One-hot, or the weights, over the options that are told apart."""
        encoded = torch.zeros(self.encoded[question], device=self.offsets.device)
        if isinstance(gate, int):
            encoded[self.numbers[question][gate]] = 1.0
            return encoded
        return encoded.index_add(0, torch.tensor(self.numbers[question], device=gate.device), gate)
