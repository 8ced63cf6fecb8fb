"""Packages that only some formats need."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from workbench.errors import MissingData


def package(module: str, distribution: str, what: str) -> ModuleType:
    """The module, imported; raises `MissingData` with the pip command where its package is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingData(
            f"{what} needs the package {distribution!r}, which is not installed: "
            f"pip install {distribution}, or everything that exports can use: pip install 'nas-workbench[export]'."
        ) from None
