"""The four proxies of AZ-NAS, three of them from one pass over the blocks of a network (Lee & Ham, CVPR 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import fmean
from typing import Any

import torch
from torch import nn

from workbench.networks.counting import weighted_layers
from workbench.networks.running import backward, run
from workbench.proxies.blocks import blocks
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Layers, proxy
from workbench.proxies.unscored import Unscored

# What enters the first block goes by the name of the whole network.
ENTRANCE = ""
_PAPER = "Lee & Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024"
_ONE_BLOCK = "the network has one block only: there is no step between two"
_IN_LOG = 1e-8  # added before the logarithm, as in the authors' code
_IN_RATIO = 1e-6  # added before the division, as in the authors' code


def mean_of_layers(layers: Layers) -> float:
    """The mean of numbers by layer."""
    return fmean(layers.values())


def smallest_step(layers: Layers) -> float:
    """The smallest of numbers by layer."""
    return min(layers.values())


@dataclass
class Blocks:
    """What the blocks of a network do, in the order in which they run; a value that there is not says why.

    `entropies`: name of block -> entropy of its features' spectrum, what enters the first block as "".
    `singulars`: name of block -> largest singular value of its backward pass.
    """

    entropies: dict[str, float] = field(default_factory=dict)
    singulars: dict[str, float] = field(default_factory=dict)


def spectral_entropy(maps: torch.Tensor) -> float:
    """Entropy in nats of the eigenvalues, as shares of their sum, of the covariance over channels of (n, C, P).

    Eigenvalues that rounding has made negative are 0; the authors' code makes the score minus infinity of them.
    """
    if not maps.isfinite().all():
        return Unscored("are not finite")
    maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
    centred = maps - maps.mean(dim=(0, 2), keepdim=True, dtype=torch.float64).to(maps)
    # What is left of constant channels after their mean is taken off is rounding, and its shares mean nothing.
    if centred.norm() <= torch.finfo(torch.float32).eps * maps.norm():
        return Unscored("are the same everywhere: their covariance is zero")
    shares = torch.linalg.eigvalsh(_products(centred, centred)).clamp(min=0)
    shares = shares / shares.sum()
    return float(-(shares * torch.log(shares + _IN_LOG)).sum())


def largest_singular_value(g_in: torch.Tensor, g_out: torch.Tensor) -> float:
    """Of the mean over inputs and positions of the products of `g_in` and `g_out`, both (n, C, H, W).

    Where the output is smaller, the positions of the input that meet one of the output are channels of it.
    """
    (height, width), (tall, wide) = g_out.shape[2:], g_in.shape[2:]
    if tall < height or wide < width:
        return Unscored("has more positions behind it than before it")
    down, across = -(-tall // height), -(-wide // width)
    if down > 1 or across > 1:
        padded = nn.functional.pad(g_in, (0, across * width - wide, 0, down * height - tall))
        g_in = nn.functional.unfold(padded, (down, across), stride=(down, across))
    matrix = _products(g_in.flatten(2), g_out.flatten(2))
    if not matrix.isfinite().all():
        return Unscored("passes back what is not finite")
    return float(torch.linalg.svdvals(matrix)[0])


def _products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(C, D): the mean over n and P of the products of (n, C, P) and (n, D, P); input by input, added in float64."""
    a, b = (each.to(torch.promote_types(each.dtype, torch.float32)) for each in (a, b))
    return torch.bmm(a, b.transpose(1, 2)).sum(dim=0, dtype=torch.float64) / (a.shape[0] * a.shape[2])


def over_blocks(probe: Probe) -> Blocks:
    """One training-mode forward in which every block's features and backward pass are looked at and then let go."""
    walk = _Walk(probe)
    x = probe.batch.x
    with undisturbed(probe.model, probe.seed, x.device, differentiable=True), walk.hooked(probe.model):
        for parameter in probe.model.parameters():
            parameter.requires_grad_(False)
        run(probe.model, x)
    return walk.found


class _Walk:
    """The hooks of the pass: each block starts from a tensor of its own, so that its graph ends where it begins."""

    def __init__(self, probe: Probe) -> None:
        self.found = Blocks()
        self.n_inputs = len(probe.batch.x)
        self.weighed = False
        self.before: torch.Tensor | None = None
        self.drawing = torch.Generator().manual_seed(probe.seed)

    @contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        """Inside, the blocks of `model` are looked at as they run."""
        handles = []
        for name, block in blocks(model).items():
            handles.append(block.register_forward_pre_hook(self.enter))
            handles.append(block.register_forward_hook(partial(self.leave, name)))
        handles += [layer.register_forward_hook(self.weigh) for layer in weighted_layers(model).values()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def weigh(self, _layer: nn.Module, _inputs: tuple[Any, ...], _output: Any) -> None:
        """Note that weights have acted: what comes now is no longer the input itself."""
        self.weighed = True

    def enter(self, _block: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Take what enters the first block for the first features, unless it is the network's input."""
        if self.found.entropies or not self.weighed or not inputs or not self._is_feature(inputs[0]):
            return None
        return (self._taken(ENTRANCE, inputs[0]), *inputs[1:])

    def leave(self, name: str, _block: nn.Module, _inputs: tuple[Any, ...], output: Any) -> torch.Tensor | None:
        """Look at a block's output; the rest of the network goes on from a copy without a past."""
        if name in self.found.entropies or not self._is_feature(output):
            return None  # a block that runs again counts the first time
        if self.before is not None:
            self.found.singulars[name] = self._singular(self.before, output)
        return self._taken(name, output)

    def _is_feature(self, value: Any) -> bool:
        fits = isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim in (2, 3, 4)
        return fits and len(value) == self.n_inputs

    def _taken(self, name: str, features: torch.Tensor) -> torch.Tensor:
        self.found.entropies[name] = spectral_entropy(_as_maps(features.detach()).flatten(2))
        self.before = features.detach().requires_grad_()
        return self.before.clone()  # what follows may work in place

    def _singular(self, before: torch.Tensor, output: torch.Tensor) -> float:
        signs = torch.randint(0, 2, output.shape, generator=self.drawing).to(output) * 2 - 1
        back = None
        if output.requires_grad:
            (back,) = backward(output, [before], signs, retain_graph=True)
        if back is None or not back.any():
            return Unscored("passes nothing back")
        if back.shape == signs.shape and torch.equal(back, signs):
            return Unscored("hands on what it is given")
        return largest_singular_value(_as_maps(back), _as_maps(signs))


def _as_maps(features: torch.Tensor) -> torch.Tensor:
    """(n, C, H, W) of images, tokens (n, T, C) or vectors (n, C)."""
    if features.ndim == 3:
        return features.transpose(1, 2).unsqueeze(-1)
    return features if features.ndim == 4 else features[:, :, None, None]


def _whole(values: Mapping[str, float], what: str) -> dict[str, float] | Unscored:
    """The values by block, or the reason of the first that there is not."""
    for name, value in values.items():
        if isinstance(value, Unscored):
            block = f"block {name!r}" if name else "what enters the first block"
            return Unscored(f"{what} {block} {value.reason}" if what else f"{block} {value.reason}")
    if not values:
        return Unscored("no block of the network has features of the inputs, (n, C, H, W), (n, T, C) or (n, C)")
    return dict(values)


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    of="function",
    paper=_PAPER,
    equation="sum over blocks of -sum p log p, p = eigenvalues of the features' covariance over channels / their sum",
)
def az_expressivity(probe: Probe) -> float | dict[str, float]:
    """By block, how evenly its features fill their channels, in nats; "" is what enters the first block.

    In the network's own weights and on its batch; the authors draw Kaiming weights and Gaussian images.
    """
    return _whole(probe.once(over_blocks).entropies, "the features of")


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    of="function",
    paper=_PAPER,
    equation="min over blocks of the expressivity of a block minus that of the block before",
    total=smallest_step,
)
def az_progressivity(probe: Probe) -> float | dict[str, float]:
    """By block, by how much its features fill their channels more evenly than those before; the total is the least."""
    entropies = _whole(probe.once(over_blocks).entropies, "the features of")
    if isinstance(entropies, Unscored):
        return entropies
    steps = {after: entropies[after] - entropies[before] for before, after in pairwise(entropies)}
    return steps or Unscored(_ONE_BLOCK)


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    of="function",
    paper=_PAPER,
    equation="mean over blocks of 2 - s - 1/s, s = largest singular value of the mean of (J' g) g' for signs g",
    total=mean_of_layers,
)
def az_trainability(probe: Probe) -> float | dict[str, float]:
    """By block, how near its backward pass is to keeping the size of what it passes back; 0 is best.

    `g` is drawn from the seed, block after block, as the authors draw it: -1 or 1 for each value of a block's output,
    J' g what the block makes of it. A block that passes nothing back, or hands on what it is given, is no number:
    the authors' score is then about -10^6 and minus infinity.
    """
    found = probe.once(over_blocks)
    if len(found.entropies) == 1:
        return Unscored(_ONE_BLOCK)
    singulars = _whole(found.singulars, "")
    if isinstance(singulars, Unscored):
        return singulars
    return {name: 2 - s - 1 / (s + _IN_RATIO) for name, s in singulars.items()}


@proxy(
    better="higher",
    needs="none",
    cost="free",
    paper=_PAPER,
    equation="multiply-adds of one input",
)
def az_complexity(probe: Probe) -> float:
    """Multiply-adds in units: `flops` under the name it has in AZ-NAS."""
    return float(probe.counts.macs)
