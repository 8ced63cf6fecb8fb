"""Networks and batches that no proxy would choose: each gives a number, a reason or one clear error."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput, UnknownName
from workbench.proxies import Probe, Proxy, Unscored, catalogue
from workbench.proxies.score import score_model
from workbench.tasks import Batch

NAMES = [member.name for member in catalogue]
# What a proxy looks at decides what can go wrong with it.
OF_THE_BATCH = [member.name for member in catalogue if member.needs in ("labels", "inputs")]
OF_LABELS = [member.name for member in catalogue if member.needs == "labels"]


def plain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 10),
    )


class InPlace(nn.Module):
    """Whatever can be overwritten is: the input, sums, activations, logits; with `spoilt`, also what backward needs."""

    def __init__(self, spoilt: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(4, 10)
        self.spoilt = spoilt

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x.mul_(0.5)).add_(1)
        y = self.body(x)
        if self.spoilt:
            y.mul_(2)  # the backward of the ReLU looks at its output
        y = torch.relu_(y + x)
        logits: torch.Tensor = self.classifier(y.mean((2, 3))).clamp_(-5, 5)
        return logits


def without_relu() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 10)
    )


def one_value_a_channel() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10), nn.BatchNorm1d(10)
    )


def with_weight(value: float) -> nn.Module:
    net = plain()
    with torch.no_grad():
        net[8].weight[0, 0] = value  # type: ignore[index, operator]
    return net


def frozen() -> nn.Module:
    return plain().requires_grad_(False)


def batch(n: int = 12, channels: int = 1) -> Batch:
    x = torch.randn(n, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    return Batch(x, torch.arange(n) % 10)


def with_label(label: int) -> Batch:
    x, y, _ = batch()
    y[3] = label
    return Batch(x, y)


Case = tuple[Callable[[], nn.Module], Callable[[], Batch]]
CASES: dict[str, Case] = {
    "no parameters": (lambda: nn.Sequential(nn.AvgPool2d(2), nn.ReLU(), nn.Flatten()), batch),
    "no ReLU": (without_relu, batch),
    "in place": (InPlace, batch),
    "no backward": (lambda: InPlace(spoilt=True), batch),
    "a batch of one": (plain, lambda: batch(1)),
    "a batch of one and one value a channel": (one_value_a_channel, lambda: batch(1)),
    "a weight that is not a number": (lambda: with_weight(math.nan), batch),
    "a weight that is infinite": (lambda: with_weight(math.inf), batch),
    "half precision": (lambda: plain().half(), batch),
    "bfloat16": (lambda: plain().bfloat16(), batch),
    "double precision": (lambda: plain().double(), batch),
    "frozen": (frozen, batch),
    "no values": (lambda: plain().to("meta"), batch),
    "labels beyond the classes": (plain, lambda: with_label(10)),
    "labels below zero": (plain, lambda: with_label(-1)),
    "other channels": (plain, lambda: batch(channels=3)),
    "whole numbers for pixels": (plain, lambda: Batch(batch().x.long(), batch().y)),
}


def state(net: nn.Module) -> list[Any]:
    """All that a proxy could have changed, in a form that can be compared."""
    values = [(name, value.to(copy=True)) for name, value in net.state_dict().items()]
    modules = [
        (m.training, len(m._forward_hooks), len(m._forward_pre_hooks), "forward" in vars(m)) for m in net.modules()
    ]
    return [values, modules, [(p.requires_grad, p.grad) for p in net.parameters()]]


def same(before: list[Any], after: list[Any]) -> bool:
    pairs = zip(before[0], after[0], strict=True)
    values = all(a.is_meta or torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for (_, a), (_, b) in pairs)
    return values and before[1:] == after[1:]


def answer(name: str, case: str) -> float | str:
    """The number, or the words of the reason or error; the network, its batch and chance are left as they were."""
    make, given = CASES[case]
    net, x = make(), given()
    before, pixels, chance = state(net), x.x.clone(), torch.random.get_rng_state()
    try:
        value = catalogue.find(name)(Probe(net, x))
    except InvalidInput as error:
        found: float | str = str(error)
    else:
        found = value.reason if isinstance(value, Unscored) else value
    assert same(before, state(net))
    assert torch.equal(pixels, x.x)
    assert torch.equal(chance, torch.random.get_rng_state())
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_proxy_gives_a_number_a_reason_or_one_clear_error(case: str) -> None:
    for name in NAMES:
        found = answer(name, case)
        if isinstance(found, str):
            assert len(found.split()) > 3, (name, found)
        else:
            assert math.isfinite(found), (name, found)


NUMBERS = ["no ReLU", "in place", "half precision", "bfloat16", "double precision", "frozen"]


@pytest.mark.parametrize("case", NUMBERS)
def test_what_can_be_scored_is(case: str) -> None:
    of_relus = {"nwot", "swap", "swap_regularised", "linear_regions"} if case == "no ReLU" else set()
    of_graphs = {"live_params", "live_flops"}
    for name in set(NAMES) - of_relus - of_graphs:
        assert isinstance(answer(name, case), float), (name, answer(name, case))
    for name in of_relus:
        assert "no nn.ReLU" in str(answer(name, case))


WORDS = {
    "no parameters": ("grad_norm", "no convolution or linear layer"),
    "no backward": ("grad_norm", "The network cannot be differentiated: one of the variables needed for gradient"),
    "a batch of one": ("jacov", "a batch of at least two"),
    "a batch of one and one value a channel": (
        "grad_norm",
        r"batch of shape (1, 1, 8, 8) and type torch.float32: Expect",
    ),
    "a weight that is not a number": ("grad_norm", "no finite number"),
    "a weight that is infinite": ("l2_norm", "no finite number"),
    "no values": ("grad_norm", "on the meta device, where tensors have shapes and no values"),
    "whole numbers for pixels": ("nwot", "type torch.int64"),
}


@pytest.mark.parametrize("case", WORDS)
def test_the_words_say_what_is_wrong(case: str) -> None:
    name, words = WORDS[case]
    assert words in str(answer(name, case))


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize(("case", "label"), [("labels beyond the classes", "10"), ("labels below zero", "-1")])
def test_labels_out_of_range_are_named(name: str, case: str, label: str) -> None:
    found = str(answer(name, case))
    # epe_nas groups inputs by label, whatever the labels are.
    assert ("Labels must lie in 0..9" in found and label in found) or name == "epe_nas"


@pytest.mark.parametrize("name", OF_THE_BATCH)
def test_a_batch_that_does_not_fit_is_an_error_with_its_shape(name: str) -> None:
    found = str(answer(name, "other channels"))
    assert "The network cannot run on a batch of shape (" in found
    assert ", 3, 8, 8) and type torch.float" in found


@pytest.mark.parametrize("case", CASES)
def test_all_of_them_together_are_values_or_one_error(case: str) -> None:
    make, given = CASES[case]
    net = make()
    before = state(net)
    with contextlib.suppress(InvalidInput):
        found = score_model(net, given()[:2])
        assert all(math.isfinite(v) or (isinstance(v, Unscored) and v.reason) for v in found.values())
    assert same(before, state(net))


def test_a_proxy_that_raises_costs_its_own_value() -> None:
    def broken(_probe: Probe) -> float:
        raise KeyError("layer 7")

    given = Proxy("broken", "higher", "none", "forward", "nobody", "none", broken)
    found = score_model(plain(), batch()[:2], ["grad_norm", given, "nwot"])
    assert list(found) == ["grad_norm", "broken", "nwot"]
    assert isinstance(found["broken"], Unscored)
    assert found["broken"].reason == "KeyError: 'layer 7'"
    alone = score_model(plain(), batch()[:2], ["grad_norm", "nwot"])
    assert (found["grad_norm"], found["nwot"]) == (alone["grad_norm"], alone["nwot"])


def test_an_unknown_proxy_shows_the_nearest_before_anything_runs() -> None:
    with pytest.raises(UnknownName, match="no proxy named 'synflo'. Did you mean 'synflow'"):
        score_model(plain(), batch()[:2], ["synflo"])


def test_a_module_without_parameters_and_a_batch_without_values_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Sequential has no parameters"):
        score_model(CASES["no parameters"][0](), batch()[:2])
    x, y, _ = batch()
    with pytest.raises(InvalidInput, match="The batch is on the meta device"):
        score_model(plain(), (x.to("meta"), y))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU for the network to be on")
def test_a_batch_goes_to_where_the_network_is() -> None:
    for name in NAMES:
        here, there = (catalogue.find(name)(Probe(net, batch())) for net in (plain(), plain().cuda()))
        assert there == pytest.approx(here, rel=0.02, nan_ok=True), name


def test_a_batch_takes_the_precision_of_the_network() -> None:
    for make in (lambda: plain().half(), lambda: plain().bfloat16(), lambda: plain().double()):
        net = make()
        probe = Probe(net, batch())
        assert probe.batch.x.dtype == net[0].weight.dtype
    single, double = (catalogue.find("grad_norm")(Probe(net, batch())) for net in (plain(), plain().double()))
    assert single == pytest.approx(double, rel=1e-5)
