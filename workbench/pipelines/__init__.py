"""Pipelines: notebooks with typed parameters, run as a graph of cached stages that ends in one report."""

from __future__ import annotations

from workbench.pipelines.execution import run as run
from workbench.pipelines.pipeline import pipelines as pipelines

__all__ = ["pipelines", "run"]
