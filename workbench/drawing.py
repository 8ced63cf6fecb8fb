"""A graph as a drawing: laid out once, as plain data that a widget shows and `svg` writes down."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import networkx as nx

from workbench.errors import InvalidInput
from workbench.folding import folded
from workbench.layers import layered_layout
from workbench.layouts import LABEL_HEIGHT, Arc, Placement, Point, Size, arc_layout, arrow_head, outline
from workbench.palette import INPUT, LINE, OUTPUT, PAPER, QUIET, TEXT, clipped, look

_MARGIN = 14.0
_CIRCLE = 44.0
_LETTER = 7.3  # width of an average letter at 13 px
_FACT_WIDTH, _FACT_HEIGHT = 184.0, 74.0
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
# Characters that XML 1.0 forbids even when escaped.
_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


Checkpoint = Callable[[], None]  # called all along a layout; raises to give it up


def _in_rows(
    graph: nx.DiGraph, nodes: Mapping[Hashable, Size], labels: Mapping[Arc, Size], checkpoint: Checkpoint
) -> Placement:
    return folded(layered_layout(graph, nodes, labels, checkpoint), nodes, labels)


_LAYOUTS = {"arc": arc_layout, "layered": _in_rows}


class Node(NamedTuple):
    """A node on paper: the centre, width and height of its box in pixels, and what it shows.

    `question` is the one whose answer is the operation; `questions` are all that the node answers. `fold` is the id of
    the repeated block that the node stands for (see `workbench.collapsing`), empty for any other node.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    label: str
    role: str
    op: str
    question: str
    questions: tuple[str, ...]
    colour: str
    dark: str
    live: bool
    fold: str = ""


class Edge(NamedTuple):
    """An edge on paper: an SVG path, its arrow head, the centre and width of its label, and what it means."""

    source: str
    target: str
    path: str
    arrow: str
    label_x: float
    label_y: float
    label_width: float
    label: str
    op: str
    question: str
    colour: str
    dark: str
    dashed: bool
    zero: bool
    live: bool


class Drawing(NamedTuple):
    """A graph on a page of `width` by `height` pixels."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def as_dict(self) -> dict[str, Any]:
        """The drawing as dictionaries and lists, ready for JSON."""
        return {
            "width": self.width,
            "height": self.height,
            "nodes": [node._asdict() | {"questions": list(node.questions)} for node in self.nodes],
            "edges": [edge._asdict() for edge in self.edges],
        }


class Fact(NamedTuple):
    """A number shown beside a drawing: the value as text, what it is, its spread and a quiet second line."""

    value: str
    label: str
    note: str = ""
    spread: str = ""


def lay_out(graph: nx.DiGraph, live: nx.DiGraph | None = None, checkpoint: Checkpoint = lambda: None) -> Drawing:
    """Place the nodes and route the edges of a directed acyclic `graph`.

    Node attributes `label`, `role`, `op`, `question`, `questions` (several that make one operation) and edge
    attributes `op`, `question`, `zero` are shown where present; `graph.graph["layout"]` is "arc" (nodes on a line) or
    "layered" (the default); what would be too wide for a page is folded into rows. Edges and nodes that are missing
    from `live`, the part through which something flows, are marked as dead. `checkpoint` is called all along, and may
    raise to give the layout up.
    Raises `InvalidInput` for a graph that is not directed or has a cycle.
    """
    if not graph.is_directed() or not nx.is_directed_acyclic_graph(graph):
        raise InvalidInput(f"Only a directed graph without cycles can be drawn; got {graph}.")
    layout = graph.graph.get("layout", "layered")
    if layout not in _LAYOUTS:
        raise InvalidInput(f"There is no layout named {layout!r}. Known: {', '.join(_LAYOUTS)}.")
    nodes = {name: _node_size(data) for name, data in graph.nodes(data=True)}
    labels = {
        (a, b): Size(label_width(look(data["op"]).label), LABEL_HEIGHT)
        for a, b, data in graph.edges(data=True)
        if data.get("op") is not None
    }
    placement = _on_page(_LAYOUTS[layout](graph, nodes, labels, checkpoint), nodes, labels)
    width, height = _extent(placement, nodes, labels)[1]
    return Drawing(
        round(width + _MARGIN, 1),
        round(height + _MARGIN, 1),
        tuple(_node(graph, name, placement.centres[name], size, live) for name, size in nodes.items()),
        tuple(_edge(graph, a, b, placement, labels, live) for a, b in graph.edges),
    )


def svg(drawing: Drawing, title: str = "", facts: Sequence[Fact] = ()) -> str:
    """The drawing as one SVG element on white paper, with `facts` in a row below; every text is escaped."""
    per_row = max(1, min(len(facts), int(max(drawing.width, 4 * _FACT_WIDTH) // _FACT_WIDTH)))
    width = max(drawing.width, per_row * _FACT_WIDTH + _MARGIN if facts else 0.0)
    rows = -(-len(facts) // per_row)
    top = 34.0 if title else 0.0
    height = top + drawing.height + rows * _FACT_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{text(title or described(drawing))}" font-family="{_FONT}" font-size="13">',
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>',
    ]
    if title:
        parts.append(f'<text x="{_MARGIN}" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(title)}</text>')
    parts.append(f'<g transform="translate({(width - drawing.width) / 2:.1f} {top:.1f})">')
    parts += [_edge_svg(edge) for edge in drawing.edges]
    parts += [_node_svg(node) for node in drawing.nodes]
    parts.append("</g>")
    for i, fact in enumerate(facts):
        x = _MARGIN + i % per_row * _FACT_WIDTH
        y = top + drawing.height + i // per_row * _FACT_HEIGHT
        parts.append(_fact_svg(fact, x, y))
    return "".join([*parts, "</svg>"])


def label_width(label: str) -> float:
    """Pixels that an edge's label takes, its border included."""
    return round(_text_width(label) + 18, 1)


def described(drawing: Drawing) -> str:
    """The drawing in words, for those who cannot see it."""
    labels = {node.name: node.label for node in drawing.nodes}
    edges = ", ".join(f"{labels[e.source]} to {labels[e.target]} {e.label}".strip() for e in drawing.edges)
    return f"Graph of {len(drawing.nodes)} nodes" + (f": {edges}" if edges else "")


def text(value: object) -> str:
    """`value` as text that is safe inside HTML, SVG and their attributes."""
    return escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True)


# -- layout as data --------------------------------------------------------------------------------------------


def _node_size(data: dict[str, Any]) -> Size:
    width = _text_width(_node_label(data)) + 20
    return Size(_CIRCLE, _CIRCLE) if width <= _CIRCLE + 4 and data.get("op") is None else Size(width, 32.0)


def _node_label(data: dict[str, Any]) -> str:
    op = data.get("op")
    return look(op).label if op is not None else clipped(str(data.get("label", "")))


def _text_width(label: str) -> float:
    return _LETTER * len(label)


def _on_page(placement: Placement, nodes: dict[Hashable, Size], labels: dict[Any, Size]) -> Placement:
    """The placement moved so that everything, arcs and labels included, starts at the margin."""
    (left, top), _ = _extent(placement, nodes, labels)

    def moved(point: Point) -> Point:
        return point[0] - left + _MARGIN, point[1] - top + _MARGIN

    return Placement(
        {name: moved(point) for name, point in placement.centres.items()},
        {
            edge: route._replace(points=tuple(map(moved, route.points)), label=moved(route.label))
            for edge, route in placement.routes.items()
        },
    )


def _extent(placement: Placement, nodes: dict[Hashable, Size], labels: dict[Any, Size]) -> tuple[Point, Point]:
    boxes = [(placement.centres[name], size) for name, size in nodes.items()]
    boxes += [(placement.routes[edge].label, size) for edge, size in labels.items()]
    stroke = Size(3.0, 3.0)
    boxes += [(p, stroke) for route in placement.routes.values() for p in outline(route.points)]
    if not boxes:
        return (0.0, 0.0), (0.0, 0.0)
    return (
        (min(p[0] - s.width / 2 for p, s in boxes), min(p[1] - s.height / 2 for p, s in boxes)),
        (max(p[0] + s.width / 2 for p, s in boxes), max(p[1] + s.height / 2 for p, s in boxes)),
    )


def _node(graph: nx.DiGraph, name: Hashable, at: Point, size: Size, live: nx.DiGraph | None) -> Node:
    data = graph.nodes[name]
    op = data.get("op")
    coloured = data.get("like") if op is None else op
    shown = look(coloured) if coloured is not None else None
    question = str(data.get("question", ""))
    return Node(
        name=str(name),
        x=round(at[0], 1),
        y=round(at[1], 1),
        width=round(size.width, 1),
        height=round(size.height, 1),
        label=_node_label(data),
        role=str(data.get("role", "state")),
        op="" if op is None else str(op),
        question=question,
        questions=tuple(data.get("questions", (question,) if question else ())),
        colour=shown.colour if shown else "",
        dark=shown.dark if shown else "",
        live=live is None or name in live,
        fold=str(data.get("fold", "")),
    )


def _edge(
    graph: nx.DiGraph,
    a: Hashable,
    b: Hashable,
    placement: Placement,
    labels: dict[Any, Size],
    live: nx.DiGraph | None,
) -> Edge:
    data, route = graph.edges[a, b], placement.routes[a, b]
    op = data.get("op")
    shown = look(op) if op is not None else None
    line, corners = arrow_head(route.points)
    return Edge(
        source=str(a),
        target=str(b),
        path=_path(line),
        arrow="M" + "L".join(map(_pair, corners)) + "Z",
        label_x=round(route.label[0], 1),
        label_y=round(route.label[1], 1),
        label_width=round(labels[a, b].width, 1) if shown else 0.0,
        label=shown.label if shown else "",
        op="" if op is None else str(op),
        question=str(data.get("question", "")),
        colour=shown.colour if shown else "",
        dark=shown.dark if shown else "",
        dashed=shown.dashed if shown else False,
        zero=bool(data.get("zero", False)),
        live=live is None or live.has_edge(a, b),
    )


def _path(points: Sequence[Point]) -> str:
    pieces = (points[i : i + 3] for i in range(1, len(points), 3))
    return f"M{_pair(points[0])}" + "".join("C" + " ".join(map(_pair, piece)) for piece in pieces)


def _pair(point: Point) -> str:
    return f"{round(point[0], 1):g},{round(point[1], 1):g}"


# -- the still -------------------------------------------------------------------------------------------------


def _edge_svg(edge: Edge) -> str:
    colour = (edge.colour or QUIET) if edge.live or edge.zero else "#c6ccd3"
    dash = ' stroke-dasharray="5 5"' if edge.dashed else ""
    width = 2.8 if edge.op and edge.live and not edge.zero else 1.8
    line = f'<path d="{edge.path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>'
    head = f'<path d="{edge.arrow}" fill="{colour}"/>'
    if not edge.label:
        return line + head
    half, quiet = edge.label_width / 2, edge.zero or not edge.live
    pill = (
        f'<rect x="{edge.label_x - half:.1f}" y="{edge.label_y - LABEL_HEIGHT / 2:.1f}" width="{edge.label_width}" '
        f'height="{LABEL_HEIGHT:g}" rx="12" fill="{PAPER}" stroke="{colour}" stroke-width="1.5"/>'
    )
    return line + head + pill + _centred(edge.label, edge.label_x, edge.label_y, QUIET if quiet else TEXT)


def _node_svg(node: Node) -> str:
    fill = {"input": INPUT, "output": OUTPUT}.get(node.role, PAPER)
    radius = node.height / 2 if node.width == node.height else 9
    shape = (
        f'<rect x="{node.x - node.width / 2:.1f}" y="{node.y - node.height / 2:.1f}" width="{node.width:g}" '
        f'height="{node.height:g}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{(node.colour or TEXT) if node.live else "#c6ccd3"}" stroke-width="{2.2 if node.colour else 1.3}"/>'
    )
    return shape + _centred(node.label, node.x, node.y, TEXT if node.live else QUIET)


def _centred(words: str, x: float, y: float, fill: str) -> str:
    return f'<text x="{x:g}" y="{y + 4.5:.1f}" text-anchor="middle" fill="{fill}">{text(words)}</text>'


def _fact_svg(fact: Fact, x: float, y: float) -> str:
    spread = f' <tspan font-size="11" font-weight="400" fill="{QUIET}">{text(fact.spread)}</tspan>'
    lines = [
        f'<path d="M{x:g},{y + 2:g}h{_FACT_WIDTH - 14:g}" stroke="{LINE}"/>',
        f'<text x="{x:g}" y="{y + 25:g}" font-size="18" font-weight="650" fill="{TEXT}">{text(fact.value)}'
        f"{spread if fact.spread else ''}</text>",
        f'<text x="{x:g}" y="{y + 43:g}" font-size="11.5" fill="{QUIET}">{text(fact.label)}</text>',
        f'<text x="{x:g}" y="{y + 58:g}" font-size="11.5" fill="{QUIET}">{text(fact.note)}</text>',
    ]
    return "".join(lines)
