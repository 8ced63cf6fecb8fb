"""What the views of a proxy board show: who is compared, who is ranked most differently, small drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbench.drawing import Drawing, Edge, lay_out
from workbench.palette import CONV_1X1, CONV_3X3, OTHER_OPERATIONS, POOL, SKIP

if TYPE_CHECKING:
    import pandas as pd

    from workbench.architecture import Architecture
    from workbench.spaces.space import SearchSpace
    from workbench.widgets.board.columns import Columns

Floats = NDArray[np.float64]

CARDS = 6
_CARD_WIDTH = 200.0  # pixels that a small drawing gets
_LETTER_SIZE, _LEAST_SIZE = 10.0, 6.5  # pixels on the screen: wished for, and no longer readable
_LETTER = 0.6  # width of an average letter, of its size
# Colour on light and on dark paper, and the form of the dot, so that colour is never the only sign.
_LOOKS = (
    (CONV_3X3, "#3f8fdd", "circle"),
    (CONV_1X1, CONV_1X1, "diamond"),
    (POOL, POOL, "square"),
    (SKIP, "#55bda1", "triangle"),
    (OTHER_OPERATIONS[1], "#c782c7", "circle"),
    (OTHER_OPERATIONS[2], "#bbbb77", "diamond"),
)
_WORDS = {
    "spearman": "Spearman's rank correlation",
    "kendall": "Kendall's tau",
    "weighted_kendall": "weighted Kendall's tau",
    "ndcg": "nDCG of the best 10 %",
    "top": "share of the best 10 % found",
    "best_quartile": "share of the best quarter found",
    "top_hit": "first choice among the best 10 %",
}


class Mark(NamedTuple):
    """How a truth is drawn: its colour on light and on dark paper, and the form of its dots."""

    name: str
    colour: str
    dark: str
    form: str


def marks(truths: Sequence[str]) -> list[Mark]:
    """A mark for every truth, in their order."""
    return [Mark(name, *_LOOKS[i % len(_LOOKS)]) for i, name in enumerate(truths)]


def words(statistic: str) -> str:
    """A statistic's name as a person reads it."""
    return _WORDS.get(statistic, statistic.replace("_", " "))


class Population:
    """Who is compared, in words; different architectures are counted a little at a time, as some spaces are slow."""

    def __init__(self, columns: Columns) -> None:
        self._n = len(columns.frame)
        self._space = columns.space
        self._truths = [np.isfinite(truth.values) for truth in columns.truths.values()]
        self._distinct: set[str] = set()
        self._rest: Iterator[str] = iter(columns.frame.index if columns.space is not None else ())
        self.done = columns.space is None

    def work(self, seconds: float) -> None:
        """Go on counting for about so many seconds."""
        end = perf_counter() + seconds
        while not self.done and perf_counter() < end:
            text = next(self._rest, None)
            if text is None or self._space is None:
                self.done = True
            else:
                self._distinct.add(self._space.canonical(self._space.parse(text)))

    @property
    def sentence(self) -> str:
        """How many architectures, how many of them differ, and how many no truth is known for."""
        said = f"{self._n:,} architectures" + (f" of {self._space.name}" if self._space is not None else "")
        if self._space is not None:
            said += (
                f", {len(self._distinct):,} of them different graphs" if self.done else ", counting different graphs …"
            )
        missing = int(self._n - np.all(self._truths, axis=0).sum())
        return said + (f"; {missing:,} without a truth" if missing else "; the truth is known for all")


class Disagreement(NamedTuple):
    """An architecture that two columns rank differently: its row, its ranks (1 is best) by column, and of how many."""

    row: int
    ranks: dict[str, int]
    among: int


def disagreements(
    columns: dict[str, Floats], pair: tuple[str, str], rows: NDArray[np.intp], distinct: Callable[[int], object]
) -> list[Disagreement]:
    """The rows, at most six different architectures, whose ranks in the two columns of `pair` lie furthest apart.

    `columns` are float64 (n,), higher being better; ranks are among those of `rows` that both columns have.
    """
    a, b = (columns[name][rows] for name in pair)
    both = rows[np.isfinite(a) & np.isfinite(b)]
    if len(both) < 2 or pair[0] == pair[1]:
        return []
    ranks = {name: stats.rankdata(-columns[name][both]) for name in pair}
    apart = np.abs(ranks[pair[0]] - ranks[pair[1]])
    chosen: dict[object, int] = {}
    for i in np.argsort(-apart, kind="stable").tolist():
        if apart[i] == 0 or len(chosen) == CARDS:
            break
        chosen.setdefault(distinct(int(both[i])), i)
    found = []
    for i in chosen.values():
        own = {name: int(values[i]) for name, values in ranks.items()}
        for name in columns.keys() - own.keys():
            value = columns[name][both[i]]
            if isfinite(value):
                own[name] = 1 + int((columns[name][both] > value).sum())
        found.append(Disagreement(int(both[i]), own, len(both)))
    return found


def different(frame: pd.DataFrame, space: SearchSpace | None) -> Callable[[int], object]:
    """Row -> what its architecture has in common with its twins: the canonical string, its own without a space."""

    def shared(row: int) -> object:
        text = str(frame.index[row])
        return text if space is None else space.canonical(space.parse(text))

    return shared


# -- small drawings --------------------------------------------------------------------------------------------


def miniature(arch: Architecture) -> dict[str, Any]:
    """The architecture's drawing for a card: plain data, its labels few letters long and large enough to be read.

    A label that could not be read in a card is left out; a zero operation is dashed and has none.
    """
    graph = arch.graph
    drawing = lay_out(graph, arch.space.live(graph))
    scale = _CARD_WIDTH / max(drawing.width, 1.0)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "edges": [_small_edge(edge, scale) for edge in drawing.edges],
        "nodes": _small_nodes(drawing, scale),
    }


def _small_edge(edge: Edge, scale: float) -> dict[str, Any]:
    resting = edge.zero or not edge.live
    label = "" if edge.zero else edge.label.removeprefix("conv ").removesuffix(" pool")
    size = _size(label, 1.4 * edge.label_width, scale)
    return {
        "path": edge.path,
        "arrow": edge.arrow,
        "colour": edge.colour,
        "dark": edge.dark,
        "dashed": edge.dashed,
        "resting": resting,
        "label": label if size else "",
        "size": size,
        "x": edge.label_x,
        "y": edge.label_y,
    }


def _small_nodes(drawing: Drawing, scale: float) -> list[dict[str, Any]]:
    small = []
    for node in drawing.nodes:
        size = _size(node.label, 0.95 * node.width, scale)
        small.append(
            {
                **{
                    name: getattr(node, name)
                    for name in ("x", "y", "width", "height", "role", "colour", "dark", "live")
                },
                "label": node.label if size else "",
                "size": size,
            }
        )
    return small


def _size(label: str, room: float, scale: float) -> float:
    """The size of letters that fits into the room, 0 where it could not be read on the card."""
    size = min(_LETTER_SIZE / scale, room / (_LETTER * max(len(label), 1)))
    return round(size, 1) if size * scale >= _LEAST_SIZE else 0.0
