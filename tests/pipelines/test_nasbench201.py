"""The packaged pipeline at its smallest, from the command line to the report opened offline."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from workbench.cli import main
from workbench.pipelines.parameters import schema
from workbench.rooms import room
from workbench.tasks import catalogue as tasks


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nasbench201") / "run"
    assert main(["run", "nasbench201", "--smallest", "--folder", str(folder), "-p", "seed=1"]) == 0
    return folder


def test_every_stage_leaves_its_table(finished: Path) -> None:
    space = pd.read_csv(finished / "explore-cifar10" / "cifar10.csv", index_col="architecture")
    assert len(space) == 15_625
    assert space["function"].nunique() == 5_390
    assert space["valid_accuracy"].max() == pytest.approx(91.61, abs=0.005)
    scores = pd.read_csv(finished / "score" / "scores.csv", index_col="architecture")
    assert len(scores) == 8
    assert scores.notna().all(axis=None)
    for strategy in ("random", "regularized_evolution"):
        curves = pd.read_csv(finished / f"search-cifar10-{strategy}" / "curves.csv")
        assert set(curves["strategy"]) == {strategy}
        assert list(curves["seed"].unique()) == [1, 2]
    assert json.loads((finished / "run.json").read_text())["seeds"] == {"seed": 1}


def test_the_report_says_what_was_found_and_how(finished: Path) -> None:
    text = (finished / "report.html").read_text(encoding="utf-8")
    assert (finished / "report.html").stat().st_size < 6_000_000
    for words in ("5,390 different functions", "91.61 %", "How this was made", "n_architectures", "whose recorded"):
        assert words in text, words
    assert 'pre class="stream stderr"' not in text


def test_the_report_can_be_written_again(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(finished), "--output", "again.html"]) == 0
    assert capsys.readouterr().out == "again.html\n"
    assert Path("again.html").read_bytes() == (finished / "report.html").read_bytes()


@pytest.mark.browser
def test_the_report_draws_its_figures_and_cells_offline(finished: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    path = finished / "report.html"
    with sync_playwright() as playwright:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_context(offline=True).new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        page.wait_for_function("[...document.querySelectorAll('.plot')].every(p => p.dataset.drawn)", timeout=60_000)
        assert page.locator(".plot").count() == 3
        assert page.locator(".plot >> nth=0").locator("path.point").count() == 15_626, (
            "all cells and the best one's ring"
        )
        assert page.locator(".html svg[role=img]").count() == 4
        assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
        assert said == []
        browser.close()


def test_the_tasks_a_notebook_offers_are_tasks() -> None:
    offered = schema(room("notebooks") / "stages" / "score.ipynb").parameters["task"]
    assert set(str(offered.kind).removeprefix("one of ").split(", ")) <= set(tasks.names())
