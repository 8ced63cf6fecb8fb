"""DropNAS: groups that never vanish, and options that are dropped and left alone."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=1, batch_size=32)


def few(n: int = 96) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)


def test_options_are_grouped_by_whether_they_have_weights(net: wb.Supernet) -> None:
    owned = sn.weighted(net)["0->1"]
    assert {op for op, has in zip(net.options["0->1"], owned, strict=True) if has} == {"nor_conv_1x1", "nor_conv_3x3"}


def test_every_group_keeps_an_option_and_dropped_ones_weigh_exactly_nothing(net: wb.Supernet) -> None:
    relaxation = sn.GroupedDrop(net, rate=0.5)
    torch.manual_seed(0)
    dropped = 0
    for _ in range(100):
        gates = relaxation.gates()
        for name, gate in gates.items():
            kept = relaxation.kept[name]
            for group in (0, 1):
                assert any(bool(kept[i]) for i, g in enumerate(relaxation.groups[name]) if g == group)
            assert torch.equal(gate == 0, ~kept)
            assert float(gate.sum().detach()) == pytest.approx(1, abs=1e-6)
            dropped += int((~kept).sum())
    # Redrawn until one is left, of two options (1 - q) / (1 - q^2) stay in the mean, of three (1 - q') / (1 - q'^3).
    q, r = 0.5 ** (1 / 2), 0.5 ** (1 / 3)
    expected = 100 * 6 * (2 * (1 - (1 - q) / (1 - q**2)) + 3 * (1 - (1 - r) / (1 - r**3)))
    assert dropped == pytest.approx(expected, rel=0.05)


def test_the_published_rate_drops_an_option_of_a_group_of_four_with_seven_percent(net: wb.Supernet) -> None:
    assert sn.GroupedDrop(net).rate ** (1 / 4) == pytest.approx(0.074, abs=1e-3)


def test_a_step_leaves_the_probability_of_dropped_options_and_their_weights(net: wb.Supernet) -> None:
    relaxation = sn.GroupedDrop(net, rate=0.5, scale=1.0)
    moved = []

    class Watched(sn.PartialOneLevel):
        def after(self, step) -> None:
            before = relaxation.probabilities()
            super().after(step)
            after = relaxation.probabilities()
            for name, kept in relaxation.kept.items():
                assert torch.allclose(before[name][~kept], after[name][~kept], atol=1e-6)
                if int(kept.sum()) > 1:
                    moved.append(float((before[name] - after[name])[kept].abs().max()))

    sn.train(
        net,
        few(),
        sn.Mixture(relaxation),
        architecture=Watched(relaxation, lr=0.05, decay=0.1),
        recipe=sn.Recipe(epochs=1, batch_size=32, weight_decay=0.1),
        show=False,
    )
    assert len(moved) > 10
    assert min(moved) > 1e-5


def test_weights_of_what_was_dropped_neither_decay_nor_move(net: wb.Supernet) -> None:
    relaxation = sn.GroupedDrop(net, rate=0.5)
    before = {name: value.clone() for name, value in net.named_parameters()}
    sn.train(
        net,
        few(32),
        sn.Mixture(relaxation),
        architecture=sn.PartialOneLevel(relaxation),
        recipe=sn.Recipe(epochs=1, batch_size=32, weight_decay=0.1),
        show=False,
    )
    for name, parameter in net.named_parameters():
        at = name.split(".")
        if "operations" in at:
            edge, op = at[at.index("edges") + 1], at[at.index("operations") + 1]
            kept = bool(relaxation.kept[edge][net.options[edge].index(op)])
            assert torch.equal(parameter, before[name]) != kept


def test_without_dropping_and_decay_it_is_one_level_darts(net: wb.Supernet) -> None:
    found = []
    for make in (
        lambda net: sn.PartialOneLevel(sn.GroupedDrop(net, rate=0.0), decay=0.0),
        lambda net: sn.OneLevel(sn.Softmax(net), weight_decay=0.0),
    ):
        same = wb.Supernet(net.space, "digits", 0, n_cells=1, channels=4)
        architecture = make(same)
        sn.train(same, few(), sn.Mixture(architecture.relaxation), architecture=architecture, recipe=RECIPE, show=False)
        found.append(architecture.relaxation.probabilities())
    for name in found[0]:
        assert torch.allclose(found[0][name], found[1][name], atol=1e-6)


def test_a_killed_training_is_taken_up_to_the_same_alphas(net: wb.Supernet, tmp_path) -> None:
    def trained(file: str, stop=None) -> dict[str, torch.Tensor]:
        same = wb.Supernet(net.space, "digits", 0, n_cells=1, channels=4)
        relaxation = sn.GroupedDrop(same, rate=0.5)
        sn.train(
            same,
            few(64),
            sn.Mixture(relaxation),
            architecture=sn.PartialOneLevel(relaxation),
            recipe=sn.Recipe(epochs=2, batch_size=32),
            checkpoint=tmp_path / file,
            stop=stop,
            show=False,
        )
        return relaxation.probabilities()

    whole = trained("a")
    trained("b", stop=lambda records: "enough")
    parts = trained("b")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_what_it_refuses(net: wb.Supernet) -> None:
    with pytest.raises(
        InvalidInput, match=r"rate is the probability that a whole group would be dropped, 0 to below 1; got 1"
    ):
        sn.GroupedDrop(net, rate=1)
    with pytest.raises(InvalidInput, match="a group for each of the options of 's1.width': give groups"):
        sn.GroupedDrop(wb.Supernet(wb.search_space("mbconv"), "digits", 0))
