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

from benchmarks.reference_agreement import canonical_weights, seeded_images
from workbench.networks.nasbench201 import Network
from workbench.proxies import Probe, Unscored, catalogue
from workbench.proxies.score import score_model
from workbench.proxies.zen import zen_score
from workbench.spaces import search_space
from workbench.tasks import Batch, task

SharedData = Callable[[str], Path]
SPACE = search_space("nasbench201")
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"


def reference_rows(shared_data: SharedData) -> list[dict[str, str]]:
    with shared_data("naslib_proxy_values_6.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", range(6))
def test_values_are_those_of_naslib(shared_data: SharedData, row: int) -> None:
    known = reference_rows(shared_data)[row]
    net = canonical_weights(SPACE.build(SPACE.parse(known["arch"]), "cifar10_noise"))
    batch = task("cifar10_noise").batch(64)
    names = ["grad_norm", "snip", "fisher", "l2_norm", "grasp", "jacov", "epe_nas", "nwot", "synflow"]
    found = score_model(net, (batch.x, batch.y), [*names, "plain", "params", "flops"])
    for name in names:
        assert found[name] == pytest.approx(float(known[name]), rel=1e-5), name
    # Plain is a small difference of large numbers, whose size is that of snip.
    assert found["plain"] == pytest.approx(float(known["plain"]), rel=0, abs=1e-6 * found["snip"])
    assert found["params"] == pytest.approx(float(known["params"]) * 1e6, abs=0.5)  # NASLib counts millions
    # NASLib's FLOPs come from tensorwatch, which adds 3 operations for every value of a convolution (activation and
    # normalisation), 9 for every value of a pooling and the same amount for the rest of every network.
    values = 5 * sum(16 * 2**s * (32 // 2**s) ** 2 for s in range(3))
    convs, pools = known["arch"].count("nor_conv"), known["arch"].count("avg_pool")
    assert float(known["flops"]) * 1e6 == pytest.approx(
        found["flops"] + 3 * values * convs + 9 * values * pools + 160_832, abs=0.5
    )


@pytest.mark.parametrize("row", range(6))
def test_zen_is_that_of_naslib(shared_data: SharedData, row: int) -> None:
    known = reference_rows(shared_data)[row]
    net = SPACE.build(SPACE.parse(known["arch"]), "cifar10_noise")
    state = copy.deepcopy(canonical_weights(copy.deepcopy(net), seed=1, gain=None).state_dict())
    x = seeded_images(1000)
    value = zen_score(net, state, x, x + 0.01 * seeded_images(1001), seed=0)
    assert value == pytest.approx(float(known["zen"]), rel=1e-5)


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


def naive_snip(net: nn.Module, batch: Batch) -> float:
    """SNIP's own way: the gradient of a mask of ones that multiplies the weights."""
    net = copy.deepcopy(net).train()
    weights = {f"{name}.weight": m.weight for name, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    masks = {name: torch.ones_like(weight, requires_grad=True) for name, weight in weights.items()}
    masked = {name: masks[name] * weight.detach() for name, weight in weights.items()}
    nn.CrossEntropyLoss()(torch.func.functional_call(net, masked, (batch.x,)), batch.y).backward()
    return sum(float(mask.grad.abs().sum()) for mask in masks.values() if mask.grad is not None)


def naive_plain(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    nn.CrossEntropyLoss()(net(batch.x), batch.y).backward()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(float((m.weight.detach() * m.weight.grad).sum()) for m in layers if m.weight.grad is not None)


def naive_l2_norm(net: nn.Module, _batch: Batch) -> float:
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(math.sqrt(float((m.weight.detach() ** 2).sum())) for m in layers)


def naive_fisher(net: nn.Module, batch: Batch) -> float:
    """The effect of a gate of one for every input and channel: its gradient is the sum of a dL/da."""
    net = copy.deepcopy(net).train()
    gates: list[tuple[nn.Module, torch.Tensor]] = []

    def gated(layer: nn.Module, _given: object, out: torch.Tensor) -> torch.Tensor:
        gate = torch.ones(*out.shape[:2], *[1] * (out.ndim - 2), requires_grad=True)
        gates.append((layer, gate))
        return out * gate

    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(gated)
    nn.CrossEntropyLoss()(net(batch.x), batch.y).backward()
    total = 0.0
    for layer, gate in gates:
        if gate.grad is not None:
            each = layer.weight[0].numel()
            total += each * float((gate.grad.flatten(1) ** 2).mean(0).sum()) / 2
    return total


def naive_jacobian(net: nn.Module, batch: Batch) -> np.ndarray:
    net = copy.deepcopy(net).train()
    x = batch.x.clone().requires_grad_()
    y = net(x)
    y.backward(torch.ones_like(y))
    return x.grad.flatten(1).numpy()


def naive_jacov(net: nn.Module, batch: Batch) -> float:
    values, _ = np.linalg.eig(np.corrcoef(naive_jacobian(net, batch)))
    return float(-np.sum(np.log(values + 1e-5) + 1 / (values + 1e-5)).real)


def naive_epe_nas(net: nn.Module, batch: Batch) -> float:
    jacobian, total = naive_jacobian(net, batch), 0.0
    for label in set(batch.y.tolist()):
        rows = jacobian[batch.y.numpy() == label]
        total += abs(np.sum(np.log(np.abs(np.corrcoef(rows)) + 1e-5)))
    return float(total)


def naive_grasp_terms(net: nn.Module, batch: Batch) -> list[float]:
    net = copy.deepcopy(net).train()
    layers = [m.weight for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    first = torch.autograd.grad(nn.CrossEntropyLoss()(net(batch.x), batch.y), layers, allow_unused=True)
    again = torch.autograd.grad(
        nn.CrossEntropyLoss()(net(batch.x), batch.y), layers, allow_unused=True, create_graph=True
    )
    sum((g * h).sum() for g, h in zip(first, again, strict=True) if g is not None).backward()
    return [-float((w.detach() * w.grad).sum()) for w in layers if w.grad is not None]


def naive_grasp(net: nn.Module, batch: Batch) -> float:
    return sum(naive_grasp_terms(net, batch))


def naive_synflow_bn(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train().double()
    for tensor in net.parameters():
        tensor.data.abs_()
    net(torch.ones_like(batch.x[:1], dtype=torch.float64)).sum().backward()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return math.log(
        sum(float((m.weight.detach() * m.weight.grad).abs().sum()) for m in layers if m.weight.grad is not None)
    )


def naive_n_layers(net: nn.Module, _batch: Batch) -> float:
    return float(sum(isinstance(m, nn.Conv2d | nn.Linear) for m in net.modules()))


def naive_zen(net: nn.Module, batch: Batch) -> float:
    """On a network whose weights are overwritten, its features cut off by hand."""
    net, draw = copy.deepcopy(net).train(), torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data = torch.randn(module.weight.shape, generator=draw)
            if module.bias is not None:
                module.bias.data.zero_()
    x = torch.randn(64, *batch.x.shape[1:], generator=draw)
    moved = x + 0.01 * torch.randn(64, *batch.x.shape[1:], generator=draw)

    def features(images: torch.Tensor) -> torch.Tensor:
        if isinstance(net, Network):
            return net.head[:2](nn.Sequential(net.stem, *net.cells)(images))
        return net[:4](images)

    distance = (features(x) - features(moved)).abs().flatten(1).sum(1).mean()
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    return math.log(float(distance.detach())) + sum(math.log(math.sqrt(float(m.running_var.mean()))) for m in norms)


NAIVE = {
    "snip": naive_snip,
    "plain": naive_plain,
    "l2_norm": naive_l2_norm,
    "fisher": naive_fisher,
    "jacov": naive_jacov,
    "epe_nas": naive_epe_nas,
    "grasp": naive_grasp,
    "synflow_bn": naive_synflow_bn,
    "n_layers": naive_n_layers,
    "zen": naive_zen,
    "grad_norm": naive_grad_norm,
    "nwot": naive_nwot,
    "synflow": naive_synflow,
    "params": naive_params,
    "flops": naive_flops,
}


def within(name: str, net: nn.Module, batch: Batch) -> dict[str, float]:
    """The tolerance of a proxy: sums that are small beside their terms are judged by the size of these."""
    if name == "plain":
        return {"rel": 0, "abs": 1e-6 * naive_snip(net, batch)}
    if name == "grasp":  # by layer; torch's own double backward is as far from the double backward in float64
        return {"rel": 0, "abs": 1e-5 * sum(map(abs, naive_grasp_terms(net, batch)))}
    return {"rel": 1e-5}


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_implementation_finds_the_same(name: str) -> None:
    batch = task("digits").batch(12)
    for index, arch in enumerate(SPACE.sample(8, seed=11)):
        net = SPACE.build(arch, "digits", seed=index)
        near = within(name, net, batch)
        assert catalogue.find(name)(Probe(net, batch)) == pytest.approx(NAIVE[name](net, batch), **near), str(arch)


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
    near = within(name, net, batch)
    assert catalogue.find(name)(Probe(net, batch)) == pytest.approx(NAIVE[name](net, batch), **near)


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
