"""Widgets in plain HTML: the bundle with a model that has the kernel's state but no kernel behind it."""

from __future__ import annotations

import base64
import json
from typing import Any

_OWN = {"layout", "tabbable", "tooltip"}

# Keeps what the widget sends in `sent`, and lets a test play the kernel with `say`.
_SCRIPT = """
const decoded = (value) => value?.base64 === undefined ? value
  : new DataView(Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)).buffer);
class FakeModel {
  constructor(state) {
    this.state = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, decoded(value)]));
    this.listeners = {};
    this.sent = [];
    this.saved = 0;
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }
  save_changes() { this.saved++; }
  send(content) { this.sent.push(content); }
  on(event, callback) { (this.listeners[event] ??= []).push(callback); }
  off(event, callback) { this.listeners[event] = (this.listeners[event] ?? []).filter((one) => one !== callback); }
  emit(event, ...what) { for (const callback of this.listeners[event] ?? []) callback(...what); }
  say(state) {
    Object.assign(this.state, state);
    for (const name of Object.keys(state)) this.emit(`change:${name}`);
  }
}
window.models = [];
for (const [i, { bundle, state }] of WIDGETS.entries()) {
  const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
  const model = new FakeModel(state);
  window.models.push(model);
  (await import(url)).default.render({ model, el: document.getElementById(`widget-${i}`) });
}
window.ready = true;
"""


def page_of(*widgets: Any, width: int = 680) -> str:
    """An HTML page with the widgets below each other."""
    parts = [{"bundle": widget._esm, "state": state_of(widget)} for widget in widgets]
    data = json.dumps(parts).replace("<", "\\u003c")
    places = "".join(f'<div id="widget-{i}" style="width:{width}px;margin:12px"></div>' for i in range(len(parts)))
    return (
        '<!doctype html><meta charset="utf-8"><style>:root { color-scheme: light dark; }</style>'
        f'{places}<script type="module">const WIDGETS = {data};{_SCRIPT}</script>'
    )


def state_of(widget: Any) -> dict[str, Any]:
    """The widget's synchronised traits as JSON, binary ones in base64."""
    names = [name for name in widget.traits(sync=True) if not name.startswith("_") and name not in _OWN]
    return {name: _encoded(getattr(widget, name)) for name in names}


def _encoded(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
