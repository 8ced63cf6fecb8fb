"""What a selection of architectures has in common: answers, operations and motifs that it has more or less often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space
from workbench.spaces.encodings.wl import wl_features
from workbench.spaces.space import SearchSpace

Kind = Literal["answer", "operation", "motif"]


class Feature(NamedTuple):
    """Something that an architecture has or has not."""

    kind: Kind
    name: str


class Features:
    """Which architecture of a population has which feature: made once, then asked about one selection after another.

    An "answer" is one decision, such as "0->1 = skip_connect"; an "operation" how often one occurs, such as
    "3 or more nor_conv_3x3"; a "motif" an operation with what feeds it, to the given depth, as `wl_features` names
    them. Operations and motifs are those of the live graph: what carries nothing is not counted. `held` is bool
    (n architectures, n features), without the features that all have; of features that the same architectures have,
    the one with the shortest name is kept.

    Raises `InvalidInput` for an empty population and for architectures of several spaces.
    """

    def __init__(self, archs: Iterable[Architecture], depth: int = 2) -> None:
        self.archs = tuple(archs)
        spaces = {arch.space.name for arch in self.archs}
        if len(spaces) != 1:
            raise InvalidInput(f"Architectures of one space are compared; got {', '.join(sorted(spaces)) or 'none'}.")
        self.rows = {str(arch): row for row, arch in enumerate(self.archs)}
        had = [_had(arch, depth) for arch in self.archs]
        names = sorted(set().union(*had), key=lambda feature: (len(feature.name), feature))
        place = {feature: column for column, feature in enumerate(names)}
        held = np.zeros((len(had), len(names)), dtype=bool)
        for row, features in enumerate(had):
            held[row, [place[feature] for feature in features]] = True
        _, first = np.unique(np.packbits(held, axis=0), axis=1, return_index=True)
        telling = np.array(sorted(column for column in first if not held[:, column].all()), dtype=np.intp)
        self.held: NDArray[np.bool_] = held[:, telling]
        self.names = tuple(names[column] for column in telling)

    def enriched(self, chosen: Sequence[int] | NDArray[np.integer]) -> pd.DataFrame:
        """The features by how surprising their share among the `chosen` rows is, the most surprising first.

        Columns: `kind`, `feature`, `selected` and `everywhere` (the shares that have it), `lift` (their ratio), `p`
        (two-sided hypergeometric test: what chance does if as many rows are drawn at random) and `p_adjusted` (the
        expected share of false finds among all rows up to this one: Benjamini & Hochberg, 1995).

        Raises `InvalidInput` where nothing or everything is chosen.
        """
        rows = np.unique(np.asarray(chosen, dtype=np.intp))
        n, size = len(self.archs), len(rows)
        if not 0 < size < n:
            raise InvalidInput(
                f"A selection is compared with what is left out of it: choose from 1 to {n - 1} of the {n} "
                f"architectures; got {size}."
            )
        inside, overall = self.held[rows].sum(axis=0), self.held.sum(axis=0)
        more = stats.hypergeom.sf(inside - 1, n, overall, size)
        less = stats.hypergeom.cdf(inside, n, overall, size)
        p = np.clip(2 * np.minimum(more, less), 0, 1)
        found = pd.DataFrame(self.names, columns=["kind", "feature"])
        found["selected"], found["everywhere"] = inside / size, overall / n
        found["lift"] = found["selected"] / found["everywhere"]
        found["p"] = p
        found["p_adjusted"] = stats.false_discovery_control(p) if len(p) else p
        return found.sort_values(["p", "lift"], ascending=[True, False], ignore_index=True)


def enrichment(
    selection: pd.DataFrame | Iterable[Architecture | str],
    population: pd.DataFrame | Iterable[Architecture | str],
    *,
    depth: int = 2,
    space: SearchSpace | None = None,
) -> pd.DataFrame:
    """What the `selection` has more or less often than the `population` it is a part of: see `Features.enriched`.

    Both are architectures, their strings, or tables indexed by string; `space` reads strings, where neither an
    architecture nor the attrs of a table name it. `depth` is how far back a motif goes.

    Raises `UnknownName` for a selected architecture that is not in the population.
    """
    space = space or _space_of(population) or _space_of(selection)
    features = Features(_architectures(population, space), depth)
    chosen = []
    for arch in _architectures(selection, space or features.archs[0].space):
        if str(arch) not in features.rows:
            raise UnknownName(f"{arch} is selected, but it is not in the population of {len(features.archs):,}.")
        chosen.append(features.rows[str(arch)])
    return features.enriched(chosen)


def _had(arch: Architecture, depth: int) -> set[Feature]:
    space = arch.space
    found = {Feature("answer", f"{question} = {answer}") for question, answer in arch.decisions.items()}
    for motif, count in wl_features(space.live(space.graph(arch)), depth).items():
        name = motif.replace("input()", "input")  # nothing feeds an input: going further back adds nothing
        if "(" in name:
            found.add(Feature("motif", name))
        else:
            found |= {Feature("operation", f"{least} or more {name}") for least in range(1, count + 1)}
    return found


def _architectures(given: pd.DataFrame | Iterable[Architecture | str], space: SearchSpace | None) -> list[Architecture]:
    listed = list(given.index) if isinstance(given, pd.DataFrame) else list(given)
    if space is None and any(isinstance(each, str) for each in listed):
        raise InvalidInput("Strings are read by their search space, and none is named: give space=.")
    return [space.parse(each) if isinstance(each, str) and space is not None else each for each in listed]


def _space_of(given: pd.DataFrame | Iterable[Architecture | str]) -> SearchSpace | None:
    name = given.attrs.get("space") if isinstance(given, pd.DataFrame) else None
    return search_space(name) if name else None
