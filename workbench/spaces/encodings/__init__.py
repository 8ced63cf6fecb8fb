"""The catalogue of encodings: architectures of one space as vectors, for predictors and maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.architecture import Architecture
from workbench.catalogue import Catalogue
from workbench.errors import refuse_unknown
from workbench.spaces.encodings.adjacency import adjacency
from workbench.spaces.encodings.one_hot import one_hot
from workbench.spaces.encodings.path import path
from workbench.spaces.encodings.unit_cube import unit_cube
from workbench.spaces.encodings.wl import wl

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

# Called with a space, a sequence of its architectures and settings by keyword; returns float32 (n, d), the columns of
# which depend on the space and the settings alone.
Encoding = Callable[..., np.ndarray]

catalogue: Catalogue[Encoding] = Catalogue("encoding")
catalogue.enter("one_hot", one_hot)
catalogue.enter("adjacency", adjacency)
catalogue.enter("path", path)
catalogue.enter("wl", wl)
catalogue.enter("unit_cube", unit_cube)


def encode(space: SearchSpace, archs: Sequence[Architecture], kind: str, **settings: Any) -> np.ndarray:
    """The architectures as vectors, float32 (n, d); raises `UnknownName` for an unknown `kind` or setting."""
    encoding = catalogue.find(kind)
    refuse_unknown(settings, list(signature(encoding).parameters)[2:], f"The encoding {kind!r}")
    return encoding(space, archs, **settings)
