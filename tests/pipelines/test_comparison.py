"""The comparison report: what differs between runs, and their results side by side, in one page that opens offline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import workbench as wb
from workbench.errors import InvalidInput
from workbench.pipelines.report import report

PLOTLY = "application/vnd.plotly.v1+json"
MakeRun = Callable[..., Path]


def figure(*y: float) -> dict[str, Any]:
    return {PLOTLY: json.loads(go.Figure(go.Scatter(x=list(range(len(y))), y=y)).to_json())}


def shown(source: str, *bundles: dict[str, Any]) -> nbformat.NotebookNode:
    return new_code_cell(source, outputs=[new_output("display_data", bundle) for bundle in bundles])


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write the folder of a finished run: name, cells of its report, parameters, more of its record."""

    def make(name: str, cells: list[Any] | None, parameters: dict[str, Any], **record: Any) -> Path:
        folder = tmp_path / "runs" / name
        (folder / "tell").mkdir(parents=True)
        stages = [
            {"name": "search", "file": "search.ipynb", "state": "done", "seconds": 12.5, "result": f"{parameters}"},
            {
                "name": "tell",
                "file": "tell.ipynb",
                "state": "done",
                "seconds": 1.5,
                "result": "same",
                "needs": ["search"],
            },
        ]
        made = {
            "format": 1, "pipeline": "small", "title": "A small pipeline", "report_stage": "tell", "state": "done",
            "parameters": parameters, "stages": stages, "seconds": 14.25, "started": "2031-02-03T04:05:06+00:00",
            "software": {"numpy": "2.0", "torch": "2.6"}, "machine": {"cpu": "A processor"}, **record,
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(made))
        if cells is not None:
            nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "tell" / "notebook.ipynb")
            report(folder, folder / "report.html")
        return folder

    return make


def cells(*y: float, words: str = "12") -> list[Any]:
    return [
        new_markdown_cell("# A title\n\n## The space"),
        shown("fig", figure(1, 2, 3)),
        new_markdown_cell("## The search\n\n### By time\n\n```\n## no heading\n```"),
        shown("fig", figure(*y), {"text/html": f"<table class='dataframe'><tr><td>{words}</td></tr></table>"}),
    ]


def sections(path: Path) -> dict[str, str]:
    """The sections of a page by their heading."""
    text = path.read_text(encoding="utf-8").partition("<main>")[2].partition("</main>")[0]
    parts = re.split(r"<section>\s*", text)[1:]
    return {re.sub("<[^>]*>", "", part.partition("</h")[0]).strip(): part for part in parts}


def test_two_runs_are_compared_in_all_respects(make_run: MakeRun, tmp_path: Path) -> None:
    a = make_run("a", cells(1, 2), {"seed": 1, "n": 5})
    b = make_run("b", cells(2, 1), {"seed": 2, "n": 5}, software={"numpy": "2.1", "torch": "2.6"})
    (tmp_path / "pages").mkdir()
    page = wb.compare_runs([a, b], tmp_path / "pages" / "page.html")
    found = sections(page)
    assert list(found) == [
        "2 runs of A small pipeline", "What differs", "The two runs in detail", "The space", "The search · By time",
    ]  # fmt: skip
    assert 'href="../runs/a/report.html"' in found["2 runs of A small pipeline"]
    assert "3 February 2031, 04:05 UTC" in found["2 runs of A small pipeline"]
    assert "<td>12.5</td>" in found["2 runs of A small pipeline"].replace(' class="number"', "")
    differs, _, equal = found["What differs"].partition("<details")
    assert re.findall(r'<th scope="row">(\w+)</th><td>(\w+)</td>', differs) == [
        ("parameter", "seed"), ("software", "numpy"),
    ]  # fmt: skip
    assert "entries are equal in all runs" in equal
    assert re.findall(r'<th scope="row">(\w+)</th><td>(\w+)</td>', equal)[:2] == [
        ("pipeline", "name"),
        ("parameter", "n"),
    ]
    assert re.search(r'<th scope="row">search</th><td></td><td>A</td><td>B</td>', equal)
    assert "1 of 2 stages have the same result" in equal
    assert "a → b" in found["The two runs in detail"]
    assert "the same in all 2 runs" in found["The space"]
    assert found["The space"].count("data-figure") == 1
    searched = found["The search · By time"]
    assert searched.count("data-figure") == 2
    assert searched.count("the same in all 2 runs") == 1, "the table"
    assert re.findall(r'<p class="name">(.*?)</p>', searched) == [
        'a <span class="quiet">seed = 1</span>', 'b <span class="quiet">seed = 2</span>',
    ]  # fmt: skip
    assert page.read_text(encoding="utf-8").count("* plotly.js v") == 1


def test_one_run_is_compared_with_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    found = sections(wb.compare_runs([make_run("a", cells(1), {})], tmp_path / "page.html"))
    assert "There is one run only" in found["What differs"]
    assert found["The search · By time"].count("data-figure") == 1


def test_twenty_runs_are_rows(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run(f"run{i:02}", cells(i, 1), {"seed": i}) for i in range(20)]
    found = sections(wb.compare_runs(runs, tmp_path / "page.html"))
    assert '<th scope="col">parameter seed</th>' in found["What differs"]
    assert re.search(r'<th scope="row">run19</th><td class="number">19</td>', found["What differs"])
    assert found["The search · By time"].count("data-figure") == 20
    assert "in detail" not in "".join(found)
    with pytest.raises(InvalidInput, match="takes a list of 1 to 20 runs"):
        wb.compare_runs([*runs, runs[0]], tmp_path / "page.html")


def test_a_run_without_a_report_and_an_output_that_one_lacks_are_said(make_run: MakeRun, tmp_path: Path) -> None:
    longer = [*cells(1), shown("more", {"text/plain": "MORE"})]
    runs = [make_run("a", cells(2), {}), make_run("b", longer, {}), make_run("c", None, {}, state="failed")]
    found = sections(wb.compare_runs(runs, tmp_path / "page.html"))
    assert "not made" in found["3 runs of A small pipeline"]
    searched = found["The search · By time"]
    assert searched.count("this run has no report yet") == 3
    assert searched.count("not in this run") == 1
    assert "MORE" in searched


def test_runs_of_equal_names_are_told_apart(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("x/r", cells(1), {}), make_run("y/r", cells(2), {})]
    assert "x/r → y/r" in sections(wb.compare_runs(runs, tmp_path / "page.html"))["The two runs in detail"]


def test_what_cannot_be_compared_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    a = make_run("a", cells(1), {})
    for wrong in ([], a, str(a)):
        with pytest.raises(InvalidInput, match="takes a list of 1 to 20 runs or their folders"):
            wb.compare_runs(wrong, tmp_path / "page.html")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="was given a run twice"):
        wb.compare_runs([a, a / ".." / "a"], tmp_path / "page.html")
    with pytest.raises(InvalidInput, match="it has no run.json"):
        wb.compare_runs([a, tmp_path], tmp_path / "page.html")
    with pytest.raises(InvalidInput, match="cannot be written: No such file or directory. Give another path"):
        wb.compare_runs([a], tmp_path / "nowhere" / "page.html")


HOSTILE = "<img src=x onerror=fired=1></script><script>fired=1</script>'\""


@pytest.mark.browser
def test_a_comparison_opens_offline_and_runs_nothing_foreign(make_run: MakeRun, tmp_path: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    hostile = [new_markdown_cell(f"## {HOSTILE}"), shown("x", {"text/html": f"<p>a {HOSTILE}</p>"}, figure(1, 2))]
    runs = [make_run(name, hostile, {HOSTILE: name, "n": HOSTILE}, title=HOSTILE) for name in ("a", "<b>'&")]
    wb.compare_runs(runs, tmp_path / "page.html")
    asked: list[str] = []
    said: list[str] = []
    with sync_playwright() as playwright:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_context(offline=True).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_function("[...document.querySelectorAll('.plot')].every(p => p.dataset.drawn)", timeout=60_000)
        assert page.locator(".plot .main-svg").count() >= 1
        assert page.evaluate("typeof fired") == "undefined"
        page.locator("a", has_text="report.html").last.click()
        page.wait_for_load_state()
        assert page.title() == HOSTILE
        browser.close()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert said == []
