"""A page of living widgets: words and widgets as one HTML file that needs no network, kernel or server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import ipywidgets
from markupsafe import Markup

from workbench.errors import InvalidInput
from workbench.pipelines.outputs import Outputs
from workbench.pipelines.records import write_whole
from workbench.pipelines.report import Prose, Section, render
from workbench.widgets.page import Stock, complete, slim, states_of

Part: TypeAlias = "str | ipywidgets.Widget | Sequence[Part]"


@dataclass(frozen=True)
class Page:
    """A page that was written: its file, its size in bytes, and how many widgets live in it."""

    path: Path
    size: int
    widgets: int

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        noun = "widget" if self.widgets == 1 else "widgets"
        return f"{self.path}: {self.size / 1e6:.2f} MB, {self.widgets} {noun}, opens without a network"

    __repr__ = __str__


def page(parts: Sequence[Part], path: str | Path, *, title: str = "") -> Page:
    """Write widgets and words as one HTML file in which the widgets go on working, and say how large it is.

    Links, selections, filters and tooltips need nothing but the file; what only Python can know (a proxy, a network)
    stays as it was. Each bundle and each binary value is in the file once; printed, a widget is its still.

    Args:
        parts: from top to bottom, the workbench's widgets (also in HBox and VBox) and texts: Markdown, or HTML, of
            which nothing that could run or fetch is kept. Parts in a list of their own stand side by side.
        path: the file to write; one that is there is replaced whole.
        title: the page's title, by default its first heading.

    Raises:
        InvalidInput: for a part that is neither, and for a path that cannot be written.
    """
    if isinstance(parts, str) or not isinstance(parts, Sequence) or not parts:
        raise InvalidInput(f"page takes a list of widgets and texts, such as [editor, atlas]; got {parts!r}.")
    html, widgets = _html(parts, title)
    path = Path(path)
    try:
        write_whole(path, html)
    except OSError as error:
        raise InvalidInput(f"The page {path} cannot be written: {error.strerror}. Give another path.") from None
    return Page(path, path.stat().st_size, widgets)


def _html(parts: Sequence[Part], title: str) -> tuple[str, int]:
    """The page, and how many widgets live in it."""
    prose = Prose()
    widgets = [part for part in _flat(parts) if not isinstance(part, str)]
    complete(widgets)
    outputs = Outputs(prose.html, Stock(slim(states_of(widgets))))
    section = Section([Markup(_part(part, outputs, prose)) for part in parts])
    if title and not prose.title:
        section.blocks.insert(0, Markup("<h1>{}</h1>").format(title))
    return render([section], prose, outputs, {}, title or "Widgets"), len(set(outputs.alive))


def _part(part: Part, outputs: Outputs, prose: Prose) -> str:
    if isinstance(part, str):
        return f'<div class="prose">{prose.html(part)}</div>'
    if not isinstance(part, ipywidgets.Widget):
        return _beside("row", part, outputs, prose)
    if (box := outputs.stock.boxes.get(part.model_id)) is not None:
        return _beside(box.flow, part.children, outputs, prose)
    if part.model_id not in outputs.stock:
        raise InvalidInput(f"{type(part).__name__} holds more than a page can: give it fewer rows.")
    return outputs.widget(part.model_id, part.still())


def _beside(flow: str, parts: Sequence[Part], outputs: Outputs, prose: Prose) -> str:
    return f'<div class="{flow}">{"".join(f"<div>{_part(one, outputs, prose)}</div>" for one in parts)}</div>'


def _flat(parts: Sequence[Part]) -> Iterator[str | ipywidgets.Widget]:
    for part in parts:
        if isinstance(part, str | ipywidgets.Widget):
            yield part
        elif isinstance(part, Sequence):
            yield from _flat(part)
        else:
            raise InvalidInput(f"A page is made of widgets, texts, and lists of these; got {part!r}.")
