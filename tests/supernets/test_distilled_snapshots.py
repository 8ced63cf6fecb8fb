"""SD-DARTS: a supernet that is taught by what it was, and the sharpness that this is to lower."""

import copy

import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.step import Run


@pytest.fixture(scope="module")
def data():
    splits = wb.task("digits").split(0)
    parts = (splits.train, splits.valid, splits.test)
    return type(splits)(*(type(part)(part.x[:192], part.y[:192], part.source) for part in parts))


def trained(data, **settings):
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)
    relaxation = sn.Softmax(net)
    optimiser = sn.FirstOrder(relaxation, lr=0.05)
    recipe = sn.Recipe(epochs=2)
    sn.train(net, data, sn.Mixture(relaxation), architecture=optimiser, recipe=recipe, show=False, **settings)
    return relaxation


def values(relaxation):
    return [*relaxation.parameters(), *relaxation.net.parameters()]


def test_no_snapshots_are_darts_bit_for_bit(data):
    taught = trained(data, objective=sn.Distillation(labels=1.0), teacher=sn.Snapshots(k=0, every=1))
    assert all(torch.equal(a, b) for a, b in zip(values(taught), values(trained(data)), strict=True))


def test_snapshots_change_the_training(data):
    taught = trained(data, objective=sn.Distillation(labels=1.0), teacher=sn.Snapshots(k=2, every=1))
    assert not all(torch.equal(a, b) for a, b in zip(values(taught), values(trained(data)), strict=True))


class Now:
    """What a teacher reads of a step."""

    def __init__(self, net, index):
        self.net, self.index, self.outputs = net, index, []


@pytest.mark.parametrize("k", [2, 4])
def test_equal_snapshots_vote_as_one_teacher(data, k):
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)
    run = Run(sn.Softmax(net).gates())
    one, many = sn.Snapshots(k=1, every=1), sn.Snapshots(k=k, every=1)
    for index in range(k):
        one.after(Now(net, index))
        many.after(Now(net, index))
    step = Now(net, k)
    single, voted = (teacher.teach(step, run, data.train.x[:16]).logits for teacher in (one, many))
    assert torch.equal(single, voted)
    with torch.no_grad():
        assert torch.allclose(single, F.log_softmax(net(data.train.x[:16], run.gates), -1), atol=1e-6)


def test_the_vote_is_the_mean_of_the_last_k_probabilities(data):
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)
    run, x = Run(sn.Softmax(net).gates()), data.train.x[:16]
    teacher, old = sn.Snapshots(k=2, every=2), []
    for index in range(6):
        with torch.no_grad():
            for weight in net.parameters():
                weight.mul_(1.1)
        teacher.after(Now(net, index))
        if index in (3, 5):
            old.append(copy.deepcopy(net))
    with torch.no_grad():
        expected = torch.stack([snapshot(x, run.gates).softmax(-1) for snapshot in old]).mean(0)
    assert torch.allclose(teacher.teach(Now(net, 6), run, x).logits.exp(), expected, atol=1e-6)


def test_sharpness_is_the_largest_eigenvalue_of_the_whole_hessian(data):
    space = wb.search_space("nasbench201")
    options = {name: space.gates()[name] if name in ("0->1", "1->3") else ("nor_conv_1x1",) for name in space.gates()}
    net = wb.Supernet(space, "digits", 0, options=options, channels=2)
    relaxation = sn.Softmax(net, scale=0.5)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items() if "running" not in name}
    found = sn.sharpness(relaxation, data.valid, iterations=60)
    assert net.training
    assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in state.items() if "tracked" not in name)

    def loss(flat):
        gates = dict(zip(relaxation.alphas, (part.softmax(0) for part in flat.split(5)), strict=True))
        net.eval()
        value = F.cross_entropy(net(data.valid.x, gates | {n: 0 for n in options if n not in gates}), data.valid.y)
        net.train()
        return value

    flat = torch.cat([alpha.detach() for alpha in relaxation.parameters()])
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))
    assert found == pytest.approx(float(eigenvalues[eigenvalues.abs().argmax()]), rel=1e-3)


def test_sharpness_takes_at_least_one_iteration(data):
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2)
    with pytest.raises(InvalidInput, match="iterations from 1; got 0"):
        sn.sharpness(sn.Softmax(net), data.valid, iterations=0)
