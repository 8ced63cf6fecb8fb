"""The browser half of the editor alone: its bundle in plain HTML, with a test in the kernel's place."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest
import torch

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices
from workbench.widgets.cell_editor import CellEditor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
FREE = "100001/10000/1000/100/10/1:333mm"  # in 1 2 3 4 5 out one after the other, and in out: seven edges of nine
NINE = "011100/11001/0010/011/00/1:3313m"  # nine edges, none of them dead


class Stage:
    """Opens widgets in a page and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self.page: Page
        self.record: Any

    def show(
        self, *widgets: Any, scheme: str = "light", width: int = 680, sheet: bool = False, alone: bool = False
    ) -> Page:
        """A page with the widgets; `sheet` lets them have the numbers of all architectures, `alone` no kernel."""
        context = self._browser.new_context(
            viewport={"width": 900, "height": 1100}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.record = self._lab.Record(self.page)
        here = f"for (const model of models) model.alone = {str(alone).lower()};"
        script = f'<script>document.addEventListener("workbench:models", () => {{ {here} }});</script>'
        for widget in widgets if sheet else ():
            widget.complete()
        html = self._pages.page_of(*widgets, width=width)
        self.page.set_content(html.replace('<script type="module">', f'{script}<script type="module">', 1))
        self.page.wait_for_function("window.ready")
        return self.page


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


class Played:
    """The kernel of the widget in a page, played by the widget's own kernel half."""

    def __init__(self, page: Page, editor: CellEditor, number: int = 0) -> None:
        self._page, self._editor, self._model = page, editor, f"models[{number}]"
        self._heard = 0
        self.said: list[Any] = []
        editor.send = lambda content, buffers=None: self.said.append(content)  # type: ignore[method-assign]

    def answer(self) -> None:
        """Take what the browser has set and sent, and say what comes of it."""
        names = ["decisions", "revision", "opened"]
        state = self._page.evaluate(
            f"names => Object.fromEntries(names.map(name => [name, {self._model}.get(name)]))", names
        )
        self._editor.set_state(state)
        sent = self._page.evaluate(f"{self._model}.sent")
        for content in sent[self._heard :]:
            if content["kind"] in {"targets", "paste", "still"}:
                self._editor._handle_custom_msg(content, [])
        self._heard = len(sent)
        self.tell()

    def tell(self) -> None:
        """Say what the kernel half holds now."""
        names = ("revision", "decisions", "palette", "facts", "text", "message", "wiring", "drawing")
        self._page.evaluate(f"state => {self._model}.say(state)", {name: getattr(self._editor, name) for name in names})
        for content in self.said:
            self._page.evaluate(f"content => {self._model}.emit('msg:custom', content)", content)
        self.said.clear()


@pytest.fixture
def editor(bench: Benchmark, cell: str) -> CellEditor:
    return CellEditor(bench.space.parse(cell), bench)


def labels(page: Page) -> dict[str, str]:
    """Question -> the label shown on its edge."""
    found = page.locator("g[data-question]").evaluate_all("gs => gs.map(g => [g.dataset.question, g.textContent])")
    return dict(found)


def test_the_editor_draws_every_edge_with_its_operation_and_the_facts(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    assert labels(page) == {e["question"]: e["label"] for e in editor.drawing["edges"]}
    assert page.locator(".wb-facts").inner_text().startswith(editor.facts[0]["value"])
    assert page.locator(".wb-text").inner_text() == editor.text


def test_every_edge_tells_a_screen_reader_what_it_is(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    edge = page.get_by_role("button", name="edge in to 1, operation conv 3×3, press 1 to 5 to change")
    assert edge.count() == 1
    assert edge.get_attribute("tabindex") == "0"


def test_an_edit_is_shown_before_the_kernel_answers_and_sent_whole(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert labels(page)["0->1"] == "skip"
    sent = page.evaluate("[models[0].state.decisions, models[0].state.revision, models[0].saved]")
    assert sent == [{**editor.decisions, "0->1": "skip_connect"}, 1, 1]


def test_an_answer_to_an_edit_that_a_newer_one_has_overtaken_is_not_shown(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    page.keyboard.press("1")
    late = CellEditor(editor.value.space.architecture({**editor.decisions, "0->1": "skip_connect"}), [])
    page.evaluate("drawing => models[0].say({drawing})", {**late.drawing, "revision": 1})
    assert labels(page)["0->1"] == "none"


def test_undo_and_redo_go_back_and_forth_and_a_new_edit_ends_redo(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("1")
    page.keyboard.press("2")
    seen = []
    for keys in ("Control+z", "Control+z", "Control+z", "Control+y", "Control+Shift+Z"):
        page.keyboard.press(keys)
        seen.append(labels(page)["0->1"])
    assert seen == ["none", "conv 3×3", "conv 3×3", "none", "skip"]
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("5")
    assert page.get_by_role("button", name="Redo").is_disabled()


def test_a_refused_edit_is_taken_back_and_the_reason_is_shown(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    refusal = {**editor.drawing, "revision": 1, "refused": True}
    page.evaluate("s => models[0].say(s)", {"message": "not in this space", "drawing": refusal})
    assert labels(page)["0->1"] == "conv 3×3"
    assert page.get_by_role("alert").inner_text() == "not in this space"
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_a_value_from_python_enters_the_history(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    editor.value = editor.value.space.neighbors(editor.value)[0]
    changed = {e["question"]: e["label"] for e in editor.drawing["edges"]}
    before = labels(page)
    page.evaluate("s => models[0].say(s)", {"revision": editor.revision, "drawing": editor.drawing})
    assert labels(page) == changed
    page.get_by_role("button", name="Undo").click()
    assert labels(page) == before


def test_the_menu_at_an_edge_is_worked_by_mouse_and_by_keyboard(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='1->3'] .wb-pill").click()
    page.get_by_role("menuitemradio", name="skip").click()
    assert labels(page)["1->3"] == "skip"
    assert page.evaluate("document.activeElement.dataset.question") == "1->3"
    page.keyboard.press("Enter")
    assert page.get_by_role("menuitemradio", checked=True).inner_text().endswith("skip")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert labels(page)["1->3"] == "conv 1×1"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert not page.get_by_role("menu").is_visible()


def test_arrow_keys_and_the_palette_change_the_chosen_edge(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='1->2']").focus()
    page.keyboard.press("ArrowRight")
    assert labels(page)["1->2"] == "conv 1×1"
    page.locator(".wb-chip", has_text="avg pool").click()
    assert labels(page)["1->2"] == "avg pool"


def test_tab_goes_from_edge_to_edge(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.question") == "0->2"


def test_the_new_numbers_are_read_out(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.evaluate("d => models[0].say({drawing: d})", {**editor.drawing, "revision": 0})
    assert editor.facts[0]["value"] in page.locator("[aria-live]").inner_text()


def test_hostile_names_are_shown_as_text_in_the_editor(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"] and a.decisions["kind"] == HOSTILE)
    page = stage.show(CellEditor(start, []))
    page.locator("[data-question='kind']").focus()
    page.keyboard.press("Enter")
    assert page.locator("h3").inner_text() == f"{awkward.name} cell"
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_questions_beside_the_drawing_are_answered_in_lists(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions.get("depth") == 1)
    page = stage.show(CellEditor(start, []))
    page.get_by_label("depth").select_option(index=1)
    assert page.evaluate("models[0].state.decisions.depth") == 2


class OneBlock(SearchSpace):
    """A block whose operation two answers make."""

    name = "one_block"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        kernel = choices.suggest_categorical("b.kernel", (3, 5, 7))
        expand = choices.suggest_categorical("b.expand", (3, 6))
        graph = nx.DiGraph()
        graph.add_node("in", role="input", label="in")
        graph.add_node("b", role="op", op=f"mbconv_k{kernel}_e{expand}", questions=("b.kernel", "b.expand"))
        graph.add_node("out", role="output", label="out")
        nx.add_path(graph, ["in", "b", "out"])
        return graph

    def network(self, graph: nx.DiGraph, task: object) -> torch.nn.Module:
        return torch.nn.Identity()


def test_a_node_made_of_several_answers_offers_each_of_them(stage: Stage) -> None:
    page = stage.show(CellEditor(OneBlock().architecture({"b.kernel": 3, "b.expand": 6}), []))
    assert page.locator(".wb-more select").count() == 0  # the node asks both, so that no list has to
    page.locator("[data-question='b.kernel']").click()
    assert page.locator(".wb-section").all_inner_texts() == ["b.kernel\n13\n25\n37", "b.expand\n43\n56"]
    page.keyboard.press("3")
    assert page.evaluate("models[0].state.decisions") == {"b.kernel": 7, "b.expand": 6}
    page.locator("[data-question='b.kernel']").click()
    page.get_by_role("group", name="b.expand").get_by_role("menuitemradio").first.click()
    assert page.evaluate("models[0].state.decisions") == {"b.kernel": 7, "b.expand": 3}
    assert page.locator(".wb-chip").count() == 5


def test_an_error_in_the_browser_half_is_shown_in_the_page(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.evaluate("d => models[0].say({drawing: d})", {**editor.drawing, "edges": 3})
    assert page.get_by_role("alert").inner_text().startswith("This widget failed in the browser: ")
    assert len(stage.record.errors) == 1
    stage.record.errors.clear()


def test_text_and_lines_can_be_told_from_the_paper_in_light_and_in_dark(stage: Stage, editor: CellEditor) -> None:
    for scheme in ("light", "dark"):
        page = stage.show(editor, scheme=scheme)
        paper = _colour(page, ".wb", "background-color")
        assert _contrast(_colour(page, ".wb-picture text", "fill"), paper) > 7
        assert _contrast(_colour(page, ".wb-facts span", "color"), paper) > 4.5
        strokes = [_colour(page, f"[data-question='{q}'] .wb-line", "stroke") for q in ("0->1", "1->2", "1->3")]
        assert min(_contrast(stroke, paper) for stroke in strokes) > 2.1


# -- several marks at once -----------------------------------------------------------------------------------------


def chosen(page: Page) -> list[str]:
    found: list[str] = page.locator(".wb-selected").evaluate_all("gs => gs.map(g => g.dataset.question)")
    return found


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], *way: tuple[float, float], drop: bool = True) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for place in way:
        page.mouse.move(*place, steps=5)
    if drop:
        page.mouse.up()


def pill(question: str) -> str:
    return f"[data-question='{question}'] .wb-pill"


def test_ctrl_and_shift_click_choose_several_edges_which_change_as_one_step(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator(pill("0->1")).click(modifiers=["Control"])
    page.locator(pill("1->3")).click(modifiers=["Shift"])
    page.locator(pill("0->3")).click(modifiers=["Control"])
    page.locator(pill("0->3")).click(modifiers=["Control"])
    assert chosen(page) == ["0->1", "1->3"]
    assert not page.get_by_role("menu").is_visible()
    page.locator(".wb-chip", has_text="skip").click()
    assert [labels(page)[q] for q in ("0->1", "1->3", "0->3")] == ["skip", "skip", "conv 1×1"]
    assert page.evaluate("[models[0].state.revision, models[0].saved]") == [1, 1]
    page.locator("[data-question='1->3']").focus()
    page.keyboard.press("1")
    assert [labels(page)[q] for q in ("0->1", "1->3")] == ["none", "none"]
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert [labels(page)[q] for q in ("0->1", "1->3")] == ["conv 3×3", "avg pool"]
    assert "edited" not in page.locator(".wb-head").inner_text()


def test_a_band_over_empty_paper_chooses_what_lies_in_it(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    box = page.locator(".wb-picture").bounding_box()
    assert box is not None
    x, y = middle(page, pill("2->3"))
    drag(page, (box["x"] + 5, box["y"] + 6), (x - 60, y + 20))
    assert set(chosen(page)) == {"0->1", "0->2", "1->2", "0->3"}
    page.keyboard.press("Escape")
    assert chosen(page) == []


def test_the_keyboard_chooses_all_or_one_more(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator(".wb-picture").focus()
    page.keyboard.press("Control+a")
    assert len(chosen(page)) == 6
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert set(labels(page).values()) == {"skip"}
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+Space")
    assert chosen(page) == ["0->1", "0->2"]
    page.keyboard.press("ArrowLeft")
    assert [labels(page)[q] for q in ("0->1", "0->2", "1->2")] == ["none", "none", "skip"]


def test_an_operation_that_a_mark_does_not_know_passes_it_by(stage: Stage) -> None:
    page = stage.show(CellEditor(wb.search_space("nasbench101").parse(FREE)))
    page.locator("[data-question='op1']").click(modifiers=["Control"])
    page.locator("[data-question='0->1'] .wb-reach").click(modifiers=["Control"], force=True)
    page.locator("[data-question='op1']").focus()
    page.keyboard.press("1")
    assert page.evaluate("[models[0].state.decisions.op1, models[0].state.decisions['0->1']]") == ["maxpool3x3", True]


# -- the palette ---------------------------------------------------------------------------------------------------


def test_a_chip_is_dragged_onto_an_edge(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    start = middle(page, ".wb-chip:nth-child(5)")
    drag(page, start, middle(page, pill("1->2")), drop=False)
    assert page.locator(".wb-can").count() == 6
    assert page.locator(".wb-hint:visible").inner_text() == "✓ edge 1 to 2 becomes avg pool"
    page.mouse.up()
    assert labels(page)["1->2"] == "avg pool"
    assert page.locator(".wb-can, .wb-hint:visible").count() == 0
    assert chosen(page) == ["1->2"]


def test_a_chip_dragged_where_it_does_not_fit_says_so_and_does_nothing(stage: Stage) -> None:
    page = stage.show(CellEditor(wb.search_space("nasbench101").parse(FREE)))
    x, y = edge_point(page, "0 6", 0.5)
    drag(page, middle(page, ".wb-chip:nth-child(1)"), (x, y), drop=False)
    assert page.locator(".wb-can").count() == 5
    assert page.locator(".wb-hint:visible").inner_text() == "✕ edge in to out does not take max pool"
    page.mouse.up()
    assert page.evaluate("models[0].saved") == 0
    drag(page, middle(page, ".wb-chip:nth-child(1)"), middle(page, "[data-question='op2']"), drop=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.evaluate("models[0].saved") == 0


# -- edges by hand -------------------------------------------------------------------------------------------------


def edge_point(page: Page, edge: str, share: float) -> tuple[float, float]:
    """A point of an edge's line, from its source (0) to its arrow (1)."""
    x, y = page.locator(f"[data-edge='{edge}'] .wb-line").evaluate(
        """(line, share) => { const { x, y } = line.getPointAtLength(line.getTotalLength() * share);
            const at = new DOMPoint(x, y).matrixTransform(line.getScreenCTM()); return [at.x, at.y]; }""",
        share,
    )
    return x, y


def rim(page: Page, node: str) -> tuple[float, float]:
    """A point on a node's upper border."""
    box = page.locator(f"[data-node='{node}'] .wb-box").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + 1


def drawn(page: Page) -> set[str]:
    return set(page.locator("[data-edge]").evaluate_all("gs => gs.map(g => g.dataset.edge)"))


@pytest.fixture
def cell101() -> CellEditor:
    return CellEditor(wb.search_space("nasbench101").parse(FREE))


def test_dragging_from_a_nodes_rim_draws_an_edge(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    kernel, before = Played(page, cell101), drawn(page)
    drag(page, rim(page, "1"), middle(page, "[data-node='4']"), drop=False)
    asked = page.evaluate("models[0].sent.at(-1)")
    assert asked == {"kind": "targets", "ask": asked["ask"], "source": "1", "target": "", "end": ""}
    kernel.answer()
    page.mouse.move(*[c + 1 for c in middle(page, "[data-node='4']")])
    assert str(page.locator("[data-node='4']").get_attribute("class")).split()[-2:] == ["wb-aim", "wb-can"]
    assert page.locator(".wb-hint:visible").inner_text() == "✓ draw 1 → 4"
    page.mouse.up()
    kernel.answer()
    assert drawn(page) == before | {"1 4"}
    page.keyboard.press("Control+z")
    kernel.answer()
    assert cell101.text == FREE


def test_while_dragging_every_node_shows_whether_it_is_valid_and_why_not(stage: Stage) -> None:
    editor = CellEditor(wb.search_space("nasbench101").parse(NINE))
    page = stage.show(editor)
    kernel = Played(page, editor)
    drag(page, rim(page, "0"), middle(page, "[data-node='1']"), drop=False)
    kernel.answer()
    page.mouse.move(*middle(page, "[data-node='1']"), steps=2)
    assert page.locator(".wb-hint:visible").inner_text() == (
        "✕ The cell has 10 edges after pruning; nasbench101 allows 9: drop some."
    )
    invalid = page.locator("[data-node='1']")
    assert "wb-cannot" in str(invalid.get_attribute("class"))
    dashes, width = invalid.locator(".wb-box").evaluate(
        "b => [getComputedStyle(b).strokeDasharray, getComputedStyle(b).strokeWidth]"
    )
    assert (dashes, width) == ("3px, 3px", "4px")
    page.mouse.up()
    assert "allows 9" in page.get_by_role("alert").inner_text()
    assert page.evaluate("models[0].saved") == 0
    assert page.locator(".wb-can, .wb-cannot, .wb-aim").count() == 0


def test_a_drop_before_the_kernel_has_answered_waits_for_it(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    kernel = Played(page, cell101)
    drag(page, rim(page, "2"), middle(page, "[data-node='5']"))
    assert page.evaluate("models[0].saved") == 0
    kernel.answer()
    assert page.evaluate("models[0].state.decisions['2->5']") is True


def test_dragging_an_edges_end_moves_it(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    kernel, before = Played(page, cell101), drawn(page)
    x, y = edge_point(page, "0 6", 1.0)
    drag(page, (x - 3, y - 5), middle(page, "[data-node='3']"), drop=False)
    kernel.answer()
    page.mouse.move(*[c + 1 for c in middle(page, "[data-node='3']")])
    assert page.locator(".wb-hint:visible").inner_text() == "✓ move to in → 3"
    page.mouse.up()
    kernel.answer()
    assert drawn(page) == before - {"0 6"} | {"0 3"}


def test_delete_takes_the_focused_edge_away_or_says_why_not(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    kernel = Played(page, cell101)
    page.locator("[data-question='0->6']").focus()
    page.keyboard.press("Delete")
    kernel.answer()
    kernel.answer()
    assert "0 6" not in drawn(page)
    page.locator("[data-question='2->3']").focus()
    page.keyboard.press("Delete")
    kernel.answer()
    assert page.get_by_role("alert").inner_text().startswith("No path leads from the input to the output")


def test_edges_are_drawn_by_keyboard_alone_and_every_step_is_read_out(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    kernel, live = Played(page, cell101), page.locator("[aria-live]")
    page.locator("[data-node='0']").focus()  # asks nothing, and is reached all the same
    assert page.evaluate("document.activeElement.ariaLabel") == "node in, press e to draw an edge"
    page.keyboard.press("e")
    assert live.inner_text() == "drawing an edge: arrows choose a node, Enter takes it, Escape leaves"
    kernel.answer()
    assert live.inner_text() == "1: not possible, in → 1 is there already."
    page.keyboard.press("ArrowRight")
    assert live.inner_text() == "2: draw in → 2"
    page.keyboard.press("Enter")
    kernel.answer()
    assert "0 2" in drawn(page)
    page.locator("[data-question='0->6']").focus()
    page.keyboard.press("s")
    kernel.answer()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    kernel.answer()
    assert {"0 6", "2 6"} & drawn(page) == {"2 6"}
    page.keyboard.press("Escape")
    page.locator("[data-node='3']").focus()
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    assert page.locator(".wb-wiring").count() == 0


def test_edges_of_darts_move_with_their_operations(stage: Stage) -> None:
    editor = CellEditor(wb.search_space("darts").sample(1)[0], [])
    page = stage.show(editor, width=860)
    kernel = Played(page, editor)
    (edge,) = [e for e in editor.drawing["edges"] if e["question"] == "normal.3.op1"]
    end = next(
        n for n in ("normal.0", "normal.1", "normal.2") if not page.locator(f"[data-edge='{n} normal.3']").count()
    )
    page.locator("[data-question='normal.3.op1']").focus()
    page.keyboard.press("s")
    kernel.answer()
    for _ in range(20):
        if page.locator(f"[data-node='{end}'].wb-aim").count():
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    kernel.answer()
    assert editor.value.graph.edges[end, "normal.3"]["op"] == edge["op"]
    assert page.locator(f"[data-edge='{end} normal.3'] text").text_content() == edge["label"]


def test_a_space_without_questions_about_edges_offers_no_wiring(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.mouse.move(*rim(page, "1"))
    assert page.locator(".wb-gripping").count() == 0
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("Delete")
    assert [m for m in page.evaluate("models[0].sent") if m["kind"] == "targets"] == []
    assert "Delete" not in page.evaluate("document.activeElement.ariaLabel")


def test_lists_about_edges_are_folded_away_and_still_work(stage: Stage, cell101: CellEditor) -> None:
    page = stage.show(cell101)
    assert not page.get_by_label("0->3").is_visible()
    page.get_by_text("edges as lists").click()
    page.get_by_label("0->3").select_option(index=1)
    assert page.evaluate("models[0].state.decisions['0->3']") is True


# -- copy and paste ------------------------------------------------------------------------------------------------


def clip(page: Page) -> str:
    """What Ctrl+C puts on the clipboard."""
    text: str = page.evaluate(
        """() => { const data = new DataTransfer();
            const about = { clipboardData: data, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("copy", about));
            return data.getData("text/plain"); }"""
    )
    return text


def paste(page: Page, text: str) -> None:
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData("text/plain", text);
            const about = { clipboardData: data, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", about)); }""",
        text,
    )


def test_chosen_operations_are_copied_and_pasted_in_order(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    for question in ("1->3", "0->1"):
        page.locator(pill(question)).click(modifiers=["Control"])
    page.locator("[data-question='0->1']").focus()
    assert clip(page) == "avg_pool_3x3\nnor_conv_3x3"
    page.keyboard.press("Escape")
    for question in ("0->2", "0->3"):
        page.locator(pill(question)).click(modifiers=["Control"])
    page.locator("[data-question='0->3']").focus()
    paste(page, "avg_pool_3x3\nnor_conv_3x3")
    assert [labels(page)[q] for q in ("0->2", "0->3")] == ["avg pool", "conv 3×3"]
    assert page.evaluate("[models[0].state.revision, models[0].saved]") == [1, 1]
    paste(page, "skip_connect")
    assert [labels(page)[q] for q in ("0->2", "0->3")] == ["skip", "skip"]


def test_the_browsers_own_keys_copy_and_paste(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='1->3']").focus()
    page.keyboard.press("Control+c")
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("Control+v")
    assert labels(page)["0->1"] == "avg pool"


def test_nothing_chosen_copies_the_architecture_and_a_pasted_one_replaces_it(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    kernel = Played(page, editor)
    page.locator(".wb-picture").focus()
    assert clip(page) == editor.text
    other = str(editor.value.space.sample(1, seed=5)[0])
    paste(page, f" {other}\n")
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "paste", "text": other}
    kernel.answer()
    assert page.locator(".wb-text").inner_text() == editor.text == other
    page.keyboard.press("Control+z")
    assert labels(page)["1->3"] == "avg pool"


@pytest.mark.parametrize("text", ["nonsense", HOSTILE, "", "avg_pool_3x3", "x" * 200_000])
def test_nonsense_pasted_changes_nothing_and_gives_one_clear_message(
    stage: Stage, editor: CellEditor, text: str
) -> None:
    page = stage.show(editor)
    kernel, before = Played(page, editor), editor.value
    page.locator(".wb-picture").focus()
    paste(page, text)
    if page.evaluate("models[0].sent.some(({ kind }) => kind === 'paste')"):
        kernel.answer()
    words = page.get_by_role("alert").inner_text()
    assert words.startswith("Not pasted")
    assert len(words) < 330
    assert editor.value == before
    assert page.evaluate("window.hacked") is None


# -- two views, one widget -----------------------------------------------------------------------------------------


def second_view(page: Page, editor: CellEditor) -> Locator:
    """Another view of the first widget in the same page, made as a notebook makes it."""
    page.evaluate(
        """async bundle => {
            const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
            const el = document.createElement("div");
            el.id = "second";
            document.body.append(el);
            (await import(url)).default.render({ model: models[0], el });
        }""",
        editor._esm,
    )
    return page.locator("#second")


def test_two_views_stay_equal_and_share_their_history_while_the_kernel_is_silent(
    stage: Stage, editor: CellEditor
) -> None:
    page = stage.show(editor)
    first, second = page.locator("#widget-0"), second_view(page, editor)

    def shown(view: Locator) -> tuple[Any, ...]:
        edges = view.locator("[data-question]").evaluate_all("gs => gs.map(g => g.textContent)")
        return edges, view.locator(".wb-facts").inner_text(), view.locator(".wb-head").inner_text()

    first.locator("[data-question='0->1']").focus()
    page.keyboard.press("5")
    assert shown(first) == shown(second)
    second.locator("[data-question='1->2']").focus()
    page.keyboard.press("1")
    assert shown(first) == shown(second)
    assert "edited 2 times" in second.locator(".wb-head").inner_text()
    first.get_by_role("button", name="Undo").click()
    first.get_by_role("button", name="Undo").click()
    assert shown(first) == shown(second)
    assert second.get_by_role("button", name="Undo").is_disabled()
    second.get_by_role("button", name="Redo").click()
    assert shown(first) == shown(second)
    assert page.evaluate("models[0].saved") == 5


# -- at once, from the page's own numbers --------------------------------------------------------------------------


def test_an_edit_shows_its_numbers_liveness_and_name_in_the_same_frame_as_the_kernel_would(
    stage: Stage, editor: CellEditor
) -> None:
    page = stage.show(editor, sheet=True)
    kernel = Played(page, editor)
    page.wait_for_function("models[0].get('sheet').rows")
    page.wait_for_timeout(200)  # the names are being read

    def shown() -> dict[str, Any]:
        state: dict[str, Any] = page.evaluate(
            """() => {
                const marks = [...document.querySelectorAll(".wb-edge, .wb-node")];
                const words = (place) => document.querySelector(place).innerText;
                return { facts: words(".wb-facts"), text: words(".wb-text"),
                    marks: marks.map(g => [g.className.baseVal, g.textContent]) }; }"""
        )
        return state

    for question, key in [("0->1", "1"), ("2->3", "1"), ("0->3", "2"), ("1->3", "1"), ("0->3", "1"), ("2->3", "4")]:
        page.locator(f"[data-question='{question}']").focus()
        page.keyboard.press(key)
        at_once = shown()
        kernel.answer()
        assert shown() == at_once
        assert at_once["text"] == editor.text
    assert page.locator(".wb-dead").count() > 0
    assert page.evaluate("models[0].get('opened').name") == editor.text


def test_an_edit_is_one_message_and_tells_linked_views_its_name(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor, sheet=True)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert page.evaluate("models[0].get('opened').name") == page.locator(".wb-text").inner_text()
    assert page.evaluate("models[0].get('decisions')['0->1']") == "skip_connect"


def test_without_numbers_in_the_page_the_old_ones_are_shown_as_old(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    before = page.locator(".wb-facts").inner_text()
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert page.locator(".wb-facts").inner_text() == before
    page.wait_for_selector(".wb-late")
    Played(page, editor).answer()
    assert page.locator(".wb-late").count() == 0
    assert page.locator(".wb-facts").inner_text() != before


def test_a_space_with_a_rule_of_its_own_for_what_is_alive_is_not_guessed_at(stage: Stage, awkward: SearchSpace) -> None:
    """Nothing is ever dead there, though nothing reaches an output."""
    editor = CellEditor(awkward.architecture({f"node {HOSTILE}": "conv", "kind": "skip", "wide": False}), [])
    page = stage.show(editor)
    page.locator("[data-question='kind']").focus()
    page.keyboard.press("2")
    assert page.locator(".wb-dead").count() == 0


def test_an_edit_takes_little_of_a_frame(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor, sheet=True)
    page.locator("[data-question='0->1']").focus()
    times = page.evaluate(
        """() => Array.from({ length: 60 }, (_, i) => {
            const edge = document.querySelector("[data-question='0->1']");
            const [key, began] = [String(i % 5 + 1), performance.now()];
            edge.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
            document.querySelector(".wb-facts").getBoundingClientRect(); // with its layout
            return performance.now() - began;
        })"""
    )
    assert sorted(times)[30] < 50


# -- without a kernel ----------------------------------------------------------------------------------------------

GONE = "the kernel is gone: numbers come from this page, nothing reaches Python"
ALONE = "this page has no kernel: numbers come from this page"


def test_on_an_exported_page_the_editor_edits_undoes_and_says_where_its_numbers_come_from(
    stage: Stage, editor: CellEditor, bench: Benchmark
) -> None:
    page = stage.show(editor, sheet=True, alone=True)
    assert page.locator(".wb-head").inner_text().splitlines()[1] == ALONE
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("1")
    arch = bench.space.architecture({**editor.decisions, "0->1": "none"})
    assert page.locator(".wb-text").inner_text() == str(arch)
    assert page.locator(".wb-facts").inner_text().startswith(f"{bench.query(arch)['valid_accuracy']:.2f}")
    assert f"edited 1 time · {ALONE}" in page.locator(".wb-head").inner_text()
    assert f"{bench.query(arch)['valid_accuracy']:.2f}" in page.locator("[aria-live]").inner_text()
    page.keyboard.press("Control+z")
    assert page.locator(".wb-text").inner_text() == editor.text
    page.wait_for_timeout(500)
    assert page.locator(".wb-late").count() == 0
    paste(page, str(arch))
    assert page.locator(".wb-text").inner_text() == str(arch)


def test_a_kernel_that_is_lost_later_is_noticed_and_without_numbers_nothing_can_be_changed(
    stage: Stage, cell101: CellEditor
) -> None:
    page = stage.show(cell101)
    before = page.locator(".wb-text").inner_text()
    page.evaluate("document.querySelector('#widget-0').classList.add('jupyter-widgets-disconnected')")
    page.evaluate("models[0].emit('comm_live_update')")
    assert page.locator(".wb-head").inner_text().splitlines()[1] == "the kernel is gone: read-only"
    page.locator("[data-question='op1']").focus()
    page.keyboard.press("1")
    assert page.get_by_role("alert").inner_text().startswith("Not changed: the kernel is gone")
    assert page.evaluate("[models[0].state.revision, models[0].saved]") == [0, 0]
    assert page.locator(".wb-text").inner_text() == before
    page.keyboard.press("e")
    assert "Only the kernel knows" in page.get_by_role("alert").inner_text()
    page.keyboard.press("Delete")
    paste(page, NINE)
    assert page.get_by_role("alert").inner_text().startswith("Not pasted")
    assert page.evaluate("models[0].saved") == 0


def test_a_kernel_that_does_not_answer_is_reported(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.clock.install()
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    page.clock.fast_forward(5100)
    assert page.get_by_role("alert").inner_text() == (
        "The kernel has not answered yet: the numbers are those before the edit."
    )
    Played(page, editor).answer()
    assert not page.get_by_role("alert").is_visible()


class Links(SearchSpace):
    """Two nodes in a chain or side by side: one answer is the whole wiring."""

    name = "links"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        chain = choices.suggest_categorical("links", ("chain", "beside")) == "chain"
        graph = nx.DiGraph()
        graph.add_node("in", role="input", label="in")
        for name in ("a", "b"):
            graph.add_node(name, role="op", op=choices.suggest_categorical(name, ("conv", "pool")), question=name)
        graph.add_node("out", role="output", label="out")
        pairs = [("in", "a"), ("a", "b"), ("b", "out")]
        graph.add_edges_from(pairs if chain else [("in", "a"), ("in", "b"), ("a", "out"), ("b", "out")])
        return graph

    def network(self, graph: nx.DiGraph, task: object) -> torch.nn.Module:
        return torch.nn.Identity()


def test_where_only_the_kernel_can_draw_the_picture_says_that_it_is_an_earlier_one(stage: Stage) -> None:
    space = Links()
    editor = CellEditor(space.architecture({"links": "chain", "a": "conv", "b": "conv"}), [])
    page = stage.show(editor, sheet=True, alone=True)
    other = str(space.architecture({"links": "beside", "a": "pool", "b": "conv"}))
    page.locator(".wb-picture").focus()
    paste(page, other)
    assert page.locator(".wb-text").inner_text() == other
    assert page.get_by_text("An earlier architecture is drawn: only the kernel can draw this one.").is_visible()
    assert labels(page) == {"a": "pool", "b": "conv"}
    page.keyboard.press("Control+z")
    assert not page.locator(".wb-stale").is_visible()
    assert labels(page) == {"a": "conv", "b": "conv"}


def test_the_edges_of_a_space_whose_edges_ask_nothing_are_reached_by_keyboard_too(stage: Stage) -> None:
    editor = CellEditor(Links().architecture({"links": "chain", "a": "conv", "b": "conv"}), [])
    page = stage.show(editor)
    kernel = Played(page, editor)
    page.locator("[data-edge='a b']").focus()
    assert page.evaluate("document.activeElement.ariaLabel").startswith("edge a → b, press e to move its end")
    page.keyboard.press("s")
    kernel.answer()
    for _ in range(3):
        if not page.locator("[data-node='in'].wb-aim").count():
            page.keyboard.press("ArrowRight")
    assert page.locator("[aria-live]").inner_text() == "in: move to in → b; a → out comes"
    page.keyboard.press("Enter")
    kernel.answer()
    assert editor.value.decisions["links"] == "beside"


# -- linked with other views ---------------------------------------------------------------------------------------


def test_what_another_view_opens_is_shown_and_can_be_undone(stage: Stage, editor: CellEditor) -> None:
    other = CellEditor(editor.value.space.sample(1, seed=2)[0], editor._benchmarks)
    wb.link(editor, other)
    page = stage.show(editor, other, sheet=True, alone=True)
    page.locator("#widget-1 [data-question='0->1']").focus()
    page.keyboard.press("1")
    name = page.locator("#widget-1 .wb-text").inner_text()
    assert page.locator("#widget-0 .wb-text").inner_text() == name
    assert page.locator("#widget-0 .wb-facts").inner_text() == page.locator("#widget-1 .wb-facts").inner_text()
    page.locator("#widget-0").get_by_role("button", name="Undo").click()
    assert page.locator("#widget-0 .wb-text").inner_text() != name
    assert page.locator("#widget-1 .wb-text").inner_text() == page.locator("#widget-0 .wb-text").inner_text()


def test_the_compare_button_is_there_when_the_group_has_a_tray(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    assert not page.get_by_role("button", name="compare").is_visible()


# -- for everybody -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(
    stage: Stage, editor: CellEditor, cell101: CellEditor, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = stage.show(editor, cell101, scheme=scheme)
    page.locator("#widget-1").get_by_text("edges as lists").click()
    page.locator("#widget-0 [data-question='0->1']").focus()
    page.keyboard.press("Enter")
    found = axe.Axe().run(page, context=".wb").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_narrow_page_keeps_everything_in_it(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor, width=420)
    box = page.locator(".wb").bounding_box()
    assert box is not None
    for part in (".wb-head", ".wb-bar", ".wb-figure", ".wb-facts"):
        inner = page.locator(part).first.bounding_box()
        assert inner is not None
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]


def _colour(page: Page, selector: str, name: str) -> list[float]:
    words: str = page.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    return [float(part) for part in words.removeprefix("rgb(").removesuffix(")").split(",")]


def _contrast(a: list[float], b: list[float]) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: list[float]) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
