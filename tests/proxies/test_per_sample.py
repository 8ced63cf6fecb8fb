"""Proxies of gradients by sample and of several batches, against naive loops written from the papers' equations."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.analysis.aggregates import te_nas
from workbench.errors import InvalidInput
from workbench.proxies import Probe, Unscored, catalogue
from workbench.proxies.per_sample import (
    logit_sum_kernel,
    lone_sign_sums,
    mean_output_gradients,
    predictive_fisher,
    target_logit_norms,
)
from workbench.spaces import search_space
from workbench.tasks import Batch, task

SPACE = search_space("nasbench201")
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"
NAMES = ("gradsign", "knas", "linear_regions", "ntk_cond", "ntk_trace", "vkdnw", "vkdnw_single", "zico")


def score(name: str, net: nn.Module, batch: Batch, seed: int = 0) -> float:
    value = catalogue.find(name)(Probe(net, batch, seed))
    assert isinstance(value, float)
    return value


def reason(name: str, net: nn.Module, batch: Batch) -> str:
    value = score(name, net, batch)
    assert isinstance(value, Unscored)
    return value.reason


def sequential() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(54, 16),
        nn.ReLU(inplace=True),
        nn.Linear(16, 10),
    )


def perceptron() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))


def cell() -> nn.Module:
    return SPACE.build(SPACE.sample(3, seed=11)[1], "digits", seed=2)


NETWORKS: list[Callable[[], nn.Module]] = [sequential, perceptron, cell]


@pytest.fixture(scope="module")
def batch() -> Batch:
    x, y, _ = task("digits").batch(10)
    return Batch(x, y)


def layers_of(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def values(net: nn.Module, tensors: list[nn.Parameter]) -> torch.Tensor:
    """All gradients in one row, in double precision, zero where there is none; they are cleared."""
    row = torch.cat([(torch.zeros_like(t) if t.grad is None else t.grad).flatten().double() for t in tensors])
    net.zero_grad(set_to_none=True)
    return row


# -- a second implementation of each: a fresh copy of the network, loops, no shared pass --------------------------


def naive_gradsign(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    weights = [m.weight for m in layers_of(net)]
    signs = np.zeros(sum(w.numel() for w in weights))
    for image, label in zip(batch.x, batch.y, strict=True):
        F.cross_entropy(net(image[None]), label[None]).backward()
        signs += np.sign(values(net, weights).numpy())
    return float(np.abs(signs).sum())


def naive_zico(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    half = len(batch.x) // 2
    total = 0.0
    by_layer: dict[int, list[np.ndarray]] = {}
    for part in (slice(half), slice(half, None)):
        F.cross_entropy(net(batch.x[part]), batch.y[part]).backward()
        for number, layer in enumerate(layers_of(net)):
            by_layer.setdefault(number, []).append(layer.weight.grad.double().flatten().numpy().copy())
        net.zero_grad()
    for gradients in by_layer.values():
        std, mean = np.std(gradients, axis=0), np.mean(np.abs(gradients), axis=0)
        ratio = (mean[std > 0] / std[std > 0]).sum()
        total += math.log(ratio) if ratio > 0 else 0.0
    return total


def kernel_of(
    net: nn.Module, tensors: list[nn.Parameter], scalars: Callable[[int], torch.Tensor], n: int
) -> np.ndarray:
    rows = []
    for index in range(n):
        scalars(index).backward()
        rows.append(values(net, tensors))
    return torch.stack([torch.stack([a @ b for b in rows]) for a in rows]).numpy()


def naive_ntk_cond(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    kernel = kernel_of(net, weights, lambda n: net(batch.x)[n].sum(), len(batch.x))
    spectrum = np.linalg.svd(kernel, compute_uv=False)
    return float(spectrum[0] / spectrum[-1])


def naive_ntk_trace(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    kernel = kernel_of(net, list(net.parameters()), lambda n: net(batch.x)[n, batch.y[n]], len(batch.x))
    return math.sqrt(np.trace(kernel) / len(batch.x))


def naive_knas(net: nn.Module, batch: Batch) -> float:
    net = copy.deepcopy(net).train()
    weights = [m.weight for m in layers_of(net)]
    return float(kernel_of(net, weights, lambda n: net(batch.x)[n].sum(), len(batch.x)).mean())


def naive_vkdnw(net: nn.Module, batch: Batch) -> float:
    """By expectation over classes drawn from the prediction: F = E[d log s_c (d log s_c)']."""
    net = copy.deepcopy(net).train()
    tensors = list(net.parameters())[:128]
    fisher = np.zeros((len(tensors), len(tensors)))
    for image in batch.x:
        for c in range(10):
            log_s = F.log_softmax(net(image[None]), dim=1)[0, c]
            log_s.backward()
            score = np.array([0.0 if t.grad is None else float(t.grad.flatten()[0]) for t in tensors])
            net.zero_grad(set_to_none=True)
            fisher += math.exp(log_s.detach()) * np.outer(score, score) / len(batch.x)
    spectrum = np.linalg.svd(fisher, compute_uv=False)
    deciles = np.quantile(spectrum, np.linspace(0.1, 0.9, 9))
    shares = deciles / deciles.sum()
    return -sum(share * math.log(share) for share in shares if share > 0)


def naive_vkdnw_single(net: nn.Module, batch: Batch) -> float:
    """Beside every weight of more than one axis there is a layer."""
    return sum(p.ndim > 1 for p in net.parameters()) + naive_vkdnw(net, batch)


def naive_linear_regions(net: nn.Module, batch: Batch) -> float:
    """With a set of strings, on the inputs that the proxy says it takes."""
    net = copy.deepcopy(net).train()
    shape = (1, 8, 8) if any(isinstance(m, nn.Flatten) for m in net) else (1, 3, 3)  # type: ignore[arg-type]
    rng = torch.Generator().manual_seed(0)
    scales, directions = torch.randn(1000, 2, generator=rng), torch.randn(2, math.prod(shape), generator=rng)
    codes = ["" for _ in range(1000)]

    def write(_module: nn.Module, _given: object, out: torch.Tensor) -> None:
        for index, one in enumerate(out):
            units = one[0] if one.ndim == 3 else one
            codes[index] += "".join("1" if unit else "0" for unit in (units.flatten() > 0).tolist())

    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(write)
    with torch.no_grad():
        net((scales @ directions).reshape(1000, *shape))
    return float(len(set(codes)))


NAIVE = {
    "gradsign": naive_gradsign,
    "zico": naive_zico,
    "ntk_cond": naive_ntk_cond,
    "ntk_trace": naive_ntk_trace,
    "knas": naive_knas,
    "vkdnw": naive_vkdnw,
    "vkdnw_single": naive_vkdnw_single,
}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda made: made.__name__)
@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_implementation_finds_the_same(name: str, network: Callable[[], nn.Module], batch: Batch) -> None:
    net = network()
    assert score(name, net, batch) == pytest.approx(NAIVE[name](net, batch), rel=1e-5)


@pytest.mark.parametrize("network", [sequential, perceptron], ids=lambda made: made.__name__)
def test_regions_are_the_distinct_strings_of_signs(network: Callable[[], nn.Module], batch: Batch) -> None:
    net = network()
    expected = naive_linear_regions(net, batch)
    assert score("linear_regions", net, batch) == expected
    assert 1 < expected < 1000


def test_regions_of_a_network_of_any_size_are_counted_on_three_by_three_pixels(batch: Batch) -> None:
    net, seen = cell(), []
    net.register_forward_pre_hook(lambda _m, given: seen.append(tuple(given[0].shape)))
    assert 1 < score("linear_regions", net, batch) <= 1000
    assert seen == [(1000, 1, 3, 3)]


def test_one_unit_cuts_its_inputs_into_two_regions() -> None:
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 2))
    assert score("linear_regions", net, Batch(torch.zeros(1, 2), torch.tensor([0]))) == 2


def test_three_lines_through_the_origin_cut_a_plane_into_six() -> None:
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0.0], [-0.5, 0.866], [-0.5, -0.866]]))
    assert score("linear_regions", net, Batch(torch.zeros(1, 2), torch.tensor([0]))) == 6


# -- caps, memory, and where batches come from --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gradsign", "ntk_cond", "ntk_trace", "vkdnw"])
def test_only_the_first_sixteen_inputs_count(name: str) -> None:
    x, y, _ = task("digits").batch(20)
    net = perceptron()
    assert score(name, net, Batch(x, y)) == score(name, net, Batch(x[:16], y[:16]))
    assert score(name, net, Batch(x, y)) != score(name, net, Batch(x[:15], y[:15]))


def test_the_cap_is_an_argument_of_the_pass(batch: Batch) -> None:
    net = perceptron()
    few = Batch(batch.x[:3], batch.y[:3])
    for a_pass in (logit_sum_kernel, target_logit_norms, predictive_fisher):
        capped, whole = a_pass(Probe(net, batch), first=3), a_pass(Probe(net, few))
        assert isinstance(capped, torch.Tensor)
        assert torch.equal(capped, whole)
    capped, whole = (lone_sign_sums(Probe(net, given), first=3) for given in (batch, few))
    assert not isinstance(capped, Unscored)
    assert all(torch.equal(capped[name], whole[name]) for name in ("1", "3"))
    fisher = predictive_fisher(Probe(net, batch), tensors=2)
    assert isinstance(fisher, torch.Tensor)
    assert fisher.shape == (2, 2)


@pytest.mark.parametrize("held", [1, 500, 2000])
def test_gradients_held_group_by_group_make_the_same_kernel(held: int, batch: Batch) -> None:
    net = sequential()
    for a_pass in (logit_sum_kernel, target_logit_norms):
        torch.testing.assert_close(a_pass(Probe(net, batch), held=held), a_pass(Probe(net, batch)))


def test_the_mean_of_the_gram_matrix_is_the_squared_norm_of_the_mean_gradient(batch: Batch) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False))
    kernel = logit_sum_kernel(Probe(net, batch))
    assert isinstance(kernel, torch.Tensor)
    assert score("knas", net, batch) == pytest.approx(float(kernel.mean()), rel=1e-6)
    gradients = mean_output_gradients(Probe(net, batch))
    assert not isinstance(gradients, Unscored)
    torch.testing.assert_close(gradients["1"], batch.x.flatten(1).mean(0).expand(10, -1))


def test_the_second_batch_of_an_architecture_is_another_one_of_its_task() -> None:
    arch = SPACE.sample(1, seed=5)[0]
    found = catalogue.find("zico")(Probe(architecture=arch, task="digits", batch_size=6))
    net = SPACE.build(arch, "digits")
    first, second = task("digits").batch(6), task("digits").batch(6, 2**40)
    both = Batch(torch.cat([first.x, second.x]), torch.cat([first.y, second.y]))
    assert found == pytest.approx(naive_zico(net, both), rel=1e-5)


def test_gradsign_is_the_sum_over_layers_and_counts_whole_signs(batch: Batch) -> None:
    layers = catalogue.find("gradsign")(Probe(perceptron(), batch), reduce=None)
    assert isinstance(layers, dict)
    assert list(layers) == ["1", "3"]
    assert all(value == int(value) for value in layers.values())
    assert 0 < layers["3"] <= 80 * len(batch.x)


def test_one_class_that_is_certain_and_one_weight_say_nothing_of_deciles(batch: Batch) -> None:
    one = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False))
    assert reason("vkdnw", one, batch) == "deciles need more than one parameter tensor"
    constant = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    assert "eigenvalues are zero" in reason("vkdnw", constant, batch)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_the_same_value(
    name: str, context: Callable[[], AbstractContextManager[None]], batch: Batch
) -> None:
    net = sequential()
    expected = score(name, net, batch)
    with context():
        assert score(name, net, batch) == expected


# -- what has no score says why -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_no_numbers_are_a_reason(name: str, batch: Batch) -> None:
    net = sequential()
    with torch.no_grad():
        net[0].weight.fill_(math.nan)
    assert "finite" in reason(name, net, batch)


@pytest.mark.parametrize("name", NAMES)
def test_a_disconnected_cell_has_a_number_or_a_reason(name: str) -> None:
    value = catalogue.find(name)(Probe(architecture=SPACE.parse(DISCONNECTED), task="digits", batch_size=6))
    assert isinstance(value, float)
    assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ntk_cond", "the kernel is singular"), ("vkdnw", "has no deciles"), ("zico", "differs between the two batches")],
)
def test_a_disconnected_cell_says_what_is_missing(name: str, words: str) -> None:
    value = catalogue.find(name)(Probe(architecture=SPACE.parse(DISCONNECTED), task="digits", batch_size=6))
    assert isinstance(value, Unscored)
    assert words in value.reason


def test_equal_inputs_make_a_singular_kernel(batch: Batch) -> None:
    same = Batch(batch.x[:1].expand(4, -1, -1, -1), batch.y[:4])
    assert "singular" in reason("ntk_cond", perceptron(), same)


def test_equal_halves_leave_nothing_to_vary(batch: Batch) -> None:
    twice = Batch(torch.cat([batch.x[:3]] * 2), torch.cat([batch.y[:3]] * 2))
    assert "differs between the two batches" in reason("zico", perceptron(), twice)


@pytest.mark.parametrize("name", NAMES)
def test_one_input_and_batch_normalisation_make_a_number_or_a_reason(name: str, batch: Batch) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
    one = Batch(batch.x[:1], batch.y[:1])
    if name == "linear_regions":
        assert score(name, net, one) > 1  # its inputs are its own
    elif name == "zico":
        assert "one input cannot be split into two" in reason(name, net, one)
        assert "one value per channel" in reason(name, net, Batch(batch.x[:2], batch.y[:2]))
    else:
        assert "one value per channel" in reason(name, net, one)
    if name in ("gradsign", "vkdnw"):  # these look at inputs one at a time, however many there are
        assert "one value per channel" in reason(name, net, batch)


def test_one_input_has_no_condition_number(batch: Batch) -> None:
    assert "two inputs" in reason("ntk_cond", perceptron(), Batch(batch.x[:1], batch.y[:1]))


def test_a_network_without_relus_has_no_regions(batch: Batch) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))
    assert "no nn.ReLU module" in reason("linear_regions", net, batch)
    for name in set(NAMES) - {"linear_regions"}:
        assert math.isfinite(score(name, net, batch)), name


def test_tokens_have_no_regions() -> None:
    net = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.ReLU(), nn.Linear(12, 3))
    tokens = Batch(torch.tensor([[0, 1, 2], [3, 4, 0], [1, 1, 2]]), torch.tensor([0, 1, 2]))
    assert "tokens" in reason("linear_regions", net, tokens)
    for name in set(NAMES) - {"linear_regions"}:
        assert math.isfinite(score(name, net, tokens)), name


@pytest.mark.parametrize("name", NAMES)
def test_a_network_without_convolution_or_linear_layer_has_a_number_or_a_reason(name: str, batch: Batch) -> None:
    net = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU(), nn.Flatten())
    value = score(name, net, batch)
    if name in ("gradsign", "zico", "knas"):
        assert isinstance(value, Unscored)
        assert value.reason == "the network has no convolution or linear layer"
    assert math.isfinite(value) or isinstance(value, Unscored)


def test_a_network_whose_parameters_are_not_called_weights_has_no_kernel_of_theirs(batch: Batch) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale * x.flatten(1)

    assert "called a weight" in reason("ntk_cond", Scaled(), batch)
    assert "no parameters" in reason("ntk_trace", nn.Flatten(), batch)
    assert "no parameters" in reason("vkdnw", nn.Flatten(), batch)
    assert score("ntk_trace", Scaled(), batch) >= 0


@pytest.mark.parametrize("name", NAMES)
def test_a_network_in_half_precision_has_a_number_or_a_reason(name: str, batch: Batch) -> None:
    half, single = score(name, perceptron().half(), batch), score(name, perceptron(), batch)
    assert half == pytest.approx(single, rel=0.2) or isinstance(half, Unscored)


@pytest.mark.parametrize("name", ["ntk_cond", "ntk_trace", "knas", "vkdnw"])
def test_a_network_that_returns_no_rows_of_logits_is_refused(name: str, batch: Batch) -> None:
    with pytest.raises(InvalidInput, match="one row of logits for each of"):
        score(name, nn.Linear(8, 4), batch)


@pytest.mark.parametrize("name", ["gradsign", "zico", "ntk_trace"])
def test_labels_out_of_range_are_refused(name: str, batch: Batch) -> None:
    with pytest.raises(InvalidInput, match=r"Labels must lie in 0\.\.9"):
        score(name, perceptron(), Batch(batch.x, batch.y + 10))


# -- the aggregate of TE-NAS --------------------------------------------------------------------------------------


def test_te_nas_adds_the_ranks_of_both_parts() -> None:
    frame = pd.DataFrame(
        {"ntk_cond": [5.0, 1.0, 3.0, 3.0], "linear_regions": [10.0, 40.0, 20.0, 30.0]}, index=["a", "b", "c", "d"]
    )
    score = te_nas(frame)
    assert score.to_dict() == {"a": 1 + 1, "b": 4 + 4, "c": 2.5 + 2, "d": 2.5 + 3}
    assert score.name == "te_nas"


def test_te_nas_ranks_what_is_missing_last() -> None:
    frame = pd.DataFrame({"ntk_cond": [np.nan, 1.0, 3.0], "linear_regions": [10.0, 5.0, np.nan]}, index=["a", "b", "c"])
    assert te_nas(frame).to_dict() == {"a": 1 + 3, "b": 3 + 2, "c": 2 + 1}


def test_te_nas_says_which_column_is_missing() -> None:
    with pytest.raises(InvalidInput, match="the frame lacks linear_regions"):
        te_nas(pd.DataFrame({"ntk_cond": [1.0]}))
