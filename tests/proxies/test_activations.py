"""Proxies of activations and geometry: each against a naive second implementation, and what is no number and why."""

from __future__ import annotations

import copy
import math
import pickle
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from workbench.analysis.aggregates import az_nas
from workbench.errors import InvalidInput
from workbench.proxies import Probe, Unscored, catalogue
from workbench.proxies.az_nas import over_blocks
from workbench.proxies.blocks import blocks
from workbench.proxies.diswot import diswot
from workbench.proxies.meco import smallest_eigenvalue
from workbench.proxies.naslid import local_intrinsic_dimension
from workbench.proxies.swap import bell, count_patterns, swap_of
from workbench.spaces import search_space
from workbench.tasks import Batch, task

SPACE = search_space("nasbench201")
DISCONNECTED = "|none~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"
IDENTITY = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
WHOLE = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|"
NAMES = (
    "swap",
    "swap_regularised",
    "meco",
    "meco_opt",
    "az_expressivity",
    "az_progressivity",
    "az_trainability",
    "naslid",
)


class Residual(nn.Module):
    """A block that halves its input or keeps its size, and works in place."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True), nn.AvgPool2d(1)
        )
        self.shortcut = nn.Conv2d(c_in, c_out, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu_(self.body(x) + self.shortcut(x))


def residual() -> nn.Sequential:
    """A stem, two stages of blocks with an odd side between them (8, 8, 4, 2), a head."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 9, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Sequential(Residual(9, 9, 1), Residual(9, 12, 2)),
        nn.Sequential(Residual(12, 10, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(10, 10),
    )


def cell(text: str = WHOLE) -> nn.Module:
    return SPACE.build(SPACE.parse(text), "digits", seed=1)


def digits(n: int = 12) -> Batch:
    return task("digits").batch(n)


NETWORKS: dict[str, Callable[[], nn.Module]] = {"cell": cell, "residual": residual}
BLOCKS = {"cell": [f"cells.{i}" for i in range(17)], "residual": ["2.0", "2.1", "3"]}


def outputs(net: nn.Module, x: torch.Tensor, names: list[str]) -> dict[str, torch.Tensor]:
    """Name -> output of the modules called `names` in a fresh copy in training mode, with a graph."""
    net = copy.deepcopy(net).train()
    found: dict[str, torch.Tensor] = {}
    for name, module in net.named_modules():
        if name in names:
            module.register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out.clone()))
    net(x)
    return found


# -- a second implementation of each proxy, from the papers' equations --------------------------------------------


def normal_weights(net: nn.Module, draw: torch.Generator) -> nn.Module:
    net = copy.deepcopy(net)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data = torch.randn(module.weight.shape, generator=draw)
            if module.bias is not None:
                module.bias.data.zero_()
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.fill_(1)
            module.bias.data.zero_()
    return net


def patterns_of_columns(net: nn.Module, x: torch.Tensor) -> float:
    names = [name for name, m in net.named_modules() if isinstance(m, nn.ReLU)]
    # Copies of what the ReLUs give, taken before anything can overwrite them.
    on = [out.detach().flatten(1) > 0 for out in outputs(net, x, names).values()]
    return float(len({tuple(column) for column in torch.cat(on, 1).t().tolist()}))


def naive_swap(net: nn.Module, batch: Batch, _blocks: list[str]) -> float:
    return patterns_of_columns(normal_weights(net, torch.Generator().manual_seed(0)), batch.x[:16])


def naive_swap_regularised(net: nn.Module, batch: Batch, names: list[str]) -> float:
    millions = sum(p.numel() for p in net.parameters()) / 1e6
    return naive_swap(net, batch, names) * math.exp(-((millions - 1.5) ** 2) / 1.5)


def correlation(rows: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.corrcoef(rows))


def image_and_layers(net: nn.Module) -> dict[str, torch.Tensor]:
    x = torch.randn((1, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    leaves = [name for name, m in net.named_modules() if not list(m.children())]
    return {name: out for name, out in outputs(net, x, leaves).items() if out.ndim == 4}


def naive_meco(net: nn.Module, _batch: Batch, _blocks: list[str]) -> float:
    maps = [out[0].detach().flatten(1).numpy() for out in image_and_layers(net).values()]
    return float(sum(np.linalg.eigvals(correlation(rows)).real.min() for rows in maps if rows.shape[1] > 1))


def naive_meco_opt(net: nn.Module, _batch: Batch, _blocks: list[str]) -> float:
    drawing, total = torch.Generator().manual_seed(0), 0.0
    for out in image_and_layers(net).values():
        rows = out[0].detach().flatten(1).numpy()
        if len(rows) >= 8:
            chosen = torch.randperm(len(rows), generator=drawing)[:8].numpy()
            if rows.shape[1] > 1:
                total += len(rows) / 8 * np.linalg.eigvals(correlation(rows[chosen])).real.min()
        else:
            total += np.linalg.eigvals(correlation(rows)).real.min()
    return float(total)


def features(net: nn.Module, batch: Batch, names: list[str]) -> list[torch.Tensor]:
    """What enters the first block, then the blocks' outputs."""
    entrance = "stem" if names[0].startswith("cells") else "1"
    found = outputs(net, batch.x, [entrance, *names])
    return [found[name] for name in (entrance, *names)]


def entropy(out: torch.Tensor) -> float:
    rows = out.detach().double().movedim(1, -1).reshape(-1, out.shape[1]).numpy()
    values = np.clip(np.linalg.eigvalsh(np.cov(rows, rowvar=False)), 0, None)
    shares = values / values.sum()
    return float(-sum(p * math.log(p + 1e-8) for p in shares))


def naive_expressivity(net: nn.Module, batch: Batch, names: list[str]) -> float:
    return sum(map(entropy, features(net, batch, names)))


def naive_progressivity(net: nn.Module, batch: Batch, names: list[str]) -> float:
    entropies = list(map(entropy, features(net, batch, names)))
    return min(b - a for a, b in pairwise(entropies))


def naive_trainability(net: nn.Module, batch: Batch, names: list[str]) -> float:
    """Each block on its own, called again on a leaf of what it was given."""
    net = copy.deepcopy(net).train()
    given = features(net, batch, names)
    modules, drawing, scores = dict(net.named_modules()), torch.Generator().manual_seed(0), []
    for name, before in zip(names, given, strict=False):
        leaf = before.detach().clone().requires_grad_()
        out = modules[name](leaf)
        signs = torch.randint(0, 2, out.shape, generator=drawing).float() * 2 - 1
        (back,) = torch.autograd.grad(out, leaf, signs)
        stride = back.shape[2] // signs.shape[2]
        back = nn.PixelUnshuffle(stride)(back)
        mean = torch.einsum("nchw,ndhw->cd", back.double(), signs.double()) / (signs.numel() / signs.shape[1])
        s = np.linalg.norm(mean.numpy(), 2)
        scores.append(-s - 1 / (s + 1e-6) + 2)
    return float(np.mean(scores))


def naive_profile(net: nn.Module, batch: Batch, names: list[str]) -> dict[str, float]:
    means = {}
    for name, out in outputs(net, batch.x, names).items():
        points, dimensions = out.detach().double().flatten(1).numpy(), []
        for i, point in enumerate(points):
            near = sorted(np.linalg.norm(other - point) for j, other in enumerate(points) if j != i)[:20]
            dimensions.append(-1 / np.mean([math.log(d / near[-1]) for d in near]))
        means[name] = float(np.mean(dimensions))
    return means


def naive_naslid(net: nn.Module, batch: Batch, names: list[str]) -> float:
    return float(np.mean(list(naive_profile(net, batch, names).values())))


NAIVE = {
    "swap": naive_swap,
    "swap_regularised": naive_swap_regularised,
    "meco": naive_meco,
    "meco_opt": naive_meco_opt,
    "az_expressivity": naive_expressivity,
    "az_progressivity": naive_progressivity,
    "az_trainability": naive_trainability,
    "naslid": naive_naslid,
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_implementation_finds_the_same(name: str, network: str) -> None:
    net, batch = NETWORKS[network](), digits(30)
    expected = NAIVE[name](net, batch, BLOCKS[network])
    assert catalogue.find(name)(Probe(net, batch)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_profile_of_local_dimensions_is_the_naive_one_block_by_block() -> None:
    net, batch = residual(), digits(25)
    found = catalogue.find("naslid")(Probe(net, batch), reduce=None)
    expected = naive_profile(net, batch, BLOCKS["residual"])
    assert found == pytest.approx(expected, rel=1e-6)
    assert list(expected) == ["2.0", "2.1", "3"]
    assert len(set(expected.values())) == 3


# -- the parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_blocks_are_the_outermost_repeated_modules(network: str) -> None:
    assert list(blocks(NETWORKS[network]())) == BLOCKS[network]


def test_a_network_of_layers_has_them_for_blocks() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))
    assert list(blocks(net)) == ["0", "3"]
    values = catalogue.find("az_expressivity")(Probe(net, digits()), reduce=None)
    assert isinstance(values, dict)
    assert list(values) == ["0", "3"]  # the images themselves are no features


def test_four_patterns_are_counted_by_hand() -> None:
    net = nn.Sequential(nn.Linear(1, 6, bias=False), nn.ReLU(), nn.Linear(6, 2))
    state = dict(net.state_dict()) | {"0.weight": torch.tensor([[1.0], [2.0], [3.0], [-1.0], [-2.0], [0.0]])}
    x = torch.tensor([[1.0], [-1.0], [1.0]])
    assert count_patterns(net, state, x, 0) == 3  # on for +, on for -, never on


def test_swap_does_not_look_at_the_networks_own_weights() -> None:
    net = residual()
    before = catalogue.find("swap")(Probe(net, digits()))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.25)
    assert catalogue.find("swap")(Probe(net, digits())) == before
    assert catalogue.find("swap")(Probe(net, digits(), seed=1)) != before


def test_the_mean_over_draws_is_the_mean_of_naive_ones() -> None:
    net, batch, draw = residual(), digits(20), torch.Generator().manual_seed(5)
    naive = [patterns_of_columns(normal_weights(net, draw), batch.x[:16]) for _ in range(3)]
    assert swap_of(draws=3)(Probe(net, batch, seed=5)) == pytest.approx(np.mean(naive))
    assert len(set(naive)) > 1
    assert swap_of(draws=1)(Probe(net, batch)) == catalogue.find("swap")(Probe(net, batch))


def test_only_feature_maps_have_patterns_where_there_are_some() -> None:
    torch.manual_seed(0)
    maps = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten())
    both = nn.Sequential(*maps, nn.Linear(108, 50), nn.ReLU(), nn.Linear(50, 10))
    assert swap_of(1)(Probe(both, digits())) == swap_of(1)(Probe(maps, digits()))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 10))
    assert 1 < swap_of(1)(Probe(flat, digits())) <= 50


def test_the_bell_curve_of_sizes() -> None:
    net = residual()
    probe = Probe(net, digits())
    millions = sum(p.numel() for p in net.parameters()) / 1e6
    assert bell(probe, 100.0, millions, 1.0) == 100
    assert bell(probe, 100.0, millions + 2, 4.0) == pytest.approx(100 / math.e)
    assert swap_of(1, mu=1.5, sigma=1.5)(probe) == catalogue.find("swap_regularised")(probe)
    far = swap_of(1, mu=1e6, sigma=1.0)(probe)
    assert isinstance(far, Unscored)
    assert "too far from mu" in far.reason


def test_swap_of_other_settings_travels_says_them_and_is_not_kept() -> None:
    proxy = swap_of(draws=2, mu=0.5, sigma=2.0)
    assert proxy.name == "swap_2_mu0.5_sigma2"
    assert proxy.name not in catalogue
    assert not proxy.kept
    probe = Probe(residual(), digits())
    assert pickle.loads(pickle.dumps(proxy))(probe) == proxy(probe)  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"draws": 0}, "1 or more; got 0"), ({"mu": 1.0}, "mu and a sigma"), ({"mu": 1.0, "sigma": 0.0}, "above 0")],
)
def test_settings_that_swap_cannot_have_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        swap_of(**settings)


def test_the_smallest_eigenvalue_of_known_correlations() -> None:
    rows = torch.tensor([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    assert smallest_eigenvalue(rows) == pytest.approx(1.0)  # nothing in common
    assert smallest_eigenvalue(torch.stack([rows[0], 0.6 * rows[0] + 0.8 * rows[1]])) == pytest.approx(0.4)
    assert smallest_eigenvalue(torch.stack([rows[0], -3 * rows[0] + 7])) == pytest.approx(0.0, abs=1e-12)
    assert smallest_eigenvalue(torch.stack([rows[0], torch.full((4,), 0.1)])) == 0.0  # a constant channel
    assert smallest_eigenvalue(torch.randn(5, 4)) == 0.0  # more channels than positions
    assert smallest_eigenvalue(rows[:1]) == pytest.approx(1.0)  # one channel


@pytest.mark.parametrize(("m", "dimension"), [(2, 10), (5, 5), (8, 40)])
def test_points_of_a_normal_distribution_have_its_dimension(m: int, dimension: int) -> None:
    drawing = torch.Generator().manual_seed(m)
    points = (
        torch.randn(3000, m, generator=drawing) @ torch.linalg.qr(torch.randn(dimension, m, generator=drawing))[0].t()
    )
    assert local_intrinsic_dimension(points) == pytest.approx(m, rel=0.2)
    assert local_intrinsic_dimension(5 * points + 3) == pytest.approx(local_intrinsic_dimension(points), rel=1e-4)


def test_the_aggregate_ranks_within_the_set_and_what_is_missing_last() -> None:
    frame = pd.DataFrame(
        {
            "az_expressivity": [1.0, 2.0, 3.0],
            "az_progressivity": [math.nan, 0.5, math.nan],
            "az_trainability": [-1.0, -1.0, -3.0],
            "az_complexity": [5.0, 6.0, 7.0],
        },
        index=["a", "b", "c"],
    )
    ranks = {"a": (1, 1.5, 2.5, 1), "b": (2, 3, 2.5, 2), "c": (3, 1.5, 1, 3)}
    found = az_nas(frame)
    assert found.name == "az_nas"
    assert found.to_dict() == pytest.approx({k: sum(math.log(r / 3) for r in row) for k, row in ranks.items()})
    with pytest.raises(InvalidInput, match="az_trainability"):
        az_nas(frame.drop(columns="az_trainability"))


def test_complexity_is_flops() -> None:
    probe = Probe(architecture=SPACE.parse(WHOLE), task="digits")
    assert catalogue.find("az_complexity")(probe) == catalogue.find("flops")(probe)


def test_three_proxies_of_az_nas_share_one_forward() -> None:
    net, runs = residual(), []
    handle = net.register_forward_hook(lambda *_: runs.append(1))
    probe = Probe(net, digits())
    for part in ("az_expressivity", "az_progressivity", "az_trainability"):
        catalogue.find(part)(probe)
    handle.remove()
    assert runs == [1]


def test_only_one_blocks_graph_is_kept_at_a_time() -> None:
    net, alive = residual(), []

    class Mark(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            held = torch.zeros(1)
            alive.append(_weak(held))
            ctx.held = held
            return x.clone()

        @staticmethod
        def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            return gradient

    most: list[int] = []

    def marked(_m: nn.Module, _i: Any, out: torch.Tensor) -> torch.Tensor:
        after: torch.Tensor = Mark.apply(out)
        most.append(sum(each() is not None for each in alive))
        return after

    for name in ("2.0", "2.1", "3.0"):
        net.get_submodule(f"{name}.shortcut").register_forward_hook(marked)
    over_blocks(Probe(net, digits()))
    assert most == [1, 1, 1]


def _weak(value: torch.Tensor) -> Callable[[], Any]:
    return weakref.ref(value)


# -- what is no number, and why -----------------------------------------------------------------------------------

REASONS = [
    ("az_expressivity", DISCONNECTED, "the features of block 'cells.0' are the same everywhere"),
    ("az_progressivity", DISCONNECTED, "the features of block 'cells.0' are the same everywhere"),
    ("az_trainability", DISCONNECTED, "block 'cells.0' passes nothing back"),
    ("az_trainability", IDENTITY, "block 'cells.0' hands on what it is given"),
    ("naslid", DISCONNECTED, "the features of block 'cells.0' do not tell two inputs apart"),
]


@pytest.mark.parametrize(("name", "text", "words"), REASONS)
def test_a_cell_without_a_way_through_is_a_reason(name: str, text: str, words: str) -> None:
    value = catalogue.find(name)(Probe(cell(text), digits()))
    assert isinstance(value, Unscored)
    assert words in value.reason


def test_a_disconnected_cell_still_has_layers_and_patterns() -> None:
    probe = Probe(cell(DISCONNECTED), digits())
    assert 0 < catalogue.find("swap")(probe) < catalogue.find("swap")(Probe(cell(), digits()))
    assert 0 <= catalogue.find("meco")(probe) < catalogue.find("meco")(Probe(cell(), digits()))


def test_a_network_without_activations_has_no_patterns() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Tanh())
    for name in ("swap", "swap_regularised"):
        value = catalogue.find(name)(Probe(net, digits()))
        assert isinstance(value, Unscored)
        assert "no nn.ReLU" in value.reason


def test_activations_that_fold_the_batch_away_have_no_patterns() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (8, 8)), nn.Flatten(0, 1), nn.ReLU(), nn.Unflatten(0, (12, 8)))
    value = catalogue.find("swap")(Probe(nn.Sequential(net, nn.Flatten(), nn.Linear(64, 10)), digits()))
    assert isinstance(value, Unscored)
    assert "first axis" in value.reason


def test_a_network_of_vectors_has_no_feature_maps() -> None:
    batch = Batch(torch.randn(4, 6), torch.arange(4))
    flat = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
    value = catalogue.find("meco")(Probe(flat, batch))
    assert isinstance(value, Unscored)
    assert "rows of numbers" in value.reason
    value = catalogue.find("meco")(Probe(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), digits()))
    assert isinstance(value, Unscored)
    assert "feature map" in value.reason


def test_a_network_of_one_size_is_looked_at_in_it() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))
    values = catalogue.find("meco")(Probe(net, digits()), reduce=None)
    assert isinstance(values, dict)
    assert set(values) == {"0", "1"}
    assert all(value > 0 for value in values.values())


def test_one_channel_has_no_spread_but_a_value() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(16, 10))
    probe = Probe(net, digits())
    layers = catalogue.find("meco")(Probe(net[:3], digits()), reduce=None)
    assert layers == pytest.approx({"0": 1.0, "1": 1.0, "2": 1.0})
    entropies = catalogue.find("az_expressivity")(probe, reduce=None)
    assert isinstance(entropies, dict)
    assert [entropies["0"], entropies["2"]] == pytest.approx([0.0, 0.0], abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_one_is_a_number_or_a_reason(name: str) -> None:
    value = catalogue.find(name)(Probe(residual(), digits(1)))
    assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)
    if name == "naslid":
        assert isinstance(value, Unscored)
        assert "three inputs or more" in value.reason


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("swap")])
def test_weights_that_are_no_numbers_are_a_reason(name: str) -> None:
    net = residual()
    with torch.no_grad():
        net[0].weight.fill_(math.nan)
    value = catalogue.find(name)(Probe(net, digits()))
    assert isinstance(value, Unscored)
    assert "not finite" in value.reason


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_a_number_or_a_reason(name: str) -> None:
    value = catalogue.find(name)(Probe(residual().half(), digits()))
    assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)


@pytest.mark.parametrize("name", NAMES)
def test_two_transformers_are_looked_at_as_well(name: str) -> None:
    space = search_space("autoformer")
    value = catalogue.find(name)(Probe(architecture=space.sample(1, seed=0)[0], task="digits", batch_size=8))
    assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)


def test_a_block_alone_has_no_step() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for name in ("az_progressivity", "az_trainability"):
        value = catalogue.find(name)(Probe(net, digits()))
        assert isinstance(value, Unscored)
        assert "one block only" in value.reason


# -- a teacher ----------------------------------------------------------------------------------------------------


def naive_view(net: nn.Module, batch: Batch, last: str, classifier: str) -> tuple[np.ndarray, np.ndarray]:
    net = copy.deepcopy(net).train()
    seen: list[torch.Tensor] = []
    net.get_submodule(last).register_forward_hook(lambda _m, _i, out: seen.append(out.detach().clone()))
    nn.CrossEntropyLoss()(net(batch.x), batch.y).backward()
    return seen[0].flatten(1).double().numpy(), net.get_submodule(classifier).weight.grad.double().numpy()


def rows_of_length_one(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=-1, keepdims=True), 1e-12)


@pytest.mark.parametrize("text", [WHOLE, IDENTITY])
def test_the_distance_to_a_teacher_is_the_naive_one(text: str) -> None:
    teacher, student, batch = SPACE.build(SPACE.parse(WHOLE), "digits", seed=7), cell(text), digits()
    (f_t, g_t), (f_s, g_s) = (naive_view(net, batch, "cells.16", "classifier") for net in (teacher, student))
    relation = np.sum((rows_of_length_one(f_t @ f_t.T) - rows_of_length_one(f_s @ f_s.T)) ** 2) / 12**2
    outer_t, outer_s = (rows_of_length_one(np.einsum("ci,cj->cij", g, g)) for g in (g_t, g_s))
    semantic = np.sum((outer_t - outer_s) ** 2) / g_t.size
    assert diswot(teacher)(Probe(student, batch)) == pytest.approx(-(relation + semantic), rel=1e-5)


def test_a_teacher_is_its_own_best_student_and_left_alone() -> None:
    teacher = residual()
    before = copy.deepcopy(teacher.state_dict())
    proxy = diswot(teacher)
    assert proxy(Probe(teacher, digits())) == 0
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in teacher.parameters())
    assert proxy.name not in catalogue
    assert not proxy.kept
    assert pickle.loads(pickle.dumps(proxy))(Probe(teacher, digits())) == 0  # noqa: S301  # our own bytes


def test_a_teacher_of_another_width_is_a_reason() -> None:
    value = diswot(residual())(Probe(cell(), digits()))
    assert isinstance(value, Unscored)
    assert "(10, 10) of the teacher, (10, 64) of the network" in value.reason
    with pytest.raises(InvalidInput, match="str"):
        diswot("resnet56")  # type: ignore[arg-type]


def test_a_teacher_without_a_classifier_or_with_broken_weights_is_a_reason() -> None:
    bare = nn.Sequential(nn.Conv2d(1, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    value = diswot(bare)(Probe(cell(), digits()))
    assert isinstance(value, Unscored)
    assert "the teacher has no linear layer" in value.reason
    broken = cell()
    with torch.no_grad():
        broken.stem[0].weight.fill_(math.nan)
    value = diswot(cell())(Probe(broken, digits()))
    assert isinstance(value, Unscored)
    assert "the network has features or gradients that are not finite" in value.reason
