"""The catalogue of search spaces."""

from __future__ import annotations

from workbench.catalogue import Catalogue
from workbench.spaces import fbnet, mobilenetv4
from workbench.spaces.autoformer import AutoFormer
from workbench.spaces.channel_bench import ChannelBenchMobileNet, ChannelBenchResNet
from workbench.spaces.darts import DARTS
from workbench.spaces.elastic_decoder import ElasticDecoder
from workbench.spaces.fbnet import FBNet
from workbench.spaces.fcnet import FCNet
from workbench.spaces.flexibert import FlexiBERT
from workbench.spaces.hierarchical_nasbench201 import HierarchicalNASBench201
from workbench.spaces.hpobench_mlp import HPOBenchMLP
from workbench.spaces.lhd import LHD
from workbench.spaces.mbconv import MBConv
from workbench.spaces.mnasnet import MnasNet
from workbench.spaces.mobilenetv4 import MobileNetV4UIB
from workbench.spaces.nasbench101 import NASBench101
from workbench.spaces.nasbench201 import NASBench201
from workbench.spaces.nasbench_graph import NASBenchGraph
from workbench.spaces.nasbench_macro import NASBenchMacro
from workbench.spaces.natsbench_sss import NATSBenchSize
from workbench.spaces.once_for_all import OnceForAll
from workbench.spaces.space import SearchSpace
from workbench.spaces.tdnn import TDNN
from workbench.spaces.text_encoder import TextEncoder
from workbench.spaces.transnas_macro import TransNASMacro
from workbench.spaces.transnas_micro import TransNASMicro
from workbench.spaces.typed import TypedConvolutions

catalogue: Catalogue[SearchSpace] = Catalogue("search space")
catalogue.enter("autoformer", AutoFormer())
catalogue.enter("autoformer_digits", AutoFormer.digits())
catalogue.enter("channel_bench_mobilenet", ChannelBenchMobileNet())
catalogue.enter("channel_bench_resnet", ChannelBenchResNet())
catalogue.enter("darts", DARTS())
catalogue.enter("elastic_decoder", ElasticDecoder())
catalogue.enter("fbnet", FBNet())
catalogue.enter("fbnet_small", FBNet(macro=fbnet.SMALL))
catalogue.enter("fcnet", FCNet())
catalogue.enter("flexibert", FlexiBERT())
catalogue.enter("hierarchical_nasbench201", HierarchicalNASBench201())
catalogue.enter("hpobench_mlp", HPOBenchMLP())
catalogue.enter("lhd", LHD())
catalogue.enter("mbconv", MBConv())
catalogue.enter("mnasnet", MnasNet())
catalogue.enter("mobilenetv4_uib", MobileNetV4UIB())
catalogue.enter("mobilenetv4_uib_small", MobileNetV4UIB(mobilenetv4.SMALL))
catalogue.enter("nasbench101", NASBench101())
catalogue.enter("nasbench201", NASBench201())
catalogue.enter("nasbench_graph", NASBenchGraph())
catalogue.enter("nasbench_macro", NASBenchMacro())
catalogue.enter("natsbench_sss", NATSBenchSize())
catalogue.enter("ofa_mobilenetv3", OnceForAll())
catalogue.enter("tdnn", TDNN())
catalogue.enter("text_encoder", TextEncoder())
catalogue.enter("transnas_macro", TransNASMacro())
catalogue.enter("transnas_micro", TransNASMicro())
catalogue.enter("typed_convolutions", TypedConvolutions())


def search_spaces() -> list[str]:
    """The names of the search spaces there are."""
    return catalogue.names()


def search_space(name: str) -> SearchSpace:
    """The search space called `name`; raises `UnknownName` with the nearest names."""
    return catalogue.find(name)
