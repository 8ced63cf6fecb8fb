"""Hostile names through every widget, its tooltips, stills, pages and reports: shown as text, and nothing ever runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import nbformat
import optuna
import pytest
from nbformat.v4 import new_code_cell, new_output

import workbench as wb
from workbench.pipelines.report import report
from workbench.widgets.page import STATES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PARTS = 2  # pages on which the payloads are spread, so that each is in every place of a widget


def widget_names() -> list[str]:
    """Every public widget, by its class: a new one is held to this without being named here."""
    found = {name: getattr(wb, name) for name in wb.__all__}
    return sorted(name for name, one in found.items() if isinstance(one, type) and issubclass(one, anywidget.AnyWidget))


@pytest.fixture(scope="module")
def cases(hostile: ModuleType) -> Callable[[int], Any]:
    made: dict[int, Any] = {}

    def case(part: int) -> Any:
        if part not in made:
            texts = hostile.PAYLOADS[part::PARTS]
            made[part] = hostile.Case(texts)
        return made[part]

    return case


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna tells every study's name."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def test_every_public_widget_has_a_factory(hostile: ModuleType) -> None:
    assert set(hostile.FACTORIES) == set(widget_names())


def test_there_are_payloads_enough(hostile: ModuleType) -> None:
    assert len(set(hostile.PAYLOADS)) >= 100


def without_policy(html: str) -> str:
    """A page whose own policy would stop what is to be seen: without it everything that can run, runs."""
    bare, count = re.subn(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", html)
    assert count == 1
    return bare


class Watched:
    """A page that is used as a person would use it, and everything about it that must not be."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.context = browser.new_context(viewport={"width": 1000, "height": 1400}, accept_downloads=True)
        self.page: Page = self.context.new_page()
        self.seen: list[str] = []
        self.page.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.seen.append(f"error {error}"))
        self.page.on("console", lambda said: self.seen.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda asked: self._asked(asked.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_function("document.documentElement.dataset.widgets === 'alive'")

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.seen.append(f"request {url}")

    def use(self) -> None:
        """Point at everything, press every button, open every list, walk over every canvas."""
        self.page.evaluate(_USE)
        for canvas in self.page.locator(".wb-top:visible").all():
            canvas.focus()
            for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
                self.page.keyboard.press(key)
        self.page.wait_for_timeout(50)

    def verdict(self) -> list[str]:
        """What was found, empty where all is well."""
        marks: list[str] = self.page.evaluate(_FOUND)
        self.context.close()
        return self.seen + marks


_USE = """async () => {
  const kinds = ["pointerover", "pointerenter", "pointermove", "mouseover", "mouseenter", "mousemove", "focusin"];
  for (const round of [1, 2]) {
    for (const any of document.querySelectorAll("main *")) {
      for (const kind of kinds) any.dispatchEvent(new MouseEvent(kind, { bubbles: true, clientX: 300, clientY: 300 }));
    }
    const buttons = "main summary, .wb button:enabled, .wb [role=button], .wb [role=row]";
    for (const any of document.querySelectorAll(buttons)) {
      any.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }
    for (const list of document.querySelectorAll(".wb select")) {
      list.selectedIndex = list.options.length - 1;
      list.dispatchEvent(new Event("change", { bubbles: true }));
    }
    for (const link of document.querySelectorAll("main a:not([href^=http]):not([download])")) link.click();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""
# The sentinel, what only markup from a name could have made, and widgets that broke.
_FOUND = """() => {
  const found = [];
  if (typeof window.fired !== "undefined") found.push("a payload ran");
  if (Object.prototype.fired !== undefined || ({}).polluted !== undefined) found.push("prototypes were changed");
  const foreign = "iframe, object, embed, base, link:not([rel=icon]), main script:not([type]), main video, main audio, "
    + "main marquee, main body, main math, main form, main template, main noscript, main foreignObject, main animate, "
    + "main set, main image:not([href^='data:image/png;base64,']), "
    + "main use:not([href^='#']), [onerror], [onload], [onmouseover], [onfocus], [ontoggle], "
    + "main img:not(.picture), main a[href^='javascript' i], main a[href^='data' i], .wb img";
  for (const one of document.querySelectorAll(foreign)) found.push(`markup: ${one.outerHTML.slice(0, 200)}`);
  for (const one of document.querySelectorAll(".wb-alert:not([hidden])")) {
    if (/failed in the browser/.test(one.textContent)) found.push(one.textContent);
  }
  for (const one of document.querySelectorAll("[data-widget]")) {
    if (one.firstElementChild?.getBoundingClientRect().height < 40) found.push("an empty widget");
  }
  return found;
}"""
# Every text that a widget shows, says or offers.
_SHOWN = """() => [...document.querySelectorAll(".wb, .wb *")].flatMap((one) => [
  ...[...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
  ...["title", "aria-label", "value"].map((name) => one.getAttribute(name) ?? ""),
]).join("\\n")"""


@pytest.mark.browser
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", widget_names())
def test_hostile_names_are_text_in_a_living_widget_and_in_its_still(
    name: str, part: int, hostile: ModuleType, cases: Callable[[int], Any], browser: Browser, tmp_path: Path
) -> None:
    case = cases(part)
    widgets = hostile.FACTORIES[name](case)
    path = tmp_path / "page.html"
    wb.page([*case.texts[:6], *widgets], path, title=case.texts[0])
    stills = "".join(f"<figure>{widget.still()}</figure>" for widget in widgets)  # as a plain export puts them in
    path.write_text(without_policy(path.read_text(encoding="utf-8")).replace("</main>", f"{stills}</main>"), "utf-8")
    watched = Watched(browser, path)
    watched.use()
    shown = watched.page.evaluate(_SHOWN)
    assert watched.verdict() == []
    assert sum(text in shown for text in case.texts) >= 1, "no payload reached this widget: its factory tests nothing"


@pytest.mark.browser
@pytest.mark.parametrize("part", range(PARTS))
def test_hostile_names_are_text_in_a_report_with_living_widgets(
    part: int, hostile: ModuleType, cases: Callable[[int], Any], browser: Browser, tmp_path: Path
) -> None:
    widgets = [widget for name in widget_names() for widget in hostile.FACTORIES[name](cases(part))]
    cells = []
    for widget in widgets:
        data, _ = widget._repr_mimebundle_()
        cells.append(new_code_cell("show()", outputs=[new_output("display_data", data)]))
    state = ipywidgets.Widget.get_manager_state(widgets=widgets)
    book = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {STATES: state}})
    (tmp_path / "n.ipynb").write_text(json.dumps(book), encoding="ascii")  # half a surrogate is in it as an escape
    path = report(tmp_path / "n.ipynb", tmp_path / "page.html")
    path.write_text(without_policy(path.read_text(encoding="utf-8")), "utf-8")
    watched = Watched(browser, path)
    assert watched.page.locator("[data-widget]").count() == len(widgets)
    watched.use()
    assert watched.verdict() == []
