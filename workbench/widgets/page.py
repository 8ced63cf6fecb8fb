"""Widgets where no kernel is: their states as plain data, and the installed bundles that bring them to life."""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import ipywidgets

from workbench.errors import InvalidInput, MissingData
from workbench.rooms import room

#: How a notebook's metadata name the states of its widgets.
STATES = "application/vnd.jupyter.widget-state+json"
_LARGEST = 1 << 27  # bytes of one binary value
_HOST = "page"  # the bundle that is no widget: it plays the kernel's part
_HOME = "workbench.widgets."
_BOXES = {"HBoxModel": "row", "VBoxModel": "column", "BoxModel": "row"}
_NOBODYS = {"layout", "tabbable", "tooltip"}  # what Jupyter lays widgets out with
_DEFAULT_EXPORT = re.compile(r"export\s*\{\s*([\w$]+) as default\s*\};?\s*$")


class Box(NamedTuple):
    """Widgets in a row or a column."""

    flow: str
    members: tuple[str, ...]


class Stock:
    """The widgets that a page can show alive, from data that nobody has to trust.

    `models` are the states by the widgets' ids, `boxes` the rows and columns of such widgets, `buffers` the binary
    values, each once (base64 of zlib). What runs is always an installed bundle, found by the name of the widget's
    module; code that came with a state is never looked at. `kept` is what `slim` gave, here or in another process;
    whatever in it is not as `slim` writes it is left out.
    """

    def __init__(self, kept: Mapping[str, Any]) -> None:
        buffers = kept.get("buffers")
        self.buffers = [text if _is_deflated(text) else "" for text in buffers] if isinstance(buffers, list) else []
        self.models: dict[str, dict[str, Any]] = {}
        self.boxes: dict[str, Box] = {}
        widgets = kept.get("widgets")
        for name, one in widgets.items() if isinstance(widgets, dict) else ():
            if isinstance(one, dict) and one.get("flow") in _BOXES.values() and _are_names(one.get("members")):
                self.boxes[str(name)] = Box(one["flow"], tuple(one["members"]))
            elif isinstance(one, dict) and str(one.get("bundle")) in bundles() and self._is_whole(one):
                self.models[str(name)] = {key: one[key] for key in ("bundle", "state", "buffers")}

    def _is_whole(self, one: Mapping[str, Any]) -> bool:
        numbers = one.get("buffers")
        if not (isinstance(one.get("state"), dict) and isinstance(numbers, dict)):
            return False
        return all(type(i) is int and 0 <= i < len(self.buffers) and self.buffers[i] for i in numbers.values())

    def __contains__(self, name: str) -> bool:
        return name in self.models or (name in self.boxes and all(_ in self.models for _ in self.under(name)))

    def under(self, name: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        """The widgets in a box, in their order; the widget itself when it is no box."""
        box = self.boxes.get(name)
        if box is None or name in above:
            yield name
            return
        for member in box.members:
            yield from self.under(member, (*above, name))

    def only(self, names: Iterable[str]) -> dict[str, Any]:
        """What the page's script reads: the named widgets' states, with the buffers that these need."""
        models = {name: self.models[name] for name in dict.fromkeys(names)}
        used = sorted({i for model in models.values() for i in model["buffers"].values()})
        place = {i: k for k, i in enumerate(used)}
        return {
            "models": {
                name: {**model, "buffers": {trait: place[i] for trait, i in model["buffers"].items()}}
                for name, model in models.items()
            },
            "buffers": [self.buffers[i] for i in used],
        }

    def scripts(self, names: Iterable[str]) -> list[str]:
        """The modules that bring the named widgets to life: each bundle they need once, then the host."""
        needed = dict.fromkeys(self.models[name]["bundle"] for name in names)
        return [*map(bundle_script, needed), host_script()] if needed else []


def slim(states: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth keeping of widget states, as notebooks store them under `STATES`: those of our own widgets.

    Neither the bundles nor Jupyter's own traits are kept, and equal binary values once, so that five maps of one
    table take hardly more room than one.
    """
    found: dict[str, dict[str, Any]] = {}
    buffers: dict[str, int] = {}
    entries = states.get("state")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        state = entry.get("state") if isinstance(entry, dict) else None
        if not isinstance(state, dict):
            continue
        if entry.get("model_name") in _BOXES and isinstance(state.get("children"), list):
            members = [str(child).removeprefix("IPY_MODEL_") for child in state["children"]]
            found[str(name)] = {"flow": _BOXES[entry["model_name"]], "members": members}
        elif bundle := _bundle_of(state.get("_anywidget_id")):
            plain = {key: value for key, value in state.items() if not key.startswith("_") and key not in _NOBODYS}
            binary = dict(_binary(entry.get("buffers")))
            found[str(name)] = {
                "bundle": bundle,
                "state": {key: value for key, value in plain.items() if key not in binary},
                "buffers": {key: buffers.setdefault(text, len(buffers)) for key, text in binary.items()},
            }
    while partial := [name for name, one in found.items() if not set(one.get("members", ())) <= set(found)]:
        for name in partial:  # a box with something that is not ours, such as a progress bar
            del found[name]
    return {"widgets": found, "buffers": list(buffers)}


def states_of(widgets: Iterable[ipywidgets.Widget]) -> dict[str, Any]:
    """The states of living widgets and of those inside them, as a notebook would store them.

    Raises `InvalidInput` for a widget that cannot live without a kernel.
    """
    every = list(dict.fromkeys(one for widget in widgets for one in _inside(widget)))
    found: dict[str, Any] = ipywidgets.Widget.get_manager_state(drop_defaults=False, widgets=every)
    for widget in every:  # a subclass of somebody's own runs on the bundle of the class it refines
        ours = [_named(kind) for kind in type(widget).__mro__ if _bundle_of(_named(kind))]
        found["state"][widget.model_id]["state"]["_anywidget_id"] = ours[0] if ours else ""
    return found


def complete(widgets: Iterable[ipywidgets.Widget]) -> None:
    """Have widgets say at once what they hold back until somebody looks at them: those that can `complete()`."""
    for one in dict.fromkeys(inner for widget in widgets for inner in _inside(widget)):
        if callable(finish := getattr(one, "complete", None)):
            finish()


def _inside(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    if isinstance(widget, anywidget.AnyWidget) and any(_bundle_of(_named(kind)) for kind in type(widget).__mro__):
        yield widget
    elif getattr(widget, "_model_name", "") in _BOXES:
        yield widget
        for child in widget.children:
            yield from _inside(child)
    else:
        raise InvalidInput(
            f"A page without a kernel shows the workbench's own widgets, and HBox and VBox of them; got {widget!r}."
        )


@cache
def bundles() -> dict[str, Path]:
    """The installed browser halves by the names of their widgets' modules."""
    return {path.stem: path for path in sorted((room("widgets") / "dist").glob("*.js")) if path.stem != _HOST}


def bundle_script(name: str) -> str:
    """A bundle as a script of a page: what it exports is entered where the host finds it.

    Raises `MissingData` for a bundle that is not as the build makes it.
    """
    source = bundles()[name].read_text(encoding="utf-8")
    found = _DEFAULT_EXPORT.search(source)
    if found is None:
        raise MissingData(f"The bundle {name}.js has no default export at its end. Install nas-workbench again.")
    entered = f"(globalThis.workbenchBundles??={{}}).{name}={found[1]};"
    return inline_script(source[: found.start()] + entered)


def host_script() -> str:
    """The script that shows every widget of a page."""
    return inline_script((room("widgets") / "dist" / f"{_HOST}.js").read_text(encoding="utf-8"))


def inline_script(source: str) -> str:
    """A script fit for standing in a page: nothing in its texts ends the element."""
    return re.sub(r"</(?=script)", r"<\\/", source, flags=re.IGNORECASE).replace("<!--", "\\u003c!--").strip()


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def _bundle_of(name: object) -> str:
    """The bundle of a widget class, by the class's full name; "" for a class that is not ours."""
    if not (isinstance(name, str) and name.startswith(_HOME)):
        return ""
    module = name.removeprefix(_HOME).rpartition(".")[0]
    return module if module in bundles() else ""


def _binary(buffers: object) -> Iterator[tuple[str, str]]:
    """Trait and deflated bytes of each binary trait."""
    for one in buffers if isinstance(buffers, list) else ():
        path, data = (one.get("path"), one.get("data")) if isinstance(one, dict) else (None, None)
        if isinstance(path, list | tuple) and len(path) == 1 and isinstance(data, str):
            try:
                bytes_ = b64decode(data, validate=True)
            except binascii.Error:
                continue
            yield str(path[0]), b64encode(zlib.compress(bytes_, 9)).decode("ascii")


def _is_deflated(text: object) -> bool:
    """Whether a browser can make bytes of the text, and not so many that it would die of them."""
    try:
        inflating = zlib.decompressobj()
        inflating.decompress(b64decode(str(text), validate=True), _LARGEST)
    except (binascii.Error, ValueError, zlib.error):
        return False
    return inflating.eof and not inflating.unused_data


def _are_names(members: object) -> bool:
    return isinstance(members, list) and all(isinstance(member, str) for member in members)
