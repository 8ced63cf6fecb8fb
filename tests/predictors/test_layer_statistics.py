"""Layer statistics: the proxies' own numbers by layer, lined up, with reasons for what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.proxies import Probe, Unscored, catalogue, proxy

SPACE = wb.search_space("nasbench201")
SMALL: dict[str, Any] = {"task": "digits", "batch_size": 6, "progress": False}


def test_layers_are_the_proxies_own_in_the_networks_order() -> None:
    archs = SPACE.sample(4, seed=0)
    found = wb.layer_statistics(archs, ("snip", "l2_norm"), **SMALL)
    assert found.values.shape == (4, found.mask.shape[1], 2)
    assert found.statistics == ("snip", "l2_norm")
    for row, arch in enumerate(archs):
        probe = Probe(architecture=arch, task="digits", batch_size=6)
        for k, name in enumerate(found.statistics):
            layers = catalogue.find(name)(probe, reduce=None)
            assert isinstance(layers, dict)
            assert found.values[row, : len(layers), k].tolist() == list(layers.values())
            assert found.mask[row].sum() == len(layers)
            assert np.isnan(found.values[row, len(layers) :, k]).all()
    assert found.mask.sum(axis=1).max() == found.mask.shape[1]


def test_layers_can_be_lined_up_by_name() -> None:
    archs = SPACE.sample(6, seed=1)
    found = wb.layer_statistics(archs, ("l2_norm",), align="name", **SMALL)
    assert len(set(found.layers)) == len(found.layers) == found.values.shape[1]
    assert found.layers[0] == "stem.0"
    assert found.layers[-1] == "classifier"
    for row, arch in enumerate(archs):
        layers = catalogue.find("l2_norm")(Probe(architecture=arch, task="digits", batch_size=6), reduce=None)
        assert isinstance(layers, dict)
        place = dict(zip(found.layers, found.values[row, :, 0], strict=True))
        assert {name: value for name, value in place.items() if value == value} == layers  # noqa: PLR0124  # not NaN


def test_an_architecture_that_comes_twice_is_measured_once_and_seeds_count() -> None:
    arch, other = SPACE.sample(2, seed=2)
    found = wb.layer_statistics([arch, other, arch], ("snip",), **SMALL)
    assert np.array_equal(found.values[0], found.values[2], equal_nan=True)
    again = wb.layer_statistics([arch, other, arch], ("snip",), seed=1, **SMALL)
    assert not np.array_equal(found.values, again.values, equal_nan=True)


def test_what_cannot_be_had_is_missing_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    archs = SPACE.sample(3, seed=3)
    monkeypatch.setattr(catalogue, "_members", dict(catalogue._members))

    @proxy(better="higher", needs="none", cost="free", paper="none", equation="none")
    def sometimes(probe: Probe) -> Any:
        if probe.architecture == archs[1]:
            return Unscored("it is the second one")
        return {"stem.0": 1.0, "nowhere": float("inf")}

    found = wb.layer_statistics(archs, ("sometimes", "l2_norm"), **SMALL)
    assert found.reasons == {(1, "sometimes"): "it is the second one"}
    assert np.isnan(found.values[1, :, 0]).all()
    assert np.isfinite(found.values[1, : found.mask[1].sum(), 1]).all()
    assert np.isfinite(found.values[0, :, 0]).sum() == 1  # the infinite one is missing


def test_what_is_wrong_is_said() -> None:
    archs = SPACE.sample(2, seed=4)
    with pytest.raises(InvalidInput, match="No architecture has nwot by layer: .*one number for the whole network"):
        wb.layer_statistics(archs, ("nwot",), **SMALL)
    with pytest.raises(InvalidInput, match="align is 'depth' or 'name'; got 'width'"):
        wb.layer_statistics(archs, align="width", **SMALL)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidInput, match="at least one architecture; got none"):
        wb.layer_statistics([], **SMALL)
    with pytest.raises(InvalidInput, match="at least one proxy, such as grad_norm, snip, synflow; got none"):
        wb.layer_statistics(archs, (), **SMALL)
    with pytest.raises(UnknownName, match="no proxy named 'snipp'. Did you mean 'snip'"):
        wb.layer_statistics(archs, ("snipp",), **SMALL)
