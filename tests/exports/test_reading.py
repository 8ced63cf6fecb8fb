"""Reading architectures back: hostile, foreign and newer files meet our own errors, quickly."""

from __future__ import annotations

import json
import random
import string
import time
from typing import Any

import networkx as nx
import pytest

from workbench.errors import InvalidInput, UnknownName, WorkbenchError
from workbench.exports import export, read_architecture
from workbench.spaces import search_space

SPACE = search_space("nasbench201")
CELL = SPACE.sample(1, seed=30)[0]


def record(**changes: Any) -> str:
    return json.dumps({**json.loads(export(CELL, "json")), **changes})


def node_link(change: Any = None) -> str:
    data = json.loads(export(CELL, "networkx"))
    if change is not None:
        change(data)
    return json.dumps(data)


def test_a_string_without_its_space_is_that_of_the_only_space_that_reads_it() -> None:
    assert read_architecture(str(CELL)) == CELL
    assert read_architecture(f"  {CELL}\n") == CELL


def test_a_string_of_no_space_or_of_several_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'conv' is no architecture of any space in the catalogue"):
        read_architecture("conv")
    with pytest.raises(InvalidInput, match="has 1 nodes between"):
        read_architecture("conv", "nasbench201")
    with pytest.raises(UnknownName, match="nasbench_201"):
        read_architecture(str(CELL), "nasbench_201")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "made by a newer NAS Workbench; this one reads up to version 1"),
        ({"version": "1"}, "version is '1'; a whole number"),
        ({"version": True}, "version is True"),
        ({"space": None}, "must name its search space"),
        ({"space": ["nasbench201"]}, "must name its search space"),
        ({"decisions": None}, "decisions must be an object"),
        ({"decisions": [1]}, "decisions must be an object"),
        ({"decisions": {}}, "is not answered"),
        ({"decisions": {**CELL.decisions, "0->1": "conv"}}, "'conv' is no answer to question '0->1'"),
        ({"decisions": {**CELL.decisions, "0->1": ["none"]}}, "is no answer to question '0->1'"),
        ({"string": "|none~0|"}, "contradicts itself"),
        ({"string": 3}, "contradicts itself"),
    ],
)
def test_a_record_that_is_wrong_says_where(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_architecture(record(**changes))


def test_a_record_of_an_unknown_space_shows_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="no search space named 'nasbench202'. Did you mean"):
        read_architecture(record(space="nasbench202"))
    with pytest.raises(InvalidInput, match="an architecture of 'nasbench101', not of 'nasbench201'"):
        read_architecture(record(space="nasbench101"), SPACE)


def test_a_record_without_its_string_is_enough() -> None:
    data = json.loads(record())
    del data["string"]
    assert read_architecture(json.dumps(data)) == CELL


def test_a_graph_without_a_record_is_read_by_its_operations() -> None:
    foreign = json.dumps(nx.node_link_data(CELL.graph, edges="links"))  # as networkx wrote before version 3.4
    assert read_architecture(foreign, SPACE) == CELL
    with pytest.raises(InvalidInput, match="must name its search space"):
        read_architecture(foreign)


def _another_operation(data: dict[str, Any]) -> None:
    data["edges"][0]["op"] = "none" if data["edges"][0]["op"] != "none" else "skip_connect"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_another_operation, "edge 0 -> 1 has the operation"),
        (lambda data: data["edges"].pop(), "edge 2 -> 3 is missing"),
        (lambda data: data["nodes"].append({"id": 9}), "node 9 is too much"),
        (lambda data: data["edges"][0].pop("source"), "no graph in networkx's node-link form"),
        (lambda data: data.update(nodes=3), "no graph in networkx's node-link form"),
        (lambda data: data.update(nodes=[{"id": {}}]), "no graph in networkx's node-link form"),
        (lambda data: data.update(graph=None), "A graph's own attributes are an object"),
        (lambda data: data.update(directed=False), "is a directed graph"),
        (lambda data: data["graph"].update(architecture=3), "must name its search space"),
        (lambda data: data["graph"]["architecture"].update(version=9), "newer NAS Workbench"),
    ],
)
def test_a_graph_that_was_changed_is_refused(change: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_architecture(node_link(change))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "{",
        "{}",
        "[]",
        "null",
        '{"format": "nas-workbench.architecture"}',
        '{"format": "nas-workbench.architecture", "version": NaN}',
        '{"version": 1, "version": 2}',
        '{"nodes": [], "edges": []}',
        "{" * 100_000,
        '{"a":' * 90_000,
        '{"a":' + "[" * 90_000,
        '{"version": ' + "9" * 10_000 + "}",
        "x" * 10_000_000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_nonsense_is_refused_in_our_words_and_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidInput) as refusal:
        read_architecture(text)
    assert len(str(refusal.value)) < 2000
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("value", [None, 3, b"|none~0|", [], CELL])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="read from text; got a"):
        read_architecture(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["json", "networkx"])
def test_damaged_files_are_read_or_refused_but_never_fail(format: str) -> None:
    text, rng = str(export(CELL, format)), random.Random(0)
    refused = 0
    for _ in range(300):
        at = rng.randrange(len(text))
        damaged = rng.choice([text[:at], text[:at] + rng.choice(string.printable) + text[at + 1 :], text[at:]])
        try:
            assert read_architecture(damaged) == CELL
        except WorkbenchError:
            refused += 1
    assert refused > 200
