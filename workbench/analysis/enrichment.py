"""What a selection of architectures has in common: answers, operations and motifs that it has more or less often."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from workbench.analysis.features import Feature, features_of
from workbench.analysis.populations import Population, architectures, space_of
from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.space import SearchSpace

_AT_ONCE = 256  # features whose bits are set at a time


class Features:
    """Which architecture of a population has which feature: made once, then asked about one selection after another.

    An "answer" is one decision, such as "0->1 = skip_connect"; an "operation" how often one occurs, such as
    "3 or more nor_conv_3x3"; a "motif" an operation with what feeds it, to the given depth, as `wl_features` names
    them. Operations and motifs are those of the live graph: what carries nothing is not counted. Features that all
    have are left out; of features that the same architectures have, the one with the shortest name is kept.
    `had` is what `features_of` says about each architecture, where that has been asked before.

    Raises `InvalidInput` for an empty population and for architectures of several spaces.
    """

    def __init__(
        self, archs: Iterable[Architecture], depth: int = 2, *, had: Sequence[Collection[Feature]] | None = None
    ) -> None:
        self.archs = tuple(archs)
        spaces = {arch.space.name for arch in self.archs}
        if len(spaces) != 1:
            raise InvalidInput(f"Architectures of one space are compared; got {', '.join(sorted(spaces)) or 'none'}.")
        self.rows = {str(arch): row for row, arch in enumerate(self.archs)}
        members: dict[Feature, list[int]] = {}
        for row, features in enumerate(had or (features_of(arch, depth) for arch in self.archs)):
            for feature in features:
                members.setdefault(feature, []).append(row)
        self.names, self._bits, self._overall = _distinct(members, len(self.archs))

    def has(self, number: int) -> NDArray[np.bool_]:
        """Which architectures have the feature `names[number]`: bool (n,)."""
        return np.unpackbits(self._bits[number].view(np.uint8), count=len(self.archs)).astype(bool)

    def enriched(self, chosen: Sequence[int] | NDArray[np.integer]) -> pd.DataFrame:
        """The features by how surprising their share among the `chosen` rows is, the most surprising first.

        Columns: `kind`, `feature`, `selected` and `everywhere` (the shares that have it), `lift` (their ratio), `p`
        (two-sided hypergeometric test: what chance does if as many rows are drawn at random) and `p_adjusted` (the
        expected share of false finds among all rows up to this one: Benjamini & Hochberg, 1995). The frame's index
        is the feature's number in `names`.

        Raises `InvalidInput` where nothing or everything is chosen.
        """
        n = len(self.archs)
        mask = np.zeros(n, dtype=bool)
        mask[np.asarray(chosen, dtype=np.intp)] = True
        size = int(mask.sum())
        if not 0 < size < n:
            raise InvalidInput(
                f"A selection is compared with what is left out of it: choose from 1 to {n - 1} of the {n} "
                f"architectures; got {size}."
            )
        inside = np.bitwise_count(self._bits & _packed(mask[None])[0]).sum(axis=1, dtype=np.int64)
        p = _by_chance(inside, self._overall, size, n)
        found = pd.DataFrame(self.names, columns=["kind", "feature"])
        found["selected"], found["everywhere"] = inside / size, self._overall / n
        found["lift"] = found["selected"] / found["everywhere"]
        found["p"] = p
        found["p_adjusted"] = _false_finds(p)
        return found.sort_values(["p", "lift"], ascending=[True, False])


def enrichment(
    selection: Population,
    population: Population,
    *,
    depth: int = 2,
    space: SearchSpace | None = None,
) -> pd.DataFrame:
    """What the `selection` has more or less often than the `population` it is a part of: see `Features.enriched`.

    Both are architectures, their strings, or tables indexed by string; `space` reads strings, where neither an
    architecture nor the attrs of a table name it. `depth` is how far back a motif goes.

    Raises `UnknownName` for a selected architecture that is not in the population.
    """
    space = space or space_of(population) or space_of(selection)
    features = Features(architectures(population, space), depth)
    chosen = []
    for arch in architectures(selection, space or features.archs[0].space):
        if str(arch) not in features.rows:
            raise UnknownName(f"{arch} is selected, but it is not in the population of {len(features.archs):,}.")
        chosen.append(features.rows[str(arch)])
    return features.enriched(chosen).reset_index(drop=True)


def _distinct(
    members: dict[Feature, list[int]], n: int
) -> tuple[tuple[Feature, ...], NDArray[np.uint64], NDArray[np.int64]]:
    """Features that not all have, one of each that the same rows have; their rows as bits, and how many these are."""
    seen: set[tuple[int, ...]] = set()
    kept: list[Feature] = []
    for feature in sorted(members, key=lambda feature: (len(feature.name), feature)):
        rows = tuple(members[feature])
        if len(rows) < n and rows not in seen:
            seen.add(rows)
            kept.append(feature)
    bits = np.zeros((len(kept), -(-n // 64)), dtype=np.uint64)
    for start in range(0, len(kept), _AT_ONCE):
        some = kept[start : start + _AT_ONCE]
        held = np.zeros((len(some), n), dtype=bool)
        for row, feature in zip(held, some, strict=True):
            row[members[feature]] = True
        bits[start : start + len(some)] = _packed(held)
    return tuple(kept), bits, np.array([len(members[feature]) for feature in kept], dtype=np.int64)


def _packed(held: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Truths (m, n) as bits in 64-bit words: (m, n / 64 rounded up)."""
    room = np.zeros((len(held), -(-held.shape[1] // 64) * 8), dtype=np.uint8)
    bits = np.packbits(held, axis=1)
    room[:, : bits.shape[1]] = bits
    return room.view(np.uint64)


def _by_chance(inside: NDArray[np.int64], overall: NDArray[np.int64], size: int, n: int) -> NDArray[np.float64]:
    """Two-sided hypergeometric p-values: twice the tail from what was found outwards, at most 1.

    Many features are had by as many: each pair of numbers is worked out once. The terms of a tail follow from each
    other and shrink, so that all tails are summed together until nothing is added.
    """
    (k, held), back = np.unique(np.stack([inside, overall]), axis=1, return_inverse=True)
    up = np.where(k * n >= held * size, 1.0, -1.0)
    term = np.exp(_log_choose(held, k) + _log_choose(n - held, size - k) - _log_choose(n, size))
    tail = np.zeros(len(k))
    k = k.astype(np.float64)
    active = np.arange(len(k))
    while len(active):
        tail[active] += term[active]
        a, h, upwards = k[active], held[active], up[active] > 0
        more = (h - a) * (size - a) / ((a + 1) * (n - h - size + a + 1))
        less = a * (n - h - size + a) / ((h - a + 1) * (size - a + 1))
        term[active] *= np.where(upwards, more, less)
        k[active] += up[active]
        active = active[term[active] > tail[active] * 1e-17]
    found: NDArray[np.float64] = np.clip(2 * tail, 0, 1)[back.reshape(-1)]
    return found


def _false_finds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each p-value the smallest expected share of false finds at which it is still one (Benjamini & Hochberg)."""
    order = np.argsort(p)[::-1]
    shares = p[order] * len(p) / np.arange(len(p), 0, -1)
    found = np.empty(len(p))
    found[order] = np.minimum.accumulate(shares)
    return np.clip(found, 0, 1)


def _log_choose(n: NDArray[np.int64] | int, k: NDArray[np.int64] | int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return found
