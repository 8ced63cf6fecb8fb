"""The thirteen proxies of NAS-Bench-Suite-Zero one at a time, each on a copy of the network and with passes of its own.

This is how NASLib (github.com/automl/NASLib, `predictors/utils/pruners`) evaluates them, written here from the papers'
equations: what a family of proxies costs without sharing.
"""

from __future__ import annotations

import copy
import gc
import math
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

Batch = tuple[torch.Tensor, torch.Tensor]


def evaluate(name: str, net: nn.Module, batch: Batch) -> float:
    """The proxy called `name` of `net`, in training mode, on a batch of images and labels.

    Each looks at a copy, which is collected before the next is made; `l2_norm` alone at the network itself.
    """
    if name == "l2_norm":
        return l2_norm(net, *batch)
    with np.errstate(invalid="ignore", divide="ignore"):  # a disconnected network's gradients have no correlation
        value = _NAIVE[name](copy.deepcopy(net).train(), batch[0].clone(), batch[1])
    gc.collect()
    return float(value)


def layers_of(net: nn.Module) -> list[Any]:
    """Convolutions and linear layers."""
    return [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def trained(net: nn.Module, batch: Batch) -> list[Any]:
    """The layers after one backward of the loss with respect to all parameters."""
    images, labels = batch
    F.cross_entropy(net(images), labels).backward()
    return layers_of(net)


def total(by_layer: list[torch.Tensor]) -> float:
    """The sum of all numbers of all layers."""
    return sum(torch.sum(values).item() for values in by_layer)


def or_zeros(gradient: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    """A gradient, zero where the loss does not depend on the tensor."""
    return torch.zeros_like(like) if gradient is None else gradient


def grad_norm(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Sum of the norms of the layers' gradients."""
    return total([or_zeros(layer.weight.grad, layer.weight).norm() for layer in trained(net, (images, labels))])


def plain(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Sum of weight times gradient."""
    layers = trained(net, (images, labels))
    return total([(or_zeros(layer.weight.grad, layer.weight) * layer.weight).detach() for layer in layers])


def l2_norm(net: nn.Module, _images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Sum of the norms of the layers' weights."""
    return total([layer.weight.detach().norm() for layer in layers_of(net)])


def linear(layer: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What a convolution or a linear layer makes of `x` with another weight."""
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def snip(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Sum of the absolute gradients of masks of ones on the weights."""
    for layer in layers_of(net):
        layer.mask = nn.Parameter(torch.ones_like(layer.weight))
        layer.weight.requires_grad = False
        layer.forward = MethodType(lambda self, x: linear(self, x, self.weight * self.mask), layer)
    return total([or_zeros(layer.mask.grad, layer.mask).abs() for layer in trained(net, (images, labels))])


def fisher(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Fisher information of every channel, once for each of the channel's weights."""

    def gated(self: Any, x: torch.Tensor) -> Any:
        self.output = self.gate(linear(self, x, self.weight))
        return self.output

    def watch(layer: Any) -> None:
        def hook(_gate: nn.Module, _into: Any, gradients: Any) -> None:
            product = layer.output.detach() * gradients[0].detach()
            summed = product.sum(list(range(2, product.ndim))) if product.ndim > 2 else product
            information = summed.pow(2).mean(0).mul(0.5)
            layer.information = information if layer.information is None else layer.information + information
            del layer.output

        layer.information, layer.gate = None, nn.Identity()
        layer.forward = MethodType(gated, layer)
        layer.gate.register_full_backward_hook(hook)

    for layer in layers_of(net):
        watch(layer)
    trained(net, (images, labels))
    found = [layer for layer in layers_of(net) if layer.information is not None]
    channels = [layer.information.abs().view(-1, *[1] * (layer.weight.ndim - 1)) for layer in found]
    return total([c.expand_as(layer.weight) for c, layer in zip(channels, found, strict=True)])


def nwot(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Log-determinant of the kernel of ReLUs that agree, by one product for both on and one for both off."""
    kernel = np.zeros((len(images), len(images)))

    def hook(_layer: nn.Module, inputs: Any, _output: torch.Tensor) -> None:
        on = (inputs[0].flatten(1) > 0).float()
        kernel[...] += (on @ on.t()).numpy() + ((1.0 - on) @ (1.0 - on.t())).numpy()

    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(hook)
    net(images)
    return float(np.linalg.slogdet(kernel)[1])


def jacobian(net: nn.Module, images: torch.Tensor) -> Any:
    """Gradients of the sum of logits with respect to each image, by one backward over the whole network."""
    images.requires_grad_(True)
    logits = net(images)
    logits.backward(torch.ones_like(logits))
    return or_zeros(images.grad, images.detach()).flatten(1).numpy()


def jacov(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """How far the images' gradients are from being correlated."""
    found = np.corrcoef(jacobian(net, images))
    if not np.isfinite(found).all():
        return math.nan
    values, _ = np.linalg.eig(found)
    return float(-np.sum(np.log(values + 1e-5) + 1.0 / (values + 1e-5)).real)


def epe_nas(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The same correlation within classes (at most a hundred of them)."""
    rows, classes = jacobian(net, images), labels.numpy()
    alike = [np.corrcoef(rows[classes == label]) for label in np.unique(classes)]
    return float(sum(abs(np.sum(np.log(np.abs(each) + 1e-5))) for each in alike))


def grasp(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Sum of -w (H g): a forward and backward for g, another that is differentiated once more along it."""
    layers = layers_of(net)
    weights = [layer.weight for layer in layers]
    first = torch.autograd.grad(F.cross_entropy(net(images), labels), weights, allow_unused=True)
    loss = F.cross_entropy(net(images), labels)
    again = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    pairs = [(g, h) for g, h in zip(first, again, strict=True) if g is not None]
    torch.stack([(g.detach() * h).sum() for g, h in pairs]).sum().backward()
    return total([-weight.detach() * or_zeros(weight.grad, weight) for weight in weights])


def synflow(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Log of the sum of |w dR/dw| in float64, of absolute weights, without normalisation, for an image of ones."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    net.double()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.abs_()
    net(torch.ones_like(images[:1], dtype=torch.float64)).sum().backward()
    flow = total(
        [(layer.weight * or_zeros(layer.weight.grad, layer.weight)).abs().detach() for layer in layers_of(net)]
    )
    return math.log(flow) if flow > 0 else math.nan


def zen(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Normal weights: how far a small step moves the features, and the spread that normalisation undoes."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in layers_of(net):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
            if layer.bias is not None:
                layer.bias.zero_()
        x, e = (torch.randn(64, *images.shape[1:], generator=generator) for _ in range(2))
        moved = x + 0.01 * e
        features: list[torch.Tensor] = []
        net.head[1].register_forward_hook(lambda _layer, _inputs, output: features.append(output))  # type: ignore[index, union-attr]
        net(x)
        net(moved)
        distance = (features[0] - features[1]).abs().sum((1, 2, 3)).mean()
        if distance == 0:
            return math.nan
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
        return float(distance.log() + sum(norm.running_var.mean().sqrt().log() for norm in norms))  # type: ignore[union-attr]


def counted(net: nn.Module, images: torch.Tensor) -> tuple[int, int]:
    """Parameters and multiply-adds, by one forward of one image with a hook on every layer."""
    products: list[int] = []
    for layer in layers_of(net):
        layer.register_forward_hook(lambda m, _inputs, out: products.append(m.weight[0].numel() * out[0].numel()))
    net(images[:1])
    return sum(parameter.numel() for parameter in net.parameters()), sum(products)


def params(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Number of parameters."""
    return counted(net, images)[0]


def flops(net: nn.Module, images: torch.Tensor, _labels: torch.Tensor) -> float:
    """Multiply-adds of convolutions and linear layers."""
    return counted(net, images)[1]


_NAIVE: dict[str, Callable[[nn.Module, torch.Tensor, torch.Tensor], float]] = {
    function.__name__: function
    for function in (
        *(grad_norm, snip, plain, fisher, l2_norm, nwot, jacov, epe_nas),
        *(synflow, zen, params, flops, grasp),
    )
}
