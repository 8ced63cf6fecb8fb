"""Embeddings: distances on the map are those of the structure as far as two coordinates can hold them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import embedding as module
from workbench.analysis.embedding import COLUMNS, embedding
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space
from workbench.spaces.distances import catalogue, distances

SPACE = search_space("nasbench201")
ARCHS = SPACE.sample(120, seed=0)


def test_points_of_a_plane_are_found_again_from_their_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    true = dict(zip(ARCHS, np.random.default_rng(0).normal(size=(120, 2)), strict=True))

    def flat(archs: list, others: list) -> np.ndarray:
        rows, columns = (np.array([true[arch] for arch in group]) for group in (archs, others))
        return np.hypot(*(rows[:, None] - columns[None]).T).T

    monkeypatch.setitem(catalogue._members, "flat", flat)
    monkeypatch.setattr(module, "_LANDMARKS", 20)
    monkeypatch.setattr(module, "_AT_ONCE", 50)
    found = embedding(ARCHS, "flat")
    places = found.to_numpy()
    shown = np.hypot(*(places[:, None] - places[None]).T)
    np.testing.assert_allclose(shown, flat(list(ARCHS), list(ARCHS)), atol=1e-8)
    assert found.attrs["stress"] == pytest.approx(0, abs=1e-6)
    assert found.attrs["trustworthiness"] == pytest.approx(1)


@pytest.mark.parametrize("distance", ["wl", "edit", "hamming"])
@pytest.mark.parametrize("method", ["landmark_mds", "pca", "tsne"])
def test_the_same_seed_gives_the_same_map(method: str, distance: str) -> None:
    first, again = (embedding(ARCHS, distance, method, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert list(first.columns) == list(COLUMNS)
    assert list(first.index) == [str(arch) for arch in ARCHS]
    assert np.isfinite(first.to_numpy()).all()
    assert 0 < first.attrs["stress"] < 1
    assert 0.5 < first.attrs["trustworthiness"] <= 1
    assert first.attrs["space"] == "nasbench201"


def test_neighbours_on_the_map_are_nearer_in_structure_than_chance_and_tsne_keeps_most() -> None:
    archs = SPACE.sample(400, seed=5)
    trust = {method: embedding(archs, "wl", method).attrs["trustworthiness"] for method in ("landmark_mds", "tsne")}
    assert trust["landmark_mds"] > 0.75
    assert trust["tsne"] > 0.9
    near = embedding(archs, "wl").to_numpy()
    shown = np.hypot(*(near[:, None] - near[None]).T)
    assert np.corrcoef(shown.ravel(), distances(archs, "wl").ravel())[0, 1] > 0.6


def test_isomorphic_cells_lie_on_each_other() -> None:
    twins = [*SPACE.twins(ARCHS[0]), *ARCHS[:50]] if len(SPACE.twins(ARCHS[0])) else list(ARCHS)
    found = embedding(twins, "wl")
    same = [i for i, arch in enumerate(twins) if SPACE.canonical(arch) == SPACE.canonical(twins[0])]
    assert np.ptp(found.to_numpy()[same], axis=0).max() < 1e-6


def test_a_table_is_placed_by_the_space_that_it_names() -> None:
    table = benchmark("nasbench201").table().iloc[::500]
    pd.testing.assert_frame_equal(embedding(table), embedding([SPACE.parse(name) for name in table.index]))


def test_architectures_all_alike_are_in_one_place() -> None:
    found = embedding([ARCHS[0]] * 5)
    assert np.abs(found.to_numpy()).max() < 1e-12
    assert np.isnan(found.attrs["stress"])


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(UnknownName, match="no method of embedding named 'umap'"):
        embedding(ARCHS, method="umap")
    with pytest.raises(UnknownName, match="no distance named 'haming'. Did you mean 'hamming'"):
        embedding(ARCHS, "haming")
    with pytest.raises(InvalidInput, match="three architectures or more; got 2"):
        embedding(ARCHS[:2])
    with pytest.raises(InvalidInput, match="none is named: give space="):
        embedding([str(arch) for arch in ARCHS])


@pytest.mark.slow
def test_a_hundred_thousand_are_placed_by_their_answers() -> None:
    found = embedding(search_space("nasbench101").sample(100_000, seed=0), "hamming")
    assert len(found) == 100_000
    assert 0 < found.attrs["stress"] < 1
