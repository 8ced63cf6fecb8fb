"""prenas: which of many vision transformers alike in size to prefer, by one backward of the largest (ICML 2023)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.networks.running import run
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.tailored import Tailored
from workbench.proxies.unscored import Unscored
from workbench.spaces.autoformer import AutoFormer
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    import pandas as pd

    from workbench.tasks import Task

Weight = np.ndarray[Any, np.dtype[np.float64]]
# As many inputs as the authors draw.
INPUTS = 64
_PAPER = "Wang et al., PreNAS: Preferred One-Shot Learning Towards Efficient Neural Architecture Search, ICML 2023"


class Form(NamedTuple):
    """What an architecture is made of: its width, and layer by layer the heads and the ratio of the feed-forward."""

    dim: int
    heads: tuple[int, ...]
    ratios: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Supernet:
    """What each part of the largest network of a space weighs: (sum of |w dz/dw|, number of values).

    `rest[dim]` is what lies outside the layers, `attention[layer, dim, heads]` and `feeding[layer, dim, ratio]` the two
    halves of a layer: the part of the largest network's tensors that an architecture with these answers keeps.
    `head_gains` (layers, heads - 1) and `ratio_gains` (layers, ratios - 1) say what the next larger answer adds in its
    layer at the greatest width, as a share of the layer.
    """

    rest: dict[int, Weight] = field(repr=False)
    attention: dict[tuple[int, int, int], Weight] = field(repr=False)
    feeding: dict[tuple[int, int, float], Weight] = field(repr=False)
    head_gains: np.ndarray = field(repr=False)
    ratio_gains: np.ndarray = field(repr=False)

    def weigh(self, form: Form) -> Weight:
        """(score, parameters) of an architecture."""
        heads, ratios = self.of_heads(form.dim, form.heads), self.of_ratios(form.dim, form.ratios)
        return self.rest[form.dim] + heads + ratios

    def of_heads(self, dim: int, heads: tuple[int, ...]) -> Weight:
        """The share of the attention."""
        total: Weight = np.sum([self.attention[layer, dim, h] for layer, h in enumerate(heads)], axis=0)
        return total

    def of_ratios(self, dim: int, ratios: tuple[float, ...]) -> Weight:
        """The share of the feed-forward."""
        total: Weight = np.sum([self.feeding[layer, dim, r] for layer, r in enumerate(ratios)], axis=0)
        return total


class PreNAS(Tailored):
    """The proxy of one space's architectures, and the selector that it stands behind."""

    function: _Slice

    def preferred(self) -> pd.DataFrame:
        """One architecture for every width, depth, and numbers of layers with each answer: score and parameters.

        The larger answers go to the layers in which they add most. One row by architecture, best first, indexed by its
        string; columns `prenas` and `params`. These are 1,770 of the tiny space's 1,056,964,608.
        """
        import pandas as pd

        space = self.function.space
        found = list(preferred_forms(space, self.function.supernet))
        weights = np.array([weight for _, weight in found])
        names = [space.format(_architecture(space, form)) for form, _ in found]
        index = pd.Index(names, name="architecture", dtype=object)
        frame = pd.DataFrame({"prenas": weights[:, 0], "params": weights[:, 1].astype(int)}, index=index)
        frame.attrs = {"space": space.name, "better": {"prenas": "higher", "params": "higher"}}
        return frame.sort_values("prenas", ascending=False, kind="stable")

    def select(self, limits: Sequence[float], n: int = 1) -> list[Architecture]:
        """The `n` best preferred architectures between each two of the `limits`, numbers of parameters.

        The authors take one for every million from 5 to 12 million of the tiny space. Raises `InvalidInput` for limits
        that do not rise, and where nothing lies between any two.
        """
        given = [float(limit) for limit in limits]
        if len(given) < 2 or any(low >= high for low, high in pairwise(given)) or n < 1:
            raise InvalidInput(f"select takes two rising limits of parameters or more, n from 1; got {given}, n={n!r}.")
        frame = self.preferred()
        found: list[str] = []
        for low, high in pairwise(given):
            between = frame[(frame["params"] >= low) & (frame["params"] < high)]
            found += list(between.index[:n])
        if not found:
            least, most = frame["params"].min(), frame["params"].max()
            raise InvalidInput(f"No architecture lies between {given}: they have {least:,} to {most:,} parameters.")
        return [self.function.space.parse(text) for text in found]


@dataclass(frozen=True)
class _Slice:
    """The score of an architecture: what its slice of the largest network weighs."""

    space: AutoFormer
    supernet: Supernet

    def __call__(self, probe: Probe) -> float:
        if probe.architecture is None:
            return Unscored("prenas scores architectures of its space; a bare module is no slice of the supernet")
        try:
            return float(self.supernet.weigh(_form(probe.architecture))[0])
        except KeyError:
            space = probe.architecture.space.name
            return Unscored(f"the supernet of {self.space.name} does not hold this architecture of {space}")


def prenas(space: AutoFormer, task: str | Task = "cifar10", seed: int = 0) -> PreNAS:
    """The selector of PreNAS for a space of vision transformers, from one forward and backward of its largest network.

    Weights w are drawn from `seed`, as are 64 images of N(0, 1) pixels in the shape of the `task`; z is the sum of all
    logits: neither data nor labels. Score of an architecture: the sum of |w dz/dw| over the part of the largest network
    that it keeps (leading features, heads and units); the result is a proxy, for `wb.score` and for searches, of
    architectures of this space only. `preferred()` and `select(limits)` are the paper's selection (Wang et al., ICML
    2023): among architectures of one width and depth with the same number of layers of each answer, the larger answers
    go to the layers in which their heads or units add most to the score, as a share of the layer's sums of |w| and
    |dz/dw|, which makes layers comparable.

    The authors' code leaves positions and the class token out of the score, keeps at least one layer for every middle
    answer, and trains with stochastic depth, which is not in these networks. Raises `InvalidInput` for another space.
    """
    if not isinstance(space, AutoFormer):
        raise InvalidInput(f"prenas selects in spaces of AutoFormer's vision transformers; got {space!r}.")
    task = find_task(task)
    return PreNAS(
        "prenas",
        better="higher",
        needs="architecture",
        cost="free",
        paper=_PAPER,
        equation="sum of |w dz/dw| over the architecture's slice of the untrained supernet, z = sum of logits",
        function=_Slice(space, weighed(space, task, seed)),
    )


def weighed(space: AutoFormer, task: Task, seed: int) -> Supernet:
    """The largest network of `space`, made of the greatest answer to each question, weighed part by part."""
    depth, dim = max(space.depths), max(space.embed_dims)
    heads, ratios = sorted(space.heads), sorted(space.mlp_ratios)
    net = space.build(_architecture(space, Form(dim, (heads[-1],) * depth, (ratios[-1],) * depth)), task, seed)
    tensors = {
        name: (p.detach(), g) for (name, p), g in zip(net.named_parameters(), _gradients(net, task, seed), strict=True)
    }
    saliency = {name: (w * g).abs() for name, (w, g) in tensors.items()}
    shares = {name: (w * g).abs() / (w.abs().sum() * g.abs().sum()) for name, (w, g) in tensors.items()}
    attention: dict[tuple[int, int, int], Weight] = {}
    feeding: dict[tuple[int, int, float], Weight] = {}
    head_gains, ratio_gains = [], []
    for layer in range(depth):
        attend, feed = (f"layers.{2 * layer + half}." for half in range(2))
        for d in space.embed_dims:
            attention |= {(layer, d, h): _weight(_attention(_under(attend, saliency), heads[-1], d, h)) for h in heads}
            feeding |= {(layer, d, r): _weight(_feeding(_under(feed, saliency), d, int(d * r))) for r in ratios}
        by_head = shares[f"{attend}body.0.qkv.weight"].reshape(3, heads[-1], -1).sum(dim=(0, 2))
        head_gains.append([float(by_head[a:b].sum()) for a, b in pairwise(heads)])
        by_unit = shares[f"{feed}body.0.weight"].sum(dim=1) + shares[f"{feed}body.2.weight"].sum(dim=0)
        ratio_gains.append([float(by_unit[int(dim * a) : int(dim * b)].sum()) for a, b in pairwise(ratios)])
    rest = {d: _weight(_rest(saliency, d)) for d in space.embed_dims}
    return Supernet(rest, attention, feeding, np.array(head_gains), np.array(ratio_gains))


def preferred_forms(space: AutoFormer, supernet: Supernet) -> Iterator[tuple[Form, Weight]]:
    """For each width, depth and numbers of layers by answer, the preferred form and what it weighs."""
    for dim in sorted(space.embed_dims):
        for depth in sorted(space.depths):
            heads = _allocations(supernet.head_gains[:depth], sorted(space.heads))
            ratios = _allocations(supernet.ratio_gains[:depth], sorted(space.mlp_ratios))
            of_heads = [supernet.of_heads(dim, h) for h in heads]
            of_ratios = [supernet.of_ratios(dim, r) for r in ratios]
            for (h, a), (r, b) in product(zip(heads, of_heads, strict=True), zip(ratios, of_ratios, strict=True)):
                yield Form(dim, h, r), supernet.rest[dim] + a + b


def _allocations(gains: np.ndarray, answers: Sequence[Any]) -> list[tuple[Any, ...]]:
    """For every way to spread the layers over the `answers`, in rising order, who gets which.

    `gains` (layers, answers - 1): the largest answer goes first, to the layers in which it adds most.
    """
    found = []
    for cuts in combinations_with_replacement(range(len(gains) + 1), len(answers) - 1):
        counts = np.diff([0, *cuts, len(gains)])
        given = np.zeros(len(gains), dtype=int)
        for rank in range(len(answers) - 1, 0, -1):
            order = np.argsort(-np.where(given > 0, -np.inf, gains[:, rank - 1]), kind="stable")
            given[order[: counts[rank]]] = rank
        found.append(tuple(answers[rank] for rank in given))
    return found


def _gradients(net: nn.Module, task: Task, seed: int) -> tuple[torch.Tensor, ...]:
    """Of the sum of the logits of the images drawn from `seed`, with respect to every parameter of `net`."""
    x = torch.randn((INPUTS, *task.shape), generator=torch.Generator().manual_seed(seed))
    with undisturbed(net, seed, x.device, differentiable=True):
        return torch.autograd.grad(run(net, x).sum(), list(net.parameters()))


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _attention(of: Mapping[str, torch.Tensor], most: int, dim: int, heads: int) -> Iterator[torch.Tensor]:
    """What `heads` of `most` heads and `dim` features keep of half a layer; queries, keys and values are thirds."""
    yield from (of[name][:dim] for name in ("before.weight", "before.bias", "body.1.bias"))
    head_dim = of["body.1.weight"].shape[1] // most
    yield of["body.0.qkv.weight"].reshape(3, most, head_dim, -1)[:, :heads, :, :dim]
    yield of["body.0.qkv.bias"].reshape(3, most, head_dim)[:, :heads]
    yield of["body.1.weight"][:dim, : heads * head_dim]
    yield from (tensor for name, tensor in of.items() if name.endswith("vectors"))  # one head's positions serve all


def _feeding(of: Mapping[str, torch.Tensor], dim: int, units: int) -> Iterator[torch.Tensor]:
    """What `units` hidden units and `dim` features keep of half a layer."""
    yield from (of[name][:dim] for name in ("before.weight", "before.bias", "body.2.bias"))
    yield of["body.0.weight"][:units, :dim]
    yield of["body.0.bias"][:units]
    yield of["body.2.weight"][:dim, :units]


def _rest(of: Mapping[str, torch.Tensor], dim: int) -> Iterator[torch.Tensor]:
    """What `dim` features keep of what lies outside the layers."""
    yield from (of[name][:dim] for name in ("patches.weight", "patches.bias", "norm.weight", "norm.bias"))
    yield from (of[name][..., :dim] for name in ("class_token", "positions.vectors", "classifier.weight"))
    yield of["classifier.bias"]


def _weight(parts: Iterable[torch.Tensor]) -> Weight:
    """(sum, number) of the values of all parts."""
    kept = list(parts)
    return np.array([sum(float(part.double().sum()) for part in kept), sum(part.numel() for part in kept)])


def _form(arch: Architecture) -> Form:
    given: Any = arch.decisions
    layers = range(1, given["depth"] + 1)
    heads = tuple(given[f"l{layer}.heads"] for layer in layers)
    return Form(given["embed_dim"], heads, tuple(given[f"l{layer}.mlp_ratio"] for layer in layers))


def _architecture(space: AutoFormer, form: Form) -> Architecture:
    decisions: dict[str, Any] = {"embed_dim": form.dim, "depth": len(form.heads)}
    for layer, (heads, ratio) in enumerate(zip(form.heads, form.ratios, strict=True), start=1):
        decisions |= {f"l{layer}.heads": heads, f"l{layer}.mlp_ratio": ratio}
    return Architecture(space, decisions)
