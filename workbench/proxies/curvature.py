"""The gradient's flow through the loss's curvature, -w.(H g), by differentiating the backward pass once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from workbench.proxies.unscored import Unscored


def curvature(
    weights: Mapping[str, nn.Parameter], gradients: Mapping[str, torch.Tensor]
) -> dict[str, float] | Unscored:
    """By layer, -w.(H g) for the Hessian H of the loss whose `gradients` have been taken with their graph.

    Unscored where the network has an operation without a second derivative.
    """
    along = [(g.detach() * g).sum() for g in gradients.values() if g.requires_grad]
    if not along:
        return dict.fromkeys(weights, 0.0)
    flow = torch.stack(along).sum()
    # A function that says it can be differentiated only once cuts the graph: it would pass for no dependence at all.
    if any(node.name().endswith("autograd::Error") for node in _nodes(flow.grad_fn)):
        return Unscored("the network has a function that cannot be differentiated twice")
    try:
        products = torch.autograd.grad(flow, list(weights.values()), allow_unused=True)
    except RuntimeError as error:
        return Unscored(f"the network cannot be differentiated twice: {error}")
    return {
        name: 0.0 if product is None else -float((weight.detach() * product).sum())
        for (name, weight), product in zip(weights.items(), products, strict=True)
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
