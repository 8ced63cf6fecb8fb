"""Every proxy against the reference toolkit's values, and against a second, naive implementation."""

from __future__ import annotations

import copy
import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench.networks.nasbench201 import Cell, Network
from workbench.proxies import Probe, Unscored, catalogue
from workbench.proxies.score import score_model
from workbench.spaces import search_space
from workbench.tasks import Batch, task

SharedData = Callable[[str], Path]
EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
SPACE = search_space("nasbench201")
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"


def canonical_weights(net: Network, seed: int = 0, gain: float = math.sqrt(2)) -> Network:
    """Give each layer the weights of its slot, which depend on no framework's order of initialisation.

    Slots count the stem, six for every cell (one an edge, used or not), three for every reduction block, and
    the classifier; slot n is normal from PCG64([seed, n]) times gain / sqrt(fan in).
    """
    slots: list[nn.Module | None] = [net.stem[0]]
    for block in net.cells:
        if isinstance(block, Cell):
            present = dict(block.edges.items())
            edges = [present.get(name) for name in EDGES]
            slots += [edge[1] if isinstance(edge, nn.Sequential) else None for edge in edges]
        else:
            slots += [block.conv_a[1], block.conv_b[1], block.shortcut[1]]
    slots.append(net.classifier)
    with torch.no_grad():
        for number, layer in enumerate(slots):
            if layer is not None:
                shape = tuple(layer.weight.shape)
                drawn = np.random.Generator(np.random.PCG64([seed, number])).standard_normal(shape, np.float32)
                scale = np.float32(gain / math.sqrt(math.prod(shape[1:])))
                layer.weight.copy_(torch.from_numpy(drawn * scale))
        net.classifier.bias.zero_()
    return net


def reference_rows(shared_data: SharedData) -> list[dict[str, str]]:
    with shared_data("naslib_proxy_values_6.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", range(6))
def test_values_are_those_of_naslib(shared_data: SharedData, row: int) -> None:
    known = reference_rows(shared_data)[row]
    net = canonical_weights(SPACE.build(SPACE.parse(known["arch"]), "cifar10_noise"))
    batch = task("cifar10_noise").batch(64)
    found = score_model(net, (batch.x, batch.y), ["params", "flops", "grad_norm", "synflow", "nwot"])
    for name in ("grad_norm", "synflow", "nwot"):
        assert found[name] == pytest.approx(float(known[name]), rel=1e-5), name
    assert found["params"] == pytest.approx(float(known["params"]) * 1e6, abs=0.5)  # NASLib counts millions
    # NASLib's FLOPs come from tensorwatch, which adds 3 operations for every value of a convolution (activation and
    # normalisation), 9 for every value of a pooling and the same amount for the rest of every network.
    values = 5 * sum(16 * 2**s * (32 // 2**s) ** 2 for s in range(3))
    convs, pools = known["arch"].count("nor_conv"), known["arch"].count("avg_pool")
    assert float(known["flops"]) * 1e6 == pytest.approx(
        found["flops"] + 3 * values * convs + 9 * values * pools + 160_832, abs=0.5
    )


# -- a second implementation of each proxy, with a fresh copy of the network and no shared pass ------------------


def naive_grad_norm(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    nn.CrossEntropyLoss()(net(batch.x), batch.y).backward()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(math.sqrt(float((m.weight.grad**2).sum())) for m in layers if m.weight.grad is not None)


def naive_nwot(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    codes: list[np.ndarray] = []
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(lambda _m, given: codes.append(given[0].detach().flatten(1).numpy() > 0))
    net(batch.x)
    code = np.concatenate(codes, axis=1)
    alike = (code[:, None, :] == code[None, :, :]).sum(-1)  # units that agree, input by input
    return float(np.linalg.slogdet(alike.astype(float))[1])


def naive_synflow(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net)

    def without_normalisation(module: nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            without_normalisation(child)

    without_normalisation(net)
    net.double()
    for tensor in net.parameters():
        tensor.data.abs_()
    net(torch.ones_like(batch.x[:1], dtype=torch.float64)).sum().backward()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    flows = [(m.weight.detach() * m.weight.grad).sum() for m in layers if m.weight.grad is not None]
    return math.log(sum(float(flow) for flow in flows))


def naive_params(net: nn.Module, _batch: Batch) -> float:
    return float(sum(value.numel() for value in dict(net.named_parameters()).values()))


def naive_flops(net: nn.Module, batch: Batch) -> float:
    """Values that come out, times values that each is made of."""
    net = copy.deepcopy(net)
    total = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, given, out: total.append(
                    out.shape[1] * out.shape[2] * out.shape[3] * given[0].shape[1] * m.kernel_size[0] ** 2
                )
            )
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda m, given, out: total.append(given[0].shape[1] * out.shape[1]))
    net(batch.x)
    return float(sum(total))


NAIVE = {
    "grad_norm": naive_grad_norm,
    "nwot": naive_nwot,
    "synflow": naive_synflow,
    "params": naive_params,
    "flops": naive_flops,
}


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_implementation_finds_the_same(name: str) -> None:
    batch = task("digits").batch(12)
    for index, arch in enumerate(SPACE.sample(8, seed=11)):
        net = SPACE.build(arch, "digits", seed=index)
        assert catalogue.find(name)(Probe(net, batch)) == pytest.approx(NAIVE[name](net, batch), rel=1e-5), str(arch)


@pytest.mark.parametrize("name", NAIVE)
def test_a_network_of_another_make_scores_the_same_as_the_naive_way(name: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(54, 16),
        nn.ReLU(inplace=True),
        nn.Linear(16, 10),
    )
    batch = task("digits").batch(12)
    assert catalogue.find(name)(Probe(net, batch)) == pytest.approx(NAIVE[name](net, batch), rel=1e-5)


def test_live_params_count_only_what_lies_on_a_path() -> None:
    live = catalogue.find("live_params")
    arch = SPACE.parse(DISCONNECTED)
    bare = SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert live(Probe(architecture=arch)) == SPACE.counts(bare).params
    assert catalogue.find("params")(Probe(architecture=arch)) > SPACE.counts(bare).params
    whole = SPACE.parse(
        "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    )
    assert live(Probe(architecture=whole)) == SPACE.counts(whole).params


def test_a_disconnected_cell_has_no_synflow_but_a_reason() -> None:
    value = catalogue.find("synflow")(Probe(architecture=SPACE.parse(DISCONNECTED), task="digits"))
    assert isinstance(value, Unscored)
    assert math.isnan(value)
    assert "no weight carries anything from the input to the output" in value.reason


def test_relus_that_see_no_difference_have_no_nwot_but_a_reason() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    value = catalogue.find("nwot")(Probe(net, Batch(torch.ones(3, 1, 2, 2), torch.tensor([0, 1, 0]))))
    assert isinstance(value, Unscored)
    assert "do not tell the inputs apart" in value.reason
    silent = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    value = catalogue.find("nwot")(Probe(silent, Batch(torch.randn(3, 1, 2, 2), torch.tensor([0, 1, 0]))))
    assert isinstance(value, Unscored)
    assert "no nn.ReLU module" in value.reason


def test_synflow_stays_finite_where_single_precision_overflows() -> None:
    net = nn.Sequential(*[nn.Linear(64, 64, bias=False) for _ in range(30)])
    for layer in net:
        nn.init.constant_(layer.weight, 1.0)
    batch = Batch(torch.zeros(2, 64), torch.tensor([0, 1]))
    # 30 layers of 64 x 64 ones: each carries 64^31, so the score is log(30 x 64^31).
    expected = math.log(30) + 31 * math.log(64)
    assert catalogue.find("synflow")(Probe(net, batch)) == pytest.approx(expected, rel=1e-12)
    assert expected > math.log(torch.finfo(torch.float32).max)


def test_a_gradient_that_is_not_finite_is_a_reason() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    batch = Batch(torch.full((2, 1, 2, 2), math.inf), torch.tensor([0, 1]))
    value = catalogue.find("grad_norm")(Probe(net, batch))
    assert isinstance(value, Unscored)
    assert "no finite number" in value.reason
