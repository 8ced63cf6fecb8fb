"""Grid search: every point once, in an order whose every beginning is spread evenly over the space."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History

_GOLDEN = (5**0.5 - 1) / 2
_TRIED = 64  # strides among which the most even one is taken
_BEGINNINGS = (16, 64)  # steps after which evenness is looked at


@strategy("grid", objectives="any", paper="Korobov, 1959 (lattices with a good generator)")
class Grid:
    """A walk through the numbered points, always the same number of points further: a one-generator lattice.

    The stride shares no divisor with the number N of points, so that N steps visit every point once. Of 64 strides it
    is the one whose first steps spread most evenly over the answers of every question and of every two. The order is
    always the same; the seed says where it begins. A number that can take more than 16 values is cut into 16. An
    enqueued point moves the walk to where it lies.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self._strides: dict[tuple[int, ...], int] = {}

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """The points after the last one that was tried."""
        sizes = tuple(len(domain.answers[name]) for name in domain.names)
        n = prod(sizes)
        if sizes not in self._strides:
            self._strides[sizes] = _stride(sizes)
        stride = self._strides[sizes]
        place = _share(n, float(np.random.default_rng(self.seed).random()))
        if history:
            codes = domain.codes([history[-1].params])[0]
            known = bool((codes >= 0).all())
            place = (_number(codes.tolist(), sizes) if known else place + stride * (len(history) - 1)) + stride
        for _ in range(n):
            place %= n
            yield domain.point(_digits(place, sizes))
            place += stride


def _stride(sizes: tuple[int, ...]) -> int:
    """The most even of strides that share no divisor with the number of points."""
    n = prod(sizes)
    strides = []
    for i in range(1, _TRIED + 1):
        stride = max(1, _share(n, i * _GOLDEN % 1))
        while gcd(stride, n) > 1:
            stride += 1
        strides.append(stride)
    return min(strides, key=lambda stride: _unevenness(stride, sizes))


def _unevenness(stride: int, sizes: tuple[int, ...]) -> float:
    """How far the shares of answers, and of pairs of answers, are from equal ones in the first steps of a stride."""
    n = prod(sizes)
    total = 0.0
    for steps in (min(n, steps) for steps in _BEGINNINGS):
        digits = np.array([_digits(i * stride % n, sizes) for i in range(steps)])
        marks = np.hstack([digits[:, [j]] == np.arange(size) for j, size in enumerate(sizes)]).astype(float)
        wanted = np.concatenate([np.full(size, 1 / size) for size in sizes])
        question = np.repeat(np.arange(len(sizes)), sizes)
        pairs = (marks.T @ marks / steps - np.outer(wanted, wanted)) * (question[:, None] != question)
        total += float(((marks.mean(axis=0) - wanted) ** 2).sum() + (pairs**2).sum() / len(sizes))
    return total


def _share(n: int, fraction: float) -> int:
    """That fraction of `n`, in whole numbers because `n` may be too large for a float."""
    return int(fraction * 2**53) * n >> 53


def _digits(place: int, sizes: tuple[int, ...]) -> list[int]:
    """A point's number as one digit a question, the last question's changing fastest."""
    digits = []
    for size in reversed(sizes):
        place, digit = divmod(place, size)
        digits.append(digit)
    return digits[::-1]


def _number(digits: list[int], sizes: tuple[int, ...]) -> int:
    number = 0
    for digit, size in zip(digits, sizes, strict=True):
        number = number * size + digit
    return number
