"""Pipelines: notebooks with typed parameters, run as a graph of cached stages that ends in one report."""

from __future__ import annotations

from workbench.pipelines.execution import resume as resume
from workbench.pipelines.execution import run as run
from workbench.pipelines.pipeline import pipelines as pipelines
from workbench.pipelines.planning import plan as plan
from workbench.pipelines.retention import prune_runs as prune_runs
from workbench.pipelines.retention import runs as runs

__all__ = ["pipelines", "plan", "prune_runs", "resume", "run", "runs"]
