"""The style sheet of a widget holds for that widget only, whatever other widgets of the page call the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from torch import nn

import workbench as wb
from workbench.benchmarks import Benchmark

if TYPE_CHECKING:
    from types import ModuleType

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

# Of every element: its place in the widget, and the look that a style sheet would change first.
LOOKS = """() => Object.fromEntries([...document.querySelectorAll(".wb")].map((root) => [root.classList[1],
  [...root.querySelectorAll("*:not(style)")].map((one) => {
    const look = getComputedStyle(one);
    return [one.tagName, one.getAttribute("class"), look.display, look.color, look.backgroundColor, look.borderRadius,
            look.fontSize, look.fontWeight, look.stroke, look.fill, look.padding, look.textAlign].join(" | ");
  })]))"""


@pytest.fixture(scope="module")
def widgets(bench: Benchmark) -> list[Any]:
    """A widget of each kind that has names in common with others."""
    arch = bench.space.sample(1, seed=0)[0]
    table = bench.table()[["latency_ms", "params_m"]].iloc[:60]
    table.attrs = {"space": bench.space.name}
    study = wb.search(bench.space, bench.measure("valid_accuracy"), n_trials=5, progress=False)
    return [
        wb.CellEditor(arch, bench),
        wb.SpaceMap(table),
        wb.Neighborhood(arch, benchmark=bench),
        wb.ArchitectureDiff(arch, bench.space.mutate(arch, seed=1), benchmark=bench),
        wb.FrontPicker(table, better={"latency_ms": "lower", "params_m": "lower"}),
        wb.ProxyBoard(table, {"truth": bench.table()["valid_accuracy"].iloc[:60]}, n_boot=10),
        wb.SearchMonitor(study, bench),
        wb.Lineage(study, bench),
        wb.SupernetMonitor(_training()),
        wb.PipelineView("nasbench201"),
        wb.ModuleTree(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())),
    ]


def _training() -> Any:
    from workbench import supernets as sn

    net = wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)
    worth = {name: [0.2] * len(allowed) for name, allowed in net.options.items()}
    records = [{"loss": 1.0, "accuracy": 0.5, "macs": 1e5 + i, "probabilities": worth} for i in range(3)]
    return sn.Training(net, sn.Recipe(epochs=3), records, "done")


def test_a_widget_looks_the_same_alone_and_beside_all_the_others(
    browser: Browser, pages: ModuleType, widgets: list[Any], tmp_path: Any
) -> None:
    page = browser.new_page(viewport={"width": 760, "height": 1000})

    def looks(shown: list[Any]) -> dict[str, list[str]]:
        file = tmp_path / "page.html"
        file.write_text(pages.page_of(*shown), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_function("() => window.ready")
        page.wait_for_timeout(500)
        found: dict[str, list[str]] = page.evaluate(LOOKS)
        return found

    together = looks(widgets)
    assert len(together) == len(widgets)
    for widget in widgets:
        ((name, alone),) = looks([widget]).items()
        assert len(alone) > 5, name
        other = [(here, there) for here, there in zip(together[name], alone, strict=True) if here != there]
        assert other == [], name
    page.close()
