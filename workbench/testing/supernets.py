"""The contract of an elastic form, and so of the supernet made of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import one_hot

from workbench.networks.counting import count_module
from workbench.supernets.supernet import Supernet
from workbench.tasks.task import Batch

SupernetCheck = Callable[[Supernet], None]
_N = 3  # architectures a check looks at
_EXAMPLES = 6
_GATES = 12  # about as many gates as a check looks at
_CLOSE = 1e-4  # of the largest output: what masks instead of slices may cost in float32


def an_extracted_network_computes_the_same(net: Supernet) -> None:
    """Bit by bit, in training mode and when both are calibrated on one batch."""
    net, batch = _worked(net), _batch(net)
    for arch in net.space.sample(_N, seed=20):
        alone = net.extract(arch)
        apart = (_output(net, batch.x, arch) - _output(alone, batch.x, None)).abs().max()
        assert apart == 0, f"in training mode {arch} differs by {float(apart)} once it is taken out"
        net.calibrate(batch, arch)
        alone.calibrate(batch)
        apart = (net.predict(batch.x, arch) - alone.predict(batch.x)).abs().max()
        assert apart == 0, f"calibrated, {arch} differs by {float(apart)} once it is taken out"


def costs_are_those_of_the_extracted_network(net: Supernet) -> None:
    """Parameters and multiply-adds, exactly."""
    for arch in net.space.sample(_N, seed=21):
        counted = count_module(net.extract(arch), net.task.input_shape, net.task.dtype)
        costs = net.costs(arch)
        assert (costs["params"], costs["macs"]) == tuple(counted), f"{arch} costs {costs}, its network {counted}"


def an_architecture_is_found_again_in_its_gates(net: Supernet) -> None:
    """`architecture` undoes `gates`, also where gates are one-hot weights."""
    for arch in net.space.sample(10 * _N, seed=22):
        assert net.holds(arch)
        assert net.architecture(net.gates(arch)) == arch
        assert net.architecture(_one_hot(net, arch)) == arch


def weights_on_one_option_give_its_path(net: Supernet) -> None:
    """One-hot gates give the output of the ints, in training mode without dropout, and the same costs."""
    net, batch = _worked(net), _batch(net)
    for arch in net.space.sample(_N, seed=23):
        gates = _one_hot(net, arch)
        _assert_close(_output(net, batch.x, gates, dropout=False), _output(net, batch.x, arch, dropout=False))
        soft, path = net.costs(gates), net.costs(arch)
        for name, cost in path.items():
            assert abs(float(soft[name]) - cost) <= 1e-6 * cost, f"{name} of {arch}: {soft[name]}, and {cost} as a path"


def expected_costs_are_the_mean_over_options(net: Supernet) -> None:
    """Under weights of one gate, whatever the others are, costs are the mean of its options' costs by these weights."""
    arch = net.space.sample(1, seed=30)[0]
    path = dict(net.gates(arch))
    for name in _some([name for name, options in net.options.items() if len(options) > 1])[::3]:
        weights = torch.rand(len(net.options[name]), generator=torch.Generator().manual_seed(31)).softmax(0)
        each = [net.costs(path | {name: number}) for number in range(len(weights))]
        for cost, found in net.costs(path | {name: weights}).items():
            mean = sum(float(weight) * costs[cost] for weight, costs in zip(weights, each, strict=True))
            assert abs(float(found) - mean) <= 1e-6 * mean, (
                f"{cost} under weights of {name!r}: {float(found)}, not {mean}"
            )


def a_mixture_runs_and_its_gates_learn(net: Supernet) -> None:
    """A gate that makes a difference to the largest path gets a gradient, of the output and of the costs."""
    net, batch = _worked(net), _batch(net)
    weights = _weights(net, torch.Generator().manual_seed(24))
    out = _output(net, batch.x, weights, dropout=False)
    assert out.shape == (_EXAMPLES, net.task.n_classes)
    assert torch.isfinite(out).all()
    mixed = torch.randn(out.shape, generator=torch.Generator().manual_seed(25))
    gradients = _gradients((out * mixed).sum(), weights)
    of_costs = _gradients(net.costs(weights)["macs"], weights)
    path = net.largest()
    at_most, most = _output(net, batch.x, path, dropout=False), net.costs(path)["macs"]
    for name in _some(list(weights)):
        changed = path | {name: 0}
        if not torch.allclose(_output(net, batch.x, changed, dropout=False), at_most):
            assert _reached(gradients[name]), f"no gradient of the output reaches {name!r}"
        if net.costs(changed)["macs"] != most:
            assert _reached(of_costs[name]), f"no gradient of the costs reaches {name!r}"


def narrowing_keeps_what_is_allowed_and_its_outputs(net: Supernet) -> None:
    """A supernet of half of every gate's options has their architectures alone, which compute what they did."""
    net, batch = _worked(net), _batch(net)
    chosen = net.space.sample(1, seed=26)[0]
    numbers = {name: int(gate) for name, gate in net.gates(chosen).items()}
    kept = {}
    for name, options in net.options.items():
        others = [option for option in options if option != options[numbers[name]]][: (len(options) - 1) // 2]
        kept[name] = tuple(option for option in options if option in (options[numbers[name]], *others))
    narrow = net.narrowed(kept)
    assert set(narrow.options) <= set(kept)
    assert all(narrow.options[name] == kept[name] for name in narrow.options)
    asked = {question.name for question in net.space.questions()}
    for arch in (chosen, *(net.space.mutate(chosen, seed) for seed in range(_N)), *net.space.sample(_N, seed=27)):
        gates = net.gates(arch)
        matters = [name for name in kept if name not in asked or name in arch.decisions]
        allowed = all(net.options[name][int(gates[name])] in kept[name] for name in matters)
        assert narrow.holds(arch) == allowed, f"{arch} is {'left out of' if allowed else 'in'} the supernet of {kept}"
        if allowed:
            assert torch.equal(_output(narrow, batch.x, arch), _output(net, batch.x, arch))


def equal_seeds_make_equal_supernets(net: Supernet) -> None:
    """Weights follow from the seed, and torch's global generator is left alone."""
    before = torch.random.get_rng_state()
    twin, other = (Supernet(net.space, net.task, net.seed + more, affine=net.affine, **net.settings) for more in (0, 1))
    assert _equal(_again(net), twin)
    assert not _equal(twin, other)
    arch = twin.space.sample(1, seed=28)[0]
    twin.costs(arch)
    twin.extract(arch)
    assert torch.equal(before, torch.random.get_rng_state()), "torch's global generator was used"


def every_example_may_have_its_own_path(net: Supernet) -> None:
    """Gates of one row for each example give, in evaluation mode, what each row's path gives; training runs too."""
    net, batch = _worked(net), _batch(net)
    archs = net.space.sample(_EXAMPLES, seed=29)
    rows = [_one_hot(net, arch) for arch in archs]
    gates = {name: torch.stack([row[name] for row in rows]) for name in net.options}
    assert _output(net, batch.x, gates).shape == (_EXAMPLES, net.task.n_classes)
    net.calibrate(batch, net.largest())
    alone = torch.cat([net.predict(batch.x[i : i + 1], arch) for i, arch in enumerate(archs)])
    _assert_close(net.predict(batch.x, gates), alone)


supernet_contract: list[SupernetCheck] = [
    an_extracted_network_computes_the_same,
    costs_are_those_of_the_extracted_network,
    an_architecture_is_found_again_in_its_gates,
    weights_on_one_option_give_its_path,
    expected_costs_are_the_mean_over_options,
    a_mixture_runs_and_its_gates_learn,
    narrowing_keeps_what_is_allowed_and_its_outputs,
    equal_seeds_make_equal_supernets,
    every_example_may_have_its_own_path,
]


def _again(net: Supernet) -> Supernet:
    return Supernet(net.space, net.task, net.seed, options=net.options, affine=net.affine, **net.settings)


def _worked(net: Supernet) -> Supernet:
    """A copy in training mode with other weights: gains, offsets and kernel matrices as training might leave them."""
    net = copy.deepcopy(net).train()
    generator = torch.Generator().manual_seed(19)
    with torch.no_grad():
        for parameter in net.parameters():
            scale = 0.1 * float(parameter.std(correction=0)) + 0.02
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    net.forget()
    return net


def _batch(net: Supernet) -> Batch:
    return net.task.batch(_EXAMPLES, seed=18)


def _output(net: Supernet, x: torch.Tensor, gates: Any, *, dropout: bool = True) -> torch.Tensor:
    """In training mode, dropout always drawn alike."""
    net.train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.train(dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(17)
        out: torch.Tensor = net(x, gates)
    return out


def _one_hot(net: Supernet, arch: Any) -> dict[str, torch.Tensor]:
    gates = net.gates(arch)
    return {name: one_hot(torch.tensor(gates[name]), len(options)).float() for name, options in net.options.items()}


def _weights(net: Supernet, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Softmax gates that want a gradient."""
    drawn = {name: torch.randn(len(options), generator=generator) for name, options in net.options.items()}
    return {name: values.softmax(0).requires_grad_() for name, values in drawn.items() if len(values) > 1}


def _assert_close(got: torch.Tensor, wanted: torch.Tensor) -> None:
    got, wanted = got.detach(), wanted.detach()
    apart = float((got - wanted).abs().max())
    allowed = _CLOSE * max(1.0, float(wanted.abs().max()))
    assert apart <= allowed, f"outputs differ by {apart:.2g}, more than {allowed:.2g}"


def _some(names: list[str]) -> list[str]:
    return names[:: max(1, len(names) // _GATES)]


def _gradients(number: torch.Tensor, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor | None]:
    found = torch.autograd.grad(number, list(weights.values()), allow_unused=True)
    return dict(zip(weights, found, strict=True))


def _reached(gradient: torch.Tensor | None) -> bool:
    return gradient is not None and bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any())


def _equal(one: nn.Module, other: nn.Module) -> bool:
    mine: Mapping[str, torch.Tensor] = one.state_dict()
    theirs = other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
