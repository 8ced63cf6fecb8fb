"""TikZ: what the drawing shows, in LaTeX that compiles, with every text only a text."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import networkx as nx
import pytest

from workbench.drawing import lay_out
from workbench.exports import export
from workbench.exports.pictures import drawing
from workbench.exports.tikz import escaped, tikz
from workbench.spaces import catalogue as spaces
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

HOSTILE = "\\input{x}_^~#%&$ é中\x00"


@pytest.mark.parametrize("space", list(spaces), ids=lambda space: space.name)
def test_every_part_of_the_drawing_is_there(space: SearchSpace) -> None:
    arch = space.sample(1, seed=40)[0]
    text, page = str(export(arch, "tikz")), drawing(arch)
    assert text.startswith("\\documentclass[tikz")
    assert text.endswith("\\end{tikzpicture}\n\\end{document}\n")
    assert text.count("\\node[") == len(page.nodes) + sum(1 for edge in page.edges if edge.label)
    assert text.count("\\draw[") == text.count("\\fill[") == len(page.edges)
    for node in page.nodes:
        assert f"at ({node.x:g},{node.y:g}) {{{escaped(node.label)}}};" in text
    assert text.count("{") == text.count("}")
    named = set(re.findall(r"\\definecolor\{(\w+)\}", text))
    assert set(re.findall(r"\b(wb\d+)\b", text)) == named


def test_paths_become_curves_and_arrow_heads() -> None:
    edge = drawing(search_space("nasbench201").sample(1)[0]).edges[0]
    numbers = re.findall(r"-?[\d.]+,-?[\d.]+", edge.path)
    text = tikz(drawing(search_space("nasbench201").sample(1)[0]))
    start, first, second, end = numbers[:4]
    assert f"({start}) .. controls ({first}) and ({second}) .. ({end})" in text
    a, b, c = re.findall(r"-?[\d.]+,-?[\d.]+", edge.arrow)
    assert f"({a}) -- ({b}) -- ({c}) -- cycle;" in text


def test_texts_mean_nothing_to_tex() -> None:
    assert escaped("a_b{\\}%") == r"a\_b\{\textbackslash{}\}\%"
    assert escaped("conv 3×3") == r"conv 3\ensuremath{\times}3"
    assert escaped(HOSTILE).endswith("é??")
    assert "\x00" not in escaped(HOSTILE)


@pytest.mark.parametrize("label", ["plain", HOSTILE])
def test_the_document_compiles(label: str, tmp_path: Path) -> None:
    latex = shutil.which("pdflatex")
    if latex is None:
        pytest.skip("no pdflatex on the PATH")
    known = subprocess.run(["kpsewhich", "standalone.cls"], capture_output=True, text=True, check=False)
    if not known.stdout.strip():
        pytest.skip("TeX is here, its class standalone is not")
    graph = nx.DiGraph()
    graph.add_node(0, label=label, role="input")
    graph.add_node(1, label="out", role="output")
    graph.add_edge(0, 1, op=label)
    (tmp_path / "cell.tex").write_text(tikz(lay_out(graph)), encoding="utf-8")
    command = [latex, "-interaction=nonstopmode", "-halt-on-error", "cell.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "cell.pdf").stat().st_size > 1000
