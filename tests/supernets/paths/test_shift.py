"""Costs whose sub-networks still improve are drawn more often, and paths of a wanted cost are made."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.spaces.mbconv import MBConv, Stage

SMALL = MBConv("small", stages=(Stage((8, 16), (1, 2)), Stage((12, 24), (1, 2), stride=2)))


@pytest.fixture(scope="module")
def fitted() -> tuple[wb.Supernet, sn.CostGenerator]:
    net = wb.Supernet(wb.search_space("mbconv"), "digits", 0)
    return net, sn.CostGenerator(net).fit(net)


def test_a_generator_hits_twenty_targets(fitted: tuple[wb.Supernet, sn.CostGenerator]) -> None:
    net, generator = fitted
    targets, rng = np.geomspace(1.25 * generator.low, generator.high / 1.25, 20), np.random.default_rng(0)
    with torch.no_grad():
        expected = np.array([float(net.costs(generator.probabilities(target))["macs"]) for target in targets])
    drawn = np.array([net.costs(generator.draw(net, target, rng, patience=100))["macs"] for target in targets])
    assert np.abs(expected / targets - 1).max() < 0.08
    assert np.abs(drawn / targets - 1).max() < 0.05


def test_its_paths_differ_and_higher_targets_lean_to_larger_options(
    fitted: tuple[wb.Supernet, sn.CostGenerator],
) -> None:
    net, generator = fitted
    rng = np.random.default_rng(1)
    assert len({tuple(generator.draw(net, 400_000, rng).values()) for _ in range(12)}) > 6
    small, large = generator.probabilities(80_000), generator.probabilities(1_000_000)
    assert all(large[name][-1] > small[name][-1] for name in ("s1.width", "s2.b1.expand", "s2.depth"))


def test_a_generator_is_its_seed_and_leaves_torch_alone() -> None:
    net = wb.Supernet(SMALL, "digits", 0)
    before = torch.random.get_rng_state()
    one, two = (sn.CostGenerator(net, seed=3).fit(net, 5) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_probability_shifts_to_the_bins_that_still_improve() -> None:
    shift = sn.Shift(bins=4, floor=0.4)
    assert shift.probabilities.tolist() == [0.25] * 4

    def epoch(losses: list[float]) -> np.ndarray:
        shift._sum, shift._count = 3 * np.array(losses), np.full(4, 3.0)
        shift.order(10, 1, 2, np.random.default_rng(0))
        assert shift.probabilities.sum() == pytest.approx(1)
        return shift.probabilities

    assert epoch([2.0, 2.0, 2.0, 2.0]).tolist() == [0.25] * 4  # nothing to compare with yet
    np.testing.assert_allclose(epoch([1.0, 1.5, 2.0, 2.2]), [0.1 + 0.4, 0.1 + 0.2, 0.1, 0.1])
    np.testing.assert_allclose(epoch([1.0, 1.5, 1.4, 2.2]), [0.1, 0.1, 0.7, 0.1])
    np.testing.assert_allclose(epoch([1.1, 1.6, 1.5, 2.3]), [0.1, 0.1, 0.7, 0.1])  # nobody improves: as it was


def test_a_training_draws_from_the_bins_and_is_taken_up_again(tmp_path: Path) -> None:
    data, recipe = wb.task("digits").split(0), sn.Recipe(epochs=3, batch_size=494)
    whole, again = (wb.Supernet(SMALL, "digits", 0) for _ in range(2))
    paths, file = sn.Shift(bins=3, fit_steps=5), tmp_path / "kept.pt"
    sn.train(whole, data, paths, recipe=recipe, show=False)
    assert paths.generator is not None
    assert math.isclose(paths.probabilities.sum(), 1)
    assert paths.probabilities.min() >= 0.3 / 3 - 1e-12
    sn.train(
        again, data, sn.Shift(bins=3, fit_steps=5), recipe=recipe, checkpoint=file, show=False,
        stop=lambda records: "now" if len(records) == 2 else None,
    )  # fmt: skip
    sn.train(again, data, sn.Shift(bins=3, fit_steps=5), recipe=recipe, checkpoint=file, show=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_what_a_shift_takes() -> None:
    with pytest.raises(InvalidInput, match="bins from 2"):
        sn.Shift(bins=1)
    with pytest.raises(InvalidInput, match="macs or params; got 'latency'"):
        sn.CostGenerator(wb.Supernet(SMALL, "digits", 0), "latency")
