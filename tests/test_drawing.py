"""Graphs as drawings: nothing clipped, nothing on top of anything else, every name only a name."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.drawing import Drawing, Fact, lay_out, svg
from workbench.errors import InvalidInput
from workbench.folding import ROW
from workbench.palette import look
from workbench.spaces import search_space

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
HOSTILE = "</text><script>alert(1)</script>\"'&\x00"


def cell(text: str = CELL) -> nx.DiGraph:
    return search_space("nasbench201").parse(text).graph


def drawn_cell(text: str = CELL) -> Drawing:
    graph = cell(text)
    return lay_out(graph, search_space("nasbench201").live(graph))


def boxes(drawing: Drawing) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of every node and label."""
    found = [(n.x - n.width / 2, n.y - n.height / 2, n.x + n.width / 2, n.y + n.height / 2) for n in drawing.nodes]
    return found + [
        (e.label_x - e.label_width / 2, e.label_y - 12, e.label_x + e.label_width / 2, e.label_y + 12)
        for e in drawing.edges
        if e.label
    ]


def overlapping(drawing: Drawing) -> list[object]:
    return [
        (a, b)
        for a, b in combinations(boxes(drawing), 2)
        if a[0] < b[2] - 0.2 and b[0] < a[2] - 0.2 and a[1] < b[3] - 0.2 and b[1] < a[3] - 0.2
    ]


def points_on(path: str, steps: int = 40) -> list[tuple[float, float]]:
    """Points along an SVG path of cubic pieces."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    found = [corners[0]]
    for i in range(0, len(corners) - 1, 3):
        a, b, c, d = corners[i : i + 4]
        for k in range(1, steps + 1):
            t = k / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            found.append(tuple(sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1)))
    return found


@st.composite
def directed_graphs(draw: st.DrawFn) -> nx.DiGraph:
    """Acyclic graphs of two to nine nodes with some labelled edges."""
    n = draw(st.integers(2, 9))
    pairs = draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])))
    graph = nx.DiGraph(layout=draw(st.sampled_from(["arc", "layered"])))
    graph.add_nodes_from((i, {"label": str(i)}) for i in range(n))
    for pair in sorted(pairs):
        graph.add_edge(*pair, **draw(st.sampled_from([{}, {"op": "none", "zero": True}, {"op": "sep_conv_5x5"}])))
    return graph


def test_a_nasbench201_cell_has_its_four_nodes_on_a_line_and_six_labelled_edges() -> None:
    drawing = drawn_cell()
    assert [n.label for n in drawing.nodes] == ["in", "1", "2", "out"]
    assert len({n.y for n in drawing.nodes}) == 1
    assert {e.question: e.label for e in drawing.edges} == {
        "0->1": "conv 3×3",
        "0->2": "none",
        "1->2": "skip",
        "0->3": "conv 1×1",
        "1->3": "avg pool",
        "2->3": "conv 3×3",
    }


def test_changing_an_operation_does_not_move_the_nodes() -> None:
    none = drawn_cell("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert [(n.x, n.y) for n in none.nodes] == [(n.x, n.y) for n in drawn_cell().nodes]


def test_labels_and_nodes_of_a_cell_do_not_overlap() -> None:
    assert overlapping(drawn_cell()) == []


@given(directed_graphs())
def test_nothing_of_any_graph_is_clipped(graph: nx.DiGraph) -> None:
    drawing = lay_out(graph)
    corners = [(x, y) for left, top, right, bottom in boxes(drawing) for x, y in ((left, top), (right, bottom))]
    corners += [point for e in drawing.edges for point in points_on(e.path)]
    assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in corners)


@given(directed_graphs().filter(lambda graph: graph.graph["layout"] == "layered"))
def test_layers_keep_nodes_and_labels_apart_and_run_from_left_to_right(graph: nx.DiGraph) -> None:
    drawing = lay_out(graph)
    assert overlapping(drawing) == []
    assume(drawing.width < ROW)  # what is wider is folded into rows
    x = {n.name: n.x for n in drawing.nodes}
    assert all(x[e.source] < e.label_x < x[e.target] for e in drawing.edges)


@given(directed_graphs().filter(lambda graph: graph.graph["layout"] == "layered"))
def test_no_line_of_layers_runs_behind_a_node_it_does_not_touch(graph: nx.DiGraph) -> None:
    drawing = lay_out(graph)
    for edge in drawing.edges:
        for node in drawing.nodes:
            if node.name not in (edge.source, edge.target):
                assert not any(
                    abs(x - node.x) < node.width / 2 - 1 and abs(y - node.y) < node.height / 2 - 1
                    for x, y in points_on(edge.path)
                )


@st.composite
def chains(draw: st.DrawFn) -> nx.DiGraph:
    """Chains of ten to fifty layers, some of them passed by."""
    n = draw(st.integers(10, 50))
    graph = nx.DiGraph()
    graph.add_nodes_from(
        (i, {"op": draw(st.sampled_from(["mbconv_k3_e6", "skip", "extradw_k3_k5_e6"]))}) for i in range(n)
    )
    nx.add_path(graph, range(n))
    graph.add_edges_from((i, i + 2) for i in sorted(draw(st.sets(st.integers(0, n - 3), max_size=6))))
    return graph


@given(chains())
def test_a_long_chain_is_folded_into_rows_as_wide_as_a_page_and_read_like_text(graph: nx.DiGraph) -> None:
    drawing = lay_out(graph)
    assert drawing.width <= ROW + 100
    assert overlapping(drawing) == []
    rows = [n.y // 60 for n in drawing.nodes]
    for before, after in pairwise(drawing.nodes):
        assert after.x > before.x or after.y > before.y + 30
    assert len(set(rows)) > 1 or drawing.width < ROW
    corners = [point for e in drawing.edges for point in points_on(e.path)]
    assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in corners)
    for edge in drawing.edges:
        for node in drawing.nodes:
            if node.name not in (edge.source, edge.target):
                inside = (
                    abs(x - node.x) < node.width / 2 - 1 and abs(y - node.y) < 15 for x, y in points_on(edge.path, 8)
                )
                assert not any(inside), (edge.source, edge.target, node.name)


def test_an_operation_that_passes_nothing_is_dashed_and_what_it_cuts_off_is_dead() -> None:
    drawing = drawn_cell("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
    edges = {e.question: e for e in drawing.edges}
    assert edges["0->2"].dashed
    assert edges["0->2"].zero
    assert {name for name, e in edges.items() if e.live} == {"0->3"}
    assert {n.label for n in drawing.nodes if n.live} == {"in", "out"}


def test_the_still_greys_dead_edges_and_keeps_the_colours_of_live_ones() -> None:
    dead = svg(drawn_cell("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"))
    assert look("nor_conv_3x3").colour not in dead
    assert look("skip_connect").colour in dead
    assert look("nor_conv_3x3").colour in svg(drawn_cell())


def test_every_operation_in_the_still_is_written_not_only_coloured() -> None:
    words = "".join(ET.fromstring(svg(drawn_cell())).itertext())
    assert all(label in words for label in ("conv 3×3", "conv 1×1", "skip", "none", "avg pool"))


def test_the_still_shows_facts_and_title() -> None:
    words = list(ET.fromstring(svg(drawn_cell(), "a cell", [Fact("89.93", "accuracy", "rank 3", "±0.1")])).itertext())
    assert {"a cell", "89.93", "accuracy", "rank 3"} <= {word.strip() for word in words}


def test_hostile_names_stay_text_in_the_still() -> None:
    graph = nx.DiGraph()
    graph.add_node("a", label=HOSTILE, role=HOSTILE)
    graph.add_node("b", label="b", op=HOSTILE, question=HOSTILE)
    graph.add_edge("a", "b", op=HOSTILE, question=HOSTILE)
    root = ET.fromstring(svg(lay_out(graph), HOSTILE, [Fact(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]))
    assert {element.tag.split("}")[1] for element in root.iter()} <= {"svg", "g", "path", "rect", "text", "tspan"}
    assert any("<script>" in word for word in root.itertext())


def test_a_graph_with_a_cycle_is_refused() -> None:
    with pytest.raises(InvalidInput, match="without cycles"):
        lay_out(nx.DiGraph([(0, 1), (1, 0)]))


def test_an_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"'circle'. Known: arc, layered"):
        lay_out(nx.DiGraph(layout="circle"))


def test_an_empty_graph_is_an_empty_drawing() -> None:
    assert lay_out(nx.DiGraph()).nodes == ()
    ET.fromstring(svg(lay_out(nx.DiGraph())))


@pytest.mark.parametrize(
    ("operation", "label", "colour"),
    [
        ("none", "none", "#b9c0c8"),
        ("skip_connect", "skip", "#009e73"),
        ("nor_conv_1x1", "conv 1×1", "#56b4e9"),
        ("conv3x3-bn-relu", "conv 3×3", "#0b5fa5"),
        ("max_pool_3x3", "max pool", "#e69f00"),
        ("avg_pool_3x3", "avg pool", "#e69f00"),
    ],
)
def test_operations_are_known_by_the_pattern_of_their_name(operation: str, label: str, colour: str) -> None:
    assert look(operation)[:2] == (label, colour)


def test_other_operations_keep_a_colour_and_a_readable_label() -> None:
    assert look("sep_conv_5x5") == look("sep_conv_5x5")
    assert look("sep_conv_3x3").label == "sep conv 3×3"
    assert look("dil_conv_3x3").colour != look("conv_3x3").colour
    assert len(look("an_operation_with_a_very_long_name").label) <= 18
