"""The catalogue of search spaces."""

from __future__ import annotations

from workbench.catalogue import Catalogue
from workbench.spaces.nasbench201 import NASBench201
from workbench.spaces.space import SearchSpace

catalogue: Catalogue[SearchSpace] = Catalogue("search space")
catalogue.enter("nasbench201", NASBench201())


def search_spaces() -> list[str]:
    """The names of the search spaces there are."""
    return catalogue.names()


def search_space(name: str) -> SearchSpace:
    """The search space called `name`; raises `UnknownName` with the nearest names."""
    return catalogue.find(name)
