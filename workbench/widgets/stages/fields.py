"""The fields of a form: a control for each parameter, its help, what it allows, and its error in a schema's words."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets

from workbench.errors import InvalidInput
from workbench.pipelines.kinds import Value
from workbench.pipelines.parameters import Parameter, Schema

_NONE = "none"  # how the absent value of an optional choice is written
_LONGEST = 48  # letters of a default that are shown


class Field:
    """One parameter of a form: `box` holds its control and its words, `changed` is called on every change."""

    def __init__(self, parameter: Parameter, of: str, changed: Callable[[], None]) -> None:
        self.parameter = parameter
        self._schema = Schema({parameter.name: parameter}, of=of)
        self._told = changed
        self.error = ""
        self.control = _control(parameter)
        self.words = ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.control, self.words])
        self.box.add_class("wb-field")
        self.control.observe(self._changed, "value")
        self._say()

    @property
    def text(self) -> str | None:
        """What is in the control, as the command line would take it; None for a required value that is not given."""
        value = self.control.value
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return None if self.parameter.required and text == "" else text

    def value(self) -> Value:
        """The value that is meant.

        Raises:
            InvalidInput: for one that the parameter does not take, and for a required one that is missing.
        """
        text = self.text
        given = {} if text is None else self._schema.parse({self.parameter.name: text})
        return self._schema.check(given)[self.parameter.name]

    def put(self, value: Value) -> None:
        """Write a value into the control."""
        self.control.value = value if isinstance(self.control, ipywidgets.Checkbox) else self.parameter.kind.text(value)

    def reset(self) -> None:
        """Write the default into the control, nothing where there is none."""
        if not self.parameter.required:
            self.put(self.parameter.default)
        elif isinstance(self.control, ipywidgets.Text):
            self.control.value = ""

    def _changed(self, _: Any) -> None:
        self._say()
        self._told()

    def _say(self) -> None:
        """Say what the parameter is, and under it what is wrong, or what is allowed."""
        name = self.parameter.name
        try:
            self.value()
            self.error = ""
        except InvalidInput as error:
            said = str(error)
            self.error = said.partition(f"parameter {name}: ")[2] or said
        untouched = self.text is None
        self.words.value = _words(self.parameter, "" if untouched else self.error, self._secret())

    def _secret(self) -> str:
        """Whether the variable is set whose name was given; its value is not looked at."""
        text = self.text
        if not self.parameter.kind.secret() or self.error or not text or text == _NONE or text.startswith("["):
            return ""
        return f"{text} is set in this kernel." if text in os.environ else f"{text} is not set in this kernel."


def fields_of(schema: Schema, changed: Callable[[], None]) -> dict[str, Field]:
    """A field for every parameter, by its name."""
    return {parameter.name: Field(parameter, schema.of, changed) for parameter in schema}


def given_in(fields: Mapping[str, Field]) -> dict[str, Value]:
    """The values that differ from their defaults.

    Raises:
        InvalidInput: for the first field that has none.
    """
    values = {name: field.value() for name, field in fields.items()}
    return {
        name: value
        for name, value in values.items()
        if (default := fields[name].parameter).required or value != default.default
    }


def _control(parameter: Parameter) -> Any:
    """What suits the kind: a list to choose from, a tick, or a line to type into."""
    facts = parameter.to_json()
    text = "" if parameter.required else parameter.kind.text(parameter.default)
    label = parameter.name + (f" ({parameter.unit})" if parameter.unit else "")
    common = {"description": label, "tooltip": parameter.help or label, "layout": {"width": "auto"}}
    if facts["type"] == "choice" or (facts["type"] == "bool" and (facts["none_allowed"] or parameter.required)):
        values = facts["choices"] if facts["type"] == "choice" else [True, False]
        values = [*values, None] if facts["none_allowed"] and None not in values else values
        options = [(_NONE if value is None else str(value), parameter.kind.text(value)) for value in values]
        options = [("", ""), *options] if parameter.required else options
        return ipywidgets.Dropdown(options=options, value=text, **common)
    if facts["type"] == "bool":
        return ipywidgets.Checkbox(value=bool(parameter.default), indent=False, **common)
    hint = "the name of a variable" if parameter.kind.secret() else "required" if parameter.required else ""
    return ipywidgets.Text(value=text, placeholder=hint, continuous_update=True, **common)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _words(parameter: Parameter, error: str, secret: str) -> str:
    """Help, and under it the error or what is allowed; every text is escaped."""
    kind = str(parameter.kind)
    allowed = "" if kind in ("a text", "true or false") or kind.startswith("one of ") else kind
    default = "" if parameter.required else _cut(parameter.kind.text(parameter.default))
    usual = "" if parameter.required else f"default {default}" if default else "default empty"
    words = ", ".join(filter(None, [allowed, usual]))
    second = f'<span class="wb-wrong">{escape(error)}</span>' if error else escape(secret or words)
    return f'<div class="wb-help">{escape(parameter.help)}</div><div class="wb-kind" role="status">{second}</div>'
