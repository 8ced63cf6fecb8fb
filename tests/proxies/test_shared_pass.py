"""The shared pass: what comes of one forward, alone and together, on networks of every make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.proxies import Probe, Unscored, catalogue
from workbench.proxies import curvature as curvatures
from workbench.proxies.passes import SHARED
from workbench.proxies.score import score_model
from workbench.spaces import search_space
from workbench.tasks import Batch, task

SPACE = search_space("nasbench201")
FAMILY = ("grad_norm", "snip", "plain", "fisher", "nwot", "jacov", "epe_nas", "grasp")


def batch(n: int = 8, channels: int = 1, side: int = 8, dtype: torch.dtype = torch.float32) -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, channels, side, side, generator=generator, dtype=torch.float64).to(dtype)
    return Batch(x, torch.arange(n) % 3)


def normalised(eps: float = 1e-5) -> nn.Sequential:
    """Every convolution's scale is lost in a normalisation; the classifier's is not."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4, eps=eps),
        nn.Tanh(),
        nn.Conv2d(4, 6, 3, bias=False),
        nn.BatchNorm2d(6, eps=eps, affine=False),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(96, 3),
    )


def plain_network(inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ELU(inplace=inplace),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(inplace=inplace),
        nn.Flatten(),
        nn.Linear(64, 3),
    )


class Branches(nn.Module):
    """Convolutions of which some are normalised, beside a sum, a shared weight and a use without normalisation."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b, self.c, self.d = (nn.Conv2d(1 if i == 0 else 4, 4, 3, padding=1) for i in range(4))
        self.e = nn.Conv2d(4, 4, 3, padding=1)
        self.e.weight = self.d.weight
        self.norms = nn.ModuleList(nn.BatchNorm2d(4, eps=1e-14) for _ in range(4))
        self.last = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two, three, four = self.norms
        x = torch.tanh(one(self.a(x)))  # a: normalised
        b = self.b(x)
        x = torch.tanh(two(b)) + 0.1 * b  # b: used beside its normalisation
        x = x + self.c(x)  # c: not normalised
        x = three(self.d(x)) + four(self.e(x))  # d and e: one weight, used twice
        return self.last(torch.tanh(x).mean((2, 3)))


@contextmanager
def forwards(model: nn.Module) -> Iterator[list[int]]:
    calls: list[int] = []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    yield calls
    handle.remove()


def test_the_family_takes_one_forward() -> None:
    model = normalised()
    with forwards(model) as calls:
        score_model(model, tuple(batch()[:2]), FAMILY)  # type: ignore[arg-type]
    assert len(calls) == 1


@pytest.mark.parametrize("make", [normalised, plain_network, lambda: plain_network(inplace=True), Branches])
def test_alone_and_together_values_are_the_same(make: Callable[[], nn.Module]) -> None:
    model, given = make(), batch()
    together = Probe(model, given, reads=SHARED)
    for name in FAMILY:
        found = catalogue.find(name)
        value, alone = found(together), found(Probe(model, given))
        assert value == alone or (math.isnan(value) and math.isnan(alone)), name


def test_nothing_is_kept_that_was_not_asked_for() -> None:
    probe = Probe(normalised(), batch())
    assert probe.fisher
    assert set(probe._shared) == {"fisher"}
    assert probe.input_jacobian is not None
    assert not probe.input_jacobian.matrix.requires_grad
    assert not any(gradient.requires_grad for gradient in Probe(normalised(), batch(), reads=SHARED).gradients.values())


def test_outputs_overwritten_in_place_have_the_fisher_of_those_that_are_not() -> None:
    fisher = catalogue.find("fisher")
    layers = fisher(Probe(plain_network(inplace=True), batch()), reduce=None)
    assert layers == pytest.approx(fisher(Probe(plain_network(), batch()), reduce=None), rel=1e-5)


# -- the curvature ---------------------------------------------------------------------------------------------------


def exact(model: nn.Module, given: Batch) -> dict[str, float]:
    """-w.(H g) by layer, as one differentiates the loss by hand, twice."""
    layers = {n: m.weight for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    loss = nn.CrossEntropyLoss()(model.train()(given.x), given.y)
    first = torch.autograd.grad(loss, list(layers.values()), create_graph=True)
    flow = sum(((g.detach() * g).sum() for g in first), torch.zeros(()))
    second = torch.autograd.grad(flow, list(layers.values()))
    return {name: -float((w.detach() * h).sum()) for (name, w), h in zip(layers.items(), second, strict=True)}


def settled(model: nn.Module, given: Batch) -> set[str]:
    """The layers whose curvature needs no second derivative."""
    weights = {n: m.weight for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    return curvatures.scale_free(nn.CrossEntropyLoss()(model(given.x), given.y), weights)


def doubled(model: nn.Module) -> nn.Module:
    return model.double()


@pytest.mark.parametrize(
    ("model", "free"),
    [
        (normalised(eps=1e-14), {"0", "3"}),
        (normalised(eps=1e-5), set()),
        (plain_network(), set()),
        (Branches(), {"a"}),
        (normalised(eps=1e-14).eval(), set()),
    ],
    ids=["normalised", "with a large eps", "without", "branches", "evaluated"],
)
def test_the_identity_is_used_where_the_graph_proves_it_and_gives_the_second_derivative(
    model: nn.Module, free: set[str]
) -> None:
    model, given = doubled(model), batch(dtype=torch.float64)
    assert settled(model, given) == free
    layers = catalogue.find("grasp")(Probe(model, given), reduce=None)
    expected = exact(model, given)
    scale = sum(abs(value) for value in expected.values())
    assert isinstance(layers, dict)
    for name, value in expected.items():
        assert layers[name] == pytest.approx(value, rel=1e-7, abs=1e-9 * scale), name


@pytest.mark.parametrize("index", range(4))
def test_identity_and_second_derivative_agree_on_cells(index: int) -> None:
    arch = SPACE.sample(4, seed=21)[index]
    net = SPACE.build(arch, "digits").double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-16
    images = task("digits").batch(8)
    given = Batch(images.x.double(), images.y)
    free = settled(net.train(), given)
    assert "stem.0" in free
    assert not free & {"classifier", "cells.5.shortcut.1", "cells.11.shortcut.1"}
    by_layer = catalogue.find("grasp")(Probe(net, given), reduce=None)
    loss = nn.CrossEntropyLoss()(net(given.x), given.y)
    weights = {name: m.weight for name, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    first = torch.autograd.grad(loss, list(weights.values()), create_graph=True, allow_unused=True)
    flow = torch.stack([(g.detach() * g).sum() for g in first if g is not None]).sum()
    second = torch.autograd.grad(flow, list(weights.values()), allow_unused=True)
    expected = sum(
        -float((w.detach() * h).sum()) for w, h in zip(weights.values(), second, strict=True) if h is not None
    )
    assert isinstance(by_layer, dict)
    assert math.fsum(by_layer.values()) == pytest.approx(expected, rel=1e-6)


def test_a_network_without_a_second_derivative_costs_grasp_and_nothing_else() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
            return 2 * gradient

    class Model(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Once.apply(super().forward(x.flatten(1)))  # type: ignore[no-any-return]

    found = score_model(Model(64, 3), tuple(batch()[:2]), ["grasp", "snip"])  # type: ignore[arg-type]
    assert isinstance(found["grasp"], Unscored)
    assert "cannot be differentiated twice" in found["grasp"].reason
    assert found["snip"] > 0


# -- networks that give no number ------------------------------------------------------------------------------------


def reason(name: str, model: nn.Module, given: Batch) -> str:
    value = catalogue.find(name)(Probe(model, given))
    assert isinstance(value, Unscored), f"{name} is {value}"
    assert math.isnan(value)
    return value.reason


class Blind(nn.Module):
    """The output does not see the input."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.ones(len(x), 4))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(5, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.table(x).mean(1))


@pytest.mark.parametrize("name", ["jacov", "epe_nas"])
def test_a_network_that_does_not_see_its_input_is_a_reason(name: str) -> None:
    assert "does not depend on every input" in reason(name, Blind(), batch())


@pytest.mark.parametrize("name", ["jacov", "epe_nas"])
def test_inputs_that_are_no_real_numbers_are_a_reason(name: str) -> None:
    assert "no real numbers" in reason(name, Words(), Batch(torch.ones(4, 6).long(), torch.tensor([0, 1, 2, 0])))


def test_one_input_has_nothing_to_be_compared_with() -> None:
    assert "at least two" in reason("jacov", normalised(), batch(1))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("grad_norm", "no finite number"),
        ("snip", "no finite number"),
        ("plain", "no finite number"),
        ("fisher", "no finite number"),
        ("grasp", "no finite number"),
        ("l2_norm", "no finite number"),
        ("jacov", "not finite"),
        ("epe_nas", "not finite"),
    ],
)
def test_weights_that_are_no_numbers_are_a_reason(name: str, words: str) -> None:
    model = plain_network()
    nn.init.constant_(model[0].weight, math.nan)
    assert words in reason(name, model, batch())


@pytest.mark.parametrize("name", ["fisher", "grasp", "snip", "plain", "l2_norm", "synflow_bn"])
def test_a_network_without_weighted_layers_is_a_reason(name: str) -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten())
    assert "no convolution or linear layer" in reason(name, model, batch())


@pytest.mark.parametrize("name", [*FAMILY, "l2_norm", "n_layers", "zen", "synflow_bn"])
def test_half_precision_gives_a_number_or_a_reason(name: str) -> None:
    value = catalogue.find(name)(Probe(normalised().half(), batch()))
    assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)


def test_normalising_the_one_input_of_ones_needs_more_than_one_place() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    assert "more than the one value a channel" in reason("synflow_bn", model, batch())


def test_a_batch_that_does_not_fit_is_not_a_reason_but_an_error() -> None:
    with pytest.raises(InvalidInput, match="cannot run on a batch of shape"):
        catalogue.find("synflow_bn")(Probe(normalised(), batch(channels=2)))


def test_labels_beyond_the_logits_are_refused() -> None:
    given = Batch(batch().x, torch.arange(8))
    with pytest.raises(InvalidInput, match=r"Labels must lie in 0\.\.2"):
        score_model(normalised(), tuple(given[:2]), ["fisher"])  # type: ignore[arg-type]


# -- zen -------------------------------------------------------------------------------------------------------------


def test_zen_neither_uses_nor_touches_the_networks_weights() -> None:
    model = normalised()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    value = catalogue.find("zen")(Probe(model, batch()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    nn.init.zeros_(model[0].weight)
    assert catalogue.find("zen")(Probe(model, batch())) == value


def test_zen_draws_from_the_seed() -> None:
    zen, model = catalogue.find("zen"), normalised()
    first, again, other = (zen(Probe(model, batch(), seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_zen_of_variances_that_are_not_kept_is_a_reason() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
    assert "'1' keeps no running variance" in reason("zen", model, batch())


def test_zen_of_features_that_do_not_move_is_a_reason() -> None:
    class Dead(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0 * super().forward(x)

    assert "do not depend on the input" in reason("zen", Dead(1, 2, 3), batch())


def test_zen_without_features_is_a_reason() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1).sum(1, keepdim=True) * self.w

    assert "neither a feature map nor a linear layer" in reason("zen", Sum(), batch())


# -- counts ----------------------------------------------------------------------------------------------------------


def test_layers_that_are_not_trained_do_not_count() -> None:
    model = plain_network()
    assert catalogue.find("n_layers")(Probe(model, batch())) == 3
    model[0].requires_grad_(False)
    assert catalogue.find("n_layers")(Probe(model, batch())) == 2


def test_live_flops_count_only_what_lies_on_a_path() -> None:
    cut = "|none~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"
    bare = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    live = catalogue.find("live_flops")
    assert live(Probe(architecture=SPACE.parse(cut))) == SPACE.counts(SPACE.parse(bare)).macs
    assert "needs an architecture" in reason("live_flops", plain_network(), batch())
