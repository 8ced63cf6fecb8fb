"""The probe: passes run once, are shared, and leave no trace; proxies as values."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.proxies import Probe, Proxy, Unscored, catalogue, proxies, proxy
from workbench.proxies.score import score_model
from workbench.spaces import search_space
from workbench.tasks import Batch

SHARED = ("gradients", "relu_kernel")


class Strange(nn.Module):
    """Everything a probe must not disturb: chance of three kinds, work in place, a frozen and an unused layer."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = nn.ReLU(inplace=True)
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8, 3)
        self.unused = nn.Linear(2, 2)
        self.first.weight.requires_grad_(False)
        self.norm.eval()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        x = self.clip(x.add_(random.random() + np.random.rand()))  # noqa: NPY002  # a stranger's network may
        x = self.drop(F.relu(self.norm(self.first(x))))
        return self.last(x)


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(5, 6, generator=generator), torch.tensor([0, 1, 2, 0, 1]))


def state(model: nn.Module) -> dict[str, Any]:
    return {
        "tensors": {name: (value.clone(), value.data_ptr()) for name, value in model.state_dict().items()},
        "modes": [m.training for m in model.modules()],
        "flags": [p.requires_grad for p in model.parameters()],
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "hooks": [
            len(hooks) for m in model.modules() for hooks in (m._forward_hooks, m._forward_pre_hooks, m._backward_hooks)
        ],
        "methods": ["forward" in vars(m) for m in model.modules()],
        "chance": (torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1]),  # noqa: NPY002
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)))


@pytest.mark.parametrize("name", [*catalogue.names(), None])
def test_nothing_of_a_strange_network_is_disturbed(name: str | None, batch: Batch) -> None:
    model = Strange()
    model.last.weight.grad = torch.ones_like(model.last.weight)
    model.last.register_forward_hook(lambda *_: None)
    before, x = state(model), batch.x.clone()
    score_model(model, batch, None if name is None else [name])
    assert same(before, state(model))
    assert torch.equal(batch.x, x)


def test_the_comparison_of_states_sees_each_disturbance(batch: Batch) -> None:
    def disturbed(change: Callable[[Strange], Any]) -> bool:
        model = Strange()
        before = state(model)
        change(model)
        return not same(before, state(model))

    changes: list[Callable[[Strange], Any]] = [
        lambda m: m(batch.x.clone()),
        lambda m: m.norm.train(),
        lambda m: m.first.weight.requires_grad_(True),
        lambda m: m.last.weight.data.mul_(2),
        lambda m: m.last(torch.ones(8)).sum().backward(),
        lambda m: m.last.register_forward_hook(lambda *_: None),
        lambda _: torch.rand(()),
    ]
    assert [disturbed(change) for change in changes] == [True] * len(changes)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_the_same_values(context: Callable[[], Any], batch: Batch) -> None:
    model = Strange()
    expected = score_model(model, batch)
    with context():
        assert same(score_model(model, batch), expected)


def test_the_seed_decides_what_dropout_does(batch: Batch) -> None:
    model = Strange()
    first, again, other = (score_model(model, batch, ["grad_norm"], seed)["grad_norm"] for seed in (1, 1, 2))
    assert first == again != other


@contextmanager
def counted(model: nn.Module) -> Iterator[list[bool]]:
    """Whether gradients were wanted, for each forward."""
    forwards: list[bool] = []
    handle = model.register_forward_hook(lambda *_: forwards.append(torch.is_grad_enabled()))
    yield forwards
    handle.remove()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def test_announced_passes_share_one_forward(batch: Batch) -> None:
    model = network()
    with counted(model) as forwards:
        probe = Probe(model, batch, reads=SHARED)
        assert probe.relu_kernel is probe.relu_kernel
        assert probe.gradients is probe.gradients
    assert forwards == [True]


def test_a_pass_that_nobody_announced_runs_when_asked_and_only_once(batch: Batch) -> None:
    model = network()
    with counted(model) as forwards:
        probe = Probe(model, batch)
        assert not forwards
        assert probe.relu_kernel is probe.relu_kernel
        assert forwards == [False]
        assert probe.gradients is probe.gradients
    assert forwards == [False, True]


def test_scoring_shares_and_scoring_free_proxies_runs_no_training_forward(batch: Batch) -> None:
    model = network()
    with counted(model) as forwards:
        score_model(model, batch, ["nwot", "grad_norm"])
    assert forwards == [True]


def test_shared_and_separate_passes_agree_to_the_last_bit(batch: Batch) -> None:
    model = Strange()
    together = Probe(model, batch, reads=SHARED)
    for name in ("nwot", "grad_norm", "synflow"):
        found = catalogue.find(name)
        assert same(found(together), found(Probe(model, batch))) or math.isnan(found(together))


def test_only_the_kernel_of_the_activations_is_kept(batch: Batch) -> None:
    kernel = Probe(network(), batch, reads=SHARED).relu_kernel
    assert kernel.matrix.shape == (5, 5)
    assert kernel.n_units == 8
    assert torch.equal(kernel.matrix.diagonal(), torch.full((5,), 8.0, dtype=torch.float64))


def test_an_architecture_is_built_only_when_a_pass_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    space = search_space("nasbench201")

    def refuse(*_: object, **__: object) -> nn.Module:
        raise AssertionError("a free proxy built the network")

    monkeypatch.setattr(type(space), "network", refuse)
    probe = Probe(architecture=space.sample(1)[0])
    for name in ("params", "flops", "live_params"):
        assert catalogue.find(name)(probe) > 0
    with pytest.raises(AssertionError, match="built the network"):
        catalogue.find("synflow")(probe)


def test_an_architecture_gives_the_network_and_batch_of_its_seed() -> None:
    space = search_space("nasbench201")
    arch = space.sample(1, seed=2)[0]
    probe = Probe(architecture=arch, task="digits", batch_size=6, seed=9)
    again = space.build(arch, "digits", seed=9).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in probe.model.state_dict().items())
    assert probe.batch.x.shape == (6, 1, 8, 8)


def test_a_probe_of_nothing_is_refused(batch: Batch) -> None:
    with pytest.raises(InvalidInput, match="a model and a batch, or at an architecture"):
        Probe()
    with pytest.raises(InvalidInput, match="a model and a batch"):
        Probe(network())


def test_weights_computed_from_others_are_refused_rather_than_left_out(batch: Batch) -> None:
    model = network()
    nn.utils.parametrizations.weight_norm(model[2])
    with pytest.raises(InvalidInput, match=r"layer '2' is computed from other tensors"):
        score_model(model, batch, ["grad_norm"])


def test_a_layer_the_loss_does_not_reach_has_gradient_zero(batch: Batch) -> None:
    layers = catalogue.find("grad_norm")(Probe(Strange(), batch), reduce=None)
    assert isinstance(layers, dict)
    assert list(layers) == ["first", "last", "unused"]
    assert layers["unused"] == 0 < layers["first"]


def test_layers_are_given_by_name_and_add_up(batch: Batch) -> None:
    probe = Probe(network(), batch)
    norms = catalogue.find("grad_norm")(probe, reduce=None)
    assert isinstance(norms, dict)
    assert math.fsum(norms.values()) == catalogue.find("grad_norm")(probe)
    flows = catalogue.find("synflow")(probe, reduce=None)
    assert isinstance(flows, dict)
    assert math.log(math.fsum(flows.values())) == catalogue.find("synflow")(probe)


def test_a_score_of_the_whole_network_has_no_layers(batch: Batch) -> None:
    with pytest.raises(InvalidInput, match="nwot is one number for the whole network"):
        catalogue.find("nwot")(Probe(network(), batch), reduce=None)
    with pytest.raises(InvalidInput, match="reduce='total' or reduce=None; got 'mean'"):
        catalogue.find("grad_norm")(Probe(network(), batch), reduce="mean")  # type: ignore[call-overload]


def test_an_unscored_value_is_a_nan_that_travels_with_its_reason() -> None:
    value = pickle.loads(pickle.dumps(Unscored("because")))  # noqa: S301  # our own bytes
    assert math.isnan(value)
    assert value.reason == "because"
    assert repr(value) == "Unscored('because')"


def test_a_measure_is_the_proxy_of_an_architecture() -> None:
    arch = search_space("nasbench201").sample(1, seed=4)[0]
    measure = catalogue.find("synflow").measure("digits", batch_size=4, seed=3)
    assert (measure.name, measure.better, measure.task) == ("synflow", "higher", "digits")
    assert measure(arch) == catalogue.find("synflow")(Probe(architecture=arch, task="digits", seed=3))


def test_the_table_of_proxies_says_what_was_published() -> None:
    table = proxies()
    assert list(table.index) == catalogue.names()
    assert {"better", "needs", "cost", "paper", "published"} <= set(table.columns)
    assert table.loc["synflow", "published"]["nasbench201/cifar10"] == 0.737
    assert "Abdelfattah" in table.loc["synflow", "published_in"]
    assert table.loc["live_params", "published"] == {}


def test_a_proxy_without_layers_to_look_at_is_a_reason(batch: Batch) -> None:
    model = nn.Sequential(nn.BatchNorm1d(6))
    for name in ("grad_norm", "synflow"):
        value = catalogue.find(name)(Probe(model, batch))
        assert isinstance(value, Unscored)
        assert value.reason == "the network has no convolution or linear layer"


def test_a_proxy_of_ones_own_is_a_function_of_a_probe(batch: Batch) -> None:
    mine = Proxy("mine", "higher", "none", "free", "here", "1", lambda probe: {"a": 1.0, "b": float(probe.seed)})
    assert mine(Probe(network(), batch, seed=3)) == 4.0


def test_a_proxy_that_is_in_no_catalogue_travels_by_its_function(batch: Batch) -> None:
    mine = Proxy("mine", "higher", "none", "free", "here", "1", math.fsum)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(mine))  # noqa: S301  # our own bytes
    assert again == mine
    assert again.function is math.fsum


def test_a_name_is_entered_once() -> None:
    def synflow(probe: Probe) -> float:
        return 0.0

    with pytest.raises(InvalidInput, match="already a proxy named 'synflow'"):
        proxy(better="higher", needs="none", cost="free", paper="here", equation="0")(synflow)
