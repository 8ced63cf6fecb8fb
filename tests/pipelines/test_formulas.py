"""Formulas: LaTeX as MathML, written as they are where they cannot be read, and never a danger."""

from __future__ import annotations

import re
import threading
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from workbench.pipelines.formulas import MOST_MARKS, Unreadable, formula, latex, mathml
from workbench.pipelines.report import Prose, report
from workbench.pipelines.sanitise import FORMULAS, harmless

READ = (
    r"\mathcal{L}(w) = \frac{1}{n}\sum_{i=1}^{n} \ell(f_w(x_i), y_i)",
    r"\tau = \frac{n_c - n_d}{\sqrt{(n_0 - n_1)(n_0 - n_2)}}",
    r"\operatorname*{arg\,max}_{a \in \mathcal{A}} \mathbb{E}\left[\lvert \nabla_\theta R \rvert\right]",
    r"s = \log\left|\mathbf{K}_H\right|, \quad \hat{\theta} \odot \boldsymbol{w}^\top",
    r"\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
    r"\begin{align} a &= b \label{first} \\ &= c \nonumber \end{align}",
    r"\begin{split} a &= b \\ &= c \end{split}",
    r"\underbrace{a + b}_{\text{two}} \implies \binom{n}{k} \pmod{2}",
)


@pytest.mark.parametrize("source", READ)
def test_the_formulas_of_the_field_are_read_and_survive_unchanged(source: str) -> None:
    drawn = mathml(source, True)
    tags = re.compile(r"<(m\w+)")
    kept = harmless(drawn)
    assert [t for t in tags.findall(drawn) if t in FORMULAS] == tags.findall(kept)
    assert set(tags.findall(drawn)) <= FORMULAS
    assert kept.startswith('<math display="block">')
    assert "(1)" not in kept, "formulas are read one by one: a number would say nothing"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (r"\nope{x}", r"Unknown command \"\\nope\""),
        (r"\frac{1}", "Expected argument but reached end of input"),
        (r"x^2^3", "Duplicate subscript or superscript"),
        (r"\left( x", "Expected closing token"),
        (r"\href{javascript:fired()}{x}", "Unknown command"),
        (r"\def\a{\a\a}\a", "it defines a command"),
        (r"\newcommand{\a}[1]{#1}", "it defines a command"),
        ("{" * (MOST_MARKS + 1), "it is too long"),
    ],
)
def test_what_cannot_be_read_is_shown_as_it_is_written_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        mathml(source, False)
    shown = formula(source)
    assert harmless(shown) == shown
    code = re.fullmatch(r'<code class="math" title="([^"]*)">(.*)</code>', shown, re.DOTALL)
    assert code
    assert unescape(code[2]) == source
    assert re.search("^This formula is shown as it is written, because it cannot be read: " + reason, unescape(code[1]))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("$x$", r"<span class=\"formula\"><math display=\"block\"><mi>x</mi></math></span>"),
        ("$$x$$", r"<span class=\"formula\"><math display=\"block\"><mi>x</mi></math></span>"),
        (r"\[x\]", r"<span class=\"formula\"><math display=\"block\"><mi>x</mi></math></span>"),
        ("$a$ & $b$", r"<p><math><mi>a</mi></math> &amp; <math><mi>b</mi></math></p>"),
        (
            r"\begin{equation}x\end{equation}",
            r"<span .*<math display=\"block\"><mtable .*</math></span>",
        ),
        (r"It costs \$5", r"<p>It costs \\\$5</p>"),
    ],
)
def test_an_output_in_latex_is_one_formula_or_prose_with_formulas(output: str, expected: str) -> None:
    assert re.fullmatch(expected, latex(output))


def test_markdown_knows_four_ways_to_write_a_formula() -> None:
    html = Prose().html("# A $a$\n\n$b$ and\n\n$$c$$\n\n\\\\(d\\\\)\n\n\\begin{align}\ne\n\\end{align}\n")
    assert re.findall(r"<mi>(\w)</mi>", html) == list("abcde")
    assert html.count('<math display="block">') == 2


DEEP = ("{", r"\sqrt ", r"\frac{", r"\frac x", r"\left(", r"\hat ", r"\begin{cases}", r"\mathbf{", "x^{", r"x_\frac ")


@pytest.mark.parametrize("piece", DEEP)
def test_no_depth_of_nesting_ends_the_process(piece: str) -> None:
    for times in (MOST_MARKS // 2, 100_000):
        formula(piece * times + "x", block=True)


def test_the_stack_that_deep_formulas_get_is_nobody_elses() -> None:
    formula("a + b_{17}")
    assert threading.stack_size() == 0


@given(
    st.lists(
        st.sampled_from([*DEEP, "}", "&", r"\\", "<script>", '"', "$", "#1", r"\text{", " "]) | st.text(max_size=4)
    )
)
def test_any_text_gives_harmless_html(pieces: list[str]) -> None:
    text = "".join(pieces)
    for html in (formula(text), formula(text, block=True), latex(text)):
        kept = harmless(html)
        assert "<script" not in kept
        assert harmless(kept) == kept


@pytest.mark.browser
def test_a_browser_draws_the_formulas_without_asking_for_anything(tmp_path: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    output = new_output("display_data", {"text/latex": r"$\frac{1}{2}$", "text/plain": "1/2"})
    cells = [
        new_markdown_cell("# Maths\n\n" + "\n\n".join(f"$${s}$$" for s in READ)),
        new_code_cell("x", outputs=[output]),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "maths.ipynb")
    report(tmp_path / "maths.ipynb", tmp_path / "maths.html")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    asked: list[str] = []
    said: list[Any] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_context(offline=True).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "maths.html").as_uri())
        sizes = page.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
        over = page.locator("math mfrac > :first-child").first.bounding_box()
        under = page.locator("math mfrac > :nth-child(2)").first.bounding_box()
        browser.close()
    assert len(sizes) == len(READ) + 1
    assert min(sizes) > 10
    assert over
    assert under
    assert over["y"] + over["height"] <= under["y"] + 1, "a fraction is drawn as one"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
