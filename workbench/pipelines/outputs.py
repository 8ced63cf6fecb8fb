"""The outputs of a notebook's cells as HTML that needs no kernel and no network."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from html import escape, unescape
from itertools import zip_longest
from typing import Any

from workbench.errors import InvalidInput
from workbench.pipelines.formulas import latex
from workbench.pipelines.sanitise import LEFT_OUT, harmless
from workbench.widgets.page import Stock

FIGURE, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
#: What can be shown, the best first.
SHOWN = (
    FIGURE, "image/svg+xml", "image/png", "image/jpeg", "image/gif", "text/html", "text/markdown",
    "text/latex", "application/json", "text/plain",
)  # fmt: skip
#: Figures of these kinds compile code in the browser (WebGL).
COMPILING = re.compile(r"\w*gl|splom|parcoords|scatter3d|surface|mesh3d|cone|streamtube|volume|isosurface")
_TABLE = re.compile(r'<table[^>]*class="dataframe.*?</table>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_NUMBER = re.compile(r"<td>(?=[\s\d.,:%eE+−-]+</td>)")
_PLAIN_NUMBER = re.compile(r"[\s\d.,:%eE+−-]+")
LONG = 22  # letters of a cell that a table on paper shows in a line
#: What may be wider than the page is reached by the keyboard, too.
SCROLLING = 'class="html" tabindex="0" role="group" aria-label="table"'
_FIGURE_IN_WORDS = re.compile(r"Figure(Widget)?\(\{\s*'(data|layout)'")
_AS_FIGURE = (
    "End the cell with the figure, a go.Figure, and leave plotly.io.renderers.default as Jupyter sets it "
    "('plotly_mimetype'), or tag the cell 'hide-output'."
)
_PLOTLY = re.compile(r"Plotly\.(newPlot|react)\(|plotly-graph-div|iframe_figures/figure_")
_DRAWN = re.compile(r"\bvegaEmbed\(|\bbk-root\b|\bdata-root-id=|\brequire\(\['?vega")  # altair, bokeh
_FRAME = re.compile(r"<(iframe|object|embed|canvas|video|audio)\b", re.IGNORECASE)
_PROGRESS_BAR = re.compile(r"\d+%\|.*\||\d+it \[")


class Unshowable(InvalidInput):
    """An output that a report cannot show; it is never left out silently."""


class Outputs:
    """Turns outputs into HTML one after the other and remembers the figures and the live widgets it met."""

    def __init__(self, markdown: Any, stock: Stock) -> None:
        self.markdown = markdown
        self.stock = stock
        self.figures = 0
        self.compiling = False
        self.alive: list[str] = []

    def html(self, output: Mapping[str, Any], where: str) -> str:
        """Return one output as HTML.

        Raises:
            Unshowable: for an output that has no form a page without a kernel can show, naming the cell.
        """
        match output["output_type"]:
            case "stream":
                text = last_lines(str(output["text"]))
                return f'<pre class="stream {escape(output["name"])}">{coloured(text)}</pre>' if text.strip() else ""
            case "error":
                return f'<pre class="error">{coloured(chr(10).join(output["traceback"]))}</pre>'
            case _:
                return self._bundle(dict(output["data"]), where)

    def widget(self, name: str, still: str = "") -> str:
        """Return a widget of the stock, alive; its still, one SVG, is what paper and a browser without scripts show."""
        picture_ = picture("image/svg+xml", base64_of(still), svg_title(still), "picture still") if still else ""
        return f'<div class="widget">{picture_}<div class="live">{self._place(name)}</div></div>'

    def _place(self, name: str) -> str:
        if (box := self.stock.boxes.get(name)) is not None:
            return f'<div class="{box.flow}">{"".join(map(self._place, box.members))}</div>'
        self.alive.append(name)
        return f'<div data-widget="{escape(name)}"></div>'

    def _bundle(self, data: dict[str, Any], where: str) -> str:
        if (name := _model_of(data.get(WIDGET))) in self.stock:
            still = data.get("image/svg+xml", "")
            return self.widget(name, still if isinstance(still, str) else "".join(still))
        if WIDGET in data and _PROGRESS_BAR.search(str(data.get("text/plain", ""))):
            return ""  # the trace of a finished progress bar says nothing any more
        best = next((mime for mime in SHOWN if mime in data), "")
        unknown = sorted(mime for mime in data if mime not in SHOWN)
        if not best or (best == "text/plain" and unknown):
            raise Unshowable(_unshowable(where, unknown))
        return self._shown(best, data[best], where)

    def _shown(self, mime: str, value: Any, where: str) -> str:
        text: Any = "".join(value) if isinstance(value, list) and mime != "application/json" else value
        match mime:
            case "application/vnd.plotly.v1+json":
                return self._figure(text)
            case "image/svg+xml":
                return picture(mime, base64_of(text), svg_title(text))
            case "image/png" | "image/jpeg" | "image/gif":
                return picture(mime, re.sub(r"[^A-Za-z0-9+/=]", "", text), "picture")
            case "text/html":
                kept = _foreign(text, where)
                attributes = SCROLLING if "<table" in kept else 'class="html"'
                return f"<div {attributes}>{kept}</div>"
            case "text/markdown":
                return f'<div class="prose">{self.markdown(text)}</div>'
            case "text/latex":
                return f'<div class="html">{harmless(latex(text))}</div>'
            case "application/json":
                return f"<pre>{escape(json.dumps(text, indent=1))}</pre>"
            case _:
                if _FIGURE_IN_WORDS.match(text):
                    raise Unshowable(f"{where} shows a plotly figure as text only. {_AS_FIGURE}")
                return f"<pre>{coloured(text)}</pre>"

    def _figure(self, figure: Mapping[str, Any]) -> str:
        self.figures += 1
        parts = {"data": figure.get("data", []), "layout": figure.get("layout", {})}
        frames = {"frames": figure["frames"]} if figure.get("frames") else {}
        text = inline_json({**parts, **frames})
        self.compiling |= any(COMPILING.fullmatch(str(trace.get("type"))) for trace in parts["data"])
        height = parts["layout"].get("height")
        size = f' style="height:{float(height):g}px"' if isinstance(height, int | float) else ""
        return (
            f'<div class="figure"{size}><div class="plot"></div>'
            f'<script type="application/json" data-figure="{self.figures}">{text}</script></div>'
        )


def _model_of(view: object) -> str:
    return str(view.get("model_id", "")) if isinstance(view, Mapping) else ""


def _foreign(html: str, where: str) -> str:
    """Harmless HTML; an error where what it was to show is drawn by a script or stands in another file."""
    kept = harmless(html)
    if _PLOTLY.search(html):
        raise Unshowable(f"{where} shows a plotly figure as HTML with scripts, of which none is run. {_AS_FIGURE}")
    scripts = "<script" in html and re.search(r"<(?!/|!|script|style|link|meta)", html)
    if (drawn := _DRAWN.search(html)) or ((scripts or _FRAME.search(html)) and not _visible(kept)):
        what = "a picture that a script draws" if drawn or scripts else "a frame, a file kept elsewhere"
        raise Unshowable(
            f"{where} shows {what}, which a page without a kernel cannot: "
            "show it as a plotly figure, SVG, PNG, plain HTML or text, or tag the cell 'hide-output'."
        )
    return _TABLE.sub(lambda found: fit_for_paper(found[0]), kept)


def fit_for_paper(table: str) -> str:
    """Return a table of pandas with its numbers marked, which are never cut, and type of the size that fits paper."""
    rows = [[unescape(_TAG.sub("", cell)).strip() for cell in _CELL.findall(row)] for row in table.split("</tr>")]
    columns = [[cell for cell in column if cell] for column in zip_longest(*rows, fillvalue="")]
    long = bool(columns) and max(map(len, columns[0]), default=0) > LONG
    letters = (LONG if long else 0) + sum(2 + max(map(_letters, column), default=0) for column in columns)
    size = max(3, min(8, 880 // max(1, letters)))  # points; a line of A4 holds about 110 letters of 8 points
    look = f"dataframe size-{size}{' long-index' if long else ''}"
    return _NUMBER.sub('<td class="number">', table).replace('class="dataframe', f'class="{look}', 1)


def _letters(cell: str) -> int:
    return len(cell) if _PLAIN_NUMBER.fullmatch(cell) else min(9, len(cell))  # words are wrapped, numbers are not


def _visible(html: str) -> bool:
    return bool(re.search(r"<(img|svg|math|hr)\b", html) or LEFT_OUT.sub("", _TAG.sub("", html)).strip())


def _unshowable(where: str, mimes: list[str]) -> str:
    still = (
        "show go.Figure(widget) in place of a FigureWidget, or give the widget a still, image/svg+xml in its "
        "_repr_mimebundle_"
    )
    other = "show it as a plotly figure, SVG, PNG, HTML or text"
    return (
        f"{where} shows {', '.join(mimes) or 'nothing known'}, which a page without a kernel cannot: "
        f"{still if WIDGET in mimes else other}, or tag the cell 'hide-output'."
    )


def inline_json(value: object) -> str:
    """Return JSON that can stand inside a script element: no markup, no line that JavaScript would break."""
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(finite(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def finite(value: Any) -> Any:
    """Return a JSON value in which NaN and infinities are null, as plotly draws them."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def picture(mime: str, base64: str, words: str, look: str = "picture") -> str:
    """Return a picture whose bytes are in the page; drawings in it cannot run anything."""
    return f'<img class="{look}" src="data:{mime};base64,{base64}" alt="{escape(words)}">'


def base64_of(text: str) -> str:
    """Return the base64 of a text's UTF-8 bytes."""
    from base64 import b64encode

    return b64encode(text.encode()).decode("ascii")


def svg_title(svg: str) -> str:
    """Return the title of a drawing, which describes it to those who cannot see it."""
    found = re.search(r"<title[^>]*>([^<]*)</title>", svg)
    return found.group(1).strip() if found else "drawing"


def last_lines(text: str) -> str:
    """Return what a terminal would show: of a line rewritten by carriage returns, its last version."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(line for line in lines if not _PROGRESS_BAR.search(line)).strip("\n")


def coloured(text: str) -> str:
    """Return escaped text whose terminal colours are kept."""
    from nbconvert.filters import ansi2html

    return str(ansi2html(text))
