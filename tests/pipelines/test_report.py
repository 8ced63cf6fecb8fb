"""The report: what a page shows of a notebook, and that it opens offline without running anything foreign."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from workbench.errors import InvalidInput
from workbench.pipelines.outputs import COMPILING, Unshowable, inline_json
from workbench.pipelines.report import report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>a cell</title>'
    '<rect width="9" height="9"/></svg>'
)
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"


def shown(**bundle: Any) -> nbformat.NotebookNode:
    return new_output("display_data", {name.replace("__", "/"): value for name, value in bundle.items()})


def display(*bundles: dict[str, Any], source: str = "show()", tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    outputs = [new_output("display_data", bundle) for bundle in bundles]
    return new_code_cell(source, outputs=outputs, metadata={"tags": list(tags)})


def figure(title: str = "A plot", kind: Any = go.Scatter) -> dict[str, Any]:
    drawn = go.Figure(kind(x=[1, 2, 3], y=[3.0, float("nan"), 1.0], name=title, text=[title] * 3))
    drawn.update_layout(title=title, xaxis_title=title)
    return {PLOTLY: json.loads(drawn.to_json())}


def page(tmp_path: Path, *cells: nbformat.NotebookNode) -> str:
    path = tmp_path / "executed.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return report(path, tmp_path / "page.html").read_text(encoding="utf-8")


def test_every_kind_of_output_has_its_form(tmp_path: Path) -> None:
    text = page(
        tmp_path,
        new_markdown_cell("# Title\n\n## First *part*\n\n### Detail\n\n$a<b$ and\n\n$$x^2$$"),
        display({"text/html": "<table class='dataframe'><tr><td>7</td></tr></table>", "text/plain": "7"}),
        display({"image/svg+xml": SVG, "text/plain": "drawing"}),
        display({"image/png": PIXEL}, {"application/json": {"a": 1}}, {"text/latex": "$x$"}, {"text/markdown": "*so*"}),
        new_code_cell(
            "1 / 0",
            outputs=[
                new_output("stream", name="stdout", text="10%\r99%\r\x1b[31mdone\x1b[0m <b>\n"),
                new_output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: <v>"]),
            ],
        ),
    )
    assert "<title>Title</title>" in text
    assert '<li class="level-2"><a href="#first-part--1">First <em>part</em></a></li>' in text
    assert '<li class="level-3"><a href="#detail--1">' in text
    assert "<math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math>" in text
    assert '<math display="block"><msup><mi>x</mi><mn>2</mn></msup></math>' in text
    assert '<div class="html"><span class="formula"><math display="block"><mi>x</mi></math></span></div>' in text
    assert '<table class="dataframe size-8"><tr><td class="number">7</td>' in text
    assert base64.b64encode(SVG.encode()).decode() in text
    assert 'alt="a cell"' in text
    assert f"data:image/png;base64,{PIXEL}" in text
    assert "&#34;a&#34;: 1" in text or "&quot;a&quot;: 1" in text
    assert "<em>so</em>" in text
    assert "done</span> &lt;b&gt;" in text
    assert "99%" not in text
    assert ": &lt;v&gt;" in text


def test_code_is_folded_and_tags_leave_things_out(tmp_path: Path) -> None:
    text = page(
        tmp_path,
        display({"text/plain": "OUT1"}, source="FOLDED = 1"),
        display({"text/plain": "OUT2"}, source="HIDDEN = 1", tags=("hide-input",)),
        display({"text/plain": "OUT3"}, source="SHOWN = 1", tags=("hide-output",)),
        display({"text/plain": "OUT4"}, source="GONE = 1", tags=("hide-cell",)),
        display(source="PARAMETER = 1", tags=("parameters",)),
        display(source="INJECTED = 1", tags=("injected-parameters",)),
    )
    words = list(re.findall(r"\b(OUT\d|FOLDED|HIDDEN|SHOWN|GONE|PARAMETER|INJECTED)\b", text))
    assert words == ["FOLDED", "OUT1", "OUT2", "SHOWN"]
    assert '<details class="input"><summary>code</summary>' in text


def test_plotly_is_in_the_page_once_and_only_with_a_figure(tmp_path: Path) -> None:
    without = page(tmp_path, new_markdown_cell("# Nothing drawn"))
    assert "plotly.js" not in without
    assert len(without) < 20_000
    assert "script-src 'none'" in without
    drawn = page(tmp_path, display(figure(), figure()))
    assert drawn.count("* plotly.js v") == 1
    assert drawn.count('<script type="application/json" data-figure=') == 2
    assert "'unsafe-eval'" not in drawn


def test_a_page_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    text = page(tmp_path, new_markdown_cell("![far](https://example.org/a.png)"), display(figure()))
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?!data:)[^\s"'>]+""", text)
    assert "[a picture kept elsewhere: far]" in text
    assert "@import" not in text.partition("plotly.js")[0]


def test_a_picture_that_a_cell_carries_is_in_the_page(tmp_path: Path) -> None:
    cell = new_markdown_cell("![dot](attachment:dot.png)", attachments={"dot.png": {"image/png": PIXEL}})
    assert f'src="data:image/png;base64,{PIXEL}"' in page(tmp_path, cell)


def test_an_output_that_cannot_be_shown_is_an_error_not_a_gap(tmp_path: Path) -> None:
    with pytest.raises(Unshowable, match=r"cell at position 2 of executed shows application/javascript, which"):
        page(tmp_path, new_markdown_cell("x"), display({"application/javascript": "f()", "text/plain": "<JS>"}))
    widget = {WIDGET: {"model_id": "1"}, "text/plain": "CellEditor()"}
    with pytest.raises(Unshowable, match=r"give the widget a still, image/svg\+xml"):
        page(tmp_path, display(widget))
    assert "CellEditor" not in page(tmp_path, display({**widget, "image/svg+xml": SVG}))
    assert page(tmp_path, display(widget, tags=("hide-output",)))


def test_a_figure_or_widget_that_only_a_kernel_shows_is_one_clear_error(tmp_path: Path) -> None:
    drawn = go.Figure(go.Scatter(x=[1], y=[2]))
    living = go.FigureWidget(drawn)
    bare = ipywidgets.IntSlider()
    where = "The output of the cell at position 1 of executed"
    for bundle, words in (
        ({"text/plain": repr(drawn)}, rf"{where} shows a plotly figure as text only. End the cell with the figure"),
        ({"text/html": drawn.to_html()}, rf"{where} shows a plotly figure as HTML with scripts, of which none is run"),
        (living._repr_mimebundle_(), rf"{where} shows {WIDGET}, which a .* show go.Figure\(widget\) in place of a"),
        (bare._repr_mimebundle_(), rf"{where} shows {WIDGET}, which a .* or give the widget a still"),
        ({"text/html": "<iframe src='f.html'></iframe>"}, rf"{where} shows a frame, a file kept elsewhere, which"),
        ({"text/html": "<div id=v></div><script>d()</script>"}, rf"{where} shows a picture that a script draws, which"),
        ({"text/html": "<p>A</p><div id=v></div><script>vegaEmbed(v)</script>"}, r"a picture that a script draws"),
    ):
        with pytest.raises(Unshowable, match=words.replace("+", r"\+")):
            page(tmp_path, display(bundle))
        assert page(tmp_path, display(bundle, tags=("hide-output",)))


def test_html_without_anything_to_see_is_no_error(tmp_path: Path) -> None:
    for html in ("<style>p {color: red}</style>", "<script>window.PlotlyConfig = {}</script>", "", "<p>a</p><script>"):
        assert page(tmp_path, display({"text/html": html}))
    assert "[iframe: only a live page shows it]" in page(tmp_path, display({"text/html": "<p>a</p><iframe src=x>"}))


def test_the_trace_of_a_progress_bar_is_no_content(tmp_path: Path) -> None:
    bar = {WIDGET: {"model_id": "1"}, "text/plain": "score:   0%|          | 0/3 [00:00<?, ?it/s]"}
    text = page(tmp_path, display(bar, source="x"))
    assert "0/3" not in text


def test_webgl_figures_are_allowed_to_compile(tmp_path: Path) -> None:
    assert "'unsafe-eval'" in page(tmp_path, display(figure(kind=go.Scattergl)))
    assert not COMPILING.fullmatch("scatter")


def test_numbers_that_json_does_not_know_become_null() -> None:
    assert inline_json({"y": [1.0, float("nan"), float("inf")], "t": "</script>"}) == (
        '{"y":[1.0,null,null],"t":"\\u003c/script\\u003e"}'
    )


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not the folder of a run"):
        report(tmp_path, tmp_path / "r.html")
    record = {"pipeline": "p", "report_stage": "tell", "parameters": {}, "stages": []}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InvalidInput, match="The stage tell of the run in .* is not done"):
        report(tmp_path, tmp_path / "r.html")
    for broken in ("{", "{}", "[]", '{"nbformat": 4, "cells": 1}', "\x00"):
        (tmp_path / "broken.ipynb").write_text(broken)
        with pytest.raises(InvalidInput, match="cannot be read as a notebook"):
            report(tmp_path / "broken.ipynb", tmp_path / "r.html")


PAYLOADS = [
    "<script>fired=1</script>",
    "</script><script>fired=1</script>",
    "<img src=x onerror=fired=1>",
    "<svg onload=fired=1>",
    "<svg><script>fired=1</script></svg>",
    "<svg><animate onbegin=fired=1 attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.fired=1</script>'>",
    "<iframe src=javascript:parent.fired=1>",
    "<a href=javascript:fired=1>click</a>",
    "<a href='java\tscript:fired=1'>click</a>",
    "[click](javascript:fired=1)",
    "![x](javascript:fired=1)",
    "<details open ontoggle=fired=1>",
    "<input autofocus onfocus=fired=1>",
    "<math><mtext><table><mglyph><style><img src=x onerror=fired=1>",
    "<math><mi>x</mi><annotation-xml encoding='text/html'><img src=x onerror=fired=1></annotation-xml></math>",
    "<math href=javascript:fired=1><mi xlink:href=javascript:fired=1>click</mi></math>",
    "<math><maction actiontype='statusline#javascript:fired=1'><mi>click</mi></maction></math>",
    "<math><mtext><a href=javascript:fired=1>click</a><img src=x onerror=fired=1></mtext></math>",
    "\\href{javascript:fired=1}{click}",
    "<noscript><p title='</noscript><img src=x onerror=fired=1>'>",
    "<form><button formaction=javascript:fired=1>click</button></form>",
    "<object data=javascript:fired=1>",
    "<base href=javascript:fired=1//>",
    "<meta http-equiv=refresh content='0;url=javascript:fired=1'>",
    "<style>@import 'https://example.org/x.css'</style>",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<p style='background:url(https://example.org/x.png)'>x</p>",
    "<video poster=https://example.org/x.png src=https://example.org/x.mp4>",
    "<title></title><img src=x onerror=fired=1>",
    "--><img src=x onerror=fired=1><!--",
    "'\"><img src=x onerror=fired=1>",
    "\" autofocus onfocus=fired=1 x=\"",
    "<template><img src=x onerror=fired=1></template>",
    "\u2028fired=1\u2029",
    "{{ fired }}{% fired %}",
    "<b onmouseover=fired=1>hover</b>",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


class Seen:
    """What a page asked for and complained about."""

    def __init__(self, browser: Any, path: Path, scheme: str = "light") -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every(p => p.dataset.drawn)", timeout=30_000
        )
        self.fetched = [url for url in self.requests if not url.startswith(("data:", path.resolve().as_uri()))]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_offline_with_every_plot_drawn(tmp_path: Path, browser: Any, scheme: str) -> None:
    page(
        tmp_path,
        new_markdown_cell("# Offline\n\n## Plots"),
        display(figure("one"), figure("two", go.Bar)),
        display({"image/svg+xml": SVG}),
    )
    seen = Seen(browser, tmp_path / "page.html", scheme)
    assert seen.fetched == []
    assert seen.complaints == []
    assert seen.page.locator(".plot .main-svg").count() >= 2
    assert seen.page.locator(".plot .scatterlayer path.point").count() == 2, "a NaN is no point"
    assert seen.page.locator(".plot .bars path").count() >= 2
    assert seen.page.locator("img.picture").evaluate("image => image.naturalWidth") == 9
    assert (tmp_path / "page.html").stat().st_size < 6_000_000


@pytest.mark.browser
def test_hostile_text_does_not_run_in_any_place_of_a_report(tmp_path: Path, browser: Any) -> None:
    cells = []
    for text in PAYLOADS:
        cells += [
            new_markdown_cell(f"## {text}\n\n{text}\n\n$\\text{{{text}}}$ and $${text}$$\n\n```\n{text}\n```\n"),
            display(
                {"text/html": f"<p>seen {text}</p>"},
                {"text/plain": text},
                {"text/markdown": text},
                {"text/latex": text},
                {"application/json": {text: text}},
                {"image/svg+xml": SVG.replace("a cell", text)},
                source=f"# {text}",
            ),
            new_code_cell(
                "",
                outputs=[
                    new_output("stream", name="stdout", text=text),
                    new_output("error", ename=text, evalue=text, traceback=[text]),
                ],
            ),
        ]
    for text in PAYLOADS[::4]:
        cells.append(display(figure(text)))
    folder = tmp_path / "run"
    (folder / "tell").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "tell" / "notebook.ipynb")
    hostile = "".join(PAYLOADS)
    stage = {
        "name": hostile,
        "file": hostile,
        "needs": [hostile],
        "seconds": 1.0,
        "finished": hostile,
        "result": hostile,
    }
    made = {
        "report_stage": "tell", "pipeline": hostile, "title": hostile, "updated": hostile,
        "parameters": {hostile: hostile}, "help": {hostile: hostile}, "seeds": {hostile: hostile},
        "software": {hostile: hostile}, "platform": hostile, "cores": 2, "stages": [stage], "workbench": hostile,
        "started": hostile, "machine": {"cpu": hostile, "memory_gb": hostile, "accelerators": [hostile]},
        "git": {"commit": hostile, "dirty": hostile},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(made))
    seen = Seen(browser, report(folder, tmp_path / "page.html"))
    seen.page.evaluate("""() => {
        const inner = document.querySelectorAll("a:not([href^=http])");
        for (const link of inner) link.dispatchEvent(new MouseEvent("click"));
        for (const any of document.querySelectorAll("main *")) any.dispatchEvent(new MouseEvent("mouseover"));
    }""")
    assert seen.page.evaluate("typeof fired") == "undefined"
    assert seen.fetched == []
    assert seen.complaints == []
