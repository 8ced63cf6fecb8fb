"""GOLD-NAS: options that leave the supernet for good."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.networks.elastic.mixed import MixedOp

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")


@pytest.fixture(scope="module")
def data():
    splits = wb.task("digits").split(0)
    parts = (splits.train, splits.valid, splits.test)
    return type(splits)(*(type(part)(part.x[:192], part.y[:192], part.source) for part in parts))


def made(**settings):
    space = wb.search_space("nasbench201")
    net = wb.Supernet(space, "digits", 0, options=dict.fromkeys(space.gates(), OPS), channels=2, affine=False)
    relaxation = sn.Sigmoid(net)
    return net, relaxation, sn.GradualPrune(relaxation, **{"lr": 0.2, "strength": 0.2, "every": 2} | settings)


def trained(data, epochs=8, **settings):
    net, relaxation, prune = made(**settings)
    recipe = sn.Recipe(epochs=epochs)
    sn.train(net, data, sn.Mixture(relaxation), architecture=prune, recipe=recipe, show=False)
    return net, relaxation, prune


@pytest.fixture(scope="module")
def pruned(data):
    return trained(data)


def test_what_is_alive_never_grows_and_costs_never_rise(pruned):
    _, _, prune = pruned
    assert len(prune.visited) >= 4
    for before, after in pairwise(prune.visited):
        assert after.step > before.step
        assert after.macs <= before.macs
        assert after.params <= before.params
        left = 0
        for name, alive in after.alive.items():
            assert all(was or not is_ for was, is_ in zip(before.alive[name], alive, strict=True))
            left += sum(before.alive[name]) - sum(alive)
        assert left > 0


def test_a_dropped_operation_never_runs_again(data):
    net, relaxation, prune = made()
    ran = []
    for module in net.network.modules():
        if isinstance(module, MixedOp):
            for number, operation in enumerate(module.operations.values()):
                key = module.question, number
                operation.register_forward_hook(lambda *_, key=key: ran.append(key))
    wrong = []

    def watch(training):
        dead = {(n, i) for n, alive in relaxation.alive.items() for i, is_ in enumerate(alive.tolist()) if not is_}
        ran.clear()
        net(data.train.x[:8], relaxation.gates())
        wrong.extend(dead & set(ran))
        assert dead or len(prune.visited) == 1

    recipe = sn.Recipe(epochs=8)
    sn.train(net, data, sn.Mixture(relaxation), architecture=prune, recipe=recipe, watch=watch, show=False)
    assert not all(alive.all() for alive in relaxation.alive.values())
    assert not wrong


def test_every_size_is_a_network_of_its_own_with_the_costs_that_it_says(pruned):
    net, _, prune = pruned
    for size in prune.visited:
        assert float(net.costs(size.gates)["macs"]) == size.macs
    ran = Counter()
    for module in net.network.modules():
        if isinstance(module, MixedOp):
            for number, operation in enumerate(module.operations.values()):
                key = module.question, number
                operation.register_forward_hook(lambda *_, key=key: ran.update([key]))
    last = prune.visited[-1]
    net(torch.zeros(2, 1, 8, 8), last.gates)
    assert set(ran) == {(n, i) for n, alive in last.alive.items() for i, is_ in enumerate(alive) if is_}


def test_a_random_size_of_equal_cost_has_as_many_of_every_option(pruned):
    net, _, prune = pruned
    size, rng = prune.visited[1], np.random.default_rng(0)
    kept = torch.stack(list(size.gates.values()))
    others = [torch.stack(list(size.shuffled(rng).values())) for _ in range(5)]
    assert all(torch.equal(other.sum(0), kept.sum(0)) for other in others)
    assert any(not torch.equal(other, kept) for other in others)
    assert float(net.costs(size.shuffled(rng))["macs"]) == size.macs


def test_none_and_the_last_option_of_a_gate_stay(pruned):
    _, relaxation, _ = pruned
    assert all(bool(alive[0]) for alive in relaxation.alive.values())


def test_nothing_is_dropped_below_the_cost_it_may_reach(data):
    _, _, prune = trained(data, until=0.5, pace=4)
    whole = prune.visited[0].macs
    assert prune.visited[-2].macs > 0.5 * whole


def test_the_strength_rises_while_too_few_leave_and_falls_when_too_many_do():
    _, _, prune = made(growth=2.0, pace=2, every=1, threshold=0.5)

    class Now:
        index, warm = 0, True

    prune._prune = lambda: left.pop(0)
    prune._visit = lambda step: prune.visited[0]
    left = [0, 2, 5]
    strengths = []
    for _ in range(3):
        prune.after(Now)
        strengths.append(prune.strength)
    assert strengths == [0.4, 0.4, 0.2]


def test_a_training_taken_up_again_prunes_the_same(data, tmp_path):
    whole = trained(data, epochs=4)[2]
    net, relaxation, prune = made()
    file, recipe = tmp_path / "net.pt", sn.Recipe(epochs=4)
    settings = {"architecture": prune, "recipe": recipe, "checkpoint": file, "show": False}
    sn.train(
        net, data, sn.Mixture(relaxation), stop=lambda records: "enough" if len(records) == 2 else None, **settings
    )
    net, relaxation, prune = made()
    settings["architecture"] = prune
    sn.train(net, data, sn.Mixture(relaxation), **settings)
    assert prune.visited == whole.visited
    assert prune.strength == whole.strength


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(InvalidInput, match="a growth above 1, every and pace from 1; got 0.1, 0.2, 1.0, 2 and 1"):
        made(growth=1.0)
    with pytest.raises(InvalidInput, match="a threshold between 0 and 1"):
        made(threshold=1.0)
