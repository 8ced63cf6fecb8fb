"""What an analysis is given as a population: architectures, their strings, or a table indexed by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import pandas as pd

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

Population: TypeAlias = pd.DataFrame | Iterable[Architecture | str]


def architectures(given: Population, space: SearchSpace | None = None) -> list[Architecture]:
    """The architectures of a population; `space` reads strings, else the space that a table's attrs name.

    Raises `InvalidInput` for strings without a space to read them.
    """
    listed = list(given.index) if isinstance(given, pd.DataFrame) else list(given)
    if not any(isinstance(each, str) for each in listed):
        return listed
    space = space or space_of(given)
    if space is None:
        raise InvalidInput("Strings are read by their search space, and none is named: give space=.")
    return [space.parse(each) if isinstance(each, str) else each for each in listed]


def space_of(given: Population) -> SearchSpace | None:
    """The space that a table's attrs name, if it is a table and they do."""
    name = given.attrs.get("space") if isinstance(given, pd.DataFrame) else None
    return search_space(name) if name else None
