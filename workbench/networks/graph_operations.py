"""The nine operations of NAS-Bench-Graph on a dense adjacency matrix, in plain torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from workbench.errors import InvalidInput, nearest
from workbench.networks.copies import original


class Neighbours(NamedTuple):
    """A graph of n nodes as matrices (n, n): row i weighs the features of i's neighbours.

    `adjacency` is symmetric with zeros and ones, its diagonal zero; `normalised` is D^-1/2 A D^-1/2, `with_loops` the
    same of A + I.
    """

    adjacency: torch.Tensor
    normalised: torch.Tensor
    with_loops: torch.Tensor


def neighbours(adjacency: torch.Tensor) -> Neighbours:
    """The matrices of a symmetric adjacency matrix (n, n); nodes without neighbours get nothing."""
    loops = torch.eye(len(adjacency), dtype=adjacency.dtype, device=adjacency.device)
    return Neighbours(adjacency, _normalised(adjacency), _normalised(adjacency + loops))


def _normalised(adjacency: torch.Tensor) -> torch.Tensor:
    root = adjacency.sum(dim=1).clamp(min=1).rsqrt()  # a lonely node's row is zero whatever it is divided by
    return root[:, None] * adjacency * root


class GraphAttention(nn.Module):
    """Neighbours weighed by attention in `heads` heads, side by side (Velickovic et al., ICLR 2018)."""

    def __init__(self, c_in: int, c_out: int, heads: int = 2) -> None:
        super().__init__()
        if c_out % heads:
            raise InvalidInput(f"The {c_out} channels of an attention layer cannot be shared out among {heads} heads.")
        self.features = nn.Linear(c_in, c_out, bias=False)
        self.target = nn.Parameter(torch.empty(heads, c_out // heads))
        self.source = nn.Parameter(torch.empty(heads, c_out // heads))
        self.bias = nn.Parameter(torch.zeros(c_out))
        for weights in (self.target, self.source):
            nn.init.xavier_uniform_(weights)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        h = self.features(x).unflatten(1, self.target.shape)
        scores = (h * self.target).sum(-1)[:, None] + (h * self.source).sum(-1)[None]  # (n, n, heads)
        scores = nn.functional.leaky_relu(scores, 0.2)
        scores = scores.masked_fill((graph.with_loops == 0)[..., None], float("-inf"))
        out = torch.einsum("ijh,jhd->ihd", scores.softmax(dim=1), h).flatten(1) + self.bias
        return out


class GraphConvolution(nn.Module):
    """The normalised sum over a node and its neighbours (Kipf & Welling, ICLR 2017, eq. 2)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.features = nn.Linear(c_in, c_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(c_out))

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = graph.with_loops @ self.features(x) + self.bias
        return out


class GraphIsomorphism(nn.Module):
    """The sum over a node and its neighbours through one linear layer (Xu et al., ICLR 2019, eq. 4.1, epsilon 0)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.features = nn.Linear(c_in, c_out)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = self.features(x + graph.adjacency @ x)
        return out


class Chebyshev(nn.Module):
    """The first two Chebyshev polynomials of the Laplacian (Defferrard et al., NeurIPS 2016), its largest value 2.

    The rescaled Laplacian 2 L / 2 - I is then -D^-1/2 A D^-1/2.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.zeroth = nn.Linear(c_in, c_out)
        self.first = nn.Linear(c_in, c_out, bias=False)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = self.zeroth(x) - self.first(graph.normalised @ x)
        return out


class SampleAggregate(nn.Module):
    """The mean over all neighbours beside the node itself (GraphSAGE: Hamilton et al., NeurIPS 2017)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.around = nn.Linear(c_in, c_out)
        self.own = nn.Linear(c_in, c_out, bias=False)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        degrees = graph.adjacency.sum(dim=1, keepdim=True).clamp(min=1)
        out: torch.Tensor = self.around(graph.adjacency @ x / degrees) + self.own(x)
        return out


class AutoregressiveMovingAverage(nn.Module):
    """One stack of one ARMA step, with its ReLU (Bianchi et al., IEEE TPAMI 2021)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.around = nn.Linear(c_in, c_out, bias=False)
        self.own = nn.Linear(c_in, c_out)
        # The weight of later steps, of which there are none: the benchmark counts it among the parameters.
        self.later = nn.Parameter(torch.empty(c_out, c_out))
        nn.init.xavier_uniform_(self.later)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = torch.relu(graph.normalised @ self.around(x) + self.own(x))
        return out


class HigherOrder(nn.Module):
    """The sum over the neighbours beside the node itself (k-GNN: Morris et al., AAAI 2019)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.around = nn.Linear(c_in, c_out)
        self.own = nn.Linear(c_in, c_out, bias=False)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = self.around(graph.adjacency @ x) + self.own(x)
        return out


class FullyConnected(nn.Module):
    """A linear layer on each node by itself."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.features = nn.Linear(c_in, c_out)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, c_out)."""
        out: torch.Tensor = self.features(x)
        return out


class Skip(nn.Module):
    """The features as they are."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c) to (n, c)."""
        return x


_LAYERS: dict[str, type[nn.Module]] = {
    "gat": GraphAttention,
    "gcn": GraphConvolution,
    "gin": GraphIsomorphism,
    "cheb": Chebyshev,
    "sage": SampleAggregate,
    "arma": AutoregressiveMovingAverage,
    "graph": HigherOrder,
    "fc": FullyConnected,
    "skip": Skip,
}


def graph_operation(name: str, c_in: int, c_out: int) -> nn.Module:
    """The layer called `name`, copies ("gcn#2") included; it takes features (n, c_in) and `Neighbours`."""
    plain = original(name)
    if plain not in _LAYERS:
        raise InvalidInput(f"There is no graph operation {name!r} to build a network from. {nearest(plain, _LAYERS)}")
    return _LAYERS[plain](c_in, c_out)
