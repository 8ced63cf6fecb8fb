"""Foreign HTML: what is kept, and that nothing on no list is ever written."""

from __future__ import annotations

import re
from html import escape, unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.pipelines.sanitise import (
    ATTRIBUTES,
    FORMULA_ATTRIBUTES,
    FORMULAS,
    MIXED_CASE,
    PROPERTIES,
    TAGS,
    harmless,
    safe_style,
)

WRITTEN = re.compile(r"""</?(\w+)((?:\s[\w-]+="[^"<>]*")*)\s*>""")


@pytest.mark.parametrize(
    ("given_html", "expected"),
    [
        ("<b>bold</b>", "<b>bold</b>"),
        ("<table><tr><th>a</th></tr></table>", "<table><tr><th>a</th></tr></table>"),
        ("a < b &amp; c", "a &lt; b &amp; c"),
        ("<script>alert(1)</script>x", "x"),
        ("<style>p {color: red}</style>x", "x"),
        ('<p onclick="x()" class="c">y</p>', '<p class="c">y</p>'),
        ('<a href="javascript:x()">y</a>', '<a rel="noopener noreferrer">y</a>'),
        ('<a href=" JaVaScRiPt:x()">y</a>', '<a rel="noopener noreferrer">y</a>'),
        (
            '<a href="https://example.org/a?b&c">y</a>',
            '<a href="https://example.org/a?b&amp;c" rel="noopener noreferrer">y</a>',
        ),
        ('<img src="https://example.org/x.png" alt="a map">', "[a picture kept elsewhere: a map]"),
        ('<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,AAAA">'),
        ("<b>never closed", "<b>never closed</b>"),
        ("</b>never opened", "never opened"),
        ("<i><b>crossed</i></b>", "<i><b>crossed</b></i>"),
        ("<!-- a --><?php x ?><!doctype html>x", "x"),
        ('<svg viewbox="0 0 1 1"><path d="M0 0"/></svg>', '<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg>'),
        ('<g fill="url(#a)">x</g><g fill="url(http://x)">y</g>', '<g fill="url(#a)">x</g><g>y</g>'),
        ("<math><mi>x</mi></math>", "<math><mi>x</mi></math>"),
        (
            '<math href="https://a.org" onclick="x()"><mo form="infix">+</mo></math>',
            '<math><mo form="infix">+</mo></math>',
        ),
        ("<math><mtext><b>x</b><img src=x></mtext></math>", "<math><mtext>x</mtext></math>"),
        ("<math><maction actiontype=toggle><mi>x</mi></maction></math>", "<math><mi>x</mi></math>"),
        (
            "<math><semantics><mi>x</mi><annotation-xml><p>y</p></annotation-xml></semantics></math>",
            "<math><mi>x</mi>y</math>",
        ),
        ("<mi>x</mi><mtext><b>y</b></mtext>", "x<b>y</b>"),
        (
            '<math><mtd style="text-align:right;position:fixed" class="c">x</mtd></math>',
            '<math><mtd style="text-align:right">x</mtd></math>',
        ),
        ("<math><mi>x</mi></p><p>y", "<math><mi>x</mi>y</math>"),
        ("a<iframe src=x>b</iframe>c", "a[iframe: only a live page shows it]c"),
        ('<p style="color:red;background:url(http://x);position:fixed">x</p>', '<p style="color:red">x</p>'),
    ],
)
def test_what_is_kept_and_what_is_not(given_html: str, expected: str) -> None:
    assert harmless(given_html) == expected


FRAGMENTS = [
    "<", ">", '"', "'", "/", "=", " ", "&lt;", "&#x3c;", "<!--",
    "-->", "<![CDATA[", "]]>", "</", "script", "style", "svg",
    "img", "onerror", "src", "href", "javascript:alert(1)", "<p>", "<script>", "</script>", "<svg>", "<math>",
    "<style>", "</math>", "<mtext>", "<mi>", "<mglyph>", "<annotation-xml>",
    "<title>", "</title>", "<textarea>", "<template>", "\x00", "\n", "a", "url(", "<img src=x onerror=a()>",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=25).map("".join))
def test_only_listed_tags_and_attributes_are_ever_written(text: str) -> None:
    result = harmless(text)
    assert "<" not in WRITTEN.sub("", result)
    for tag, attributes in WRITTEN.findall(result):
        assert tag.lower() in TAGS | FORMULAS
        for name in re.findall(r"([\w-]+)=", re.sub(r'"[^"]*"', '""', attributes)):
            assert name.lower() in ATTRIBUTES | FORMULA_ATTRIBUTES | {"href", "src", "rel"}
    assert harmless(result) == result, "harmless text stays as it is"


@given(st.text())
def test_text_stays_readable(text: str) -> None:
    assert unescape(harmless(escape(text))) == text.replace("\r\n", "\n").replace("\r", "\n") or "\r" in text


def test_styles_cannot_fetch() -> None:
    for value in ("u\\rl(x)", "/**/url(x)", "expression(x)", "image-set('x')", "url( 'x' )"):
        assert "(" not in safe_style(f"background:{value}"), value
    assert set(MIXED_CASE) <= ATTRIBUTES | TAGS


def test_the_lists_hold_whole_words() -> None:
    assert not [
        word
        for word in ATTRIBUTES | FORMULA_ATTRIBUTES | FORMULAS | PROPERTIES | TAGS
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z]+)*", word)
    ]


def test_a_drawing_of_ours_passes_unchanged() -> None:
    from workbench.drawing import Fact, lay_out, svg
    from workbench.spaces import search_space

    (arch,) = search_space("nasbench201").sample(1, seed=3)
    drawn = svg(lay_out(arch.graph), "title", [Fact("91.61", "accuracy", "rank 1", "±0.1")])
    words = re.compile(r"""[\w-]+="[^"]*"|<[\w]+|>[^<]+""")
    assert words.findall(unescape(harmless(drawn))) == words.findall(unescape(drawn))
