"""Motifs of architectures counted by depth, for kernels that choose how deep to look."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.spaces.encodings.wl import wl_by_depth

_Counts = tuple[tuple[str, tuple[int, ...]], ...]


def motif_counts(archs: Sequence[Architecture], depth: int = 2) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The motifs that the architectures have, and counts of them up to depth 0, 1, ... `depth`.

    The counts are of shape (depth + 1, n, motifs). They are those of `wl_features` in the live graphs: the encoding
    "wl" without its hashing, so that the columns depend on the architectures.
    """
    found = [_counts(arch, depth) for arch in archs]
    columns = {name: k for k, name in enumerate(dict.fromkeys(name for counts in found for name, _ in counts))}
    numbers = np.zeros((len(archs), len(columns), depth + 1), dtype=np.float32)
    for row, counts in enumerate(found):
        numbers[row, [columns[name] for name, _ in counts]] = [by_depth for _, by_depth in counts]
    return tuple(columns), np.moveaxis(numbers, 2, 0)


@lru_cache(maxsize=20_000)  # a search asks about the neighbours of the same architectures again and again
def _counts(arch: Architecture, depth: int) -> _Counts:
    """Each motif with its counts up to depth 0, 1, ... `depth`."""
    upto = wl_by_depth(arch.space.live(arch.graph), depth)
    return tuple((name, tuple(counts[name] for counts in upto)) for name in upto[-1])
