"""A place for every architecture: two coordinates in which those of alike structure lie close to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.populations import Population, architectures
from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.distances import catalogue as measures_of_distance
from workbench.spaces.distances import distances
from workbench.spaces.encodings import encode
from workbench.spaces.space import SearchSpace

COLUMNS = ("structure 1", "structure 2")

Floats = NDArray[np.float64]
_LANDMARKS = 256
_AT_ONCE = 4096  # architectures whose distances to the landmarks are held at a time
_JUDGED = 1000  # architectures from whose distances stress and trust are worked out
_NEIGHBOURS = 10
_PERPLEXITY = 30.0
_NARROW = 50  # columns that t-SNE gets


class _Setting(NamedTuple):
    distance: str
    encoding: str
    seed: int


def embedding(
    archs: Population,
    distance: str = "wl",
    method: str = "landmark_mds",
    *,
    encoding: str = "wl",
    space: SearchSpace | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Two coordinates per architecture, "structure 1" and "structure 2", from the structure alone.

    `method` is "landmark_mds", which keeps the `distance`s ("wl", "edit", "hamming", or any in the catalogue) from
    each architecture to 256 landmarks (de Silva & Tenenbaum, Sparse multidimensional scaling using landmark points,
    2004) and takes 423,000 architectures as well; "pca", the main axes of an `encoding`; or "tsne" (van der Maaten &
    Hinton, JMLR 2008) of the same, some minutes for more than 10,000. `space` reads strings where no table names it.

    The DataFrame is indexed by architecture string. Its attrs say how far to believe it, from at most 1,000 of the
    architectures: `stress`, 0 where distances on the map are in proportion to `distance` (Kruskal's stress-1, 1964),
    and `trustworthiness`, 1 where the 10 nearest on the map are near in structure (Venna & Kaski, 2001).

    Raises `UnknownName` for an unknown distance, method or encoding, `InvalidInput` for fewer than three
    architectures or those of several spaces.
    """
    if method not in _METHODS:
        raise UnknownName.of("method of embedding", method, _METHODS)
    measures_of_distance.find(distance)
    population = architectures(archs, space)
    if len(population) < 3:
        raise InvalidInput(f"An embedding takes three architectures or more; got {len(population)}.")
    places = _upright(_METHODS[method](population, _Setting(distance, encoding, seed)))
    frame = pd.DataFrame(places, columns=list(COLUMNS), index=[str(arch) for arch in population])
    stress, trust = _judged(population, places, distance, seed)
    frame.attrs = {
        "space": population[0].space.name,
        "method": method,
        "distance": distance,
        "seed": seed,
        "stress": stress,
        "trustworthiness": trust,
    }
    return frame


def _landmark_mds(archs: Sequence[Architecture], setting: _Setting) -> Floats:
    """Classical scaling of the landmarks, then each architecture by its distances to them.

    With D the squared distances of the landmarks, B = -H D H / 2 and its largest eigenvalues l and eigenvectors v,
    an architecture with squared distances d is at x_i = -v_i (d - mean(D)) / (2 sqrt(l_i)) (de Silva & Tenenbaum,
    2004: landmark MDS, steps 2 and 3).
    """
    rng = np.random.default_rng(setting.seed)
    chosen = rng.choice(len(archs), min(_LANDMARKS, len(archs)), replace=False)
    landmarks = [archs[i] for i in chosen]
    squares = distances(landmarks, setting.distance) ** 2
    mean = squares.mean(axis=0)
    values, vectors = np.linalg.eigh(-(squares - mean - mean[:, None] + mean.mean()) / 2)
    found = values[-2:] > max(1e-9 * values[-1], 1e-12)  # what is not is rounding, not a direction
    scale = np.where(found, np.where(found, values[-2:], 1.0) ** -0.5, 0.0)
    triangulate = -(vectors[:, -2:] * scale) / 2
    places = [
        (distances(archs[at : at + _AT_ONCE], setting.distance, landmarks) ** 2 - mean) @ triangulate
        for at in range(0, len(archs), _AT_ONCE)
    ]
    return np.concatenate(places)[:, ::-1]


def _pca(archs: Sequence[Architecture], setting: _Setting, columns: int = 2) -> Floats:
    from sklearn.decomposition import PCA

    codes = encode(archs[0].space, archs, setting.encoding)
    kept = min(columns, *codes.shape)
    places = np.zeros((len(archs), max(columns, 2)))
    places[:, :kept] = PCA(kept, random_state=setting.seed).fit_transform(codes)
    return places


def _tsne(archs: Sequence[Architecture], setting: _Setting) -> Floats:
    from sklearn.manifold import TSNE

    codes = _pca(archs, setting, _NARROW)
    perplexity = min(_PERPLEXITY, (len(archs) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=setting.seed)
    return np.asarray(tsne.fit_transform(codes), dtype=np.float64)


_METHODS: dict[str, Callable[[Sequence[Architecture], _Setting], Floats]] = {
    "landmark_mds": _landmark_mds,
    "pca": _pca,
    "tsne": _tsne,
}


def _upright(places: Floats) -> Floats:
    """Turned to the main axes, the longer one across; the end that is farther out is right, or up."""
    places = places - places.mean(axis=0)
    turned: Floats = places @ np.linalg.eigh(places.T @ places)[1][:, ::-1]
    far = turned[np.abs(turned).argmax(axis=0), [0, 1]]
    return turned * np.where(far < 0, -1.0, 1.0)


def _judged(archs: Sequence[Architecture], places: Floats, distance: str, seed: int) -> tuple[float, float]:
    """Stress-1 with the best common factor, and trustworthiness, of a sample."""
    from sklearn.manifold import trustworthiness

    rows = np.random.default_rng(seed).permutation(len(archs))[:_JUDGED]
    true = distances([archs[i] for i in rows], distance)
    shown = np.hypot(*(np.subtract.outer(axis, axis) for axis in places[rows].T))
    total, across = (true**2).sum(), (shown**2).sum()
    stress = np.sqrt(max(0.0, 1 - (true * shown).sum() ** 2 / (total * across))) if total and across else np.nan
    neighbours = min(_NEIGHBOURS, (len(rows) - 1) // 2)
    trust = trustworthiness(true, places[rows], n_neighbors=neighbours, metric="precomputed")
    return float(stress), float(trust)
