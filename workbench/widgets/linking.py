"""Linked widgets: a group shows one architecture and one selection, whichever of its members was asked to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput


@dataclass(frozen=True)
class Selection:
    """Chosen rows of a table: their numbers (n,), the table's index by its fingerprint, and the rows' names.

    `stamp` (milliseconds) says when it was made: of two selections the later one holds.
    """

    index: str
    rows: NDArray[np.intp]
    names: Callable[[], list[str]]
    stamp: float


class Group:
    """The widgets that are linked with each other, and what they were told last."""

    def __init__(self, first: Linked) -> None:
        self.id = uuid.uuid4().hex
        self.members = [first]

    def others(self, one: Linked) -> list[Linked]:
        """Every member but `one`."""
        return [member for member in self.members if member is not one]


class Linked(anywidget.AnyWidget):
    """The abstract half of every widget: what it shows can be shared with others of its group.

    `opened` is the architecture that a view is about, by its string. A change is carried over by the page where it
    was born there, also without a kernel, and by Python where it was born in Python; `stamp`s, in milliseconds and
    always growing, tell news from echoes. A subclass says in `_opened` what opening means to it.
    """

    uid = traitlets.Unicode().tag(sync=True)  # the widget, for the views of it that one page shows
    group = traitlets.Unicode().tag(sync=True)  # the links that hold, by the group's id; "" for none
    opened = traitlets.Dict().tag(sync=True)  # {"name": str, "stamp": float}, or empty

    def __init__(self, **state: Any) -> None:
        self._group = Group(self)
        self._stamp = 0.0
        super().__init__(uid=uuid.uuid4().hex, **state)

    def show(self, arch: Architecture | str) -> None:
        """Show `arch` here and in every linked widget."""
        if str(arch) != self.opened.get("name"):
            self.opened = {"name": str(arch), "stamp": later(self._stamp)}

    def _opened(self, name: str) -> None:
        """What a widget does when the architecture of that string is opened, here or elsewhere."""

    def _hear(self, selection: Selection) -> None:
        """What a widget does when another one's selection has changed."""

    def _told(self) -> Selection | None:
        """The widget's own selection, where it has one."""
        return None

    @traitlets.observe("opened")
    def _opened_set(self, change: dict[str, Any]) -> None:
        name, stamp = change["new"].get("name"), change["new"].get("stamp")
        if not isinstance(name, str) or not isinstance(stamp, int | float) or stamp <= self._stamp:
            return
        self._stamp = float(stamp)
        self._opened(name)
        for member in self._group.others(self):
            if member._stamp < stamp:
                member.opened = {"name": name, "stamp": stamp}

    def _tell(self, selection: Selection) -> None:
        """Pass the widget's own new selection on."""
        for member in self._group.others(self):
            member._hear(selection)


def link(*widgets: Linked) -> None:
    """Link widgets: what is opened or selected in one is opened and selected in all, in the page and in Python.

    The first that shows an architecture, and the first with a selection, give what all of them show from now on.
    Widgets that are linked already bring the others of their groups with them. Works in an exported page too.

    Raises `InvalidInput` for fewer than two widgets, and for anything that cannot be linked.
    """
    for widget in widgets:
        if not isinstance(widget, Linked):
            raise InvalidInput(
                f"Only the workbench's widgets can be linked, such as CellEditor and SpaceMap; got {widget!r}."
            )
    members = list(dict.fromkeys(member for widget in widgets for member in widget._group.members))
    if len(members) < 2:
        raise InvalidInput(f"link joins two widgets or more; got {len(members)}.")
    group = widgets[0]._group
    group.members = members
    for member in members:
        member._group = group
        member.group = group.id
    newest = max(member._stamp for member in members)
    first = next((widget for widget in members if widget.opened), None)
    if first is not None:
        first.opened = {"name": first.opened["name"], "stamp": later(newest)}
    selections = [selection for member in members if (selection := member._told()) is not None]
    chosen = next((selection for selection in selections if len(selection.rows)), None)
    if chosen is not None:
        chosen = replace(chosen, stamp=later(max(selection.stamp for selection in selections)))
        for member in members:
            member._hear(chosen)


def later(stamp: float) -> float:
    """A stamp after `stamp`: now, in milliseconds, unless another clock is ahead."""
    return max(time.time() * 1000, stamp + 1)


def binary() -> Any:
    """A trait of bytes; the browser's binary messages arrive as memoryviews, which `traitlets.Bytes` refuses."""
    return traitlets.Bytes().tag(sync=True, from_json=lambda value, widget: bytes(value or b""))
