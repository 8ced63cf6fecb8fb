"""Puts a picture of what it ends in at the head of every numbered notebook, taken of its report or of one in docs/."""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from workbench.pipelines.report import ReportExporter
from workbench.rooms import room

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Notebook -> what of its report is shown, or the picture of it that the README shows.
SHOWN: dict[str, str | Path] = {
    "00_tour": ".wb-map",
    "10_space": DOCS / "explorer.png",
    "11_spaces": ".wb-map",
    "20_proxies": DOCS / "proxies.png",
    "30_search": ".js-plotly-plot:has-text('Regret after')",
    "40_predictors": ".js-plotly-plot:has-text('How many labels are needed')",
    "50_hardware": ".wb-map",
    "60_statistics": ".js-plotly-plot:has-text('How often a claim is wrong')",
    "70_supernets": ".wb-supernet",
}
NAME, QUALITY = "head.jpg", 80


def main(names: list[str]) -> None:
    """Picture the named notebooks, or all."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium on the PATH: scripts/install_chromium.sh installs one on Debian.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless=new", "--no-sandbox"])
        for name in names or SHOWN:
            path = room("notebooks") / f"{name}.ipynb"
            page = browser.new_page(viewport={"width": 1320, "height": 1200}, color_scheme="light")
            shown = SHOWN[name]
            if isinstance(shown, Path):
                png = base64.b64encode(shown.read_bytes()).decode()
                page.set_content(f'<img style="width:1200px" src="data:image/png;base64,{png}">')
                picture = page.locator("img")
            else:
                report = Path(folder) / f"{name}.html"
                report.write_text(_executed(path, folder), encoding="utf-8")
                page.goto(report.as_uri())
                picture = page.locator(shown).first
                picture.scroll_into_view_if_needed()
            page.wait_for_timeout(3000)
            _put(path, picture.screenshot(type="jpeg", quality=QUALITY))
            page.close()
        browser.close()


def _executed(path: Path, folder: str) -> str:
    """The notebook's report, made as `jupyter nbconvert --to workbench --execute` makes it."""
    exporter = ReportExporter(config={"ExecutePreprocessor": {"enabled": True, "timeout": 600}})
    html, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4), {"metadata": {"path": folder}})
    return html


def _put(path: Path, jpeg: bytes) -> None:
    """The picture as an attachment of the first cell, below its question."""
    notebook = nbformat.read(path, as_version=4)
    head = notebook.cells[0]
    head.attachments = {NAME: {"image/jpeg": base64.b64encode(jpeg).decode()}}
    words = "\n".join(line for line in head.source.split("\n") if f"attachment:{NAME}" not in line).rstrip("\n")
    head.source = f"{words}\n\n![What this notebook ends in](attachment:{NAME})"
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
