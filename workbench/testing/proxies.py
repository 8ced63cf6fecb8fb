"""The contract of a proxy."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import torch
from torch import nn

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy
from workbench.proxies.unscored import Unscored
from workbench.spaces import search_space
from workbench.tasks import Batch

ProxyCheck = Callable[[Proxy], None]
_TASK = "digits"  # eight by eight pixels: small enough for twenty networks


def it_says_what_a_user_should_know(proxy: Proxy) -> None:
    """Direction, needs, cost, equation and paper are stated."""
    assert proxy.better in ("higher", "lower")
    assert proxy.needs in ("labels", "inputs", "none", "architecture")
    assert proxy.cost in ("free", "forward", "backward")
    assert proxy.equation
    assert proxy.paper
    assert all(-1 <= value.spearman <= 1 and value.source for value in proxy.published.values())


def twenty_architectures_have_a_number_or_a_reason(proxy: Proxy) -> None:
    """Finite, or NaN that says why; most cells have a number."""
    values = [proxy(_probe(index)) for index in range(20)]
    for value in values:
        assert math.isfinite(value) or (isinstance(value, Unscored) and value.reason)
    assert sum(math.isfinite(value) for value in values) >= 15
    assert len({value for value in values if math.isfinite(value)}) > 3


def the_same_question_has_the_same_answer(proxy: Proxy) -> None:
    """Two probes of one seed agree to the last bit."""
    first, second = proxy(_probe(0)), proxy(_probe(0))
    assert first == second or (math.isnan(first) and math.isnan(second))


def the_network_is_left_as_it_was(proxy: Proxy) -> None:
    """Weights, buffers, mode, gradients, hooks, methods and the global generator are untouched."""
    model = _network()
    model[1].eval()
    parameters = {name: p.detach().clone() for name, p in model.state_dict().items()}
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    generator = torch.random.get_rng_state()
    proxy(Probe(model, _batch()))
    assert all(torch.equal(value, parameters[name]) for name, value in model.state_dict().items())
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags
    assert all(p.grad is None for p in model.parameters())
    assert [m.training for m in model.modules()] == [True, True, False, True, True, True, True, True]
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not any("forward" in vars(m) for m in model.modules())
    assert torch.equal(generator, torch.random.get_rng_state())


def layers_add_up_or_there_are_none(proxy: Proxy) -> None:
    """With `reduce=None` a layered proxy gives numbers by layer whose total is its value."""
    probe = Probe(_network(), _batch())
    found = proxy.function(probe)
    if isinstance(found, dict):
        layers = proxy(probe, reduce=None)
        assert isinstance(layers, dict)
        assert set(layers) <= set(dict(_network().named_modules()))
        assert proxy.total(layers) == proxy(probe)


def it_travels_to_another_process(proxy: Proxy) -> None:
    """A pickled proxy and its measure score as before."""
    again = pickle.loads(pickle.dumps(proxy))  # noqa: S301  # our own bytes
    assert again.name == proxy.name
    arch = search_space("nasbench201").sample(1, seed=3)[0]
    measure = proxy.measure(_TASK, batch_size=8)
    there, here = pickle.loads(pickle.dumps(measure))(arch), measure(arch)  # noqa: S301
    assert there == here or (math.isnan(there) and math.isnan(here))


def _probe(index: int) -> Probe:
    archs = search_space("nasbench201").sample(20, seed=0)
    return Probe(architecture=archs[index], task=_TASK, batch_size=8)


def _network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 10),
        )


def _batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(8, 1, 8, 8, generator=generator), torch.arange(8))


proxy_contract: list[ProxyCheck] = [
    it_says_what_a_user_should_know,
    twenty_architectures_have_a_number_or_a_reason,
    the_same_question_has_the_same_answer,
    the_network_is_left_as_it_was,
    layers_add_up_or_there_are_none,
    it_travels_to_another_process,
]
