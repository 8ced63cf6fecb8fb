"""The kernel half of the comparison: what is held, aligned and said of it, and what is refused."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from math import hypot, nan, sqrt
from typing import Any

import networkx as nx
import numpy as np
import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import SearchSpace, search_space
from workbench.spaces.alignment import Alignment, align
from workbench.widgets.diff import comparison
from workbench.widgets.diff.common_layout import ABSENT, Looks, common_layout
from workbench.widgets.diff.numbers import Number, Row, difference
from workbench.widgets.diff.words import differences

NB101 = search_space("nasbench101")


@pytest.fixture
def archs(bench: Benchmark, cell: str) -> list[Architecture]:
    first = bench.space.parse(cell)
    return [first, bench.space.neighbors(first)[2], bench.space.sample(1, seed=7)[0]]


@pytest.fixture
def diff(archs: list[Architecture], bench: Benchmark) -> wb.ArchitectureDiff:
    return wb.ArchitectureDiff(*archs, benchmark=bench)


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_a_difference_is_judged_by_the_spread_of_the_recorded_seeds(diff: Any, archs: Any, bench: Benchmark) -> None:
    row = next(i for i, row in enumerate(diff.comparison["rows"]) if row["label"] == "CIFAR-10 validation")
    for other in archs[1:]:
        found = diff.comparison["pairs"][str(archs[0])][str(other)]["differences"][row]
        values = [bench.value(arch, "valid_accuracy") for arch in (archs[0], other)]
        spreads = [np.std(bench.runs(arch, "valid_accuracy"), ddof=1) for arch in (archs[0], other)]
        gap = values[1] - values[0]
        assert found["text"] == f"{gap:+.2f}".replace("-", "−")
        words = "larger than the seeds' spread" if abs(gap) > hypot(*spreads) else "within the seeds' spread"
        assert found["words"] == f"{'better' if gap > 0 else 'worse'}, {words}"


@pytest.mark.parametrize(
    ("gap", "words"), [(0.49, "within the seeds' spread"), (-0.51, "larger than the seeds' spread")]
)
def test_the_spread_is_that_of_the_difference_of_two_single_runs(gap: float, words: str) -> None:
    row, spread = Row("accuracy", "%", "higher", more=False), 0.5 / sqrt(2)
    found = difference(row, Number(90.0, spread=spread, seeded=True), Number(90.0 + gap, spread=spread, seeded=True))
    assert found.words == f"{'better' if gap > 0 else 'worse'}, {words}"


def test_a_difference_is_said_in_its_unit_and_by_its_share() -> None:
    params = Row("parameters", "", "lower", more=False)
    found = difference(params, Number(2_000_000.0), Number(1_500_000.0))
    assert (found.text, found.words, found.tone) == ("−0.5 M", "−25 %, better", "better")
    assert difference(params, Number(1.0), Number(1.0)).text == "±0"
    assert difference(params, Number(nan), Number(1.0)) == ("", "", "")
    seeds = difference(params._replace(unit="%"), Number(1.0, seeded=True), Number(2.0))
    assert seeds.words == "worse, the seeds' spread is not known"


def test_every_column_of_the_table_is_there_on_demand(diff: Any, bench: Benchmark) -> None:
    rows = diff.comparison["rows"]
    assert [row["label"] for row in rows if not row["more"]] == [
        "CIFAR-10 validation", "parameters", "multiply-adds", "isomorphic twins"
    ]  # fmt: skip
    assert sum(row["more"] for row in rows) == len(bench.columns()) - 1
    for card in diff.comparison["cards"].values():
        assert len(card["numbers"]) == len(rows)


def test_a_measure_is_compared_and_one_that_fails_says_why(archs: Any, bench: Benchmark) -> None:
    def skips(arch: Architecture) -> float:
        return float(sum(answer == "skip_connect" for answer in arch.decisions.values()))

    def broken(arch: Architecture) -> float:
        raise InvalidInput("this one needs a camera")

    good = replace(bench.measure("valid_accuracy"), name="skips", function=skips, unit="", better="higher")
    diff = wb.ArchitectureDiff(*archs, benchmark=[], measures=[good, replace(good, name="photo", function=broken)])
    labels = [row["label"] for row in diff.comparison["rows"]]
    numbers = diff.comparison["cards"][str(archs[0])]["numbers"]
    assert numbers[labels.index("skips")]["text"] == f"{skips(archs[0]):.0f}"
    assert numbers[labels.index("photo")] == {"text": "–", "note": "this one needs a camera", "spread": ""}


def test_what_nobody_knows_of_any_is_left_out() -> None:
    diff = wb.ArchitectureDiff(*NB101.sample(2, seed=3), benchmark=[])
    assert [row["label"] for row in diff.comparison["rows"]] == ["parameters", "multiply-adds"]


# -- structure ---------------------------------------------------------------------------------------------------------


def test_the_words_say_what_leads_from_one_to_the_other(bench: Benchmark, cell: str) -> None:
    first = bench.space.parse(cell)
    other = bench.space.architecture({**first.decisions, "0->1": "skip_connect", "2->3": "none"})
    assert differences(first, other, align(first, other)) == ["in→1: conv 3×3 → skip", "2→out: conv 3×3 → none"]
    assert differences(first, first, align(first, first)) == []


def test_an_answer_that_the_graph_does_not_show_is_told_by_its_question() -> None:
    space = search_space("fcnet")
    first = space.sample(1, seed=1)[0]
    question = next(q for q in space.questions() if q.name == "recipe.batch_size")
    answer = next(a for a in question.answers if a != first.decisions[question.name])
    other = space.architecture({**first.decisions, question.name: answer})
    said = differences(first, other, align(first, other))
    assert said == [f"recipe.batch_size: {first.decisions[question.name]} → {answer}"]


def test_a_cell_that_is_only_written_otherwise_is_no_difference() -> None:
    a, b = NB101.parse("100000/00001/0000/000/00/0:3mmmm"), NB101.parse("010000/00000/0001/000/00/0:m3111")
    assert differences(a, b, align(a, b)) == []


def test_added_and_removed_parts_are_told_with_the_references_names() -> None:
    a, b = NB101.parse("100000/00001/0000/000/00/0:3mmmm"), NB101.parse("110000/00001/0001/000/00/0:31mmm")
    assert differences(a, b, align(a, b)) == ["+ new conv 1×1", "+ edge in→new conv 1×1", "+ edge new conv 1×1→out"]
    assert differences(b, a, align(b, a)) == ["− node 2, conv 1×1", "− edge in→2", "− edge 2→out"]


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "darts", "mnasnet", "typed_convolutions"])
def test_every_part_has_one_place_on_the_common_layout(name: str) -> None:
    archs = search_space(name).sample(3, seed=2)
    found = [align(archs[0], arch) for arch in archs]
    looks = Looks()
    layout = common_layout(archs, found, looks)
    for alignment, seats in zip(found, layout["seats"], strict=True):
        taken = [[looks.all[seat]["op"] for seat in seats[kind] if seat != ABSENT] for kind in ("nodes", "edges")]
        graph = alignment.second
        assert sorted(taken[0]) == sorted(str(op or "") for _, op in graph.nodes(data="op"))
        assert sorted(taken[1]) == sorted(str(op or "") for _, _, op in graph.edges(data="op"))
    for alignment, seats in zip(found[1:], layout["seats"][1:], strict=True):
        here, there = layout["seats"][0], seats
        both = [(a, b) for kind in ("nodes", "edges") for a, b in zip(here[kind], there[kind], strict=True)]
        edits = sum(looks.all[a]["op"] != looks.all[b]["op"] for a, b in both if ABSENT not in (a, b))
        edits += sum((a == ABSENT) != (b == ABSENT) for a, b in both)
        assert edits == alignment.cost


def test_an_edge_that_would_close_a_circle_is_drawn_the_other_way_on_the_same_line() -> None:
    a = NB101.parse("110000/10001/0001/000/00/0:31mmm")
    forth = NB101.live(a.graph)
    back = nx.DiGraph(forth)
    back.remove_edge(1, 2)
    back.add_edge(2, 1)
    found = [Alignment(forth, graph, {n: n for n in forth}, exact=True) for graph in (forth, back)]
    layout = common_layout([a, a], found, Looks())
    first, second = (layout["edges"][i] for i in range(len(layout["edges"])) if one_sided(layout, i))
    assert (first["x"], first["y"]) == (second["x"], second["y"])
    assert first["arrow"] != second["arrow"]


def one_sided(layout: dict[str, Any], edge: int) -> bool:
    return (layout["seats"][0]["edges"][edge] == ABSENT) != (layout["seats"][1]["edges"][edge] == ABSENT)


def test_where_the_topology_is_fixed_all_references_share_one_layout(diff: Any) -> None:
    assert len(diff.comparison["layouts"]) == 1
    free = wb.ArchitectureDiff(*NB101.sample(3, seed=3))
    assert len(free.comparison["layouts"]) == 3
    assert list(free.comparison["layout_of"].values()) == [0, 1, 2]


def test_large_graphs_are_laid_out_for_another_reference_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_SMALL", 3)
    archs = NB101.sample(3, seed=3)
    diff = wb.ArchitectureDiff(*archs, benchmark=[])
    assert list(diff.comparison["layout_of"]) == list(diff.comparison["pairs"]) == [str(archs[0])]
    diff.reference = str(archs[2])
    assert list(diff.comparison["layout_of"]) == [str(archs[2])]
    assert (diff.reference, diff.architectures) == (str(archs[2]), archs)
    ET.fromstring(diff.still())


# -- the tray ----------------------------------------------------------------------------------------------------------


def test_a_tray_starts_empty_and_takes_what_is_added(bench: Benchmark, archs: Any) -> None:
    tray = wb.ArchitectureDiff(benchmark=bench)
    assert (tray.architectures, tray.order, tray.reference) == ([], [], "")
    tray.add(archs[1], title="best of all")
    tray.add(str(archs[0]))
    assert tray.architectures == [archs[1], archs[0]]
    assert tray.reference == str(archs[1])
    assert [tray.comparison["cards"][name]["title"] for name in tray.order] == ["best of all", "A"]


def test_what_is_there_already_is_not_added_again(diff: Any, archs: Any) -> None:
    diff.add(archs[1])
    assert diff.architectures == archs


def test_removing_the_reference_makes_the_first_that_is_left_the_reference(diff: Any, archs: Any) -> None:
    diff.remove(archs[0])
    assert diff.architectures == archs[1:]
    assert diff.reference == str(archs[1])
    diff.remove(0)
    diff.remove(str(archs[2]))
    assert (diff.architectures, diff.reference, diff.comparison["cards"]) == ([], "", {})
    with pytest.raises(InvalidInput, match="is not compared here. Compared: nothing yet"):
        diff.remove(archs[0])


def test_any_of_them_can_be_the_reference_and_nothing_else(diff: Any, archs: Any) -> None:
    diff.reference = str(archs[2])
    assert diff.reference == str(archs[2])
    with pytest.raises(InvalidInput, match="add it first"):
        diff.reference = "|none~0|"
    assert diff.reference == str(archs[2])


def test_the_browsers_order_is_taken_over_with_new_architectures(diff: Any, archs: Any, bench: Benchmark) -> None:
    new = bench.space.sample(1, seed=99)[0]
    diff.order = [str(new), str(archs[2]), str(archs[0])]
    assert diff.architectures == [new, archs[2], archs[0]]
    assert set(diff.comparison["cards"]) == set(diff.order)
    assert diff.message == ""


def test_what_the_browser_sends_and_is_none_is_refused_with_its_reason(diff: Any, archs: Any) -> None:
    diff.order = [*diff.order, "no architecture"]
    assert diff.architectures == archs
    assert diff.order == list(map(str, archs))
    assert "no architecture" in diff.message


def test_an_empty_tray_reads_what_a_linked_view_knows(archs: Any, bench: Benchmark) -> None:
    tray = wb.ArchitectureDiff()
    tray.order = [str(archs[0])]
    assert (tray.order, "does not know yet which search space" in tray.message) == ([], True)
    wb.link(tray, wb.CellEditor(archs[1], bench))
    tray.order = [str(archs[0])]
    assert tray.architectures == [archs[0]]


def test_architectures_of_two_spaces_are_refused_and_nothing_changes(diff: Any, archs: Any) -> None:
    with pytest.raises(InvalidInput, match=r"belongs to nasbench101, the others to nasbench201\. Remove those first"):
        diff.add(NB101.sample(1)[0])
    assert diff.architectures == archs


def test_at_most_eight_are_compared(bench: Benchmark) -> None:
    many = bench.space.sample(9, seed=0)
    tray = wb.ArchitectureDiff(*many[:8], benchmark=bench)
    with pytest.raises(InvalidInput, match="At most 8 architectures are compared at once; got 9: remove one first"):
        tray.add(many[8])
    tray.order = [*tray.order, str(many[8])]
    assert (len(tray.order), "At most 8" in tray.message) == (8, True)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"benchmark": "cifar10"}, "takes what wb.benchmark(name) gives"),
        ({"measures": ["params"]}, "measures= takes Measures"),
        ({"titles": ["one"]}, "one title for each of the 3"),
        ({"titles": "one"}, "one title for each of the 3"),
    ],
)
def test_a_keyword_of_another_kind_is_refused(archs: Any, keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        wb.ArchitectureDiff(*archs, **keywords)


def test_an_unknown_keyword_and_something_that_is_no_architecture_are_refused(archs: Any) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'titles'"):
        wb.ArchitectureDiff(*archs, tittles=[])
    with pytest.raises(InvalidInput, match=r"compares Architectures.*got '\|none~0\|'"):
        wb.ArchitectureDiff("|none~0|")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="records architectures of nasbench201, not of nasbench101"):
        wb.ArchitectureDiff(*NB101.sample(2), benchmark=wb.benchmark("nasbench201"))


# -- pages without a kernel --------------------------------------------------------------------------------------------


def test_the_still_shows_every_card_with_its_edits_and_differences(diff: Any, archs: Any) -> None:
    words = "".join(ET.fromstring(diff.still()).itertext())
    pair = diff.comparison["pairs"][str(archs[0])][str(archs[2])]
    for shown in ("the reference", "1 edit from A", pair["differences"][0]["text"], pair["words"][0], "was conv"):
        assert shown in words
    bundle = diff._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["image/svg+xml"] == diff.still()
    ET.fromstring(wb.ArchitectureDiff().still())


def test_hostile_names_stay_text_in_the_still(awkward: SearchSpace) -> None:
    diff = wb.ArchitectureDiff(*awkward.sample(3, seed=1), titles=["<script>", "a", "b"])
    tags = {element.tag.split("}")[1] for element in ET.fromstring(diff.still()).iter()}
    assert not tags & {"script", "img"}
    json.dumps([diff.comparison, diff.order])
