"""Elastic layers: linear, convolutional, normalising and embedding layers whose sizes gates decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from math import prod
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from workbench.networks.elastic.gates import Gates, Size, masked
from workbench.networks.elastic.module import ElasticModule, centre, leading, overlap, write
from workbench.networks.elastic.transforms import WeightTransform


class Weighted(ElasticModule):
    """A layer with a weight, whose first axis is its outputs, a bias or none, and transforms of the weight."""

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, transforms: Iterable[WeightTransform] = ()) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)

    def used(self, full: torch.Tensor, shape: Iterable[int], gates: Gates) -> torch.Tensor:
        """What is used, under these gates, of a tensor like the layer's weight: leading parts, as far as `shape`."""
        return leading(full, shape)

    def transformed(self, weight: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The sliced weight after all transforms."""
        for transform in self.transforms:
            weight = transform(weight, gates, partial(self.used, shape=weight.shape, gates=gates))
        return weight

    def by_example(
        self, gates: Gates, product: Callable[[Gates], torch.Tensor], questions: Iterable[str] = ()
    ) -> torch.Tensor:
        """`product`, linear in the weight; where examples answer what decides it differently, one for every answer.

        The transforms' questions decide it, and `questions`.
        """
        for question in (*questions, *(q for one in self.transforms for q in cast("WeightTransform", one).questions)):
            gate = gates[question]
            if not isinstance(gate, int) and gate.ndim == 2:
                parts = [
                    share.reshape(-1, *[1] * (out.ndim - 1)) * out
                    for number, share in enumerate(gate.unbind(1))
                    if bool(share.any())
                    for out in [self.by_example(gates.having({question: number}), product, questions)]
                ]
                return torch.stack(parts).sum(0)
        return product(gates)


class ElasticLinear(Weighted):
    """A linear layer from (..., in) to (..., out), the leading features of both.

    How many go in follows the input. Under a mixture the outputs are weighted, unless `mask` is False because a
    normalisation that follows does so.
    """

    def __init__(
        self,
        n_in: int | Size,
        n_out: int | Size,
        *,
        bias: bool = True,
        mask: bool = True,
        transforms: Iterable[WeightTransform] = (),
    ) -> None:
        super().__init__(transforms)
        self.n_in, self.n_out = Size.of(n_in), Size.of(n_out)
        self.products = self.n_in * self.n_out
        self.mask = mask
        plain = nn.Linear(self.n_in.largest, self.n_out.largest, bias=bias)
        self.weight = cast("nn.Parameter", plain.weight)
        self.bias = cast("nn.Parameter | None", plain.bias)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(..., in) to (..., out)."""
        n_out = self.n_out.at(gates)
        weight = leading(self.weight, (n_out, x.shape[-1]))
        bias = None if self.bias is None else leading(self.bias, (n_out,))
        if gates.counting:
            products = self.products.expected(gates)
            gates.count(products * prod(x.shape[1:-1]), products + (0 if bias is None else self.n_out.expected(gates)))
        if self.transforms:
            out = self.by_example(gates, lambda one: F.linear(x, self.transformed(weight, one), bias))
        else:
            out = F.linear(x, weight, bias)
        return masked(out, self.n_out, gates, axis=-1) if self.mask else out


class ElasticConv(Weighted):
    """A convolution over `n_axes` axes with elastic channels and an elastic, odd kernel; it keeps the size at stride 1.

    A smaller kernel is the centre of the next larger one; with `kernel_matrices` it is the centre times a learned
    matrix, the identity at first, that all channels share (Cai et al., Once-for-All, ICLR 2020). Under a mixture of
    kernels the smaller ones are padded with zeros and weighted. `depthwise` has one filter for each channel that comes
    in, else `groups` divides the channels. Widths under a mixture are masked by the normalisation that follows.
    """

    def __init__(
        self,
        c_in: int | Size,
        c_out: int | Size,
        kernel: int | Size = 1,
        *,
        stride: int = 1,
        n_axes: int = 2,
        depthwise: bool = False,
        bias: bool = False,
        kernel_matrices: bool = False,
        transforms: Iterable[WeightTransform] = (),
    ) -> None:
        super().__init__(transforms)
        self.c_in, self.c_out, self.kernel = Size.of(c_in), Size.of(c_out), Size.of(kernel)
        self.stride, self.n_axes, self.depthwise = stride, n_axes, depthwise
        area = self.kernel
        for _ in range(n_axes - 1):
            area = area * self.kernel
        self.products = self.c_out * area if depthwise else self.c_in * self.c_out * area
        most_in = 1 if depthwise else self.c_in.largest
        build = nn.Conv1d if n_axes == 1 else nn.Conv2d
        plain = build(most_in, self.c_out.largest, self.kernel.largest, bias=bias)
        self.weight = cast("nn.Parameter", plain.weight)
        self.bias = cast("nn.Parameter | None", plain.bias)
        self.kernels = sorted(set(self.kernel.table.flatten().tolist()), reverse=True)
        self.matrices = nn.ParameterDict()
        if kernel_matrices:
            for large, small in pairwise(self.kernels):
                self.matrices[f"{large}to{small}"] = nn.Parameter(torch.eye(small**n_axes))

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, in, ...) to (n, out, ...), each axis divided by the stride, rounded up."""
        c_in = x.shape[1]
        c_out = c_in if self.depthwise else self.c_out.at(gates)
        bias = None if self.bias is None else leading(self.bias, (c_out,))
        convolve = F.conv1d if self.n_axes == 1 else F.conv2d
        groups = c_in if self.depthwise else 1

        def convolved(gates: Gates) -> torch.Tensor:
            # Kernels first: a product with a matrix is rounded otherwise for fewer channels.
            weight = leading(self._cropped(self.weight, gates, self.at_kernel), (c_out, 1 if self.depthwise else c_in))
            weight = self.transformed(weight, gates)
            return convolve(x, weight, bias, self.stride, weight.shape[-1] // 2, groups=groups)

        out = self.by_example(gates, convolved, self.kernel.questions)
        if gates.counting:
            products = self.products.expected(gates)
            places = prod(out.shape[2:])
            gates.count(products * places, products + (0 if bias is None else self.c_out.expected(gates)))
        return out

    def used(self, full: torch.Tensor, shape: Iterable[int], gates: Gates) -> torch.Tensor:
        """Leading channels, and the centre for smaller kernels: matrices are for the layer's own weight alone."""
        return leading(self._cropped(full, gates, partial(centre, n_axes=self.n_axes)), tuple(shape)[:2])

    def at_kernel(self, weight: torch.Tensor, kernel: int) -> torch.Tensor:
        """The weight for a smaller kernel: cropped step by step, through the matrices where there are some."""
        for large, small in pairwise(self.kernels):
            if weight.shape[-1] == kernel:
                break
            weight = centre(weight, small, self.n_axes)
            if f"{large}to{small}" in self.matrices:
                flat = weight.flatten(2) @ self.matrices[f"{large}to{small}"].T
                weight = flat.reshape(weight.shape)
        return weight

    @torch.no_grad()
    def inherit(self, other: nn.Module) -> None:
        """The other's weight at this layer's largest kernel, and its matrices between kernels that both have."""
        overlap(self, other)
        if not isinstance(other, ElasticConv):
            return
        theirs = other.weight
        if other.kernel.largest > self.kernel.largest and self.kernel.largest in other.kernels:
            theirs = cast("nn.Parameter", other.at_kernel(theirs, self.kernel.largest))
        if theirs.shape[-1] <= self.weight.shape[-1]:
            # Around a smaller kernel are zeros: the larger one computes what the smaller one did.
            leading(self.weight, map(min, zip(self.weight.shape[:2], theirs.shape[:2], strict=True))).zero_()
            write(centre(self.weight, theirs.shape[-1], self.n_axes), theirs)
        else:
            write(self.weight, centre(theirs, self.weight.shape[-1], self.n_axes))
        for name, matrix in self.matrices.items():
            if name in other.matrices:
                matrix.copy_(other.matrices[name])

    def _cropped(
        self, weight: torch.Tensor, gates: Gates, crop: Callable[[torch.Tensor, int], torch.Tensor]
    ) -> torch.Tensor:
        if not self.kernel.mixed(gates):
            kernel = self.kernel.at(gates)
            return weight if kernel == weight.shape[-1] else crop(weight, kernel)
        shares = self.kernel.weights(gates)
        total = torch.zeros_like(weight)
        for share, kernel in zip(shares, self.kernel.table.tolist(), strict=True):
            edge = (weight.shape[-1] - kernel) // 2
            total = total + share * F.pad(crop(weight, kernel), [edge] * (2 * self.n_axes))
        return total


class ElasticBatchNorm(ElasticModule):
    """Batch normalisation of the leading channels; under a mixture of widths it weighs them afterwards.

    A mask before it would be undone by it. In training mode statistics are the batch's and are not kept: those of one
    sub-network say nothing about another. `Supernet.calibrate` measures them for one.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int | Size, *, affine: bool = True, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = Size.of(channels)
        self.eps = eps
        n = self.channels.largest
        self.weight = nn.Parameter(torch.ones(n)) if affine else None
        self.bias = nn.Parameter(torch.zeros(n)) if affine else None
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))
        # How many batches the statistics are the mean of; None while they are not being measured.
        self.measured: int | None = None

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, C, ...) to the same shape."""
        n = (x.shape[1],)
        weight = None if self.weight is None else leading(self.weight, n)
        bias = None if self.bias is None else leading(self.bias, n)
        if gates.counting and self.weight is not None:
            gates.count(0.0, 2 * self.channels.expected(gates))
        if self.measured is not None:
            self.measured += 1
            mean, var = leading(self.running_mean, n), leading(self.running_var, n)
            out = F.batch_norm(x, mean, var, weight, bias, True, 1 / self.measured, self.eps)
        elif self.training:
            out = F.batch_norm(x, None, None, weight, bias, True, 0.0, self.eps)
        else:
            mean, var = leading(self.running_mean, n), leading(self.running_var, n)
            out = F.batch_norm(x, mean, var, weight, bias, False, 0.0, self.eps)
        return masked(out, self.channels, gates)


class ElasticLayerNorm(ElasticModule):
    """Layer normalisation of the leading features of (..., features).

    Under a mixture, mean and variance are those of the features as they are weighted: what a mask leaves out does not
    count, so that a mask of zeros and ones gives what a slice gives.
    """

    def __init__(self, features: int | Size, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.features = Size.of(features)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(self.features.largest))
        self.bias = nn.Parameter(torch.zeros(self.features.largest))

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, ..., features) to the same shape."""
        n = (x.shape[-1],)
        weight, bias = leading(self.weight, n), leading(self.bias, n)
        gates.count(0.0, 2 * self.features.expected(gates) if gates.counting else 0.0)
        mask = self.features.mask(gates)
        if mask is None:
            return F.layer_norm(x, n, weight, bias, self.eps)
        mask = mask.reshape(len(mask), *[1] * (x.ndim - 2), -1) if mask.ndim == 2 else mask
        total = mask.sum(-1, keepdim=True)
        mean = (x * mask).sum(-1, keepdim=True) / total
        apart = x - mean
        var = (apart.square() * mask).sum(-1, keepdim=True) / total
        return (apart * (var + self.eps).rsqrt() * weight + bias) * mask


class ElasticEmbedding(ElasticModule):
    """Rows of a table, their leading features: (n, L) whole numbers to (n, L, features)."""

    def __init__(self, n: int, features: int | Size) -> None:
        super().__init__()
        self.features = Size.of(features)
        self.weight = nn.Parameter(torch.empty(n, self.features.largest).normal_(std=0.02))

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The rows numbered in `x`."""
        n = self.features.at(gates)
        if gates.counting:
            gates.count(0.0, len(self.weight) * self.features.expected(gates))
        return masked(F.embedding(x, leading(self.weight, (len(self.weight), n))), self.features, gates, axis=-1)
