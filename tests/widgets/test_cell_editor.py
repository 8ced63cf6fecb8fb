"""The kernel half of the cell editor: what it accepts, what it refuses, what it shows."""

from __future__ import annotations

import importlib
import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.drawing import Fact
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import SearchSpace
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.facts import benchmarks_for, facts_of, quantity


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


@pytest.fixture
def editor(arch: Architecture, bench: Benchmark) -> CellEditor:
    return CellEditor(arch, bench)


def edit(editor: CellEditor, **state: Any) -> None:
    """What ipywidgets does when the browser's message arrives."""
    editor.set_state({"revision": editor.revision + 1, **state})


def fact(editor: CellEditor, label: str) -> dict[str, str]:
    return next(fact for fact in editor.facts if fact["label"].startswith(label))


def test_an_edit_in_the_browser_becomes_the_value(editor: CellEditor, arch: Architecture) -> None:
    seen = []
    editor.observe(lambda change: seen.append((change["new"], editor.text)), "value")
    edit(editor, decisions={**arch.decisions, "0->1": "none"})
    assert editor.value.decisions["0->1"] == "none"
    assert seen == [(editor.value, str(editor.value))]
    assert editor.drawing["revision"] == editor.revision == 1


def test_a_value_set_in_python_reaches_the_browser_as_a_new_revision(editor: CellEditor, arch: Architecture) -> None:
    other = arch.space.neighbors(arch)[0]
    editor.value = other
    assert editor.decisions == editor.drawing["decisions"] == dict(other.decisions)
    assert editor.drawing["revision"] == editor.revision == 1
    assert editor.text == str(other)


def test_an_observer_may_set_the_value_again(editor: CellEditor, arch: Architecture) -> None:
    target = arch.space.neighbors(arch)[5]
    editor.observe(lambda change: setattr(editor, "value", target), "value")
    edit(editor, decisions={**arch.decisions, "0->1": "none"})
    assert editor.value == target
    assert editor.drawing["decisions"] == editor.decisions == dict(target.decisions)


def test_the_facts_are_the_tables_numbers(editor: CellEditor, arch: Architecture, bench: Benchmark) -> None:
    numbers = bench.query(arch)
    accuracy = fact(editor, "CIFAR-10 validation")
    assert accuracy["value"] == f"{numbers['valid_accuracy']:.2f}"
    assert accuracy["note"] == f"rank {bench.rank('valid_accuracy', arch):,} of 15,625"
    assert accuracy["spread"].startswith("±")
    counts, live = arch.space.counts(arch), arch.space.counts(arch, live=True)
    assert fact(editor, "parameters")["value"] == quantity(counts.params)
    assert fact(editor, "parameters")["note"] == f"{quantity(live.params)} live"
    assert fact(editor, "multiply-adds")["value"] == quantity(counts.macs)
    assert fact(editor, "isomorphic twin")["value"] == str(len(arch.space.twins(arch)) - 1)
    assert fact(editor, "isomorphic twin")["note"].startswith(str(len(arch.space.twins(arch, "functional")) - 1))


def test_the_facts_follow_every_edit(editor: CellEditor, arch: Architecture) -> None:
    before = editor.facts
    edit(editor, decisions={**arch.decisions, "0->1": "none"})
    assert [f["value"] for f in editor.facts] != [f["value"] for f in before]
    assert editor.facts == [f._asdict() for f in facts_of(editor.value, editor._benchmarks)]


def test_without_a_table_there_is_no_accuracy_and_no_invented_number(arch: Architecture) -> None:
    assert [f["label"] for f in CellEditor(arch, []).facts] == ["parameters", "multiply-adds", "isomorphic twin"]


def test_a_space_that_can_tell_nothing_shows_no_facts(awkward: SearchSpace) -> None:
    facts = CellEditor(awkward.sample(1)[0]).facts
    assert all("parameters" not in f["label"] and "validation" not in f["label"] for f in facts)


def test_a_benchmark_of_several_data_sets_shows_one_accuracy_each(arch: Architecture, bench: Benchmark) -> None:
    assert len([f for f in CellEditor(arch, [bench, bench]).facts if "validation" in f["label"]]) == 2


def test_a_wrong_answer_is_refused_with_its_reason_and_nothing_changes(editor: CellEditor, arch: Architecture) -> None:
    edit(editor, decisions={**arch.decisions, "0->1": "conv_9x9"})
    assert editor.value == arch
    assert editor.decisions == editor.drawing["decisions"] == dict(arch.decisions)
    assert editor.drawing["refused"]
    assert editor.drawing["revision"] == editor.revision
    assert "'conv_9x9' is no answer to question '0->1'" in editor.message
    edit(editor, decisions={**arch.decisions, "0->1": "none"})
    assert editor.message == ""


def test_the_same_decisions_with_a_new_revision_are_answered(editor: CellEditor, arch: Architecture) -> None:
    edit(editor, decisions=dict(arch.decisions))
    assert editor.drawing["revision"] == editor.revision == 1


def test_an_infeasible_edit_shows_the_spaces_reason(awkward: SearchSpace) -> None:
    editor = CellEditor(awkward.sample(1)[0])
    edit(editor, decisions={**editor.value.decisions, "kind": "impossible"})
    assert editor.message == "this kind fits nothing"
    assert editor.value.decisions["kind"] != "impossible"


def test_a_question_that_an_edit_newly_asks_takes_its_first_answer(awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if not a.decisions["wide"])
    editor = CellEditor(start)
    edit(editor, decisions={**start.decisions, "wide": True})
    assert editor.value.decisions["depth"] == 1.0
    assert "depth" in editor.palette
    edit(editor, decisions={**editor.value.decisions, "wide": False})
    assert "depth" not in editor.value.decisions


def test_numbers_come_back_from_json_as_the_spaces_own_answers(awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"])
    editor = CellEditor(start)
    edit(editor, decisions={**start.decisions, "depth": 2})
    assert type(editor.value.decisions["depth"]) is float
    edit(editor, decisions={**start.decisions, "wide": 1})
    assert "1 is no answer to question 'wide'" in editor.message


@pytest.mark.parametrize("value", ["text", 3, None])
def test_a_value_that_is_no_architecture_is_refused_and_nothing_changes(editor: CellEditor, value: Any) -> None:
    before = editor.value
    with pytest.raises(InvalidInput, match=re.escape(f"an Architecture of nasbench201; got {value!r}")):
        editor.value = value
    assert editor.value == before


def test_a_value_of_another_space_is_refused_and_nothing_changes(editor: CellEditor, awkward: SearchSpace) -> None:
    before, drawing = editor.value, editor.drawing
    with pytest.raises(InvalidInput, match="This editor is for nasbench201"):
        editor.value = awkward.sample(1)[0]
    assert (editor.value, editor.drawing) == (before, drawing)


def test_an_unknown_keyword_is_refused_with_the_nearest_one(arch: Architecture) -> None:
    with pytest.raises(UnknownName, match=r"no keyword 'hight'. Did you mean 'height'"):
        CellEditor(arch, hight=200)


def test_only_an_architecture_can_be_edited() -> None:
    with pytest.raises(InvalidInput, match=r"edits an Architecture.*got '\|none~0\|'"):
        CellEditor("|none~0|")  # type: ignore[arg-type]


def test_something_else_than_a_benchmark_is_refused(arch: Architecture) -> None:
    with pytest.raises(InvalidInput, match="takes what wb.benchmark"):
        CellEditor(arch, ["cifar10"])  # type: ignore[list-item]


def test_a_benchmark_of_another_space_is_refused(awkward: SearchSpace, bench: Benchmark) -> None:
    with pytest.raises(InvalidInput, match="records architectures of nasbench201"):
        CellEditor(awkward.sample(1)[0], bench)


def test_every_state_is_json(awkward: SearchSpace, editor: CellEditor) -> None:
    for one in (editor, CellEditor(awkward.sample(1)[0])):
        json.dumps({name: getattr(one, name) for name in ("decisions", "drawing", "facts", "palette", "text")})


def test_a_page_without_a_kernel_gets_a_drawing_beside_the_widget(editor: CellEditor) -> None:
    bundle = editor._repr_mimebundle_()
    assert bundle is not None
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]
    words = "".join(ET.fromstring(bundle[0]["image/svg+xml"]).itertext())
    assert "conv 3×3" in words
    assert fact(editor, "CIFAR-10")["value"] in words
    assert len(bundle[0]["image/svg+xml"]) < 20_000


def test_the_still_of_a_hostile_space_is_well_formed(awkward: SearchSpace) -> None:
    tags = {element.tag.split("}")[1] for element in ET.fromstring(CellEditor(awkward.sample(1)[0]).still()).iter()}
    assert "script" not in tags
    assert "img" not in tags


def test_the_browsers_request_for_a_file_is_answered_with_the_still(
    editor: CellEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(editor, "send", sent.append)
    editor._handle_custom_msg({"kind": "still"}, [])
    editor._handle_custom_msg("noise", [])
    assert sent == [{"kind": "still", "svg": editor.still()}]


# -- what the browser asks -------------------------------------------------------------------------------------------

WIRED = "100001/10000/1000/100/10/1:333mm"


def asked(editor: CellEditor, monkeypatch: pytest.MonkeyPatch, **content: Any) -> list[Any]:
    """What the kernel sends back."""
    sent: list[Any] = []
    monkeypatch.setattr(editor, "send", sent.append)
    editor._handle_custom_msg(content, [])
    return sent


def test_where_an_edge_may_go_is_answered_for_the_present_value(monkeypatch: pytest.MonkeyPatch) -> None:
    space = wb.search_space("nasbench101")
    editor = CellEditor(space.parse(WIRED))
    (answer,) = asked(editor, monkeypatch, kind="targets", ask=7, source="0", target="", end="")
    assert (answer["kind"], answer["ask"]) == ("targets", 7)
    assert answer["moves"]["1"] == {"decisions": None, "reason": "in → 1 is there already.", "also": ""}
    assert space.architecture(answer["moves"]["2"]["decisions"]).decisions["0->2"] is True
    edit(editor, decisions=answer["moves"]["2"]["decisions"])
    (answer,) = asked(editor, monkeypatch, kind="targets", ask=8, source="0", target="2", end="gone")
    assert answer["moves"][""]["decisions"] == dict(space.parse(WIRED).decisions)
    assert json.dumps(answer)


def test_an_edge_that_is_gone_by_now_is_answered_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    editor = CellEditor(wb.search_space("nasbench101").parse(WIRED))
    (answer,) = asked(editor, monkeypatch, kind="targets", ask=1, source="0", target="5", end="target")
    assert answer["moves"] == {"": {"decisions": None, "reason": "The drawing has no edge from 0 to 5.", "also": ""}}


def test_the_questions_about_edges_are_told_and_follow_the_value() -> None:
    editor = CellEditor(wb.search_space("nasbench101").parse(WIRED))
    assert len(editor.wiring) == 21
    assert CellEditor(wb.search_space("nasbench201").sample(1)[0]).wiring == []


def test_a_pasted_text_becomes_the_value(editor: CellEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    other = editor.value.space.sample(1, seed=4)[0]
    assert asked(editor, monkeypatch, kind="paste", text=f"{other}\n") == []
    assert editor.value == other


@pytest.mark.parametrize("text", ["nonsense", "", None, 3, "|" * 200_000])
def test_a_pasted_text_that_is_no_architecture_is_refused_in_few_words(
    editor: CellEditor, monkeypatch: pytest.MonkeyPatch, text: Any
) -> None:
    before = editor.value
    (answer,) = asked(editor, monkeypatch, kind="paste", text=text)
    assert answer["kind"] == "refused"
    assert answer["text"].startswith("Not pasted. ")
    assert len(answer["text"]) < 330
    assert editor.value == before


def test_a_table_that_cannot_be_opened_is_no_reason_to_fail(
    arch: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = importlib.import_module("workbench.benchmarks")
    monkeypatch.setattr(catalogue, "for_space", lambda space: [("no such table", "cifar10")])
    assert benchmarks_for(arch.space) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [(587386, "0.587 M"), (82_500_000, "82.5 M"), (1_531_546, "1.53 M"), (0, "0"), (73306, "73.3 k"), (12.34, "12.3")],
)
def test_quantities_are_written_with_three_digits(value: float, words: str) -> None:
    assert quantity(value) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(0.153, "M", "0.153 M"), (1531.5, "M", "1.53 G"), (153.2, "ms", "153 ms"), (1234.5, "ms", "1,234 ms")],
)
def test_no_quantity_has_two_letters_for_how_many(value: float, unit: str, words: str) -> None:
    assert quantity(value, unit) == words


def test_a_fact_needs_only_a_value_and_a_label() -> None:
    assert Fact("1", "one") == Fact("1", "one", "", "")
