"""Damaged copies of a file: cut short, or with some bytes changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def damaged(raw: bytes, n: int = 30, seed: int = 0) -> Iterator[bytes]:
    """`n` copies of `raw`, every third truncated, the others with one to eight bytes changed."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        if i % 3 == 0:
            yield raw[: int(rng.integers(len(raw)))]
        else:
            copy = bytearray(raw)
            for place in rng.integers(len(raw), size=rng.integers(1, 9)):
                copy[place] = int(rng.integers(256))
            yield bytes(copy)
