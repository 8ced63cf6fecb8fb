"""Weights are inherited upwards as well: what is larger computes what was smaller (Cai et al., EAS, AAAI 2018)."""

from __future__ import annotations

import torch

import workbench as wb

SMALL = {
    "s1.width": (12,),
    "s1.depth": (1,),
    "s1.b1.kernel": (3,),
    "s1.b1.expand": (2,),
    "s2.width": (24,),
    "s2.depth": (1,),
    "s2.b1.kernel": (3,),
    "s2.b1.expand": (1,),
}


def test_a_grown_supernet_gives_at_the_old_path_what_the_small_one_gave() -> None:
    space = wb.search_space("mbconv")
    small, large = wb.Supernet(space, seed=1, options=SMALL), wb.Supernet(space, seed=2)
    x = wb.task("digits").batch(16, seed=0).x
    (arch,) = space.restrict({name: list(kept) for name, kept in SMALL.items()}).sample(1)
    assert not torch.equal(large(x, arch), small(x))
    large.inherit(small)
    assert torch.equal(large(x, arch), small(x))
    wider = {**arch.decisions, "s1.b1.expand": 4}
    assert not torch.equal(large(x, space.architecture(wider)), small(x))


def test_a_larger_kernel_around_a_smaller_one_changes_nothing() -> None:
    space = wb.search_space("mbconv")
    small = wb.Supernet(space, seed=1, options=SMALL)
    large = wb.Supernet(space, seed=2, options=SMALL | {"s1.b1.kernel": (3, 5)}).inherit(small)
    x = wb.task("digits").batch(16, seed=0).x
    assert torch.allclose(large(x, {"s1.b1.kernel": 1}), small(x), atol=1e-6)
