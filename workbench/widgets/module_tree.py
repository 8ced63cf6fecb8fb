"""The kernel half of the module tree: a torch module's layers, and what the user lets each of them become."""

from __future__ import annotations

from math import prod
from pprint import pformat
from typing import TYPE_CHECKING, Any

import anywidget
import torch
import traitlets
from torch import nn
from torch.nn.modules.conv import _ConvNd

from workbench.drawing import text
from workbench.errors import InvalidInput, WorkbenchError, refuse_unknown
from workbench.networks.existing.tracing import Trace, hooked, traced
from workbench.palette import LINE, PAPER, QUIET, TEXT
from workbench.rooms import room
from workbench.spaces.own_model import ModuleSpace, Route, changes_of, space_from_module
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.facts import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

_KERNELS = (1, 3, 5, 7)
_SHARES = (0.25, 0.5, 0.75, 1.0)
_ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Hardswish", "LeakyReLU")
_ROW = 20


class ModuleTree(anywidget.AnyWidget):
    """The layers of a torch module as a tree in which to pick what each may become.

    `example` is a batch the model takes (by default one image of 3 x 32 x 32); a model that cannot be traced is
    followed by hooks, which offers no widths. `choices` is what has been picked, as `space_from_module` takes it: set
    it, or `observe(f, "choices")`. `space()` makes the search space. Raises what `space_from_module` raises.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    choices: Any = traitlets.Dict().tag(sync=True)
    size = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(420).tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        example: torch.Tensor | None = None,
        choices: Mapping[str, Mapping[str, Any]] | None = None,
        height: int = 420,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, ("model", "example", "choices", "height"), "ModuleTree")
        if not isinstance(model, nn.Module):
            raise InvalidInput(f"ModuleTree shows a torch module; got {model!r}.")
        self._model = model
        self._example = torch.zeros(1, 3, 32, 32) if example is None else example
        self._route, self._trace, why = _followed(model, self._example)
        super().__init__(
            _esm=(room("widgets") / "dist" / "module_tree.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            title=type(model).__name__,
            height=height,
            rows=rows_of(model, self._trace),
            choices={name: dict(wanted) for name, wanted in (choices or {}).items()},
            message=why,
        )
        self._chosen({})

    @traitlets.observe("choices")
    def _chosen(self, _: Any) -> None:
        """Say how large the space is now, and the call that makes it; a choice that cannot be is named."""
        with self.hold_sync():
            self.code = _call(self.choices, self._route)
            if not self.choices:
                self.size = "nothing picked yet"
                return
            try:
                changes = changes_of(self._model, self._trace, self.choices)
            except WorkbenchError as error:
                self.message = str(error)
                return
            self.message = ""
            self.size = f"{quantity(prod(len(change.answers) for change in changes))} architectures"

    def space(self, name: str = "") -> ModuleSpace:
        """The search space of what has been picked."""
        return space_from_module(self._model, self.choices, self._example, name=name, route=self._route)

    def still(self) -> str:
        """The tree with what has been picked as one SVG element, for pages without a kernel."""
        lines = [(row, self.choices.get(row["name"], {})) for row in self.rows]
        height = 40 + _ROW * len(lines)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" width="760" height="{height}" '
            f'style="max-width:100%;height:auto" role="img" aria-label="{text(self.title)}" '
            'font-family="system-ui,sans-serif" font-size="12">',
            f'<rect width="760" height="{height}" rx="8" fill="{PAPER}" stroke="{LINE}"/>',
            f'<text x="14" y="22" font-size="14" font-weight="600" fill="{TEXT}">{text(self.title)}: '
            f"{text(self.size)}</text>",
        ]
        for i, (row, picked) in enumerate(lines):
            y = 44 + _ROW * i
            words = "; ".join(f"{kind} {_listed(answers)}" for kind, answers in picked.items())
            parts.append(
                f'<text x="{14 + 14 * row["depth"]}" y="{y}" fill="{TEXT}">{text(row["label"])}</text>'
                f'<text x="250" y="{y}" fill="{QUIET}">{text(row["about"])}</text>'
                f'<text x="520" y="{y}" font-weight="600" fill="{TEXT}">{text(words)}</text>'
            )
        return "".join([*parts, "</svg>"])

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"{self.title}: {self.size}")


def rows_of(model: nn.Module, trace: Trace) -> list[dict[str, Any]]:
    """One row for every part of `model` that ran: its name, what it is, and what it may become."""
    rows = []
    for name, module in model.named_modules():
        if name and name in trace.layers:
            layer = trace.layers[name]
            params = sum(p.numel() for p in module.parameters())
            shape = " × ".join(map(str, layer.outputs[1:]))
            about = [type(module).__name__, shape, f"{quantity(params)} params" if params else ""]
            rows.append(
                {
                    "name": name,
                    "label": name.rpartition(".")[2],
                    "depth": name.count("."),
                    "about": " · ".join(filter(None, about)),
                    "inner": any(other.startswith(name + ".") for other in trace.layers),
                    "offers": _offers(model, name, trace),
                }
            )
    return rows


def _offers(model: nn.Module, name: str, trace: Trace) -> dict[str, Any]:
    """What a layer may become: kind of change -> answers to pick from, or the reason why there are none."""
    module, layer = model.get_submodule(name), trace.layers[name]
    offers: dict[str, Any] = {}
    if isinstance(module, _ConvNd) and not isinstance(module.padding, str):
        sizes = list(zip(module.kernel_size, module.padding, module.dilation, strict=True))
        offers["kernel"] = [
            k for k in _KERNELS if all((k - size) % 2 == 0 and p + d * (k - size) // 2 >= 0 for size, p, d in sizes)
        ]
    width = trace.widths.get(name) if trace.widths is not None else None
    if width is not None and name in width.producers:
        channels = layer.outputs[1] if isinstance(module, _ConvNd) else layer.outputs[-1]
        offers["width"] = width.why_fixed or sorted({max(1, round(share * channels)) for share in _SHARES})
    if type(module).__name__ in _ACTIVATIONS:
        offers["replace"] = [other for other in _ACTIVATIONS if other != type(module).__name__]
    if layer.inputs == layer.outputs and "replace" not in offers:
        offers["skip"] = True
    return offers


def _followed(model: nn.Module, example: torch.Tensor) -> tuple[Route, Trace, str]:
    try:
        return "trace", traced(model, example), ""
    except InvalidInput as error:
        return "hooks", hooked(model, example), str(error)


def _call(choices: Mapping[str, Any], route: str) -> str:
    """The call that makes the same space."""
    words = pformat(dict(choices), width=100, sort_dicts=False)
    return f"wb.space_from_module(model, {words}" + ("" if route == "trace" else f", route={route!r}") + ")"


def _listed(answers: Any) -> str:
    return ", ".join(map(str, answers)) if isinstance(answers, list) else ""
