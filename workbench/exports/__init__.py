"""The catalogue of formats an architecture is exported to, beside the reading of what was exported."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, overload

from workbench.architecture import Architecture
from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput
from workbench.exports.format import Format
from workbench.exports.node_link import write_node_link
from workbench.exports.onnx_model import write_onnx
from workbench.exports.pictures import write_png, write_svg
from workbench.exports.reading import read_architecture
from workbench.exports.records import write_json
from workbench.exports.tikz import write_tikz
from workbench.exports.torch_source import write_torch
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    import pandas as pd

    from workbench.tasks.task import Task

__all__ = ["Format", "catalogue", "export", "exports", "read_architecture"]

catalogue: Catalogue[Format] = Catalogue("export format")


def _enter(name: str, suffix: str, about: str, write: Callable[[Architecture], str | bytes], *needs: str) -> None:
    """Enter a format of the architecture alone, whatever the task and the seed."""
    catalogue.enter(name, Format(name, suffix, about, lambda arch, task, seed: write(arch), needs))


_enter("string", ".txt", "the space's own string, as the literature writes it", str)
_enter("json", ".json", "space, answers and string as JSON", write_json)
_enter("networkx", ".json", "the graph as networkx's node-link JSON", write_node_link)
_enter("svg", ".svg", "the drawing as SVG", write_svg)
_enter("png", ".png", "the drawing as PNG", write_png, "resvg_py")
_enter("tikz", ".tex", "the drawing as a LaTeX document", write_tikz)
catalogue.enter(
    "torch",
    Format(
        "torch",
        ".py",
        "the network as Python source that needs torch alone",
        lambda a, t, _: write_torch(a, t),
        builds=True,
    ),
)
catalogue.enter(
    "onnx",
    Format("onnx", ".onnx", "the network with its weights as ONNX", write_onnx, ("onnx", "onnxscript"), builds=True),
)


@overload
def export(
    arch: Architecture, format: str, path: None = None, *, task: str | Task = ..., seed: int = ...
) -> str | bytes: ...


@overload
def export(arch: Architecture, format: str, path: str | Path, *, task: str | Task = ..., seed: int = ...) -> Path: ...


def export(
    arch: Architecture,
    format: str,
    path: str | Path | None = None,
    *,
    task: str | Task = "cifar10",
    seed: int = 0,
) -> str | bytes | Path:
    """`arch` in one of the formats of `exports()`: text or bytes, or, with `path`, the file they were written to.

    `task` is what the network of the formats "torch" and "onnx" is built for, `seed` draws its weights. A file appears
    complete or not at all. Raises `UnknownName` for an unknown format, `MissingData` for a package that the format
    needs, and `InvalidInput` for what the format cannot hold.
    """
    chosen = catalogue.find(format)
    if not isinstance(arch, Architecture):
        raise InvalidInput(f"{arch!r} is no Architecture. Make one with space.parse(text) or space.sample().")
    content = chosen.write(arch, find_task(task), seed)
    return content if path is None else _written(Path(path), content)


def exports() -> pd.DataFrame:
    """The formats there are: what each is, the usual suffix, the packages it needs, and whether these are installed."""
    return catalogue.table(
        lambda format: {
            "suffix": format.suffix,
            "about": format.about,
            "needs": ", ".join(format.needs),
            "ready": all(find_spec(name) is not None for name in format.needs),
        }
    )


def _written(path: Path, content: str | bytes) -> Path:
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {str(path.parent)!r} to write {path.name!r} in: make it first.")
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).chmod(0o666 & ~_umask())
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    """What new files are not allowed to be; it can only be read by setting it."""
    before = os.umask(0o077)
    os.umask(before)
    return before
