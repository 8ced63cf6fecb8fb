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
from workbench.proxies.kernels import Sweep, faster
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
    first = torch.autograd.grad(loss, list(layers.values()), create_graph=True, allow_unused=True)
    flow = sum(((g.detach() * g).sum() for g in first if g is not None), torch.zeros(()))
    second = torch.autograd.grad(flow, list(layers.values()), allow_unused=True)
    return {
        name: 0.0 if h is None else -float((w.detach() * h).sum())
        for (name, w), h in zip(layers.items(), second, strict=True)
    }


def doubled(model: nn.Module) -> nn.Module:
    return model.double()


class Varied(nn.Module):
    """Convolutions and normalisations with every setting that their second derivative must know of."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.body = nn.Sequential(
            nn.Conv2d(1, 6, (3, 2), stride=(1, 2), padding=(2, 1), bias=True),
            nn.BatchNorm2d(6, eps=0.1),
            nn.Tanh(),
            nn.Conv2d(6, 6, 3, padding="same", groups=3),
            nn.BatchNorm2d(6, affine=False, momentum=None),
            nn.Conv2d(6, 4, 3, padding=1, padding_mode="reflect"),
            nn.BatchNorm2d(4, affine=False, track_running_stats=False),
            nn.Tanh(),
            nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
            nn.Conv2d(4, 4, 3, dilation=2, padding=2, groups=2, bias=False),
            nn.BatchNorm2d(4),
            nn.Tanh(),
        )
        nn.init.uniform_(self.body[1].weight, 0.5, 2)
        nn.init.uniform_(self.body[10].weight, -2, -0.5)
        self.last = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(x).mean((2, 3)))


@pytest.mark.parametrize(
    "model",
    [normalised(eps=1e-14), normalised(eps=1e-1), plain_network(), Branches(), Varied(), normalised().eval()],
    ids=["normalised", "with a large eps", "without", "branches", "varied", "evaluated"],
)
def test_the_curvature_is_the_second_derivative(model: nn.Module) -> None:
    model, given = doubled(model), batch(dtype=torch.float64)
    layers = catalogue.find("grasp")(Probe(model, given, reads=SHARED), reduce=None)
    expected = exact(model, given)
    scale = sum(abs(value) for value in expected.values())
    assert isinstance(layers, dict)
    for name, value in expected.items():
        assert layers[name] == pytest.approx(value, rel=1e-9, abs=1e-11 * scale), name


@pytest.mark.parametrize("index", range(3))
def test_the_curvature_of_cells_is_the_second_derivative(index: int) -> None:
    net = SPACE.build(SPACE.sample(3, seed=21)[index], "digits").double()
    images = task("digits").batch(8)
    given = Batch(images.x.double(), images.y)
    by_layer = catalogue.find("grasp")(Probe(net, given), reduce=None)
    assert by_layer == pytest.approx(exact(net, given), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("make", [Varied, Branches, lambda: SPACE.build(SPACE.sample(1, seed=3)[0], "digits")])
def test_faster_operations_have_the_very_values_and_gradients_of_torchs(make: Callable[[], nn.Module]) -> None:
    model, given = make().train(), batch()
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]

    def outcome() -> list[torch.Tensor | None]:
        torch.manual_seed(0)
        logits = model(given.x)
        gradients = torch.autograd.grad(logits.square().sum(), weights, allow_unused=True)
        return [logits, *gradients, *(buffer.clone() for buffer in model.buffers())]

    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    expected = outcome()
    for twice in (None, Sweep()):
        model.load_state_dict(before, strict=False)
        with faster(model, twice):
            found = outcome()
        assert torch.equal(found[0], expected[0])  # the forward: bit for bit, or ReLUs would see other signs
        for a, b in zip(found, expected, strict=True):
            assert (a is None and b is None) or torch.allclose(a, b, rtol=1e-5, atol=1e-6)  # type: ignore[arg-type]
        assert not any("forward" in vars(module) for module in model.modules())


def test_pooling_may_be_overwritten_in_place() -> None:
    """The pooled values of one channel are laid out the same either way, and must not be the pooling's own."""

    def made(inplace: bool) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 1, 3), nn.AvgPool2d(2), nn.ELU(inplace=inplace), nn.Flatten(), nn.Linear(9, 3)
        )

    for name in ("grad_norm", "jacov", "grasp"):
        found = catalogue.find(name)
        assert found(Probe(made(True), batch())) == pytest.approx(found(Probe(made(False), batch())), rel=1e-6)


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
