"""Every widget under axe-core, in light and dark: no rule of WCAG 2.2 AA that a machine can check is broken."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import optuna
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SETTINGS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_FINDINGS = """async (settings) => (await axe.run({ include: [["main"]] }, settings)).violations.map((found) =>
  `${found.id}: ${found.help} (${found.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")})`)"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core, from a package on this machine."""
    pytest.importorskip("axe_playwright_python", reason="pip install 'nas-workbench[dev]'")
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ordinary(hostile: ModuleType) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return hostile.Case(hostile.ORDINARY)


def findings(browser: Browser, axe: str, path: Path) -> list[str]:
    """What axe says of a page whose widgets have been drawn, in light and in dark."""
    context = browser.new_context(viewport={"width": 900, "height": 1200}, bypass_csp=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.widgets === 'alive'")
    page.evaluate(axe)
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)
        found += [f"{scheme}: {one}" for one in page.evaluate(_FINDINGS, SETTINGS)]
    if page.locator(".wb-editor [data-question]").count():  # the menu of operations, too
        page.locator(".wb-editor [data-question]").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        found += page.evaluate(_FINDINGS, SETTINGS)
    context.close()
    return found


def names() -> list[str]:
    return sorted(
        name
        for name in wb.__all__
        if isinstance(getattr(wb, name), type) and hasattr(getattr(wb, name), "_repr_mimebundle_")
        and getattr(wb, name).__module__.startswith("workbench.widgets.")
    )  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_axe_finds_nothing_in_a_widget(
    name: str, ordinary: Any, hostile: ModuleType, browser: Browser, axe: str, tmp_path: Path
) -> None:
    wb.page(["# A page\n\n## A widget", *hostile.FACTORIES[name](ordinary)], tmp_path / "p.html")
    assert findings(browser, axe, tmp_path / "p.html") == []


def test_axe_finds_nothing_in_the_weights_of_a_search(
    bench: Benchmark, browser: Browser, axe: str, tmp_path: Path
) -> None:
    measures, weights = [bench.measure("valid_accuracy"), bench.measure("latency_ms")], {"latency_ms": 0.3}
    study = wb.search(bench.space, measures, "random", 8, weights=weights, progress=False)
    wb.page(["# A page\n\n## A widget", wb.SearchMonitor(study)], tmp_path / "p.html")
    assert findings(browser, axe, tmp_path / "p.html") == []
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "alone=!0" in text
    (tmp_path / "q.html").write_text(text.replace("alone=!0", "alone=!1"), encoding="utf-8")  # as if it had a kernel
    assert findings(browser, axe, tmp_path / "q.html") == []


def test_axe_finds_nothing_in_the_cell_of_a_supernet(browser: Browser, axe: str, tmp_path: Path) -> None:
    from workbench import supernets as sn

    net = wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)
    worth = {name: [0.4, 0.3, 0.1, 0.1, 0.1] for name in net.options}
    record = {"loss": 1.0, "accuracy": 0.5, "macs": 1e5, "probabilities": worth}
    training = sn.Training(net, sn.Recipe(epochs=3), [record] * 3, "done")
    wb.page(["# A page\n\n## A widget", wb.SupernetMonitor(training, limit=9e4)], tmp_path / "p.html")
    assert findings(browser, axe, tmp_path / "p.html") == []


def test_axe_finds_nothing_in_linked_views_of_real_accuracies(
    browser: Browser, axe: str, tmp_path: Path, bench: Benchmark, cell: str
) -> None:
    editor = wb.CellEditor(bench.space.parse(cell), bench)
    atlas = wb.SpaceMap(bench, editor=editor)
    atlas.select(bench.table()["valid_accuracy"] > 91)
    path = Path(wb.page(["# Cells\n\n## The best\n\nSome words.", [editor, atlas]], tmp_path / "p.html"))
    assert findings(browser, axe, path) == []
