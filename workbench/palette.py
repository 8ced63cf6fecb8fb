"""The colours of every drawing, widget and figure, the same everywhere and safe for colour-blind readers."""

from __future__ import annotations

import re
import zlib
from math import isfinite
from typing import NamedTuple

TEXT, QUIET, LINE, PAGE, PAPER = "#1b2733", "#6b7682", "#dfe4ea", "#f4f6f8", "#ffffff"
ALARM, INPUT, OUTPUT = "#d1495b", "#eef4fd", "#e9f6ee"
NONE, SKIP, CONV_1X1, CONV_3X3, POOL = "#b9c0c8", "#009e73", "#56b4e9", "#0b5fa5", "#e69f00"

OTHER_OPERATIONS = ("#cc79a7", "#aa4499", "#999933", "#44aa99", "#882255", "#d55e00", "#117733", "#6a5acd")
"""Colours of the operations that have none of their own, after Paul Tol's and Okabe and Ito's safe sets."""

VIRIDIS = (
    "#440154", "#470d60", "#48186a", "#482374", "#472d7b", "#453781", "#424086", "#3e4989",
    "#3b528b", "#375b8d", "#33638d", "#2f6b8e", "#2c728e", "#297a8e", "#26828e", "#23898e",
    "#21918c", "#1f988b", "#1fa088", "#22a884", "#28ae80", "#32b67a", "#3fbc73", "#4ec36b",
    "#5ec962", "#70cf57", "#84d44b", "#98d83e", "#addc30", "#c2df23", "#d8e219", "#ece51b", "#fde725",
)  # fmt: skip
"""The sequential scale, 33 even steps (van der Walt and Smith, 2015)."""

DIVERGING = ("#b2182b", "#f4f6f8", "#2166ac")
"""The scale from below nought over nought to above it."""

_LABEL_LETTERS = 18
_PARTICULAR = re.compile(r"sep|dil|dw|depth|mb|inv|group|gconv|7x1|1x7|3x1|1x3")
_SILENT_WORDS = re.compile(r"\b(nor|connect|connection|bn|relu|op)\b")


class Look(NamedTuple):
    """How one operation is shown: a short label, a colour on light and on dark paper, and whether it is dashed."""

    label: str
    colour: str
    dark: str
    dashed: bool = False


def look(operation: object) -> Look:
    """The look of an operation, found by the pattern of its name, so that a new space needs no entry here.

    `none` and `zero` are dashed grey, skips green, plain 1x1 convolutions light blue, plain 3x3 convolutions
    dark blue, pooling orange; every other name keeps one of `OTHER_OPERATIONS` for good.
    """
    name = str(operation).partition("#")[0].lower()  # the second copy of an operation looks like the first
    plain_convolution = "conv" in name and not _PARTICULAR.search(name)
    if name in {"none", "zero", "zeroize", "null"}:
        return Look("none", NONE, "#5d6873", dashed=True)
    if "skip" in name or "identity" in name:
        return Look("skip", SKIP, on_dark(SKIP))
    if plain_convolution and "1x1" in name:
        return Look("conv 1×1", CONV_1X1, CONV_1X1)
    if plain_convolution and "3x3" in name:
        return Look("conv 3×3", CONV_3X3, "#3f8fdd")
    if "pool" in name:
        return Look(_pool_label(name), POOL, POOL)
    colour = OTHER_OPERATIONS[zlib.crc32(name.encode(errors="surrogatepass")) % len(OTHER_OPERATIONS)]
    return Look(_short(str(operation)), colour, on_dark(colour))


def diverging(value: float) -> str:
    """A colour of the diverging scale, from -1 to 1; that of paper where there is no number."""
    if not isfinite(value):
        return PAPER
    below, nought, above = DIVERGING
    end = above if value >= 0 else below
    share = min(abs(value), 1.0)
    pairs = ((int(nought[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def clipped(words: str) -> str:
    """At most 18 letters of `words`, the last an ellipsis where letters are missing."""
    return words if len(words) <= _LABEL_LETTERS else words[: _LABEL_LETTERS - 1] + "…"


def _pool_label(name: str) -> str:
    kind = next((kind for kind in ("avg", "max", "min", "global") if kind in name), "")
    return f"{kind} pool".strip()


def _short(name: str) -> str:
    """A name as a person reads it: `3x3` as `3×3`, words for underscores."""
    words = _SILENT_WORDS.sub(" ", re.sub(r"[_\-]+", " ", name))
    words = re.sub(r"(?<=\d)x(?=\d)", "×", " ".join(words.split())) or name
    return clipped(words)


def on_dark(colour: str) -> str:
    """The colour a third of the way to white, which keeps lines at 3:1 contrast on dark paper."""
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(channel + (255 - channel) / 3):02x}" for channel in channels)
