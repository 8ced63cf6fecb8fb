"""The export menu in the browser: files of the kernel, files of the page's own drawing, and its keyboard."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.editor.exporting import file_name, file_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


class Stage:
    """Opens an editor in a page, plays the kernel, and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType, folder: Path) -> None:
        self._browser, self._pages, self._lab, self._folder = browser, pages, lab, folder
        self.page: Page
        self.record: Any

    def show(self, arch: Architecture, *, alone: bool = False, scheme: str = "light") -> Page:
        context = self._browser.new_context(
            viewport={"width": 760, "height": 1000},
            color_scheme="dark" if scheme == "dark" else "light",
            accept_downloads=True,
        )
        self.page = context.new_page()
        self.record = self._lab.Record(self.page)
        self.page.set_content(self._pages.page_of(CellEditor(arch, [])))
        self.page.wait_for_function("window.ready")
        self.page.evaluate("alone => { models[0].alone = alone; }", alone)
        if not alone:
            self.page.evaluate("models[0].emit('msg:custom', { kind: 'asked', do: 'here' })")
        return self.page

    def choose(self, label: str) -> None:
        self.page.get_by_role("button", name="export").click()
        self.page.get_by_role("menuitem", name=label).click()

    def saved(self, label: str, message: dict[str, Any] | None = None) -> tuple[str, bytes]:
        """Name and content of the file that choosing `label` saves, after the kernel's message."""
        with self.page.expect_download() as download:
            self.choose(label)
            if message is not None:
                self.page.evaluate("message => models[0].emit('msg:custom', message)", message)
        path = self._folder / "file"
        download.value.save_as(path)
        return download.value.suggested_filename, path.read_bytes()


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module, tmp_path)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


@pytest.mark.parametrize(("label", "format"), [("SVG", "svg"), ("TikZ", "tikz"), ("JSON", "json")])
def test_the_kernel_writes_the_file(stage: Stage, arch: Architecture, label: str, format: str) -> None:
    page = stage.show(arch)
    message = file_of((arch, format, "cifar10"))
    name, content = stage.saved(label, message)
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "export", "format": format}
    assert content.decode() == wb.export(arch, format)
    expected = file_name(arch, Path(message["name"]).suffix)
    assert name == expected


def test_torch_code_is_asked_of_the_kernel_and_its_reason_is_shown(stage: Stage, arch: Architecture) -> None:
    page = stage.show(arch)
    stage.choose("torch code")
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "export", "format": "torch"}
    page.evaluate("m => models[0].emit('msg:custom', m)", {"kind": "file", "format": "torch", "error": "<b>no</b>"})
    assert page.get_by_role("alert").inner_text() == "Not exported. <b>no</b>"


def test_the_png_is_the_drawing_twice_as_large(stage: Stage, arch: Architecture) -> None:
    stage.show(arch)
    name, content = stage.saved("PNG", file_of((arch, "svg", "cifar10")))
    assert name == file_name(arch, ".png")
    assert content.startswith(b"\x89PNG")
    drawn = ET.fromstring(wb.export(arch, "svg"))
    size = struct.unpack(">II", content[16:24])
    assert size == (2 * int(drawn.get("width", "0")), 2 * int(drawn.get("height", "0")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_kernel_the_drawing_is_the_pages_own_on_white(stage: Stage, arch: Architecture, scheme: str) -> None:
    page = stage.show(arch, alone=True, scheme=scheme)
    page.keyboard.press("Tab")
    before = page.locator(".wb").evaluate("root => [root.style.colorScheme, getComputedStyle(root).backgroundColor]")
    name, content = stage.saved("SVG")
    after = page.locator(".wb").evaluate("root => [root.style.colorScheme, getComputedStyle(root).backgroundColor]")
    assert before == after
    assert name == file_name(arch, ".svg")
    drawn = ET.fromstring(content)
    tags = [element.tag.split("}")[1] for element in drawn.iter()]
    assert set(tags) <= {"svg", "g", "path", "rect", "text", "tspan", "circle", "ellipse", "polygon"}
    assert tags.count("path") == 2 * 6  # each edge and its arrow
    words = "".join(drawn.itertext())
    assert all(label in words for label in ("conv 3×3", "conv 1×1", "skip", "avg pool", "none", "in", "out"))
    assert not any(name.startswith("on") or "data-" in name for part in drawn.iter() for name in part.attrib)
    assert "var(" not in content.decode()
    assert drawn[0].get("fill") == "rgb(255, 255, 255)"
    assert len(content) < 20_000


def test_without_a_kernel_png_and_json_still_work_and_the_others_say_why_not(stage: Stage, arch: Architecture) -> None:
    page = stage.show(arch, alone=True)
    assert stage.saved("PNG")[1].startswith(b"\x89PNG")
    name, content = stage.saved("JSON")
    assert name == file_name(arch, ".json")
    assert wb.read_architecture(content.decode()) == arch
    page.get_by_role("button", name="export").click()
    for label in ("TikZ", "torch code"):
        entry = page.get_by_role("menuitem", name=label)
        assert entry.get_attribute("aria-disabled") == "true"
        assert entry.get_attribute("title") == "This page has no kernel to compute it."


def test_the_menu_is_worked_by_keyboard_alone(stage: Stage, arch: Architecture) -> None:
    page = stage.show(arch, alone=True)
    page.get_by_role("button", name="export").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").startswith("SVG")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent").startswith("copy text")
    page.keyboard.press("j")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".json")
    assert page.get_by_role("menu", name="Save this architecture").is_hidden()
    assert page.evaluate("document.activeElement.textContent") == "export"


def test_a_page_names_its_files_as_the_kernel_does_whatever_the_names_are(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"])
    page = stage.show(start, alone=True)
    name, content = stage.saved("JSON")
    assert name == file_name(start, ".json")
    assert f"{zlib.crc32(str(start).encode()):08x}" in name
    assert wb.read_architecture(content.decode(), space=awkward) == start
    name, content = stage.saved("SVG")
    tags = {element.tag.split("}")[1] for element in ET.fromstring(content).iter()}
    assert not tags & {"img", "script"}
    assert page.evaluate("window.hacked") is None
