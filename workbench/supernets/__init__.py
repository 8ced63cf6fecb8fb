"""Supernets: one set of weights for all architectures of a space, and what trains, steers and reads them."""

from __future__ import annotations

from workbench.supernets.alone import alone as alone
from workbench.supernets.alone import train_alone as train_alone
from workbench.supernets.architecture import FirstOrder as FirstOrder
from workbench.supernets.architecture import OneLevel as OneLevel
from workbench.supernets.inheritance import inheritance as inheritance
from workbench.supernets.objectives import CrossEntropy as CrossEntropy
from workbench.supernets.objectives import Distillation as Distillation
from workbench.supernets.objectives import alpha_divergence as alpha_divergence
from workbench.supernets.paths import CostBins as CostBins
from workbench.supernets.paths import Fair as Fair
from workbench.supernets.paths import Fixed as Fixed
from workbench.supernets.paths import Mixture as Mixture
from workbench.supernets.paths import Restricted as Restricted
from workbench.supernets.paths import Sampled as Sampled
from workbench.supernets.paths import Sandwich as Sandwich
from workbench.supernets.paths import Uniform as Uniform
from workbench.supernets.penalties import hinge as hinge
from workbench.supernets.penalties import linear as linear
from workbench.supernets.penalties import logarithmic as logarithmic
from workbench.supernets.penalties import multiplied as multiplied
from workbench.supernets.projection import Projected as Projected
from workbench.supernets.pruning import GradualPrune as GradualPrune
from workbench.supernets.recipe import Recipe as Recipe
from workbench.supernets.relaxations import GumbelSoftmax as GumbelSoftmax
from workbench.supernets.relaxations import MaxW as MaxW
from workbench.supernets.relaxations import Sigmoid as Sigmoid
from workbench.supernets.relaxations import Softmax as Softmax
from workbench.supernets.selection import top_edges as top_edges
from workbench.supernets.sharpness import sharpness as sharpness
from workbench.supernets.stopping import patience as patience
from workbench.supernets.stopping import settled as settled
from workbench.supernets.supernet import Supernet as Supernet
from workbench.supernets.teachers import EMA as EMA
from workbench.supernets.teachers import External as External
from workbench.supernets.teachers import InPlace as InPlace
from workbench.supernets.teachers import Snapshots as Snapshots
from workbench.supernets.topology import Topology as Topology
from workbench.supernets.training import Training as Training
from workbench.supernets.training import train as train
from workbench.supernets.unrolled import Unrolled as Unrolled
