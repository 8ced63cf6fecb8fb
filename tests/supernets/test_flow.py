"""How probability moves between options; and what is trained by itself."""

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput


@pytest.fixture(scope="module")
def data():
    splits = wb.task("digits").split(0)
    parts = (splits.train, splits.valid, splits.test)
    return type(splits)(*(type(part)(part.x[:192], part.y[:192], part.source) for part in parts))


@pytest.fixture(scope="module")
def net():
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2)


def test_the_flow_is_the_mean_over_the_gates(data, net):
    relaxation = sn.Softmax(net)
    optimiser = sn.FirstOrder(relaxation, lr=0.1)
    recipe = sn.Recipe(epochs=2)
    training = sn.train(net, data, sn.Mixture(relaxation), architecture=optimiser, recipe=recipe, show=False)
    frame = sn.flow(training)
    assert list(frame.columns) == list(net.options["0->1"])
    assert list(frame.index) == [0, 1]
    assert frame.sum(axis=1).tolist() == pytest.approx([1, 1])
    now = torch.stack(list(relaxation.probabilities().values())).mean(0)
    assert frame.iloc[-1].tolist() == pytest.approx(now.tolist())


def test_a_training_without_an_architecture_has_no_flow(data, net):
    training = sn.train(net, data, sn.Uniform(), recipe=sn.Recipe(epochs=1), show=False)
    with pytest.raises(InvalidInput, match="No architecture was learned"):
        sn.flow(training)


def test_gates_of_one_option_are_trained_by_themselves_as_several_are(data, net):
    several = {name: torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]) for name in net.options}
    recipe = sn.Recipe(epochs=2)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    first, second = (sn.train_alone(net, several, data, recipe) for _ in range(2))
    assert first == second
    assert all(torch.equal(tensor, net.state_dict()[name]) for name, tensor in before.items())
