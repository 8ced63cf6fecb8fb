"""Weights of a plain network in a supernet: the largest path is then that network, and all others are parts of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.attention import ElasticAttention
from workbench.supernets.supernet import Supernet

Tensors = Mapping[str, torch.Tensor]
_COUNT = "num_batches_tracked"  # by batch normalisation, which does without


@torch.no_grad()
def from_module(net: Supernet, module: nn.Module | Tensors, layers: Mapping[str, str]) -> Supernet:
    """Fill the `layers` of a supernet with the weights of a plain network's, name by name; returns the supernet.

    `layers` maps the names of elastic layers, as in `net.network.named_modules()`, to the names of linear,
    convolutional, normalising or embedding layers of the `module`, or of the tensors of one (a `state_dict`, or what a
    file of weights holds). An elastic attention takes a whole `nn.MultiheadAttention`. A layer is filled at its full
    size, which the plain one must have; layers that are not named keep their weights. Raises `UnknownName` for a layer
    that is not there, and `InvalidInput`, before anything is written, where tensors are missing or do not fit.
    """
    theirs = module.state_dict() if isinstance(module, nn.Module) else module
    own = dict(net.network.named_modules())
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for name, source in layers.items():
        if name not in own:
            raise UnknownName.of("layer of the supernet", name, own)
        if isinstance(own[name], ElasticAttention):
            for part, tensors in _apart(_under(theirs, source), source).items():
                pairs += _matched(f"{name}.{part}", own[f"{name}.{part}"], f"{source}: {part}", tensors)
        else:
            pairs += _matched(name, own[name], source, _under(theirs, source))
    for tensor, value in pairs:
        tensor.copy_(value)
    net.forget()
    return net


def bert_layers(n_layers: int, prefix: str = "") -> dict[str, str]:
    """The `layers` of a text encoder in the names that BERT's released weights have: all but the classifier's.

    There, all tokens of a text without a pair also get one vector of their type: add it to the embeddings of positions.
    """
    embeddings = {"embedding.tokens": "word_embeddings", "positions": "position_embeddings", "norm": "LayerNorm"}
    layer = {
        "attention.body.queries": "attention.self.query",
        "attention.body.keys": "attention.self.key",
        "attention.body.values": "attention.self.value",
        "attention.body.out": "attention.output.dense",
        "attention.norm": "attention.output.LayerNorm",
        "feeding.body.widen": "intermediate.dense",
        "feeding.body.narrow": "output.dense",
        "feeding.norm": "output.LayerNorm",
    }
    return {name: f"{prefix}embeddings.{source}" for name, source in embeddings.items()} | {
        f"layers.blocks.{n}.{name}": f"{prefix}encoder.layer.{n}.{source}"
        for n in range(n_layers)
        for name, source in layer.items()
    }


def _under(tensors: Tensors, source: str) -> dict[str, torch.Tensor]:
    """The tensors of a layer and its parts, by the names that they have there."""
    found = {name.removeprefix(f"{source}."): t for name, t in tensors.items() if name.startswith(f"{source}.")}
    if not found:
        raise UnknownName.of("layer of the given weights", source, {name.rpartition(".")[0] for name in tensors})
    return found


def _apart(tensors: Tensors, source: str) -> dict[str, dict[str, torch.Tensor]]:
    """Queries, keys, values and out of the tensors of an `nn.MultiheadAttention`."""
    if "in_proj_weight" not in tensors:
        raise InvalidInput(
            f"{source} holds {', '.join(tensors)}, which is no nn.MultiheadAttention of one width: name a linear layer "
            "for each of the queries, keys, values and out of the elastic attention."
        )
    parts: dict[str, dict[str, torch.Tensor]] = {"queries": {}, "keys": {}, "values": {}, "out": {}}
    for name, tensor in tensors.items():
        if name.startswith("in_proj_"):
            for part, third in zip(("queries", "keys", "values"), tensor.chunk(3), strict=True):
                parts[part][name.removeprefix("in_proj_")] = third
        else:
            parts["out"][name.removeprefix("out_proj.")] = tensor
    return parts


def _matched(name: str, layer: nn.Module, source: str, theirs: Tensors) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each tensor of an elastic layer beside what it is to become."""
    # What lies deeper belongs to parts: transforms, matrices between kernels.
    ours = {key: tensor for key, tensor in layer.state_dict().items() if "." not in key and key != _COUNT}
    theirs = {key: tensor for key, tensor in theirs.items() if key != _COUNT}
    if not ours or set(ours) != set(theirs):
        raise InvalidInput(
            f"{source} holds {', '.join(sorted(theirs))}, and {name} of the supernet "
            f"{', '.join(sorted(ours)) or 'no tensor of its own'}: name layers of the same kind, both with or both "
            "without a bias."
        )
    for key, tensor in ours.items():
        if tensor.shape != theirs[key].shape:
            raise InvalidInput(
                f"{key} of {source} is {tuple(theirs[key].shape)}, and of {name}, at its largest, "
                f"{tuple(tensor.shape)}: make the space as large as the network, or give its tensors cut to size."
            )
    return [(tensor, theirs[key]) for key, tensor in ours.items()]
