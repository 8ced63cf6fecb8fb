"""The numbers of all architectures: as the tables have them, made beside the kernel's work, the same in the browser."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pytest

from workbench.benchmarks import Benchmark, benchmark
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput
from workbench.spaces import SearchSpace, search_space
from workbench.spaces.choices import Choices
from workbench.widgets import sheet as sheets
from workbench.widgets import sheet_parts
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.facts import FORMATS, Counted, Figure, facts_of, quantity, written
from workbench.widgets.neighborhood import Neighborhood
from workbench.widgets.sheet import Sheet, has_sheet, making_of, ready_sheet, sheet_of
from workbench.widgets.slices import Slices

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NB201 = ("cifar10", "cifar100", "imagenet16_120")


@pytest.fixture(scope="module")
def three() -> list[Benchmark]:
    return [benchmark("nasbench201", dataset=dataset) for dataset in NB201]


@pytest.fixture(scope="module")
def cells(three: list[Benchmark]) -> Sheet:
    return sheet_of(three[0].space, three, every_column=True)


class Blocks(SearchSpace):
    """Two blocks of ours, flat and small, whose networks are counted by a formula; some of them have none."""

    name = "blocks"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """A chain of two operations and a width that no operation says."""
        graph = nx.DiGraph()
        ops = [choices.suggest_categorical(f"op{i}", ("conv", "skip")) for i in (1, 2)]
        width = choices.suggest_categorical("width", (1.0, 16, True))
        graph.add_nodes_from([("in", {"role": "input"}), ("out", {"role": "output", "width": width})])
        nx.add_path(graph, ["in", "a", "b", "out"])
        for node, op, i in zip("ab", ops, (1, 2), strict=True):
            graph.nodes[node].update(op=op, question=f"op{i}")
        return graph

    def network(self, graph: nx.DiGraph, task: Any) -> Any:
        """None."""
        raise InvalidInput("no network")

    def counts(self, arch: Any, task: Any = "cifar10", live: bool = False) -> Any:
        """By formula, where the first operation is a convolution."""
        if arch.decisions["op1"] == "skip":
            raise InvalidInput("nothing to count")
        return 1_234_567, 20_000_001


@pytest.fixture
def odd_table() -> Benchmark:
    """A table of `Blocks` with numbers that float32 would write otherwise, ties, gaps, and numbers of all sizes."""
    values = np.array(
        [0.125, 1.1249999999, 123456.5, 1e-7, np.nan, 2.5, 1.005, 99999.4999, 0.00012345, 1e16, -3.14159, 0]
    )
    runs = np.stack([values, values * 1.001, np.where(values > 1, np.nan, values)], axis=1)
    columns = (Column("loss", "lower", "", "", "mean"), Column("seconds", "lower", "s", ""))
    return Benchmark("odd", "mine", Blocks(), ColumnTable("odd", columns, {"loss": runs, "seconds": values * 1e6}))


# -- the kernel half ---------------------------------------------------------------------------------------------------


def test_a_sheet_says_of_every_architecture_what_is_asked_one_by_one(cells: Sheet, three: list[Benchmark]) -> None:
    for arch in three[0].space.sample(200, seed=1):
        assert cells.facts(arch) == facts_of(arch, three)


@pytest.mark.parametrize("name", ["natsbench_sss", "nasbench_macro", "transnas_micro"])
def test_a_sheet_needs_no_table(name: str) -> None:
    space = search_space(name)
    sheet = sheet_of(space)
    for arch in space.sample(40, seed=0):
        assert sheet.facts(arch) == facts_of(arch)


def test_numbers_that_float32_would_write_otherwise_are_written_as_the_table_has_them(odd_table: Benchmark) -> None:
    sheet = sheet_of(odd_table.space, [odd_table])
    found = [sheet.facts(arch) for arch in odd_table.space.enumerate()]
    assert found == [facts_of(arch, [odd_table]) for arch in odd_table.space.enumerate()]
    assert [len(facts) for facts in found].count(4) == 5  # one convolution first has no record, none has skips' counts


def test_columns_of_two_settings_of_a_table_do_not_meet(three: list[Benchmark], odd_table: Benchmark) -> None:
    sheet = sheet_of(odd_table.space, [odd_table, odd_table], every_column=True)
    names = [quantity.name for quantity in sheet.quantities]
    assert len(names) == len(set(names))


def test_every_column_of_the_tables_is_there_on_request_and_rows_are_in_the_order_of_the_space(
    cells: Sheet, three: list[Benchmark]
) -> None:
    for bench in three:
        for column in bench.columns():
            index = [q.name for q in cells.quantities].index(f"nasbench201 {bench.dataset} {column.name}")
            np.testing.assert_allclose(cells.values[index], bench.table()[column.name], rtol=1e-6)
    assert len(sheet_of(three[0].space, three).quantities) < len(cells.quantities)


def test_counts_that_are_shared_by_a_function_are_those_of_each_architecture(cells: Sheet) -> None:
    names = [q.name for q in cells.quantities]
    space = cells.space
    params, macs = (cells.values[names.index(f"live_{name}")] for name in ("params", "macs"))
    for row, arch in enumerate(space.enumerate()):
        if row % 7 == 0:
            assert (params[row], macs[row]) == tuple(map(np.float32, space.counts(arch, live=True)))


def test_networks_that_are_built_are_built_once_for_equal_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    space = search_space("fcnet")
    built: list[str] = []
    original = SearchSpace.counts

    def counted(self: SearchSpace, arch: Any, task: Any = "cifar10", live: bool = False) -> Any:
        built.append(str(arch))
        return original(self, arch, task, live)

    monkeypatch.setattr(SearchSpace, "counts", counted)
    part = sheet_parts.part_of(Counted("cifar10"), "")
    part.begin(space)
    start = space.sample(1, seed=0)[0]
    archs = [space.architecture({**start.decisions, "recipe.init_lr": lr}) for lr in (0.0005, 0.001, 0.1)]
    for row, arch in enumerate(archs):
        part.add(row, arch)
    assert len(built) == 1  # and its live part is all of it


def test_a_sheet_is_kept_on_disk_and_believed_only_while_the_code_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    space = search_space("nasbench_macro")
    sheets._shared.cache_clear()
    assert ready_sheet(space) is None
    made = sheet_of(space)
    sheets._shared.cache_clear()
    read = ready_sheet(search_space("nasbench_macro"))
    assert read is not None
    np.testing.assert_array_equal(read.values, made.values)
    assert read.names == made.names
    monkeypatch.setattr(sheet_parts, "_code", lambda: "another version")
    sheets._shared.cache_clear()
    assert ready_sheet(space) is None


def test_a_table_with_other_numbers_has_another_fingerprint_and_its_own_sheet(odd_table: Benchmark) -> None:
    other = Benchmark("odd", "mine", odd_table.space, ColumnTable("odd", odd_table.columns(), {
        "loss": np.ones((12, 3)), "seconds": np.ones(12),
    }))  # fmt: skip
    assert odd_table.fingerprint() != other.fingerprint()
    assert odd_table.fingerprint() == Benchmark("odd", "mine", Blocks(), odd_table._records).fingerprint()
    arch = next(odd_table.space.enumerate())
    assert sheet_of(odd_table.space, [odd_table]).facts(arch) != sheet_of(odd_table.space, [other]).facts(arch)


def test_a_space_of_the_users_own_is_never_read_from_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    sheet_of(Blocks())
    assert list(tmp_path.rglob("sheet-*")) == []


def test_a_restricted_space_of_this_package_is_kept_and_one_of_the_users_is_not() -> None:
    first = search_space("nasbench201").questions()[0]
    own, _ = sheet_parts.identity(search_space("nasbench201").restrict({first.name: first.answers[:2]}))
    theirs, _ = sheet_parts.identity(Blocks().restrict({"op1": ("conv",)}))
    assert (own, theirs) == (True, False)


def test_large_and_conditional_spaces_have_no_sheet() -> None:
    assert [has_sheet(search_space(name)) for name in ("nasbench201", "darts", "nasbench101")] == [True, False, False]
    with pytest.raises(InvalidInput, match="A sheet needs a flat space of at most 100,000 architectures; darts is not"):
        sheet_of(search_space("darts"))
    assert ready_sheet(search_space("darts")) is None


def test_editors_share_the_making_of_a_sheet(three: list[Benchmark]) -> None:
    again = [benchmark("nasbench201", dataset=dataset) for dataset in NB201]
    assert making_of(search_space("nasbench201"), again) is making_of(three[0].space, three)
    assert sheet_of(search_space("nasbench201"), again) is sheet_of(three[0].space, three)


def ask(widget: Any) -> None:
    widget._handle_custom_msg({"kind": "sheet"}, [])


def test_an_editor_gets_its_sheet_when_the_browser_asks_and_not_before() -> None:
    space = Blocks()
    editor = CellEditor(next(space.enumerate()), [])
    assert (editor.sheet, editor.sheet_values) == ({}, b"")
    editor._handle_custom_msg("noise", [])
    assert editor.sheet == {}
    ask(editor)
    assert editor.sheet["rows"] == 12
    assert json.loads(zlib.decompress(editor.sheet_names)) == [str(arch) for arch in space.enumerate()]
    assert len(editor.sheet_values) == 4 * 12 * len(editor.sheet["columns"])


def test_complete_waits_for_the_sheet_and_leaves_large_spaces_alone() -> None:
    editor = CellEditor(next(Blocks().enumerate()), [])
    editor.complete()
    assert editor.sheet["space"] == "blocks"
    large = CellEditor(search_space("darts").sample(1, seed=0)[0], [])
    large.complete()
    ask(large)
    assert large.sheet == {}


def test_a_sheet_that_would_take_hours_is_given_up_and_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_TRIED", 0.0)
    monkeypatch.setattr(sheets, "_LONGEST", 1e-9)
    editor = CellEditor(next(Blocks().enumerate()), [])
    ask(editor)
    editor.complete()
    assert editor.sheet == {}
    with pytest.raises(InvalidInput, match="The sheet of blocks would take more than 0 minutes to make"):
        sheet_of(Blocks())


def test_the_kernel_answers_while_a_sheet_is_made() -> None:
    sheets._shared.cache_clear()

    class Slow(Blocks):
        """Half a second in all."""

        def canonical(self, arch: Any, rule: str = "isomorphic") -> str:
            time.sleep(0.02)
            return str(arch)

    editor = CellEditor(next(Blocks().enumerate()), [])
    editor._space = Slow()

    async def edits() -> list[float]:
        ask(editor)
        waits = []
        while not editor.sheet:
            began = time.perf_counter()
            await asyncio.sleep(0)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)
        return waits

    waits = asyncio.run(edits())
    assert len(waits) > 5
    assert max(waits) < 0.1


def test_slices_end_once_are_stopped_and_show_what_went_wrong() -> None:
    done: list[int] = []
    work = Slices(iter(range(3)), lambda: done.append(1))
    work.finish()
    work.finish()
    assert done == [1]
    stopped = Slices(iter(range(3)), lambda: done.append(2))
    stopped.stop()
    stopped.finish()
    assert done == [1]

    def fails() -> Iterator[None]:
        yield
        raise ZeroDivisionError("mine")

    failing = Slices(fails())
    with pytest.raises(ZeroDivisionError):
        failing.finish()
    assert isinstance(failing.failure, ZeroDivisionError)


def test_a_making_that_failed_can_be_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(Blocks):
        """Until it is mended."""

        broken = True

        def canonical(self, arch: Any, rule: str = "isomorphic") -> str:
            if self.broken:
                raise ZeroDivisionError("mine")
            return str(arch)

    space = Fails()
    with pytest.raises(ZeroDivisionError):
        sheet_of(space)
    space.broken = False
    assert sheet_of(space).values.shape[1] == 12


# -- the browser half --------------------------------------------------------------------------------------------------

Stand = Callable[..., "Page"]


@pytest.fixture
def stand(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stand]:
    """Opens widgets in a page of their own, which must stay without errors."""
    opened: list[tuple[Page, Any]] = []

    def show(*widgets: Any) -> Page:
        page = browser.new_page()
        opened.append((page, lab_module.Record(page)))
        page.set_content(pages.page_of(*widgets))
        page.wait_for_function("window.ready")
        return page

    yield show
    for page, record in opened:
        assert (record.errors, record.outside) == ([], [])
        page.close()


_READ = """async (rows) => {
  const sheet = workbenchBundles.neighborhood.sheetOf(models[0]);
  await new Promise((done) => sheet.onReady(done));
  return rows.map((row) => {
    const decisions = sheet.decisions(row);
    return [sheet.facts(decisions), decisions, sheet.row(decisions), sheet.rowOf(sheet.name(row)), sheet.name(row),
      sheet.neighbors(decisions).map(({ row }) => row)];
  });
}"""


def held_against_the_kernel(page: Page, space: SearchSpace, benchmarks: list[Benchmark], rows: list[int]) -> None:
    every = list(space.enumerate())
    places = {arch: row for row, arch in enumerate(every)}
    for row, (facts, decisions, back, found, name, neighbors) in zip(rows, page.evaluate(_READ, rows), strict=True):
        arch = every[row]
        assert facts == [fact._asdict() for fact in facts_of(arch, benchmarks)]
        assert (decisions, name) == (dict(arch.decisions), str(arch))
        assert back == found == row
        assert neighbors == [places[other] for other in space.neighbors(arch)]


@pytest.mark.browser
def test_the_browser_reads_the_same_facts_from_three_tables(stand: Stand, three: list[Benchmark], cells: Sheet) -> None:
    widget = Neighborhood(next(three[0].space.enumerate()), benchmark=three)
    widget.complete()
    rows = np.random.default_rng(0).choice(5**6, 400, replace=False).tolist()
    held_against_the_kernel(stand(widget), three[0].space, three, rows)


@pytest.mark.browser
@pytest.mark.parametrize("name", ["natsbench_sss", "nasbench_macro", "transnas_micro"])
def test_the_browser_reads_the_same_facts_of_spaces_without_a_table(stand: Stand, name: str) -> None:
    space = search_space(name)
    widget = Neighborhood(next(space.enumerate()), benchmark=[])
    widget.complete()
    rows = np.random.default_rng(0).choice(space.size, 100, replace=False).tolist()
    held_against_the_kernel(stand(widget), space, [], rows)


@pytest.mark.browser
def test_the_browser_reads_gaps_and_odd_numbers_as_the_kernel_does(stand: Stand, odd_table: Benchmark) -> None:
    widget = Neighborhood(next(odd_table.space.enumerate()), benchmark=odd_table)
    widget.complete()
    rows = [row for row in range(12) if row % 3 != 2]  # in JSON and in the browser true is no 1.0, and 1.0 is 1
    for row, read in zip(rows, stand(widget).evaluate(_READ, rows), strict=True):
        arch = list(odd_table.space.enumerate())[row]
        assert read[0] == [fact._asdict() for fact in facts_of(arch, [odd_table])]


@pytest.mark.browser
def test_both_halves_write_every_number_alike(stand: Stand, three: list[Benchmark]) -> None:
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-9, 12, 1500) * rng.choice([-1, 1], 1500)
    ties = np.concatenate(
        [rng.integers(-9999, 9999, 800) / 2.0 ** rng.integers(0, 9, 800), [0.125, 2.5, 0.5, 1.5, -0.5, 0.0]]
    )
    whole = rng.integers(0, 2_000_000_000, 300).astype(float)
    values = [float(v) for v in np.concatenate([sizes, ties, whole])]
    figures = [Figure("x", "fixed", 2), Figure("x", "fixed", 0), Figure("x", "general", 3), Figure("x", "general", 2),
               Figure("x", "quantity"), Figure("x", "thousands"), Figure("x", "noun", 0, "one", "many")]  # fmt: skip
    assert {figure.format for figure in figures} == set(FORMATS)
    page = stand(Neighborhood(next(three[0].space.enumerate()), benchmark=[]))
    script = "([figure, values]) => values.map((value) => workbenchBundles.neighborhood.written(figure, value))"
    for figure in figures:
        wrong = {
            value: (read, written(figure, value))
            for value, read in zip(values, page.evaluate(script, [figure._asdict(), values]), strict=True)
            if read != written(figure, value)
        }
        assert wrong == {}, figure


@pytest.mark.browser
def test_the_browser_asks_for_the_sheet_after_it_has_drawn_and_once(stand: Stand, cell: str, bench: Benchmark) -> None:
    page = stand(Neighborhood(bench.space.parse(cell), benchmark=bench))
    page.wait_for_function("models[0].sent.some(({ kind }) => kind === 'sheet')")
    page.wait_for_timeout(100)
    assert page.evaluate("models[0].sent.filter(({ kind }) => kind === 'sheet').length") == 1


def test_quantities_of_facts_and_sheets_have_words() -> None:
    assert quantity(82_500_000) == "82.5 M"
    assert all(q.words for q in Counted("cifar10").quantities)
