"""The tally of what runs: shares of the options, of the runs that asked, in every record without an architecture."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.supernets.tally import Tally


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits")


def test_a_block_that_is_too_deep_asks_nothing(net: wb.Supernet) -> None:
    tally = Tally(net)
    shallow = dict.fromkeys(net.options, 0)
    tally.add([shallow, shallow | {"s1.depth": 1, "s1.b2.kernel": 1}])
    shares = tally.shares()
    assert shares["s1.depth"] == [0.5, 0.5]
    assert shares["s1.b2.kernel"] == [0.0, 1.0]  # of the one path that has the block
    assert shares["s2.b2.kernel"] == [0.0, 0.0]


def test_mixtures_count_as_much_as_they_weigh(net: wb.Supernet) -> None:
    tally = Tally(net)
    tally.add([{"s1.width": torch.tensor([0.25, 0.75])}, {"s1.width": torch.tensor([[1.0, 0.0], [0.5, 0.5]])}])
    assert tally.shares()["s1.width"] == pytest.approx([0.5, 0.5])
    assert tally.shares()["s1.depth"] == [1.0, 0.0]  # left out: the first


def test_paths_that_are_no_architecture_count_all_gates() -> None:
    net = wb.Supernet(wb.search_space("darts"), "digits", n_cells=1, channels=4)
    tally = Tally(net)
    tally.add([net.largest()])  # every node with more than two inputs
    assert all(share[-1] == 1.0 for share in tally.shares().values())


def test_every_record_without_an_architecture_has_shares(net: wb.Supernet) -> None:
    data = wb.task("digits").split(0)
    training = sn.train(net, data, sn.Sandwich(1), recipe=sn.Recipe(epochs=1), show=False)
    (record,) = training.history
    assert list(record["shares"]) == [name for name, allowed in net.options.items() if len(allowed) > 1]
    assert all(sum(share) == pytest.approx(1) for share in record["shares"].values())
    assert "shares" not in training.frame.columns


def test_costs_can_be_counted_between_a_forward_and_its_backward_pass() -> None:
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)
    relaxation = sn.Softmax(net)
    net.train()
    loss = net(torch.randn(4, 1, 8, 8), relaxation.gates()).sum()
    penalised = loss + relaxation.expected_costs()["macs"].log()  # counted for the first time
    found = torch.autograd.grad(penalised, relaxation.parameters())
    assert all(torch.isfinite(one).all() for one in found)
