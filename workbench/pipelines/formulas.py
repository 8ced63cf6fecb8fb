"""Formulas of LaTeX as MathML, which every browser of today draws by itself, offline and on paper."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from html import escape

#: The library reads by recursion and would end the process where the stack does; a formula that people read has at most
#: some hundred of these marks, each of which can open one level.
MARKS, MOST_MARKS, STACK = re.compile(r"[\\{\[^_]"), 2_000, 32 * 1024 * 1024
#: Commands of one's own could nest without a mark. (Each formula is read alone, so they would be of little use.)
_DEFINING = re.compile(
    r"\\(?:[egx]?def|let|futurelet|(?:re|provide)?newcommand|providecommand|newenvironment)(?![A-Za-z])"
)
#: Formulas are read one by one, so numbers would all be (1): an environment that numbers is read as its starred form.
_NUMBERED = re.compile(r"\\(begin|end)\{(align|equation|gather|multline)\}")
_SPLIT = re.compile(r"\\(begin|end)\{split\}")  # what aligned is, under the name it has inside an equation
_LABEL = re.compile(r"\\label\{[^{}]*\}")
_WHOLE = (("$$", "$$"), (r"\[", r"\]"), ("$", "$"), (r"\(", r"\)"))
_ENVIRONMENT = re.compile(r"\\begin\{([a-z]+\*?)\}.*\\end\{\1\}", re.DOTALL)


class Unreadable(ValueError):
    """A formula that cannot be read, with the reason in words."""


def formula(source: str, *, block: bool = False) -> str:
    """Return a formula as MathML; one that cannot be read is shown as it is written, with a title saying so."""
    source = source.strip()
    try:
        drawn = mathml(source, block)
    except Unreadable as reason:
        title = escape(f"This formula is shown as it is written, because it cannot be read: {reason}")
        drawn = f'<code class="math" title="{title}">{escape(source)}</code>'
    return f'<span class="formula">{drawn}</span>' if block else drawn


def latex(text: str) -> str:
    """Return an output of the type text/latex, one formula or prose with formulas between dollar signs."""
    text = text.strip()
    for opening, closing in _WHOLE:
        inner = text.removeprefix(opening).removesuffix(closing)
        if text.startswith(opening) and len(text) - len(inner) == len(opening) + len(closing) and "$" not in inner:
            return formula(inner, block=True)
    if "$" not in text or _ENVIRONMENT.fullmatch(text):
        return formula(text, block=True)
    pieces = re.split(r"(?<!\\)\$\$?", text)
    return "<p>" + "".join(formula(p) if i % 2 else escape(p) for i, p in enumerate(pieces)) + "</p>"


@lru_cache(maxsize=512)
def mathml(source: str, block: bool) -> str:
    """Return the MathML of one formula; what it is made of is checked by whoever writes it into a page.

    Raises:
        Unreadable: with the reason in words.
    """
    if _DEFINING.search(source):
        raise Unreadable("it defines a command")
    if len(MARKS.findall(source)) > MOST_MARKS:
        raise Unreadable("it is too long")
    found: list[str | Unreadable] = []
    before = threading.stack_size(STACK)
    try:
        reader = threading.Thread(target=lambda: found.append(_read(source, block)))
        reader.start()
    finally:
        threading.stack_size(before)
    reader.join()
    if isinstance(found[0], Unreadable):
        raise found[0]
    return found[0]


def _read(source: str, block: bool) -> str | Unreadable:
    from math_core import LatexError, LatexToMathML

    try:
        source = _NUMBERED.sub(r"\\\1{\2*}", _SPLIT.sub(r"\\\1{aligned}", _LABEL.sub("", source)))
        return LatexToMathML(fancy_error=False).convert_with_local_state(source, displaystyle=block)
    except LatexError as error:
        return Unreadable(re.sub(r"^\d+: ", "", str(error)))
    except BaseException as error:  # a panic of compiled code is no Exception; here it only means: not read
        return Unreadable(f"its reader failed ({type(error).__name__})")
