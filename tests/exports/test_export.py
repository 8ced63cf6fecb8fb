"""Exports: every format writes every space, files appear whole, and what is missing is named."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import networkx as nx
import pytest

from workbench.drawing import lay_out
from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.exports import catalogue, export, exports, read_architecture
from workbench.exports.pictures import drawing
from workbench.spaces import catalogue as spaces
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

CELL = search_space("nasbench201").parse(
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
)
every_space = pytest.mark.parametrize("space", list(spaces), ids=lambda space: space.name)


@every_space
@pytest.mark.parametrize("format", ["json", "networkx"])
def test_what_is_written_as_data_is_read_back(space: SearchSpace, format: str) -> None:
    for arch in space.sample(5, seed=20):
        text = export(arch, format)
        assert read_architecture(text) == arch
        assert read_architecture(text, space) == arch


@every_space
def test_strings_are_read_back_with_their_space(space: SearchSpace) -> None:
    for arch in space.sample(5, seed=21):
        assert read_architecture(export(arch, "string"), space.name) == arch


@every_space
def test_the_svg_of_every_space_is_well_formed(space: SearchSpace) -> None:
    arch = space.sample(1, seed=22)[0]
    root = ET.fromstring(export(arch, "svg"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    labels = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(labels) >= {node.label for node in drawing(arch).nodes if node.label}


@every_space
def test_other_programs_read_the_graph(space: SearchSpace) -> None:
    arch = space.sample(1, seed=23)[0]
    graph = nx.node_link_graph(json.loads(export(arch, "networkx")), edges="edges")
    assert set(graph.nodes) == set(arch.graph.nodes)
    assert set(graph.edges) == set(arch.graph.edges)
    assert nx.get_node_attributes(graph, "op") == nx.get_node_attributes(arch.graph, "op")


def test_the_string_format_is_the_official_string() -> None:
    assert export(CELL, "string") == str(CELL)


def test_json_holds_space_answers_and_string() -> None:
    data = json.loads(export(CELL, "json"))
    assert data == {
        "format": "nas-workbench.architecture",
        "version": 1,
        "space": "nasbench201",
        "string": str(CELL),
        "decisions": dict(CELL.decisions),
    }


def test_a_png_is_three_times_the_drawing() -> None:
    pytest.importorskip("resvg_py")
    content = export(CELL, "png")
    assert isinstance(content, bytes)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    page = lay_out(CELL.graph)
    assert width == pytest.approx(3 * page.width, abs=3)
    assert height == pytest.approx(3 * page.height, abs=3)


@pytest.mark.parametrize(
    ("format", "package", "distribution"),
    [("png", "resvg_py", "resvg-py"), ("onnx", "onnx", "onnx")],
)
def test_a_missing_package_is_named_with_its_command(
    format: str, package: str, distribution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingData, match=rf"pip install {distribution}, or .* 'nas-workbench\[export\]'"):
        export(CELL, format)


def test_a_machine_without_fonts_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    resvg = pytest.importorskip("resvg_py")
    real = resvg.svg_to_bytes
    monkeypatch.setattr(resvg, "svg_to_bytes", lambda **given: real(**given, skip_system_fonts=True))
    with pytest.raises(MissingData, match="needs a font for the labels"):
        export(CELL, "png")


def test_a_file_is_written_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    path.write_text("older")
    assert export(CELL, "json", path) == path
    assert path.read_text(encoding="utf-8") == export(CELL, "json")
    assert export(CELL, "svg", str(tmp_path / "cell.svg")) == tmp_path / "cell.svg"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["cell.json", "cell.svg"]


def test_a_failed_export_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    path = tmp_path / "cell.png"
    path.write_bytes(b"older")
    with pytest.raises(MissingData):
        export(CELL, "png", path)
    assert path.read_bytes() == b"older"


def test_an_unknown_format_folder_or_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no export format named 'pgn'. Did you mean 'png'"):
        export(CELL, "pgn")
    with pytest.raises(InvalidInput, match="There is no folder .*nowhere"):
        export(CELL, "json", tmp_path / "nowhere" / "cell.json")
    with pytest.raises(InvalidInput, match="'cell' is no Architecture"):
        export("cell", "json")  # type: ignore[call-overload]
    with pytest.raises(UnknownName, match="task"):
        export(CELL, "torch", task="cifar11")


def test_the_table_of_formats_says_which_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    table = exports()
    assert list(table.index) == catalogue.names()
    assert table.loc["json", "ready"]
    assert table.loc["onnx", "needs"] == "onnx, onnxscript"
