"""Elastic inverted bottlenecks: MBConv, and MobileNetV4's universal one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticBatchNorm, ElasticConv, ElasticLinear
from workbench.networks.elastic.module import ElasticModule
from workbench.networks.elastic.optional import optional, present
from workbench.networks.elastic.transforms import FakeQuantise, WeightTransform


class ConvNorm(ElasticModule):
    """A convolution, batch normalisation, an activation or none."""

    def __init__(
        self,
        c_in: int | Size,
        c_out: int | Size,
        kernel: int | Size = 1,
        *,
        stride: int = 1,
        n_axes: int = 2,
        depthwise: bool = False,
        activation: type[nn.Module] | None = nn.ReLU,
        kernel_matrices: bool = False,
        bits: Size | None = None,
    ) -> None:
        super().__init__()
        transforms: list[WeightTransform] = [] if bits is None else [FakeQuantise(bits)]
        self.conv = ElasticConv(
            c_in,
            c_out,
            kernel,
            stride=stride,
            n_axes=n_axes,
            depthwise=depthwise,
            kernel_matrices=kernel_matrices,
            transforms=transforms,
        )
        self.norm = ElasticBatchNorm(c_out)
        self.activation = nn.Identity() if activation is None else activation()

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, in, ...) to (n, out, ...)."""
        out: torch.Tensor = self.activation(self.norm(self.conv(x, gates), gates))
        return out


class ElasticBottleneck(ElasticModule):
    """The universal inverted bottleneck (Qin et al., MobileNetV4, ECCV 2024), of elastic widths and kernels.

    `start` and `middle` are the kernels of the optional depthwise convolutions before and inside the expansion, 0 for
    none; the MBConv block (Sandler et al., CVPR 2018) has no `start`. The stride is the middle one's, or where there is
    none the first one's. A kernel question may have 0 among its values: its gate then also says whether the
    convolution is there, and under a mixture what it gives is weighed against what it is given. Input is added to the
    output where stride and channels allow.
    """

    def __init__(
        self,
        c_in: int | Size,
        c_out: int | Size,
        hidden: int | Size,
        *,
        start: int | Size = 0,
        middle: int | Size = 3,
        stride: int = 1,
        activation: type[nn.Module] = nn.ReLU,
        squeeze: Callable[[Size], ElasticSqueezeExcite] | None = None,
        always_expand: bool = True,
        kernel_matrices: bool = False,
        bits: Size | None = None,
    ) -> None:
        super().__init__()
        c_in, c_out, hidden = Size.of(c_in), Size.of(c_out), Size.of(hidden)
        start, middle = Size.of(start), Size.of(middle)
        shared = {"kernel_matrices": kernel_matrices, "bits": bits}
        # The stride cannot be left out with a middle convolution that is optional.
        inside = bool((middle.table > 0).all())
        self.start = OptionalDepthwise(c_in, start, 1 if inside else stride, None, shared)
        self.expand = (
            ConvNorm(c_in, hidden, activation=activation, bits=bits) if always_expand or not hidden.same(c_in) else None
        )
        self.middle = OptionalDepthwise(hidden, middle, stride if inside else 1, activation, shared)
        self.squeeze = None if squeeze is None else squeeze(hidden)
        self.project = ConvNorm(hidden, c_out, activation=None, bits=bits)
        self.residual = stride == 1 and c_in.same(c_out)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, in, H, W) to (n, out, ceil(H/stride), ceil(W/stride))."""
        out = self.start(x, gates)
        if self.expand is not None:
            out = self.expand(out, gates)
        out = self.middle(out, gates)
        if self.squeeze is not None:
            out = self.squeeze(out, gates)
        out = self.project(out, gates)
        total: torch.Tensor = x + out if self.residual else out
        return total

    @property
    def last_norm(self) -> ElasticBatchNorm:
        """The normalisation before the sum."""
        return self.project.norm

    @torch.no_grad()
    def sort_channels(self) -> None:
        """Put the hidden channels that the projection weighs most, by L1 norm, first (Cai et al., Once-for-All, 2020).

        The output of the whole block stays as it was; smaller widths keep what matters most.
        """
        if self.expand is None:
            return
        order = self.project.conv.weight.abs().sum(dim=(0, 2, 3)).argsort(descending=True)
        parts = [self.expand, *([self.middle.body] if self.middle.body is not None else [])]
        for part in parts:
            part.conv.weight.copy_(part.conv.weight[order])
            for tensor in (*part.norm.parameters(recurse=False), *part.norm.buffers(recurse=False)):
                tensor.copy_(tensor[order])
        if self.squeeze is not None:
            self.squeeze.squeeze.weight.copy_(self.squeeze.squeeze.weight[:, order])
            for tensor in self.squeeze.excite.parameters(recurse=False):
                tensor.copy_(tensor[order])
        self.project.conv.weight.copy_(self.project.conv.weight[:, order])


class OptionalDepthwise(ElasticModule):
    """A depthwise convolution with normalisation, or, where the kernel is 0, nothing."""

    def __init__(
        self,
        channels: Size,
        kernel: Size,
        stride: int,
        activation: type[nn.Module] | None,
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.body: ConvNorm | None = None
        if kernel.largest > 0:
            self.body = ConvNorm(
                channels,
                channels,
                present(kernel),
                stride=stride,
                depthwise=True,
                activation=activation,
                **settings,
            )

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, C, H, W) to (n, C, ceil(H/stride), ceil(W/stride))."""
        body = self.body
        return x if body is None else optional(self.kernel, x, gates, lambda inside: body(x, inside))


class ElasticSqueezeExcite(ElasticModule):
    """Channels rescaled by a small network of their means (Hu, Shen & Sun, CVPR 2018), both of elastic width."""

    def __init__(self, channels: int | Size, squeezed: int | Size) -> None:
        super().__init__()
        self.squeeze = ElasticLinear(channels, squeezed)
        # What is rescaled carries the weights of the channels already.
        self.excite = ElasticLinear(squeezed, channels, mask=False)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, C, H, W) to the same shape."""
        scale = self.excite(F.relu(self.squeeze(x.mean((2, 3)), gates)), gates)
        return x * F.hardsigmoid(scale)[..., None, None]
