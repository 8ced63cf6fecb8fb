"""Widgets in plain HTML: brought to life as on an exported page, with a test playing the kernel."""

from __future__ import annotations

import json
from typing import Any

from workbench.widgets.page import Stock, slim, states_of

# Each model keeps what its widget sends in `sent` and counts its saves; `state` is its values as they are now, and with
# `say` a test plays the kernel.
_SCRIPT = """
document.addEventListener("workbench:models", () => {
  window.models = workbenchModels;
  for (const model of models) {
    Object.assign(model, { sent: [], saved: 0, alone: false });
    model.state = new Proxy({}, { get: (_, name) => model.get(name) });
    model.send = (content) => void model.sent.push(content);
    model.save_changes = () => void model.saved++;
    model.say = (state) => {
      for (const [name, value] of Object.entries(state)) model.values.set(name, value);
      for (const name of Object.keys(state)) model.emit(`change:${name}`);
    };
  }
});
Object.defineProperty(window, "ready", { get: () => document.documentElement.dataset.widgets === "alive" });
"""


def page_of(*widgets: Any, width: int = 680) -> str:
    """An HTML page with the widgets below each other."""
    stock = Stock(slim(states_of(widgets)))
    names = [widget.model_id for widget in widgets]
    data = json.dumps(stock.only(names)).replace("<", "\\u003c")
    places = "".join(
        f'<div id="widget-{i}" data-widget="{name}" style="width:{width}px;margin:12px"></div>'
        for i, name in enumerate(names)
    )
    modules = "".join(f'<script type="module">{script}</script>' for script in stock.scripts(names))
    return (
        '<!doctype html><meta charset="utf-8"><style>:root { color-scheme: light dark; }</style>'
        f'{places}<script type="application/json" data-widgets>{data}</script>'
        f"<script>{_SCRIPT}</script>{modules}"
    )
