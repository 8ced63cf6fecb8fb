"""The nearest recorded architectures: distances as the catalogue's, in parts of any size, quickly."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest

from workbench.errors import InvalidInput
from workbench.spaces import SearchSpace, search_space
from workbench.spaces.distances import distances
from workbench.spaces.nearest import Recorded, answers_of

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"


def recorded(space: SearchSpace, texts: list[str], part: int) -> Recorded:
    found = Recorded()
    for start in range(0, len(texts), part):
        found.add(answers_of(space, texts[start : start + part]))
    return found


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "darts", "hierarchical_nasbench201", "lhd", "fcnet"])
@pytest.mark.parametrize("part", [1, 7, 100])
def test_edits_are_the_hamming_distance(name: str, part: int) -> None:
    space = search_space(name)
    arch, *others = space.sample(25, seed=1)
    found = recorded(space, [str(other) for other in others], part)
    assert found.size == 24
    assert np.array_equal(found.edits(arch), distances([arch, *others])[0, 1:])


def test_a_question_that_no_recorded_architecture_is_asked_counts() -> None:
    space = search_space("ofa_mobilenetv3")
    archs = space.sample(60, seed=0)
    deep = max(archs, key=lambda arch: len(arch.decisions))
    shallow = min(archs, key=lambda arch: len(arch.decisions))
    assert len(deep.decisions) > len(shallow.decisions)
    found = recorded(space, [str(shallow)], 1)
    assert found.edits(deep).tolist() == distances([deep, shallow])[0, 1:].tolist()


def test_the_nearest_come_first_ties_in_the_tables_order_and_itself_not_at_all() -> None:
    space = search_space("nasbench201")
    arch = space.parse(CELL)
    texts = [str(arch), *map(str, space.neighbors(arch)), *map(str, space.sample(500, seed=2))]
    edits = recorded(space, texts, 64).edits(arch)
    found = recorded(space, texts, 64).nearest(arch, 30)
    assert [row for row, _ in found[:24]] == list(range(1, 25))
    assert [number for _, number in found] == sorted(edits[edits > 0])[:30]
    expected = [row for row in np.argsort(edits, kind="stable") if edits[row] > 0][:30]
    assert [row for row, _ in found] == expected


def test_rows_without_a_number_are_passed_over() -> None:
    space = search_space("nasbench201")
    arch = space.parse(CELL)
    found = recorded(space, [str(other) for other in space.neighbors(arch)], 10)
    among = np.zeros(found.size, bool)
    among[[3, 20]] = True
    assert found.nearest(arch, 8, among) == [(3, 1), (20, 1)]
    assert found.nearest(arch, 0) == []


def test_a_string_of_another_space_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nasbench201"):
        answers_of(search_space("nasbench201"), [CELL, "no cell"])


def test_an_empty_table_has_no_nearest() -> None:
    assert Recorded().nearest(search_space("nasbench201").parse(CELL), 5) == []


def test_what_was_read_travels_between_processes_small() -> None:
    space = search_space("nasbench101")
    part = answers_of(space, [str(arch) for arch in space.sample(300)])
    sent = pickle.dumps(part)
    assert len(sent) < 300 * 26 * 3
    again, whole = Recorded(), Recorded()
    again.add(pickle.loads(sent))  # noqa: S301 - made above
    whole.add(part)
    arch = space.sample(1, seed=9)[0]
    assert np.array_equal(again.edits(arch), whole.edits(arch))


def test_423_thousand_rows_are_looked_through_in_a_blink() -> None:
    space = search_space("nasbench101")
    part = answers_of(space, [str(arch) for arch in space.sample(1_000)])
    table = Recorded()
    for _ in range(424):
        table.add(part)
    arch = space.sample(1, seed=9)[0]
    table.nearest(arch, 8)  # the first look makes each question one array
    times = []
    for _ in range(5):
        start = time.perf_counter()
        table.nearest(arch, 8)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.2
