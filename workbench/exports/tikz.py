"""A drawing as TikZ: a LaTeX document of its own, in the colours of the SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.architecture import Architecture
from workbench.drawing import Drawing, Edge, Node
from workbench.exports.pictures import drawing
from workbench.layouts import LABEL_HEIGHT
from workbench.palette import INPUT, OUTPUT, PAPER, QUIET, TEXT

_DEAD = "#c6ccd3"
_POINTS = 0.75  # of a printer's points to a pixel
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "×": r"\ensuremath{\times}", "…": r"\dots{}",
}  # fmt: skip
_PREAMBLE = r"""\documentclass[tikz,border=4pt]{standalone}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\renewcommand{\familydefault}{\sfdefault}
"""


def write_tikz(arch: Architecture) -> str:
    """The architecture's drawing as a LaTeX document with one `tikzpicture`."""
    return tikz(drawing(arch))


def tikz(picture: Drawing) -> str:
    """A drawing as a LaTeX document: `pdflatex` makes a page of its size, or its `tikzpicture` goes into a paper.

    Every text is escaped; letters that LaTeX's T1 fonts lack are shown as question marks.
    """
    colours: dict[str, str] = {}
    body = [line for edge in picture.edges for line in _edge(edge, colours)]
    body += [line for node in picture.nodes for line in _node(node, colours)]
    defined = [f"\\definecolor{{{name}}}{{HTML}}{{{code.lstrip('#').upper()}}}" for code, name in colours.items()]
    scale = f"x={_POINTS}bp,y=-{_POINTS}bp,font=\\footnotesize,line cap=round"
    lines = [f"\\begin{{tikzpicture}}[{scale}]", *defined, *body, "\\end{tikzpicture}"]
    return _PREAMBLE + "\\begin{document}\n" + "\n".join(lines) + "\n\\end{document}\n"


def escaped(words: str) -> str:
    """`words` as LaTeX text that means nothing but itself."""
    return "".join(_SPECIAL.get(letter, letter if _is_printable(letter) else "?") for letter in words)


def _is_printable(letter: str) -> bool:
    return " " <= letter <= "~" or "\u00c0" <= letter <= "\u017e"


def _edge(edge: Edge, colours: dict[str, str]) -> Iterator[str]:
    colour = _named((edge.colour or QUIET) if edge.live or edge.zero else _DEAD, colours)
    width = 2.1 if edge.op and edge.live and not edge.zero else 1.35
    dash = ",dash pattern=on 3.75bp off 3.75bp" if edge.dashed else ""
    yield f"\\draw[{colour},line width={width}bp{dash}] {_path(edge.path)};"
    yield f"\\fill[{colour}] {_path(edge.arrow)};"
    if edge.label:
        text = _named(QUIET if edge.zero or not edge.live else TEXT, colours)
        style = f"draw={colour},fill={_named(PAPER, colours)},text={text},rounded corners=9bp,line width=1.1bp"
        yield _box(edge.label_x, edge.label_y, edge.label_width, LABEL_HEIGHT, style, edge.label)


def _node(node: Node, colours: dict[str, str]) -> Iterator[str]:
    fill = _named({"input": INPUT, "output": OUTPUT}.get(node.role, PAPER), colours)
    line = _named((node.colour or TEXT) if node.live else _DEAD, colours)
    text = _named(TEXT if node.live else QUIET, colours)
    corner = node.height / 2 * _POINTS if node.width == node.height else 6.75
    style = (
        f"draw={line},fill={fill},text={text},rounded corners={corner:g}bp,line width={1.65 if node.colour else 1}bp"
    )
    yield _box(node.x, node.y, node.width, node.height, style, node.label)


def _box(x: float, y: float, width: float, height: float, style: str, words: str) -> str:
    size = f"minimum width={width * _POINTS:g}bp,minimum height={height * _POINTS:g}bp,inner sep=0pt"
    return f"\\node[{style},{size}] at ({x:g},{y:g}) {{{escaped(words)}}};"


def _named(code: str, colours: dict[str, str]) -> str:
    return colours.setdefault(code, f"wb{len(colours)}")


def _path(path: str) -> str:
    """An SVG path of straight lines (L), cubic pieces (C) and ends (Z) as a TikZ path."""
    found = []
    for letter, numbers in re.findall(r"([MLCZ])([^MLCZ]*)", path):
        points = [f"({pair})" for pair in re.findall(r"-?[\d.]+(?:e-?\d+)?,-?[\d.]+(?:e-?\d+)?", numbers)]
        if letter == "C":
            found += [f".. controls {a} and {b} .. {end}" for a, b, end in zip(*[iter(points)] * 3, strict=True)]
        else:
            found.append({"M": "", "L": "-- ", "Z": "-- cycle"}[letter] + " -- ".join(points))
    return " ".join(found)
