"""The picture of inherited against stand-alone accuracy: its numbers, its dots, and text that is never markup."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.plots.inheritance import InheritanceData, inheritance_figure
from workbench.spaces import search_space
from workbench.supernets.inheritance import Inheritance

TAG = '<a href="javascript:x()">x</a>'


@pytest.fixture
def found() -> Inheritance:
    archs = tuple(search_space("nasbench201").sample(4, seed=0))
    return Inheritance(archs, np.array([0.4, 0.6, 0.5, 0.3]), np.array([0.8, 0.85, 0.9, 0.7]))


def test_the_data_are_the_accuracies_and_what_sums_them_up(found: Inheritance) -> None:
    data = found.data
    assert data.names == tuple(map(str, found.architectures))
    assert (data.inherited.tolist(), data.alone.tolist()) == ([0.4, 0.6, 0.5, 0.3], [0.8, 0.85, 0.9, 0.7])
    assert (data.tau, data.beats_random) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert data.gap == pytest.approx(0.3625)


def test_a_dot_an_architecture_carries_its_string_and_the_best_inherited_is_ringed(found: Inheritance) -> None:
    diagonal, dots, ring = found.figure().data
    assert list(dots.customdata) == [str(arch) for arch in found.architectures]
    assert list(dots.x) == pytest.approx([40, 60, 50, 30])
    assert (list(ring.x), list(ring.y)) == ([pytest.approx(60)], [pytest.approx(85)])
    assert list(diagonal.x) == list(diagonal.y)
    layout = found.figure().layout
    assert layout.xaxis.range == layout.yaxis.range
    assert layout.title.subtitle.text == (
        "4 architectures: Kendall's tau 0.67, by itself +36.2 points, "
        "the ringed one beats another with probability 0.67"
    )


def test_equal_accuracies_and_none_are_drawn_honestly() -> None:
    same = InheritanceData(("a", "b"), np.array([0.5, 0.5]), np.array([0.5, 0.5]), 0.0, 0.0, 0.5)
    low, high = inheritance_figure(same).layout.xaxis.range
    assert low < 50 < high
    empty = inheritance_figure(InheritanceData((), np.empty(0), np.empty(0), 0.0, 0.0, 0.0))
    assert [note.text for note in empty.layout.annotations] == ["No architecture was judged."]


def test_a_name_is_never_markup() -> None:
    data = InheritanceData((TAG, "b"), np.array([0.5, 0.6]), np.array([0.5, 0.7]), 1.0, 0.05, 1.0)
    figure = inheritance_figure(data, title=TAG)
    assert all("<a" not in text for text in (*figure.data[1].text, figure.layout.title.text))
    assert "customdata" not in figure.data[1].hovertemplate
