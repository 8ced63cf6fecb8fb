"""Foreign HTML made harmless: parsed, and written anew from an allow list of tags and attributes.

What is not on the list is not written, text is always escaped and attributes are always quoted, so that the
result holds no script, style sheet, form or frame and fetches nothing, however the input was spelled.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS = _words("""
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2
    h3 h4 h5 h6 hr i img kbd li mark ol p pre s section small span strong sub summary sup table tbody td
    tfoot th thead tr u ul svg g path line polyline polygon rect circle ellipse text tspan title desc defs
    marker lineargradient stop clippath use
""")
VOID = _words("br col hr img")
SILENT = _words("script style template iframe object noscript textarea select xmp noembed")
#: Inside a formula nothing but these is written, and outside none of them: no links, actions or foreign content.
FORMULAS = _words("""
    math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover
""")
FORMULA_ATTRIBUTES = _words("""
    accent accentunder columnspan depth display displaystyle fence form height largeop linethickness lspace mathvariant
    maxsize minsize movablelimits notation rowspan rspace scriptlevel separator stretchy style symmetric voffset width
""")
#: What would show another file or what a script draws; that something is missing is said in its place.
ELSEWHERE = _words("audio canvas embed iframe object video")
LEFT_OUT = re.compile(r"\[[a-z]+: only a live page shows it\]")
ATTRIBUTES = _words("""
    align alt aria-hidden aria-label class colspan dir height id lang open role rowspan scope span start
    title width clip-path cx cy d dominant-baseline dx dy fill fill-opacity font-family font-size
    font-style font-weight gradientunits marker-end marker-mid marker-start markerheight markerunits
    markerwidth offset opacity orient paint-order points preserveaspectratio r refx refy rx ry stop-color
    stop-opacity stroke stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity stroke-width
    text-anchor transform viewbox x x1 x2 xmlns y y1 y2
""")
MIXED_CASE = {
    name.lower(): name
    for name in _words("""
        clipPath linearGradient gradientUnits markerHeight markerUnits markerWidth preserveAspectRatio
        refX refY viewBox
    """)
}
PROPERTIES = _words("""
    align-items background background-color border border-bottom border-collapse border-left border-radius
    border-right border-top box-sizing color column-gap display fill flex flex-direction flex-wrap font
    font-family font-size font-style font-variant-numeric font-weight gap grid-template-columns height
    justify-content justify-items letter-spacing line-height margin margin-bottom margin-left margin-right margin-top
    max-height max-width min-width opacity overflow overflow-wrap overflow-x padding padding-bottom
    padding-left padding-right padding-top row-gap stroke stroke-dasharray stroke-width text-align
    text-anchor text-decoration text-transform vertical-align white-space width word-break
""")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"(https?://|#|mailto:)", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\\@]|/\*")  # escapes, rules and comments: ways to hide a function's name
_FUNCTION = re.compile(r"([\w-]*)\s*\(")
_HARMLESS_FUNCTIONS = _words("rgb rgba hsl hsla calc min max minmax repeat")
_PAINTS = re.compile(r"url\((?!#[\w.-]+\))", re.IGNORECASE)  # a reference to anything but a part of the same drawing


def harmless(html: str) -> str:
    """Return the HTML with everything removed that could run, fetch, or reach beyond its own place."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.open: list[str] = []
        self.silent = 0

    def text(self) -> str:
        unclosed = (f"</{MIXED_CASE.get(tag, tag)}>" for tag in reversed(self.open))
        return "".join([*self.written, *unclosed])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ELSEWHERE and not self.silent:
            self.written.append(f"[{tag}: only a live page shows it]")
        if tag in SILENT:
            self.silent += 1
        if self.silent or tag not in (FORMULAS if tag == "math" or "math" in self.open else TAGS):
            return
        if tag == "img" and not _PICTURE.fullmatch(dict(attrs).get("src") or ""):
            words = dict(attrs).get("alt") or "no description"
            self.written.append(escape(f"[a picture kept elsewhere: {words}]"))
            return
        kept = "".join(f' {MIXED_CASE.get(k, k)}="{escape(v)}"' for k, v in _attributes(tag, attrs))
        self.written.append(f"<{MIXED_CASE.get(tag, tag)}{kept}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        if self.silent or tag not in self.open:
            return
        while (innermost := self.open.pop()) != tag:
            self.written.append(f"</{MIXED_CASE.get(innermost, innermost)}>")
        self.written.append(f"</{MIXED_CASE.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.written.append(escape(data))


def _attributes(tag: str, attributes: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    if tag in FORMULAS:
        attributes = [(name, value) for name, value in attributes if name in FORMULA_ATTRIBUTES]
    kept = [(name, value or "") for name, value in attributes if _allowed(tag, name, value or "")]
    kept = [(name, safe_style(value) if name == "style" else value) for name, value in kept]
    return kept + ([("rel", "noopener noreferrer")] if tag == "a" else [])


def _allowed(tag: str, name: str, value: str) -> bool:
    match name:
        case "style":
            return bool(safe_style(value))
        case "src":
            return tag == "img"  # its source was checked as a whole
        case "href":
            return bool(_LINK.match(value.strip())) if tag == "a" else tag == "use" and value.startswith("#")
    return name in (FORMULA_ATTRIBUTES if tag in FORMULAS else ATTRIBUTES) and not _PAINTS.search(value)


def safe_style(style: str) -> str:
    """Return the declarations of a style attribute that only change how the element itself looks."""
    declarations = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        functions = {function.lower() for function in _FUNCTION.findall(value)}
        plain = functions <= _HARMLESS_FUNCTIONS and not _FORBIDDEN.search(value)
        if plain and name.strip().lower() in PROPERTIES and value.strip():
            declarations.append(f"{name.strip().lower()}:{value.strip()}")
    return ";".join(declarations)
