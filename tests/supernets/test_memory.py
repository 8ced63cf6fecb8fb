"""Memory: a sampled path keeps what its network by itself keeps, two paths less than the mixture."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn

X = torch.rand(16, 1, 8, 8)


@pytest.mark.parametrize("name", ["nasbench201", "mbconv"])
def test_a_path_keeps_what_the_stand_alone_network_keeps(name: str) -> None:
    net = wb.Supernet(wb.search_space(name), "digits", 0)
    for arch in net.sample(2, 0):
        by_itself = sn.activation_bytes(sn.alone(net, arch), X)
        # Sliced weights are kept as well where they are copied, those of normalisation never.
        assert by_itself <= sn.activation_bytes(net, X, arch) <= 1.1 * by_itself


def test_more_options_keep_more() -> None:
    net = wb.Supernet(wb.search_space("fbnet_small"), "digits", 0)
    torch.manual_seed(0)
    path = sn.activation_bytes(net, X, net.architecture(dict.fromkeys(net.options, 4)))
    two = sn.activation_bytes(net, X, sn.TwoPath(net).gates())
    mixture = sn.activation_bytes(net, X, sn.Softmax(net).gates())
    assert path < mixture
    assert two < 0.5 * mixture


def test_a_storage_counts_once_and_weights_do_not_count() -> None:
    class Square(torch.nn.Linear):
        def forward(self, x: torch.Tensor, gates: object = None) -> torch.Tensor:
            out = super().forward(x)
            return (out * out + out).sum()

    net = Square(4, 3)
    net.device = torch.device("cpu")  # type: ignore[assignment]
    # The input, which the weight's gradient needs, and the output, which the product needs twice.
    assert sn.activation_bytes(net, torch.rand(5, 4)) == 4 * (5 * 4 + 5 * 3)  # type: ignore[arg-type]


def test_counting_leaves_no_trace_in_weights() -> None:
    net = wb.Supernet(wb.search_space("mbconv"), "digits", 0)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    sn.activation_bytes(net, X, net.largest())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
