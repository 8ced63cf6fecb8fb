"""prenas: slices of the supernet and the preferred architectures, each against a naive second implementation."""

from __future__ import annotations

import pickle
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
import torch

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.proxies import Probe, Unscored
from workbench.proxies.prenas import PreNAS, prenas
from workbench.proxies.score import score
from workbench.spaces import search_space
from workbench.spaces.autoformer import AutoFormer

SPACE = AutoFormer("little", embed_dims=(12, 8), depths=(2, 3), heads=(1, 2, 3), mlp_ratios=(1.0, 2.5))
LARGEST = {"embed_dim": 12, "depth": 3} | {
    f"l{i}.{what}": value for i in (1, 2, 3) for what, value in (("heads", 3), ("mlp_ratio", 2.5))
}
Saliency = dict[str, tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="module")
def made() -> PreNAS:
    return prenas(SPACE, "digits", seed=2)


@pytest.fixture(scope="module")
def saliency() -> Saliency:
    """Name -> (weight, gradient) of the largest network, by an ordinary backward."""
    net = SPACE.build(SPACE.architecture(LARGEST), "digits", seed=2).train()
    net(torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(2))).sum().backward()
    return {name: (p.detach().clone(), p.grad.clone()) for name, p in net.named_parameters()}


def naive_score(arch: Architecture, saliency: Saliency) -> float:
    """Each tensor of the architecture's own network, cut out of the largest one's by its shape."""
    total = 0.0
    for name, own in SPACE.build(arch, "digits").named_parameters():
        weight, gradient = saliency[name]
        whole = (weight * gradient).abs()
        if ".qkv." in name:  # queries, keys and values stand one below the other, head after head
            thirds = [third[: len(own) // 3] for third in whole.chunk(3)]
            whole = torch.cat(thirds)
        for axis, size in enumerate(own.shape):
            whole = whole.narrow(axis, 0, size)
        assert whole.shape == own.shape
        total += float(whole.double().sum())
    return total


def test_an_architecture_weighs_what_its_slice_of_the_supernet_does(made: PreNAS, saliency: Saliency) -> None:
    archs = [*SPACE.sample(12, seed=4), SPACE.architecture(LARGEST)]
    for arch in archs:
        expected = naive_score(arch, saliency)
        assert made(Probe(architecture=arch, task="digits")) == pytest.approx(expected, rel=1e-6), str(arch)
    frame = score(archs, [made], "digits", progress=False)
    assert list(frame.columns) == ["prenas"]
    assert frame["prenas"].notna().all()


def naive_preferred(saliency: Saliency) -> dict[str, Architecture]:
    """Of every class of architectures alike but for the order of their layers, the greedy one."""
    shares = {name: (w * g).abs() / w.abs().sum() / g.abs().sum() for name, (w, g) in saliency.items()}

    def gain(layer: int, what: str, answer: Any) -> float:
        if what == "heads":
            rows = shares[f"layers.{2 * layer}.body.0.qkv.weight"].chunk(3)
            return sum(float(third[64 * (answer - 1) : 64 * answer].sum()) for third in rows)
        low, high = 12, 30  # units of the ratios 1 and 2.5 at 12 features
        up, down = (shares[f"layers.{2 * layer + 1}.body.{number}.weight"] for number in (0, 2))
        return float(up[low:high].sum() + down[:, low:high].sum())

    classes: defaultdict[Any, list[Architecture]] = defaultdict(list)
    for arch in SPACE.enumerate():
        given = arch.decisions
        depth = int(str(given["depth"]))
        counts = [
            tuple(sorted(Counter(given[f"l{i + 1}.{what}"] for i in range(depth)).items()))
            for what in ("heads", "mlp_ratio")
        ]
        classes[given["embed_dim"], depth, *counts].append(arch)
    found = {}
    for (dim, depth, *counts), members in classes.items():
        decisions: dict[str, Any] = {"embed_dim": dim, "depth": depth}
        for what, count in zip(("heads", "mlp_ratio"), counts, strict=True):
            free = set(range(depth))
            for answer, n in sorted(count, reverse=True):
                smallest = answer == (1 if what == "heads" else 1.0)
                key = {layer: 0.0 if smallest else gain(layer, what, answer) for layer in free}
                for layer in sorted(free, key=lambda layer: -key[layer])[:n]:
                    decisions[f"l{layer + 1}.{what}"] = answer
                    free.remove(layer)
        arch = SPACE.architecture(decisions)
        assert arch in members
        found[str(arch)] = arch
    return found


def test_the_preferred_are_the_greedy_of_each_class(made: PreNAS, saliency: Saliency) -> None:
    frame, expected = made.preferred(), naive_preferred(saliency)
    assert set(frame.index) == set(expected)
    assert len(frame) == len(expected)
    assert frame["prenas"].is_monotonic_decreasing
    for text, row in frame.iloc[::30].iterrows():
        arch = expected[str(text)]
        assert row["params"] == SPACE.counts(arch, "digits").params
        assert row["prenas"] == pytest.approx(naive_score(arch, saliency), rel=1e-6)
    assert frame.attrs["space"] == "little"


def test_the_best_of_each_interval_is_selected(made: PreNAS) -> None:
    frame = made.preferred()
    low, middle, high = np.quantile(frame["params"], [0, 0.4, 0.9])
    found = made.select([low, middle, high], n=2)
    assert len(found) == 4
    for (least, most), pair in zip([(low, middle), (middle, high)], [found[:2], found[2:]], strict=True):
        inside = frame[(frame["params"] >= least) & (frame["params"] < most)]
        assert [str(arch) for arch in pair] == list(inside["prenas"].nlargest(2).index)
    assert all(arch.space is SPACE for arch in found)


def test_the_tiny_space_of_the_paper_has_1770_classes() -> None:
    assert len(prenas(search_space("autoformer"), "digits").preferred()) == 1770


def test_seeds_differ_and_repeat(made: PreNAS) -> None:
    probe = Probe(architecture=SPACE.sample(1, seed=0)[0], task="digits")
    assert prenas(SPACE, "digits", seed=2)(probe) == made(probe)
    assert prenas(SPACE, "digits", seed=3)(probe) != made(probe)


def test_it_travels_with_its_supernet_and_is_not_kept(made: PreNAS) -> None:
    again = pickle.loads(pickle.dumps(made))  # noqa: S301  # our own bytes
    assert again.preferred().equals(made.preferred())
    assert not made.kept


def test_what_is_no_slice_of_the_supernet_is_a_reason(made: PreNAS) -> None:
    cell = search_space("nasbench201").sample(1, seed=0)[0]
    value = made(Probe(architecture=cell, task="digits"))
    assert isinstance(value, Unscored)
    assert value.reason == "the supernet of little does not hold this architecture of nasbench201"
    larger = search_space("autoformer").sample(1, seed=0)[0]
    assert isinstance(made(Probe(architecture=larger, task="digits")), Unscored)
    bare = made(Probe(SPACE.build(SPACE.sample(1)[0], "digits"), (torch.zeros(1, 1, 8, 8), torch.zeros(1))))  # type: ignore[arg-type]
    assert isinstance(bare, Unscored)
    assert "a bare module" in bare.reason


def test_another_space_and_limits_without_anything_between_are_refused(made: PreNAS) -> None:
    with pytest.raises(InvalidInput, match="spaces of AutoFormer's vision transformers; got .*nasbench201"):
        prenas(search_space("nasbench201"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="two rising limits"):
        made.select([5.0, 4.0])
    with pytest.raises(InvalidInput, match="No architecture lies between"):
        made.select([1e9, 2e9])
