"""A training ends early when there is a reason to, and says which."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput


def records(losses: list[float]) -> list[dict[str, float]]:
    return [{"loss": loss} for loss in losses]


def test_patience_waits_for_as_many_epochs_without_a_fall() -> None:
    stop = sn.patience(2)
    assert stop(records([3.0, 2.0])) is None
    assert stop(records([3.0, 2.0, 2.5])) is None
    assert stop(records([3.0, 2.0, 2.5, 2.0])) == "loss has not fallen for 2 epochs"
    assert stop(records([3.0, 2.0, 2.5, 1.9])) is None
    assert sn.patience(2, least=0.2)(records([3.0, 2.0, 2.5, 1.9])) is not None


def test_a_training_is_settled_when_every_gate_is() -> None:
    stop = sn.settled(0.8)
    assert stop([{"probabilities": {"a": [0.1, 0.9], "b": [0.5, 0.5]}}]) is None
    assert stop([{"probabilities": {"a": [0.1, 0.9], "b": [0.85, 0.15]}}]) == "every gate gives 80% to one option"
    assert stop([{"loss": 1.0}]) is None


def test_the_loop_listens() -> None:
    data = wb.task("digits").split(0, limit=200)
    net = wb.Supernet(wb.search_space("mbconv"))
    training = sn.train(net, data, sn.Uniform(), recipe=sn.Recipe(epochs=5), stop=lambda r: "enough" * (len(r) == 2))
    assert (training.ended, len(training.history)) == ("enough", 2)


@pytest.mark.parametrize("make", [lambda: sn.patience(0), lambda: sn.patience(1, least=-1), lambda: sn.settled(0)])
def test_settings_that_make_no_sense_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InvalidInput, match="takes"):
        make()
