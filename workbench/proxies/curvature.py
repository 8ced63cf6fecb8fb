"""The gradient's flow through the loss's curvature, -w.(H g), and which layers need no second derivative for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from workbench.proxies.unscored import Unscored

# The share of a channel's variance that batch normalisation adds for safety: below it, scale makes no difference.
_NEGLIGIBLE = 1e-7


def curvature(
    loss: torch.Tensor, weights: Mapping[str, nn.Parameter], gradients: Mapping[str, torch.Tensor]
) -> dict[str, float] | Unscored:
    """By layer, -w.(H g) for the Hessian H of `loss`; `gradients` must have been taken with their graph.

    A layer whose scale the loss cannot see needs no second derivative (see `scale_free`): for it the number is
    the sum of its squared gradients. The others come of one backward through the backward, which differentiates
    only what leads to them. Unscored where the network has an operation without a second derivative.
    """
    free = scale_free(loss, weights)
    rest = {name: weight for name, weight in weights.items() if name not in free}
    found = {name: float(gradients[name].detach().square().sum()) for name in free}
    along = [(g.detach() * g).sum() for g in gradients.values() if g.requires_grad]
    if not (rest and along):
        return {name: found.get(name, 0.0) for name in weights}
    flow = torch.stack(along).sum()
    # A function that says it can be differentiated only once cuts the graph: it would pass for no dependence at all.
    if any(node.name().endswith("autograd::Error") for node in _nodes(flow.grad_fn)):
        return Unscored("the network has a function that cannot be differentiated twice")
    try:
        products = torch.autograd.grad(flow, list(rest.values()), allow_unused=True)
    except RuntimeError as error:
        return Unscored(f"the network cannot be differentiated twice: {error}")
    for (name, weight), product in zip(rest.items(), products, strict=True):
        found[name] = 0.0 if product is None else -float((weight.detach() * product).sum())
    return {name: found[name] for name in weights}


def scale_free(loss: torch.Tensor, weights: Mapping[str, nn.Parameter], limit: float = _NEGLIGIBLE) -> set[str]:
    """The layers whose weight may be scaled without changing `loss`, as its graph of operations proves.

    Of such a layer the weight is used once, by a convolution, and the convolution's output by nothing but one
    batch normalisation with the batch's statistics. Then L(c w) = L(w), so that w.g = 0 everywhere, and its
    derivative in any direction says w.(H g) = -g.g for this layer (Euler's identity). Normalisation divides by
    the root of variance + eps, which is free of scale only where eps is nothing beside the variance: a layer
    with a channel whose eps / (variance + eps) exceeds `limit` is not one of them.
    """
    users: defaultdict[Any, list[Any]] = defaultdict(list)
    leaves: dict[int, Any] = {}
    for node in _nodes(loss.grad_fn):
        if hasattr(node, "variable"):
            leaves[id(node.variable)] = node
        for earlier, _ in node.next_functions:
            users[earlier].append(node)  # None stands for what needs no gradient
    return {
        name
        for name, weight in weights.items()
        if id(weight) in leaves and _normalised(leaves[id(weight)], users, limit)
    }


def _nodes(root: Any) -> Iterator[Any]:
    """The operations that led to a tensor, from its `grad_fn`, each once."""
    waiting, seen = [root], {None}
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting += [earlier for earlier, _ in node.next_functions]


def _normalised(leaf: Any, users: Mapping[Any, list[Any]], limit: float) -> bool:
    (layer, *others) = users[leaf]
    if others or layer.name() != "ConvolutionBackward0" or len(users[layer]) != 1:
        return False
    if len(layer.next_functions) < 2 or layer.next_functions[1][0] is not leaf:
        return False
    (norm,) = users[layer]
    if norm.name() != "NativeBatchNormBackward0" or norm.next_functions[0][0] is not layer:
        return False
    if not norm._saved_training:
        return False
    return bool((norm._saved_eps * norm._saved_result2.square() <= limit).all())
