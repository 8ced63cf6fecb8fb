r"""Every way in which a text may be written down in a file, as patterns over bytes.

A text is found as it is in UTF-8, UTF-16 and UTF-32, and with any of its characters escaped as JSON, Python, HTML,
Markdown and URLs do, also mixed and several times over (a quote as ``\"``, ``\\\"``, ``\u0022``, ``\x22``, ``&quot;``,
``&amp;#34;``, ``%22``, ``%2522``); in base64 at each of its three alignments, with line breaks and in the alphabet for
URLs; and in hexadecimal. Of a text of 24 characters or more, a beginning that is at least its half is enough: tables
and messages shorten long texts. Not found is a text reversed, encrypted, cut into pieces or drawn as a picture.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from html.entities import codepoint2name
from itertools import groupby
from urllib.parse import quote

LONG = 24  # characters from which on a beginning gives a text away
_LEAST = 16  # characters of such a beginning
_HEAD = 64  # units that one compiled pattern searches for; the others are compared one by one
_WIDEST = 48  # bytes: no unit matches more of them for each character that it stands for
_SHORT = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}
_GAP = rb"(?:\\{1,8}r)?(?:\\{1,8}n|\r?\n[ \t]{0,8})?"  # base64 goes on in the next line


@dataclass(frozen=True)
class Spelling:
    """One family of ways to write a text: a pattern for each of its characters, and how many of them are enough."""

    units: tuple[bytes, ...]
    enough: int
    reach: int  # bytes: no place is longer than this

    def spans(self, content: bytes) -> Iterator[tuple[int, int]]:
        """Begin and end of every place where the text, or enough of its beginning, is written."""
        head = min(self.enough, _HEAD)
        for match in _compiled(b"".join(self.units[:head])).finditer(content):
            begin, end = match.span()
            found = head
            while found < len(self.units) and (more := _compiled(self.units[found]).match(content, end)):
                found, end = found + 1, more.end()
            if found >= self.enough:
                yield begin, end


@cache
def spellings(text: str) -> tuple[Spelling, ...]:
    """Return all families of ways to write a text."""
    raw = text.encode("utf-8", "surrogateescape")
    plain = tuple(_escaped(char, len(list(run))) for char, run in _runs(text))
    wide = [
        tuple(re.escape(char.encode(codec, "surrogatepass")) for char in text)
        for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    ]
    hexadecimal = tuple(_either_case(f"{byte:02x}") for byte in raw)
    families = [plain, *wide, hexadecimal]
    coded = dict.fromkeys([text, json.dumps(text)[1:-1], escape(text), quote(text, safe="")])
    families += [units for one in coded for units in _base64(one.encode("utf-8", "surrogateescape"))]
    return tuple(
        Spelling(units, _enough(len(units), len(text)), _WIDEST * max(len(units), len(text))) for units in families
    )


def _enough(units: int, characters: int) -> int:
    if characters < LONG:
        return units
    return max(-(-units // 2), -(-units * _LEAST // characters))


def _runs(text: str) -> Iterator[tuple[str, Iterator[str]]]:
    """Each character for itself, backslashes that follow each other together: escaping makes more of them."""
    for char, run in groupby(text):
        if char == "\\":
            yield char, run
        else:
            yield from ((one, iter(one)) for one in run)


@cache
def _escaped(char: str, times: int) -> bytes:
    """The pattern of a character as it is and escaped; each alternative begins with a literal byte, which is quick."""
    code, raw = ord(char), char.encode("utf-8", "surrogateescape")
    quoted = rb"%(?:25){0,3}" + rb"%(?:25){0,3}".join(_either_case(f"{byte:02x}") for byte in raw)
    named = [name.encode() for name in {codepoint2name.get(code, ""), "apos" if char == "'" else ""} if name]
    entity = b"|".join([b"#0{0,6}%d" % code, b"#[xX]0{0,6}" + _either_case(f"{code:x}"), *named])
    markup = rb"&(?:amp;){0,3}(?:" + entity + rb");?"
    python = rb"\\\\{0,7}(?:" + b"|".join(_after_backslash(char)) + b")"
    alone = re.escape(raw)
    if char == "\\":
        alone = rb"\\" + rb"\\{%d,%d}" % (times - 1, 8 * times - 1)
    if times > 1:
        python, quoted, markup = (b"(?:%s){%d}" % (pattern, times) for pattern in (python, quoted, markup))
    alternatives = [python, quoted, markup, alone, *([rb"\+"] if char == " " else [])]
    return b"(?:" + b"|".join(alternatives) + b")"


def _after_backslash(char: str) -> Iterator[bytes]:
    code, raw = ord(char), char.encode("utf-8", "surrogateescape")
    if code > 0xFFFF:
        first, second = 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)
        yield b"u" + _either_case(f"{first:04x}") + rb"\\{1,8}u" + _either_case(f"{second:04x}")
    else:
        yield b"u" + _either_case(f"{code:04x}")
    yield b"U" + _either_case(f"{code:08x}")
    yield rb"u\{0{0,5}" + _either_case(f"{code:x}") + rb"\}"
    yield b"x" + rb"\\{1,8}x".join(_either_case(f"{byte:02x}") for byte in raw)
    if code < 256:
        yield b"x" + _either_case(f"{code:02x}")
    if char in _SHORT:
        yield _SHORT[char].encode()
    elif char.isascii() and not char.isalnum() and char.isprintable() and char not in " \\":
        yield re.escape(raw)


def _base64(raw: bytes) -> Iterator[tuple[bytes, ...]]:
    """What is the same in the base64 of everything that holds these bytes, at each of the three alignments."""
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        digits = b64encode(bytes(before) + raw).decode()[skipped : (before + len(raw)) * 8 // 6]
        first, *others = (_BASE64.get(digit, digit.encode()) for digit in digits)
        yield first, *(_GAP + other for other in others)


_BASE64 = {"+": rb"(?:\+|-|%2[bB])", "/": rb"(?:/|_|\\\\{0,7}/|%2[fF])"}


def _either_case(digits: str) -> bytes:
    return b"".join(f"[{d}{d.upper()}]".encode() if d.isalpha() else d.encode() for d in digits)


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)
