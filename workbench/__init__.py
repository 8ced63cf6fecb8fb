"""NAS Workbench: a search space asks questions, an architecture is the answers, a measure is a number about it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module it lives in; loaded when first used, so that `import workbench` stays quick.
_HOMES = {
    "Architecture": "workbench.architecture",
    "ArchitectureDiff": "workbench.widgets.architecture_diff",
    "CellEditor": "workbench.widgets.cell_editor",
    "EnrichmentPanel": "workbench.widgets.enrichment_panel",
    "FrontPicker": "workbench.widgets.front_picker",
    "Infeasible": "workbench.errors",
    "InvalidInput": "workbench.errors",
    "Ledger": "workbench.ledger",
    "LedgerError": "workbench.errors",
    "Lineage": "workbench.widgets.lineage",
    "Local": "workbench.executors",
    "Measure": "workbench.measure",
    "MissingData": "workbench.errors",
    "ModuleTree": "workbench.widgets.module_tree",
    "Neighborhood": "workbench.widgets.neighborhood",
    "PipelineView": "workbench.widgets.pipeline_view",
    "ProxyBoard": "workbench.widgets.proxy_board",
    "SearchMonitor": "workbench.widgets.search_monitor",
    "SearchSpace": "workbench.spaces.space",
    "Secret": "workbench.pipelines.kinds",
    "SpaceMap": "workbench.widgets.space_map",
    "Subspaces": "workbench.spaces.combined.subspaces",
    "Supernet": "workbench.supernets.supernet",
    "SupernetMonitor": "workbench.widgets.supernet_monitor",
    "UnknownName": "workbench.errors",
    "WorkbenchError": "workbench.errors",
    "agreement": "workbench.analysis.agreement",
    "align": "workbench.spaces.alignment",
    "ancestry": "workbench.analysis.lineage",
    "az_nas": "workbench.analysis.aggregates",
    "benchmark": "workbench.benchmarks",
    "benchmarks": "workbench.benchmarks",
    "best": "workbench.studies.results",
    "bias": "workbench.analysis.closer",
    "borda": "workbench.analysis.aggregates",
    "ceiling": "workbench.analysis.closer",
    "choose": "workbench.studies.results",
    "compare": "workbench.studies.compare",
    "compare_runs": "workbench.pipelines.comparison",
    "complementarity": "workbench.analysis.closer",
    "consensus": "workbench.analysis.consensus",
    "critical_difference": "workbench.analysis.rank_tests",
    "diff_runs": "workbench.pipelines.difference",
    "distance": "workbench.spaces.distances",
    "distances": "workbench.spaces.distances",
    "diswot": "workbench.proxies.diswot",
    "effect": "workbench.analysis.effects",
    "effects_figure": "workbench.analysis.effects",
    "effects_table": "workbench.analysis.effects",
    "embedding": "workbench.analysis.embedding",
    "enqueue": "workbench.studies.steering",
    "enrichment": "workbench.analysis.enrichment",
    "evolve_proxy": "workbench.proxies.symbolic",
    "evolve_space": "workbench.studies.space_evolution",
    "export": "workbench.exports",
    "exports": "workbench.exports",
    "fit_additive": "workbench.studies.additive",
    "front": "workbench.studies.results",
    "generator": "workbench.samplers.diffusion.generator",
    "hardware": "workbench.spaces.combined.hardware",
    "hyperband": "workbench.studies.multi_fidelity",
    "hypervolume": "workbench.analysis.hypervolume",
    "layer_statistics": "workbench.predictors",
    "lineage": "workbench.analysis.lineage",
    "link": "workbench.widgets.linking",
    "measure": "workbench.proxies",
    "motifs": "workbench.analysis.motifs",
    "multi_fidelity": "workbench.studies.multi_fidelity",
    "page": "workbench.pipelines.page",
    "pipelines": "workbench.pipelines",
    "plan": "workbench.pipelines",
    "predictor": "workbench.predictors",
    "predictors": "workbench.predictors",
    "prenas": "workbench.proxies.prenas",
    "proxies": "workbench.proxies",
    "proxy_examples": "workbench.proxies.symbolic",
    "prune": "workbench.analysis.pruning",
    "prune_runs": "workbench.pipelines",
    "qt_score": "workbench.studies.space_scores",
    "quantisation": "workbench.spaces.combined.quantisation",
    "rank_tests": "workbench.analysis.rank_tests",
    "read_architecture": "workbench.exports",
    "recipe": "workbench.spaces.combined.recipes",
    "relative_improvement": "workbench.analysis.comparison",
    "reliability": "workbench.analysis.reliability",
    "replace_one": "workbench.studies.additive",
    "resume": "workbench.pipelines",
    "robot": "workbench.analysis.robot",
    "run": "workbench.pipelines",
    "run_form": "workbench.widgets.run_form",
    "read_effects": "workbench.analysis.effects",
    "runs": "workbench.pipelines",
    "sampler": "workbench.samplers",
    "samplers": "workbench.samplers",
    "save_effects": "workbench.analysis.effects",
    "score": "workbench.proxies.score",
    "score_model": "workbench.proxies.score",
    "search": "workbench.studies.search",
    "search_phase": "workbench.analysis.search_phase",
    "search_space": "workbench.spaces",
    "search_spaces": "workbench.spaces",
    "select": "workbench.studies.exact",
    "space_from_module": "workbench.spaces.own_model",
    "stability": "workbench.analysis.closer",
    "steer": "workbench.studies.steering",
    "successive_halving": "workbench.studies.multi_fidelity",
    "summary": "workbench.analysis.comparison",
    "swap_of": "workbench.proxies.swap",
    "symbolic_proxy": "workbench.proxies.symbolic",
    "task": "workbench.tasks",
    "tasks": "workbench.tasks",
    "te_nas": "workbench.analysis.aggregates",
    "vkdnw": "workbench.analysis.aggregates",
    "vote": "workbench.analysis.aggregates",
}
__all__ = list(_HOMES)  # the names are listed once, above

if TYPE_CHECKING:
    from workbench.analysis.aggregates import az_nas as az_nas
    from workbench.analysis.aggregates import borda as borda
    from workbench.analysis.aggregates import te_nas as te_nas
    from workbench.analysis.aggregates import vkdnw as vkdnw
    from workbench.analysis.aggregates import vote as vote
    from workbench.analysis.agreement import agreement as agreement
    from workbench.analysis.closer import bias as bias
    from workbench.analysis.closer import ceiling as ceiling
    from workbench.analysis.closer import complementarity as complementarity
    from workbench.analysis.closer import stability as stability
    from workbench.analysis.comparison import relative_improvement as relative_improvement
    from workbench.analysis.comparison import summary as summary
    from workbench.analysis.consensus import consensus as consensus
    from workbench.analysis.effects import effect as effect
    from workbench.analysis.effects import effects_figure as effects_figure
    from workbench.analysis.effects import effects_table as effects_table
    from workbench.analysis.effects import read_effects as read_effects
    from workbench.analysis.effects import save_effects as save_effects
    from workbench.analysis.embedding import embedding as embedding
    from workbench.analysis.enrichment import enrichment as enrichment
    from workbench.analysis.hypervolume import hypervolume as hypervolume
    from workbench.analysis.lineage import ancestry as ancestry
    from workbench.analysis.lineage import lineage as lineage
    from workbench.analysis.motifs import motifs as motifs
    from workbench.analysis.pruning import prune as prune
    from workbench.analysis.rank_tests import critical_difference as critical_difference
    from workbench.analysis.rank_tests import rank_tests as rank_tests
    from workbench.analysis.reliability import reliability as reliability
    from workbench.analysis.robot import robot as robot
    from workbench.analysis.search_phase import search_phase as search_phase
    from workbench.architecture import Architecture as Architecture
    from workbench.benchmarks import benchmark as benchmark
    from workbench.benchmarks import benchmarks as benchmarks
    from workbench.errors import Infeasible as Infeasible
    from workbench.errors import InvalidInput as InvalidInput
    from workbench.errors import LedgerError as LedgerError
    from workbench.errors import MissingData as MissingData
    from workbench.errors import UnknownName as UnknownName
    from workbench.errors import WorkbenchError as WorkbenchError
    from workbench.executors import Local as Local
    from workbench.exports import export as export
    from workbench.exports import exports as exports
    from workbench.exports import read_architecture as read_architecture
    from workbench.ledger import Ledger as Ledger
    from workbench.measure import Measure as Measure
    from workbench.pipelines import pipelines as pipelines
    from workbench.pipelines import plan as plan
    from workbench.pipelines import prune_runs as prune_runs
    from workbench.pipelines import resume as resume
    from workbench.pipelines import run as run
    from workbench.pipelines import runs as runs
    from workbench.pipelines.comparison import compare_runs as compare_runs
    from workbench.pipelines.difference import diff_runs as diff_runs
    from workbench.pipelines.kinds import Secret as Secret
    from workbench.pipelines.page import page as page
    from workbench.predictors import layer_statistics as layer_statistics
    from workbench.predictors import predictor as predictor
    from workbench.predictors import predictors as predictors
    from workbench.proxies import measure as measure
    from workbench.proxies import proxies as proxies
    from workbench.proxies.diswot import diswot as diswot
    from workbench.proxies.prenas import prenas as prenas
    from workbench.proxies.score import score as score
    from workbench.proxies.score import score_model as score_model
    from workbench.proxies.swap import swap_of as swap_of
    from workbench.proxies.symbolic import evolve_proxy as evolve_proxy
    from workbench.proxies.symbolic import proxy_examples as proxy_examples
    from workbench.proxies.symbolic import symbolic_proxy as symbolic_proxy
    from workbench.samplers import sampler as sampler
    from workbench.samplers import samplers as samplers
    from workbench.samplers.diffusion.generator import generator as generator
    from workbench.spaces import search_space as search_space
    from workbench.spaces import search_spaces as search_spaces
    from workbench.spaces.alignment import align as align
    from workbench.spaces.combined.hardware import hardware as hardware
    from workbench.spaces.combined.quantisation import quantisation as quantisation
    from workbench.spaces.combined.recipes import recipe as recipe
    from workbench.spaces.combined.subspaces import Subspaces as Subspaces
    from workbench.spaces.distances import distance as distance
    from workbench.spaces.distances import distances as distances
    from workbench.spaces.own_model import space_from_module as space_from_module
    from workbench.spaces.space import SearchSpace as SearchSpace
    from workbench.studies.additive import fit_additive as fit_additive
    from workbench.studies.additive import replace_one as replace_one
    from workbench.studies.compare import compare as compare
    from workbench.studies.exact import select as select
    from workbench.studies.multi_fidelity import hyperband as hyperband
    from workbench.studies.multi_fidelity import multi_fidelity as multi_fidelity
    from workbench.studies.multi_fidelity import successive_halving as successive_halving
    from workbench.studies.results import best as best
    from workbench.studies.results import choose as choose
    from workbench.studies.results import front as front
    from workbench.studies.search import search as search
    from workbench.studies.space_evolution import evolve_space as evolve_space
    from workbench.studies.space_scores import qt_score as qt_score
    from workbench.studies.steering import enqueue as enqueue
    from workbench.studies.steering import steer as steer
    from workbench.supernets.supernet import Supernet as Supernet
    from workbench.tasks import task as task
    from workbench.tasks import tasks as tasks
    from workbench.widgets.architecture_diff import ArchitectureDiff as ArchitectureDiff
    from workbench.widgets.cell_editor import CellEditor as CellEditor
    from workbench.widgets.enrichment_panel import EnrichmentPanel as EnrichmentPanel
    from workbench.widgets.front_picker import FrontPicker as FrontPicker
    from workbench.widgets.lineage import Lineage as Lineage
    from workbench.widgets.linking import link as link
    from workbench.widgets.module_tree import ModuleTree as ModuleTree
    from workbench.widgets.neighborhood import Neighborhood as Neighborhood
    from workbench.widgets.pipeline_view import PipelineView as PipelineView
    from workbench.widgets.proxy_board import ProxyBoard as ProxyBoard
    from workbench.widgets.run_form import run_form as run_form
    from workbench.widgets.search_monitor import SearchMonitor as SearchMonitor
    from workbench.widgets.space_map import SpaceMap as SpaceMap
    from workbench.widgets.supernet_monitor import SupernetMonitor as SupernetMonitor


class _Front(ModuleType):
    """The package's face: a public function keeps its name even where a folder is called the same.

    `wb.proxies()` lists the proxies that live in the folder `workbench/proxies/`. Importing that folder makes Python
    bind it here under the same name; this refuses the binding. `from workbench.proxies import ...` is not affected.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


sys.modules[__name__].__class__ = _Front
