"""The files that an editor's export menu hands out, as messages to the browser."""

from __future__ import annotations

import re
import zlib
from typing import Any

from workbench.architecture import Architecture
from workbench.errors import WorkbenchError
from workbench.exports import catalogue, export
from workbench.exports.format import Format

_TYPES = {".svg": "image/svg+xml", ".json": "application/json"}
_LONGEST = 40  # characters of a space's name in a file's


def file_name(arch: Architecture, suffix: str) -> str:
    """The space and a short hash of the string: letters, digits, dashes and underscores whatever the space's name."""
    space = re.sub(r"[^A-Za-z0-9_-]+", "_", arch.space.name)[:_LONGEST].strip("_") or "architecture"
    return f"{space}-{zlib.crc32(str(arch).encode('utf-8')):08x}{suffix}"


def format_of(name: object) -> Format | None:
    """The format of that name; None for anything else, which no menu asks for."""
    return catalogue.find(name) if isinstance(name, str) and name in catalogue else None


def file_of(asked: tuple[Architecture, str, str]) -> dict[str, Any]:
    """The architecture in a format, for a task: `{"kind": "file", "format", "name", "type", "text"}`.

    Where it cannot be had, `error` says why, in words, instead of `text`.
    """
    arch, format, task = asked
    message: dict[str, Any] = {"kind": "file", "format": format}
    try:
        text = export(arch, format, task=task)
        if isinstance(text, bytes):
            return message | {"error": f"The format {format} is not a text: use wb.export(arch, {format!r}, path)."}
    except (WorkbenchError, RuntimeError) as error:
        return message | {"error": str(error)}
    suffix = catalogue.find(format).suffix
    return message | {"name": file_name(arch, suffix), "type": _TYPES.get(suffix, "text/plain"), "text": text}
