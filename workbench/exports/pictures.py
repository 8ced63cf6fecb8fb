"""Pictures of an architecture: its drawing as SVG and as PNG."""

from __future__ import annotations

from workbench.architecture import Architecture
from workbench.drawing import Drawing, lay_out, svg
from workbench.errors import MissingData
from workbench.exports.extra import package

_ZOOM = 3  # points of the PNG for each pixel of the drawing: sharp in print
_LETTER = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="18">{}</text></svg>'


def drawing(arch: Architecture) -> Drawing:
    """The architecture's graph laid out, dead parts marked."""
    graph = arch.graph
    return lay_out(graph, arch.space.live(graph))


def write_svg(arch: Architecture) -> str:
    """The drawing as an SVG element."""
    return svg(drawing(arch)) + "\n"


def write_png(arch: Architecture) -> bytes:
    """The drawing as a PNG of three times its size, on white.

    Raises `MissingData` where the package resvg-py, or a font to write the labels in, is not installed.
    """
    resvg = package("resvg_py", "resvg-py", "Writing PNG")
    # Without any font the letters are left out in silence: an M that looks like nothing gives it away.
    if resvg.svg_to_bytes(svg_string=_LETTER.format("M")) == resvg.svg_to_bytes(svg_string=_LETTER.format("")):
        raise MissingData(
            "Writing PNG needs a font for the labels, and this machine has none: install one, such as the Debian "
            "package fonts-dejavu-core, or write SVG."
        )
    return bytes(resvg.svg_to_bytes(svg_string=write_svg(arch), zoom=_ZOOM, font_family="DejaVu Sans"))
