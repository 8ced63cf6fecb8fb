"""The kernel half of the monitor of a supernet: what it tells of a training, when, and its still."""

from __future__ import annotations

import threading
from xml.etree import ElementTree

import numpy as np
import pytest

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.gates.cells import cells_of
from workbench.widgets.gates.looks import looks_of
from workbench.widgets.gates.ribbons import bands


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)


def made(net: wb.Supernet, epochs: int, goal: int = 4, ended: str = "") -> sn.Training:
    """A training whose every gate goes from its first option to its last."""
    records = []
    for epoch in range(epochs):
        share = epoch / max(1, goal - 1)
        worth = {name: [1 - share, *[0.0] * (len(allowed) - 2), share] for name, allowed in net.options.items()}
        records.append({"epoch": epoch, "loss": 2.0 - share, "accuracy": share, "macs": 9e4, "probabilities": worth})
    return sn.Training(net, sn.Recipe(epochs=goal), records, ended)


def flow(monitor: wb.SupernetMonitor) -> np.ndarray:
    return np.frombuffer(monitor.flow, "<f4").reshape(len(monitor.curves["loss"]), -1)


def test_a_finished_training_is_told_whole(net: wb.Supernet) -> None:
    monitor = wb.SupernetMonitor(made(net, 4, ended="done"), limit=80_000)
    assert [gate["name"] for gate in monitor.gates] == list(net.options)
    assert [option[0] for option in monitor.gates[0]["options"]] == ["none", "skip", "conv 1×1", "conv 3×3", "avg pool"]
    assert monitor.curves["cost"] == [9e4] * 4
    assert flow(monitor).shape == (4, 30)
    assert flow(monitor)[:, 0].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert (monitor.status["phase"], monitor.status["words"]) == ("done", "Done: 4 epochs.")
    assert monitor.cost == {"label": "multiply-adds", "limit": 80_000.0}


def test_the_most_probable_options_are_the_value_of_the_epoch_that_is_shown(net: wb.Supernet) -> None:
    monitor = wb.SupernetMonitor(made(net, 4))
    assert set(monitor.value.decisions.values()) == {"avg_pool_3x3"}
    monitor.epoch = 1
    assert set(monitor.value.decisions.values()) == {"none"}
    assert len(monitor.best) == 2  # said once for as long as it holds
    with pytest.raises(InvalidInput, match="epoch is one of the 4 that are over, from 1, or 0; got 5"):
        monitor.epoch = 5


def test_watching_tells_every_epoch_and_another_training_begins_anew(net: wb.Supernet) -> None:
    monitor = wb.SupernetMonitor(net)
    assert (monitor.status["phase"], monitor.value, len(monitor.flow)) == ("waiting", None, 0)
    training = made(net, 1)
    more = made(net, 4).history
    monitor(training)
    assert monitor.status["words"] == "Training: 1 of 4 epochs."
    for record in more[1:]:
        training.history.append(record)
        monitor(training)
    assert len(flow(monitor)) == 4  # the last is told at once, however soon it comes
    monitor(made(net, 1))
    assert len(flow(monitor)) == 1


def test_a_page_that_asks_hears_how_a_training_ended_of_which_nobody_was_told(net: wb.Supernet) -> None:
    monitor, training = wb.SupernetMonitor(net), made(net, 2)
    monitor(training)
    assert monitor.status["phase"] == "running"
    training.ended = "interrupted"
    monitor._asked(None, {"kind": "hello"}, [])
    assert monitor.status["words"] == "Interrupted after 2 of 4 epochs."
    training.ended = "a plateau"
    monitor._asked(None, {"kind": "hello"}, [])
    assert monitor.status["words"] == "Ended after 2 of 4 epochs: a plateau"
    training.ended = ""  # an error: the kernel answers, so nothing is trained
    monitor._asked(None, {"kind": "hello"}, [])
    assert monitor.status == {"phase": "stopped", "words": "Ended after 2 of 4 epochs.", "goal": 4, "heard": 3}


def test_a_training_in_another_thread_goes_on_while_the_kernel_answers(net: wb.Supernet) -> None:
    monitor = wb.SupernetMonitor(net)
    thread = threading.Thread(target=monitor, args=(made(net, 2),))
    thread.start()
    thread.join()
    monitor._asked(None, {"kind": "hello"}, [])
    assert monitor.status["phase"] == "running"


def test_one_shot_trainings_show_how_often_each_option_ran() -> None:
    data = wb.task("digits").split(0)
    net = wb.Supernet(wb.search_space("mbconv"), "digits")
    monitor = wb.SupernetMonitor(net)
    training = sn.train(net, data, sn.Uniform(), recipe=sn.Recipe(epochs=2), watch=monitor, show=False)
    assert monitor.said == "share of the runs"
    assert flow(monitor)[0][:2].tolist() == pytest.approx(training.history[0]["shares"]["s1.width"])
    assert monitor.cells == []  # a strip, in the order of the network
    assert [gate["name"] for gate in monitor.gates][4:8] == ["s1.b2.kernel", "s1.b2.expand", "s2.width", "s2.depth"]
    assert monitor.value is None  # nothing is preferred
    assert "Share of the runs over epochs" in monitor.still()


def test_a_training_without_gates_shows_its_curves() -> None:
    space = wb.search_space("nasbench201")
    net = wb.Supernet(space, "digits", options=dict.fromkeys(space.gates(), ("skip_connect",)), n_cells=1)
    training = sn.Training(net, sn.Recipe(epochs=1), [{"epoch": 0, "loss": 1.0, "accuracy": 0.5}], "done")
    monitor = wb.SupernetMonitor(training)
    assert (monitor.gates, monitor.cells) == ([], [])
    ElementTree.fromstring(monitor.still())


@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_still_is_one_svg_of_what_is_known(net: wb.Supernet, epochs: int) -> None:
    monitor = wb.SupernetMonitor(made(net, epochs), limit=80_000)
    root = ElementTree.fromstring(monitor.still())
    words = " ".join(root.itertext())
    assert ("limit" in words) == (epochs > 0)
    assert (f"Gates after epoch {epochs}" in words) == (epochs > 0)
    bundle, _ = monitor._repr_mimebundle_()
    assert bundle["image/svg+xml"] == monitor.still()


def test_cells_are_drawn_where_gates_are_edges_and_fixed_ones_as_well() -> None:
    space = wb.search_space("darts")
    options = space.gates() | {"reduce.0->2": ("skip_connect",)}
    normal, reduce = cells_of(options, space)
    assert (normal["title"], len(normal["edges"]), len(reduce["edges"])) == ("normal", 14, 14)
    assert [node[4] for node in normal["nodes"]] == ["c_{k-2}", "c_{k-1}", "2", "3", "4", "5"]
    numbers = {edge[3]: edge[4] for edge in reduce["edges"]}
    assert numbers["reduce.0->2"] == -1
    assert sorted(number for number in numbers.values() if number >= 0) == list(range(14, 27))
    assert cells_of(wb.search_space("mbconv").gates(), wb.search_space("mbconv")) == []
    assert cells_of({"a->b": (1, 2), "b->a": (1, 2)}, wb.search_space("nasbench201")) == []  # no cell goes in a circle


def test_a_ribbon_is_split_as_its_options_are_worth() -> None:
    first, second, third = bands("M0,0C10,0 20,0 30,0", [0.5, 0.25, 0.25], 20)
    ends = [{float(point.split(",")[1]) for point in band.strip("MZ").split("L")} for band in (first, second, third)]
    assert ends == [{-10.0, 0.0}, {0.0, 5.0}, {5.0, 10.0}]
    assert bands("M0,0C10,0 20,0 30,0", [1.0, 1.0], 20)[0].count("-10.0") == 31  # sigmoids: never wider than the ribbon


def test_the_options_of_a_gate_have_different_colours() -> None:
    darts = looks_of(wb.search_space("darts").gates()["normal.0->2"])
    for column in (1, 2):
        assert len({option[column] for option in darts}) == len(darts)
    assert [option[0] for option in looks_of((5, 3, 7))] == ["5", "3", "7"]
    assert looks_of((5, 3, 7))[1][1] == looks_of((1, 2))[0][1]  # the least is the darkest


def test_what_is_no_training_no_cost_and_no_limit_is_refused(net: wb.Supernet) -> None:
    with pytest.raises(InvalidInput, match="shows a Training or a Supernet; got 3"):
        wb.SupernetMonitor(3)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="no cost named 'mac'. Did you mean 'macs'"):
        wb.SupernetMonitor(net, cost="mac")
    with pytest.raises(InvalidInput, match="the most parameters that are wanted, a number above 0; got -1"):
        wb.SupernetMonitor(net, cost="params", limit=-1)
    with pytest.raises(UnknownName, match="lmit"):
        wb.SupernetMonitor(net, lmit=3)
