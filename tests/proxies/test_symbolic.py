"""Symbolic proxies: the language's values against the catalogue's and against torch, and what it refuses."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput, UnknownName
from workbench.ledger import Ledger
from workbench.proxies import Probe, Proxy, Unscored, catalogue
from workbench.proxies.score import score, score_model
from workbench.proxies.symbolic import KNOWN, NAMES, Expression, parse, symbolic_proxy
from workbench.proxies.symbolic.statistics import read
from workbench.proxies.symbolic.variation import crossed, grown, mutated
from workbench.spaces import search_space
from workbench.tasks import Batch
from workbench.testing import proxy_contract

SPACE = search_space("nasbench201")


def batch(n: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(n, 1, 8, 8, generator=generator), torch.arange(n) % 3)


def network(inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(inplace=inplace),
        nn.Flatten(),
        nn.Linear(80, 3),
    )


def value(equation: str, model: nn.Module | None = None) -> float:
    found = score_model(model or network(), tuple(batch()[:2]), [symbolic_proxy(equation, "mine")])  # type: ignore[arg-type]
    return float(found["mine"])


# -- the known proxies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_proxy_written_in_the_language_is_the_catalogues(name: str) -> None:
    known = catalogue.find(name)
    mine = symbolic_proxy(KNOWN[name], "mine", known.better)
    for arch in SPACE.sample(6, seed=0):
        probe = Probe(architecture=arch, task="digits", batch_size=8)
        # Skeletonization's score is a small difference of large numbers: it is compared on the scale of snip.
        scale = catalogue.find("snip")(probe) if name == "plain" else known(probe)
        assert mine(probe) == pytest.approx(known(probe), abs=1e-5 * abs(scale), nan_ok=True)


@pytest.mark.parametrize("name", ["snip", "grad_norm", "fisher"])
def test_outputs_overwritten_in_place_change_nothing(name: str) -> None:
    expected = score_model(network(), tuple(batch()[:2]), [name])[name]  # type: ignore[arg-type]
    assert value(KNOWN[name], network(inplace=True)) == pytest.approx(expected, rel=1e-5)


def test_weights_that_a_gradient_reaches_can_be_counted() -> None:
    arch = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
    live = SPACE.parse("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
    probes = [Probe(architecture=a, task="digits", batch_size=8) for a in (arch, live)]
    count = symbolic_proxy("sum(weight.n * sign(gradient.l1))", "mine")
    everything = symbolic_proxy("sum(weight.n)", "mine")
    assert count(probes[0]) == everything(probes[1]) < everything(probes[0])


# -- the statistics, by hand -----------------------------------------------------------------------------------------


def by_hand() -> dict[str, torch.Tensor]:
    """The tensors of the second convolution of `network`, by torch's own derivatives."""
    model, (x, y, _) = network(), batch()
    a = model[2](model[:2](x)).detach().requires_grad_()
    loss = nn.functional.cross_entropy(model[3:](a), y)
    (along,) = torch.autograd.grad(loss, a)
    (g,) = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), model[2].weight)
    w = model[2].weight.detach()
    return {
        "weight": w,
        "gradient": g,
        "saliency": w * g,
        "output": a.detach(),
        "output_gradient": along,
        "channel_saliency": (a.detach() * along).sum((2, 3)),
    }


@pytest.mark.parametrize("tensor", by_hand())
def test_a_summary_is_that_of_the_tensor(tensor: str) -> None:
    values = by_hand()[tensor].double()
    expected = {
        "n": values.numel(),
        "sum": values.sum(),
        "l1": values.abs().sum(),
        "l2": values.square().sum().sqrt(),
        "std": values.std(correction=0),
        "max": values.abs().max(),
    }
    found = read(Probe(network(), batch()), [f"{tensor}.{summary}" for summary in expected])
    scale = float(expected["l1"]) * 1e-6
    for summary, number in expected.items():
        assert found[f"{tensor}.{summary}"][1] == pytest.approx(float(number), rel=1e-4, abs=scale), summary


def test_the_log_determinant_is_that_of_the_share_of_equal_signs() -> None:
    on = by_hand()["output"].flatten(1) > 0
    share = (on[:, None] == on[None, :]).double().mean(2)
    expected = (torch.linalg.eigvalsh(share) + 1e-5).log().sum()
    found = read(Probe(network(), batch()), ["output.logdet"])["output.logdet"][1]
    assert found == pytest.approx(float(expected), rel=1e-9)


def test_places_and_ones_need_no_pass() -> None:
    probe = Probe(network(), Batch(torch.zeros(1, 7), torch.zeros(1, dtype=torch.long)))  # a batch that does not fit
    found = read(probe, ["depth", "one", "weight.n"])
    assert {name: column.tolist() for name, column in found.items()} == {
        "depth": [0, 0.5, 1],
        "one": [1, 1, 1],
        "weight.n": [36, 180, 240],
    }


def test_a_layer_that_runs_twice_is_summed_up_over_both_runs() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 1, 3, padding=1)
    x = batch().x
    outputs = torch.cat([conv(x), conv(conv(x))]).detach().double()
    model = nn.Sequential(conv, conv, nn.Flatten(), nn.Linear(64, 3))
    found = read(Probe(model, batch()), NAMES)
    assert found["output.n"][0] == outputs.numel()
    assert found["output.std"][0] == pytest.approx(float(outputs.std(correction=0)), rel=1e-5)
    assert found["output.l2"][0] == pytest.approx(float(outputs.norm()), rel=1e-5)
    assert found["output.max"][0] == pytest.approx(float(outputs.abs().max()), rel=1e-6)


def test_one_pass_serves_every_expression() -> None:
    model, calls = network(), list[int]()
    model.register_forward_hook(lambda *_: calls.append(1))
    probe = Probe(model, batch())
    for equation in ("sum(gradient.l2)", "sum(log(output.std))", "max(channel_saliency.l1)"):
        assert math.isfinite(symbolic_proxy(equation, "mine")(probe))
    assert len(calls) == 1


def test_a_layer_that_does_not_run_has_a_weight_and_no_outputs() -> None:
    model = network()
    model.add_module("idle", nn.Identity())
    model.idle.layer = nn.Linear(2, 2)
    found = read(Probe(model, batch()), NAMES)
    assert [found[name][-1] for name in ("weight.n", "gradient.l1")] == [4, 0]
    assert math.isnan(found["output.l1"][-1])
    assert math.isnan(found["output.logdet"][-1])


# -- the language ----------------------------------------------------------------------------------------------------


LAYERS = {name: np.array([[1.0, -2.0, 4.0, np.nan], [0.0, 5.0, np.nan, np.nan]]) for name in NAMES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(weight.l1)", [3, 5]),
        ("mean(weight.l1)", [1, 2.5]),
        ("std(weight.l1)", [math.sqrt(6), 2.5]),
        ("max(weight.l1)", [4, 5]),
        ("min(weight.l1)", [-2, 0]),
        ("first(weight.l1)", [1, 0]),
        ("last(weight.l1)", [4, 5]),
        ("sum(abs(weight.l1))", [7, 5]),
        ("sum(square(weight.l1))", [21, 25]),
        ("sum(sqrt(weight.l1 * weight.l1))", [7, 5]),
        ("sum(sign(weight.l1))", [1, 1]),
        ("sum(log(weight.l1))", [math.log(8), math.log(5)]),  # the layer of 0 is left out
        ("sum(one / weight.l1)", [3, 1]),
        ("sum(weight.l1 - mean(weight.l1))", [0, 0]),
        ("sum(1 - weight.l1 * 2) / 2", [-1.5, -4]),
        ("-sum(weight.l1) - 1 - 2", [-6, -8]),
        ("8 / 4 / 2 * sum(weight.l1)", [3, 5]),
        ("log(first(weight.l1))", [0, math.nan]),
        ("1 / first(weight.l1)", [1, math.nan]),
    ],
)
def test_an_expression_computes_what_it_says(text: str, expected: list[float]) -> None:
    assert parse(text)(LAYERS).tolist() == pytest.approx(expected, nan_ok=True)


def test_what_is_infinite_is_never_taken_away_again() -> None:
    broken = {name: np.array([[1.0, np.inf], [1.0, 2.0]]) for name in NAMES}
    for text in ("sum(one / weight.l1)", "min(weight.l1)", "sum(sign(weight.l1))", "1 / sum(weight.l1 - weight.l1)"):
        assert not np.isfinite(parse(text)(broken)[0]), text


def test_expressions_at_random_are_well_formed_and_read_back() -> None:
    rng = np.random.default_rng(0)
    parents = [grown(rng) for _ in range(150)]
    every = parents + [mutated(rng, p) for p in parents]
    every += [crossed(rng, p, q) for p, q in zip(parents, every[::-1], strict=False)]
    for expression in every:
        assert expression.kind == "number"
        assert parse(str(expression)) == expression
        assert expression(LAYERS).shape == (2,)
    assert {node.head for e in every for _, node in e.walk()} >= set(NAMES)
    assert sum(changed != parent for changed, parent in zip(every[150:], parents, strict=False)) > 100


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("sum(gradient.l3)", UnknownName, "no statistic of a layer named 'gradient.l3'. Did you mean"),
        ("total(gradient.l1)", UnknownName, "no function of an expression named 'total'"),
        ("neg(sum(flow))", UnknownName, "no function of an expression named 'neg'"),
        ("gradient.l1", InvalidInput, "reduce it by one of sum, mean"),
        ("sum(sum(flow))", InvalidInput, "sum reduces numbers by layer, and sum(flow) is already one number"),
        ("sum(flow", InvalidInput, "that is no arithmetic"),
        ("sum(flow) ** 2", InvalidInput, "'sum(flow) ** 2' is not part of the language"),
        ("sum(flow, one)", InvalidInput, "not part of the language"),
        ("sum(flow)[0]", InvalidInput, "not part of the language"),
        ("True", InvalidInput, "not part of the language"),
        ("1e999", InvalidInput, "inf is not finite"),
        ("-" * 1999 + "1", InvalidInput, "cannot be read"),
        ("1" * 1999, InvalidInput, "cannot be read"),
        ("(" * 500, InvalidInput, "cannot be read"),
        ("1+" * 2000, InvalidInput, "at most 2000 characters"),
        ("", InvalidInput, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        parse(text)
    assert words in str(caught.value)


# -- as a proxy ------------------------------------------------------------------------------------------------------


MINE = symbolic_proxy("sum(log(saliency.l1) * sqrt(weight.n))", "mine")
OF_THE_WHOLE = symbolic_proxy("max(weight.l2) - log(sum(flow))", "other", "lower")


@pytest.mark.parametrize("check", proxy_contract, ids=lambda check: check.__name__)
@pytest.mark.parametrize("proxy", [MINE, OF_THE_WHOLE], ids=lambda proxy: proxy.name)
def test_an_expression_passes_the_contract_of_a_proxy(proxy: Proxy, check: Callable[[Proxy], None]) -> None:
    check(proxy)


def test_it_needs_what_its_statistics_need() -> None:
    assert [(p.needs, p.cost) for p in (MINE, OF_THE_WHOLE)] == [("labels", "backward"), ("none", "backward")]
    free_of_passes = symbolic_proxy("sum(weight.l2)", "mine")
    assert (free_of_passes.needs, free_of_passes.cost) == ("none", "forward")


def test_it_travels_as_its_text() -> None:
    again = pickle.loads(pickle.dumps(MINE))  # noqa: S301  # our own bytes
    assert again == MINE
    assert again.equation == "sum(log(saliency.l1) * sqrt(weight.n))"
    assert len(pickle.dumps(MINE)) < 1000


def test_the_ledger_tells_two_expressions_of_one_name_apart() -> None:
    archs, ledger = SPACE.sample(2, seed=0), Ledger()
    tables = [
        score(archs, [symbolic_proxy(text, "mine")], "digits", 4, ledger=ledger, progress=False)["mine"]
        for text in ("sum(weight.l1)", "sum(weight.l2)", "sum(weight.l1)")
    ]
    assert (tables[0] != tables[1]).all()
    assert (tables[0] == tables[2]).all()
    measures = [symbolic_proxy(text, "mine").measure("digits") for text in ("sum(weight.l1)", "sum(weight.l2)")]
    assert measures[0].settings != measures[1].settings


def test_what_it_cannot_compute_has_its_reason() -> None:
    broken = network()
    with torch.no_grad():
        broken[2].weight[0, 0, 0, 0] = float("nan")
    cases = [
        (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)), "sum(gradient.l1)", "no convolution or linear layer"),
        (broken, "sum(weight.l1)", "sum(weight.l1) is infinite: a statistic of the network is not finite"),
        (broken, "max(log(weight.n)) / mean(weight.std)", "is infinite"),
        (network(), "sum(log(one))", ""),
        (network(), "sum(one / (one - one))", "no layer of the network has a value for sum(one / (one - one))"),
        (network(), "log(first(depth))", "no layer of the network has a value"),
    ]
    for model, equation, reason in cases:
        (found,) = score_model(model, tuple(batch()[:2]), [symbolic_proxy(equation, "mine")]).values()  # type: ignore[arg-type]
        assert reason in getattr(found, "reason", ""), equation
        assert isinstance(found, Unscored) == bool(reason), equation


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: symbolic_proxy("1 + 2", "mine"), "'1 + 2' is the same for every network"),
        (lambda: symbolic_proxy("sum(flow)", "my proxy"), "'my proxy' cannot name a proxy"),
        (lambda: symbolic_proxy("sum(flow)", "mine", "best"), "better is 'higher' or 'lower'; got 'best'"),
        (lambda: symbolic_proxy(Expression("flow"), "mine"), "reduce it by one of"),
    ],
)
def test_what_makes_no_proxy_is_refused(make: Callable[[], Proxy], words: str) -> None:
    with pytest.raises(InvalidInput, match=".*") as caught:
        make()
    assert words in str(caught.value)
