"""Training in stages on the same weights, sorted channels, and blocks that start as the identity."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.bottleneck import ElasticBottleneck
from workbench.networks.elastic.gates import Gates
from workbench.supernets.step import Run, Step
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=1, batch_size=32)


@pytest.fixture(scope="module")
def data() -> Splits:
    parts = wb.task("digits").split(0)
    return Splits(*(Batch(part.x[:96], part.y[:96], part.source) for part in parts))


def mbconv(seed: int = 0, **settings: object) -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", seed, **settings)


def same_weights(a: wb.Supernet, b: wb.Supernet) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


class Seen(sn.Uniform):
    """Remembers what it planned."""

    def __init__(self) -> None:
        super().__init__(2)
        self.runs: list[Run] = []

    def plan(self, step: Step) -> list[Run]:
        runs = [*super().plan(step), Run(step.net.smallest()), Run(step.net.largest())]
        self.runs += runs
        return runs


# -- stages ------------------------------------------------------------------------------------------------------


def test_the_stages_of_shrinking_open_one_kind_of_gate_after_another() -> None:
    net = mbconv()
    first, kernels, depths, last = sn.shrinking(net, ["kernel"], ["depth"], ["expand", "width"])
    assert first == {name: allowed[-1:] for name, allowed in net.options.items()}
    assert kernels["s1.b1.kernel"] == (3, 5)
    assert (kernels["s1.depth"], kernels["s1.width"], kernels["s1.b1.expand"]) == ((2,), (16,), (4,))
    assert (depths["s1.b2.kernel"], depths["s1.depth"], depths["s1.width"]) == ((3, 5), (1, 2), (16,))
    assert last == dict(net.options)
    with pytest.raises(UnknownName, match="no kind of gate named 'kernels'. Did you mean 'kernel'"):
        sn.shrinking(net, ["kernels"])


def test_a_stage_runs_its_options_only_on_the_same_weights(data: Splits) -> None:
    net = mbconv()
    weights = {name: id(p) for name, p in net.named_parameters()}
    stages, watched = [], []
    for options in sn.shrinking(net, ["kernel"], ["depth"]):
        watched.append(Seen())
        stages.append(sn.Stage(options, watched[-1], RECIPE))
    trainings = sn.train_in_stages(net, data, stages, show=False)
    assert [training.ended for training in trainings] == ["done"] * 3
    assert weights == {name: id(p) for name, p in net.named_parameters()}
    for stage, seen in zip(stages, watched, strict=True):
        for run in seen.runs:
            for gate, answer in net.architecture(run.gates).decisions.items():
                assert answer in stage.options[gate]
    depths = {run.gates["s1.depth"] for run in watched[2].runs}
    assert depths == {0, 1}
    assert {run.gates["s1.b1.kernel"] for run in watched[0].runs} == {1}


def test_the_first_stage_leaves_what_only_smaller_options_use(data: Splits) -> None:
    net = mbconv(kernel_matrices=True)
    full, kernels = sn.shrinking(net, ["kernel"])
    matrices = [m for part in net.modules() for m in getattr(part, "matrices", torch.nn.ParameterDict()).values()]
    assert matrices
    sn.train_in_stages(net, data, [sn.Stage(full, sn.Uniform(), RECIPE)], show=False)
    assert all(torch.equal(m, torch.eye(len(m))) for m in matrices)
    sn.train_in_stages(net, data, [sn.Stage(kernels, sn.Uniform(2), RECIPE)], show=False)
    assert not all(torch.equal(m, torch.eye(len(m))) for m in matrices)


def test_a_single_stage_of_one_architecture_is_the_training_of_its_slice(data: Splits) -> None:
    net, plain = mbconv(), mbconv()
    (full,) = sn.shrinking(net)
    sn.train_in_stages(net, data, [sn.Stage(full, sn.Uniform(), RECIPE)], seed=4, show=False)
    sn.train(plain, data, sn.Fixed(plain.largest()), recipe=RECIPE, seed=4, show=False)
    assert same_weights(net, plain)


def test_without_restriction_a_sampler_that_draws_by_gate_does_what_it_does_alone(data: Splits) -> None:
    net, plain = mbconv(), mbconv()
    sn.train(net, data, sn.Among(sn.Sandwich(0), net.options), recipe=RECIPE, seed=4, show=False)
    sn.train(plain, data, sn.Sandwich(0), recipe=RECIPE, seed=4, show=False)
    assert same_weights(net, plain)


def test_options_without_the_largest_have_a_largest_of_their_own(data: Splits) -> None:
    net, seen = mbconv(), Seen()
    sn.train(net, data, sn.Among(seen, {"s2.width": (24,), "s1.b1.expand": (2, 1)}), recipe=RECIPE, show=False)
    drawn = {(run.gates["s2.width"], run.gates["s1.b1.expand"], run.gates["s1.b1.kernel"]) for run in seen.runs}
    assert drawn <= {(0, expand, kernel) for expand in (0, 1) for kernel in (0, 1)}
    assert {(0, 1, 1), (0, 0, 0)} <= drawn


def test_a_sampler_that_leaves_the_stage_is_refused(data: Splits) -> None:
    net = mbconv()
    (full,) = sn.shrinking(net)
    with pytest.raises(InvalidInput, match=r"Fixed leaves the options of this stage at 's\d"):
        sn.train(net, data, sn.Among(sn.Fixed(net.smallest()), full), recipe=RECIPE, show=False)
    with pytest.raises(UnknownName, match="no gate named 's1.widht'"):
        sn.train(net, data, sn.Among(sn.Uniform(), {"s1.widht": (12,)}), recipe=RECIPE, show=False)


def test_stages_that_were_interrupted_are_taken_up(data: Splits, tmp_path: Path) -> None:
    def stages(net: wb.Supernet, second: sn.Uniform) -> list[sn.Stage]:
        full, kernels, every = sn.shrinking(net, ["kernel"], ["expand", "width", "depth"])
        return [
            sn.Stage(full, sn.Uniform(), RECIPE),
            sn.Stage(kernels, second, RECIPE),
            sn.Stage(every, sn.Uniform(2), RECIPE, sort=True),
        ]

    class Stopped(sn.Uniform):
        def plan(self, step: Step) -> list[Run]:
            raise KeyboardInterrupt

    net, whole = mbconv(), mbconv()
    begun = sn.train_in_stages(net, data, stages(net, Stopped()), seed=2, checkpoint=tmp_path, show=False)
    assert [training.ended for training in begun] == ["done", "interrupted"]
    resumed = mbconv()
    ended = sn.train_in_stages(resumed, data, stages(resumed, sn.Uniform()), seed=2, checkpoint=tmp_path, show=False)
    assert [training.ended for training in ended] == ["done"] * 3
    sn.train_in_stages(whole, data, stages(whole, sn.Uniform()), seed=2, show=False)
    assert same_weights(resumed, whole)


# -- blocks ------------------------------------------------------------------------------------------------------


def test_sorting_leaves_the_largest_network_and_puts_what_weighs_most_first(data: Splits) -> None:
    net = mbconv(1)
    net.train()
    largest = net.largest()
    with torch.no_grad():
        before, narrow = net(data.train.x, largest), net(data.train.x, net.smallest())
        sn.sort_channels(net)
        assert torch.allclose(net(data.train.x, largest), before, atol=1e-5)
        assert not torch.allclose(net(data.train.x, net.smallest()), narrow, atol=1e-3)
    for block in net.network.blocks:
        norms = block.project.conv.weight.abs().sum((0, 2, 3))
        assert torch.equal(norms, norms.sort(descending=True).values)


def test_without_its_last_gains_every_residual_block_passes_on_what_it_gets() -> None:
    net = mbconv()
    sn.zero_last_norms(net)
    blocks = [part for part in net.network.modules() if isinstance(part, ElasticBottleneck) and part.residual]
    assert blocks
    x = torch.randn(4, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    for block in blocks:
        for gates in (net.largest(), net.smallest()):
            width = block.project.conv.c_out.at(Gates(gates))
            assert torch.equal(block(x[:, :width], Gates(gates)), x[:, :width])
    projected = [part for part in net.network.modules() if isinstance(part, ElasticBottleneck) and not part.residual]
    assert all(bool((block.last_norm.weight == 1).all()) for block in projected)


def test_deeper_networks_start_as_shallower_ones(data: Splits) -> None:
    net = mbconv()
    x = data.train.x
    gates = {**net.largest(), "s1.depth": 0, "s2.depth": 0}
    net.train()
    assert not torch.allclose(net(x, gates), net(x, net.largest()), atol=1e-3)
    sn.zero_last_norms(net)
    assert torch.equal(net(x, gates), net(x, net.largest()))


def test_nets_without_such_blocks_are_refused() -> None:
    cells = wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)
    for change in (sn.sort_channels, sn.zero_last_norms):
        with pytest.raises(InvalidInput, match="'nasbench201' have no inverted bottlenecks"):
            change(cells)
    with pytest.raises(InvalidInput, match=r"without gains \(affine=False\)"):
        sn.zero_last_norms(mbconv(affine=False))
