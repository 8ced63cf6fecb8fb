"""The kernel half of the family tree: what it reads and says of a search, what is selected in it, and its still."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import optuna
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.widgets.map.paths import line
from workbench.widgets.monitor.genealogy import genealogy_of

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
STUDY, NUMBER, STATE, VALUES, _, _, NAME, _, PARENT, OPERATOR, _, REASON, OTHER = range(13)


@pytest.fixture(scope="module")
def evolved() -> optuna.Study:
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    return wb.search(bench.space, bench.measure("valid_accuracy"), "regularized_evolution", 80, progress=False)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Widgets that look only when they are told to; closed at the end."""
    monkeypatch.setattr("workbench.widgets.looking._follow", lambda reference, gone: None)
    made = []

    def shown(*arguments: Any, **keywords: Any) -> wb.Lineage:
        made.append(wb.Lineage(*arguments, **keywords))
        return made[-1]

    yield shown
    for one in made:
        one.close()


def until(true: Callable[[], bool], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


# -- what is read --------------------------------------------------------------------------------------------------


def test_the_tree_is_that_of_wb_lineage(shown: Any, evolved: optuna.Study) -> None:
    widget = shown(evolved)
    graph = wb.lineage(evolved)
    tree = genealogy_of(widget.trials, widget.objectives)
    numbers = [row[NUMBER] for row in widget.trials]
    edges = {(numbers[parent], numbers[row]) for row, parent in enumerate(tree.parent) if parent >= 0}
    assert edges == set(graph.edges)
    assert numbers[tree.best] == evolved.best_trial.number
    assert [numbers[row] for row in tree.ancestors(tree.best)] == list(wb.ancestry(evolved).index)
    values = [widget.trials[row][VALUES][0] for row in tree.incumbents]
    assert values == sorted(set(values))
    assert tree.line == {ancestor for row in tree.incumbents for ancestor in tree.ancestors(row)}
    assert all(tree.generation[row] == len(tree.ancestors(row)) - 1 for row in range(len(numbers)))
    assert widget.y == "valid_accuracy"


def test_it_follows_a_search_that_runs(bench: Benchmark) -> None:
    accuracy = bench.measure("valid_accuracy")
    slow = Measure(accuracy.name, "higher", lambda arch: (time.sleep(0.005), accuracy(arch))[1])
    study = wb.search(bench.space, slow, "regularized_evolution", 60, background=True)
    widget = wb.Lineage(study)
    seen = len(widget.trials)
    until(lambda: len(widget.trials) > seen)
    until(lambda: len(widget.trials) == 60 and widget.status["studies"][0]["name"] == "ended")
    assert any(row[PARENT] is not None for row in widget.trials)
    widget.close()


def test_second_parents_failures_and_bounds_reach_the_browser(shown: Any) -> None:
    study = optuna.create_study(direction="maximize")
    done, failed = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL
    for state, value, attrs in (
        (done, 1.0, {}),
        (done, 2.0, {}),
        (done, 3.0, {"parent": 0, "other_parent": 1, "operator": "crossover"}),
        (failed, None, {"parent": 2, "operator": "mutation", "reason": "too large"}),
        (done, 4.0, {"parent": 7, "other_parent": True}),  # the future, and nonsense
    ):
        study.add_trial(optuna.trial.create_trial(state=state, value=value, user_attrs=attrs))
    widget = shown(study)
    rows = [(row[STATE], row[PARENT], row[OTHER], row[OPERATOR], row[REASON]) for row in widget.trials]
    assert rows == [
        ("c", None, None, "", ""), ("c", None, None, "", ""), ("c", 0, 1, "crossover", ""),
        ("f", 2, None, "mutation", "too large"), ("c", None, None, "", ""),
    ]  # fmt: skip
    assert wb.Lineage(study).still().count("<svg") == 1  # without a space, too


def test_what_cannot_be_shown_is_refused_in_words(evolved: optuna.Study) -> None:
    with pytest.raises(InvalidInput, match="Lineage follows studies, as wb.search returns them; got 'study'"):
        wb.Lineage("study")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Lineage shows one study, as trials of different ones are no kin; got 2"):
        wb.Lineage([evolved, evolved])  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="no objective of this study named 'acc'. Did you mean 'valid_accuracy'"):
        wb.Lineage(evolved, y="acc")
    with pytest.raises(UnknownName, match="Lineage takes no keyword 'heigth'. Did you mean 'height'"):
        wb.Lineage(evolved, heigth=3)


# -- what is selected and opened -----------------------------------------------------------------------------------


def test_a_selection_goes_to_linked_views_and_comes_from_them(
    shown: Any, evolved: optuna.Study, bench: Benchmark
) -> None:
    widget, atlas = shown(evolved), wb.SpaceMap(bench)
    wb.link(widget, atlas)
    names = [trial.user_attrs["architecture"] for trial in evolved.trials]
    widget.select([3, 7])
    assert set(atlas.selection.index) == {names[3], names[7]}
    assert widget.selection == [3, 7]
    other = next(name for name in bench.table().index if name not in names)
    atlas.select([names[5], other])
    assert widget.selection == [5]
    assert set(atlas.selection.index) == {names[5], other}  # what is no trial stays selected there
    widget.select()
    assert (widget.selection, len(atlas.selection)) == ([], 0)
    with pytest.raises(InvalidInput, match=r"There is no finished trial 99: select\(\) takes numbers of 80 trials"):
        widget.select([99])
    assert widget.selection == []


def test_what_the_browser_selects_reaches_python_and_the_linked_views(
    shown: Any, evolved: optuna.Study, bench: Benchmark
) -> None:
    widget, atlas = shown(evolved), wb.SpaceMap(bench)
    wb.link(widget, atlas)
    widget.set_state({"picked": {"trials": [2, 4], "stamp": time.time() * 1000 + 5}})
    assert widget.selection == [2, 4]
    assert set(atlas.selection.index) == {evolved.trials[i].user_attrs["architecture"] for i in (2, 4)}


def test_opening_is_linked_and_its_cell_is_drawn(shown: Any, evolved: optuna.Study, bench: Benchmark) -> None:
    widget, editor = shown(evolved), wb.CellEditor(bench.space.sample(1, seed=0)[0], bench)
    wb.link(widget, editor)
    name = evolved.trials[11].user_attrs["architecture"]
    widget.show(name)
    assert str(editor.value) == name
    widget._draw_after = 0.0
    widget._look()
    assert name in widget.cells["drawn"]


# -- pages without a kernel ----------------------------------------------------------------------------------------


def test_the_still_is_one_svg_with_every_text_escaped(shown: Any, awkward: Any) -> None:
    study = wb.search(
        awkward, Measure(f"m {HOSTILE}", "lower", lambda a: float(len(str(a)))), n_trials=4, progress=False
    )
    study.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"parent": 0, "operator": HOSTILE}))
    widget = shown(study, title=HOSTILE, space=awkward)
    root = ElementTree.fromstring(widget.still())
    assert root.tag.endswith("svg")
    assert not any(e.tag.rpartition("}")[2] in {"script", "img", "foreignObject"} for e in root.iter())
    data, _ = widget._repr_mimebundle_() or ({}, {})
    assert data["image/svg+xml"] == widget.still()


def test_the_still_says_what_the_last_steps_to_the_best_changed(shown: Any, evolved: optuna.Study) -> None:
    still = shown(evolved).still()
    last = wb.ancestry(evolved).iloc[-1]
    assert f"#{last.name}: {last.valid_accuracy:.6g}" in still
    assert next(iter(last.changed)).replace(">", "&gt;") in still
    assert re.search(r"mutation \(\d+\)", still)
    assert len(still.encode()) < 60_000


def test_a_still_of_many_trials_stays_small_and_one_of_none_says_so(shown: Any) -> None:
    many = optuna.create_study(direction="maximize")
    many.add_trials(
        [
            optuna.trial.create_trial(value=math.sin(i) + i / 5000, user_attrs={"parent": i // 2} if i else {})
            for i in range(5_000)
        ]
    )
    widget = shown(many)
    widget.complete()
    assert len(widget.trials) == 5_000
    assert len(widget.still().encode()) < 200_000
    assert "no trial has a value yet" in shown(optuna.create_study()).still()


def test_a_page_has_all_trials_and_the_drawings_of_the_best_line(
    shown: Any, evolved: optuna.Study, tmp_path: Path
) -> None:
    widget = shown(evolved)
    wb.page([widget], tmp_path / "p.html")
    assert set(wb.ancestry(evolved).architecture) <= set(widget.cells["drawn"])


# -- the path over the map -----------------------------------------------------------------------------------------


def test_a_trace_knows_what_came_from_what(evolved: optuna.Study, bench: Benchmark) -> None:
    atlas = wb.SpaceMap(bench)
    assert atlas.trace(evolved) == evolved.study_name
    (trail,) = atlas.trails
    index = list(bench.table().index)
    assert [index[row] for row in trail["rows"]] == [t.user_attrs["architecture"] for t in evolved.trials]
    assert trail["parents"] == [t.user_attrs.get("parent", -1) for t in evolved.trials]
    assert [index[row] for row in line(trail, -1)] == list(wb.ancestry(evolved).architecture)
    other = evolved.trials[-1].user_attrs["architecture"]
    assert [index[row] for row in line(trail, index.index(other))] == list(wb.ancestry(evolved, 79).architecture)
    assert list(atlas.paths[evolved.study_name].index) == [t.user_attrs["architecture"] for t in evolved.trials]


def test_ancestors_that_the_map_does_not_have_are_stepped_over(evolved: optuna.Study, bench: Benchmark) -> None:
    names = list(wb.ancestry(evolved).architecture)
    table = bench.table().drop(index=names[1])
    table.attrs = {"space": "nasbench201"}
    atlas = wb.SpaceMap(table)
    atlas.trace(evolved)
    (trail,) = atlas.trails
    assert [table.index[row] for row in line(trail, -1)] == [names[0], *names[2:]]
    assert trail["missing"] >= 1
    steps = [trail["parents"][i] for i in range(len(trail["rows"]))]
    assert all(parent < i for i, parent in enumerate(steps))


def test_tracing_again_draws_what_has_come_since(bench: Benchmark) -> None:
    accuracy = bench.measure("valid_accuracy")
    study = wb.search(bench.space, accuracy, "regularized_evolution", 20, progress=False)
    atlas = wb.SpaceMap(bench)
    atlas.add_path(study, "way")
    atlas.trace(study, "kin")
    wb.search(bench.space, accuracy, "regularized_evolution", 20, progress=False)
    study.add_trial(
        optuna.trial.create_trial(value=99.0, user_attrs={"architecture": bench.table().index[7], "parent": 3})
    )
    atlas.trace(study, "kin")
    assert [trail["name"] for trail in atlas.trails] == ["way", "kin"]
    assert len(atlas.trails[1]["rows"]) == 21
    assert line(atlas.trails[1], -1)[-1] == 7
    assert atlas.trails[1]["number"] == 1
    with pytest.raises(InvalidInput, match="There is a path named 'way' already"):
        atlas.trace(study, "way")
    with pytest.raises(InvalidInput, match="trace follows a study, as wb.search returns it; got 'study'"):
        atlas.trace("study")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no architecture yet"):
        atlas.trace(optuna.create_study())
    still = ElementTree.fromstring(atlas.still())
    assert any("kin" in (text.text or "") for text in still.iter() if text.tag.endswith("text"))
    atlas.remove_path("kin")
    assert [trail["name"] for trail in atlas.trails] == ["way"]


def test_a_line_leads_from_parent_to_child(evolved: optuna.Study, bench: Benchmark) -> None:
    atlas = wb.SpaceMap(bench)
    atlas.trace(evolved)
    names = [str(bench.table().index[row]) for row in line(atlas.trails[0], -1)]
    for before, after in pairwise(names):
        assert wb.ancestry(evolved, after).architecture.iloc[-2] == before
