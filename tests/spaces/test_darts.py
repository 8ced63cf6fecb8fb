"""DARTS cells as their authors and NAS-Bench-301 write, count and build them."""

from __future__ import annotations

import random
from itertools import islice

import pytest
import torch

from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space
from workbench.spaces.darts import DARTS, OPERATIONS, from_configspace, to_configspace
from workbench.spaces.space import SearchSpace

SPACE = search_space("darts")
CONCAT = "[2, 3, 4, 5]"
# quark0/darts, cnn/genotypes.py.
DARTS_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
NASNET = (
    "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), "
    "('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[], reduce_concat=[4, 5, 6])"
)
# automl/nasbench301, data_generation/configs/config_0.json.
PREFIX = "NetworkSelectorDatasetInfo:darts:"
CONFIG = {
    "edge_normal_1": "sep_conv_3x3",
    "edge_normal_0": "skip_connect",
    "edge_normal_3": "dil_conv_5x5",
    "edge_normal_4": "avg_pool_3x3",
    "inputs_node_normal_3": "1_2",
    "edge_normal_8": "sep_conv_3x3",
    "edge_normal_7": "dil_conv_5x5",
    "inputs_node_normal_4": "2_3",
    "edge_normal_9": "dil_conv_3x3",
    "edge_normal_10": "dil_conv_3x3",
    "inputs_node_normal_5": "0_1",
    "edge_reduce_1": "skip_connect",
    "edge_reduce_0": "dil_conv_3x3",
    "edge_reduce_2": "max_pool_3x3",
    "edge_reduce_3": "dil_conv_5x5",
    "inputs_node_reduce_3": "0_1",
    "edge_reduce_7": "avg_pool_3x3",
    "edge_reduce_6": "dil_conv_3x3",
    "inputs_node_reduce_4": "1_2",
    "edge_reduce_11": "sep_conv_3x3",
    "edge_reduce_9": "sep_conv_3x3",
    "inputs_node_reduce_5": "0_2",
}


def test_the_size_is_the_published_ten_to_the_eighteen() -> None:
    # Liu, Simonyan & Yang (2019), appendix: operations on eight edges, one of C(k, 2) pairs of inputs for node k.
    assert SPACE.size == (7**8 * 1 * 3 * 6 * 10) ** 2
    assert 1e18 < SPACE.size < 1.1e18


@pytest.mark.parametrize("text", [DARTS_V1, DARTS_V2])
def test_a_published_genotype_is_read_and_printed_as_the_search_prints_it(text: str) -> None:
    arch = SPACE.parse(text)
    printed = str(arch)
    assert SPACE.parse(printed) == arch
    assert printed.count("range(2, 6)") == 2
    assert SPACE.parse(printed.replace("range(2, 6)", CONCAT)) == arch


def test_the_second_order_genotype_is_printed_letter_by_letter_with_lower_inputs_first() -> None:
    expected = (
        DARTS_V2.replace(CONCAT, "range(2, 6)")
        .replace("('sep_conv_3x3', 1), ('skip_connect', 0), ('skip", "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip")
        .replace("('skip_connect', 2), ('max_pool_3x3', 1)", "('max_pool_3x3', 1), ('skip_connect', 2)")
    )
    assert str(SPACE.parse(DARTS_V2)) == expected


def test_ten_thousand_samples_are_read_back() -> None:
    archs = SPACE.sample(10_000, seed=0)
    assert [SPACE.parse(str(arch)) for arch in archs] == archs


def test_every_part_of_a_genotype_is_an_answer() -> None:
    answers = SPACE.parse(DARTS_V2).decisions
    assert (answers["normal.5.inputs"], answers["normal.5.op1"], answers["normal.5.op2"]) == (
        "0,2",
        "skip_connect",
        "dil_conv_3x3",
    )
    graph = SPACE.parse(DARTS_V2).graph
    assert graph.edges["normal.2", "normal.5"]["op"] == "dil_conv_3x3"
    assert sorted(graph.predecessors("reduce.out")) == ["reduce.2", "reduce.3", "reduce.4", "reduce.5"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DARTS_V2.replace("dil_conv_3x3", "dil_conv_3x4"), "no operation 'dil_conv_3x4' .*Did you mean 'dil_conv_3x3'"),
        (DARTS_V2.replace("'sep_conv_3x3'", "'none'", 1), "There is no operation 'none' in DARTS"),
        (DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)"), "Node 5 .* takes input 5: only 0 to 4 come"),
        (DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 0)"), "Node 5 .* takes input 0 twice"),
        (DARTS_V2.replace("('dil_conv_3x3', 2)", "'dil_conv_3x3'"), "is no pair such as"),
        (DARTS_V2.replace(", ('dil_conv_3x3', 2)", ""), "Cell 'normal' has 7 operations in its list: 8 are"),
        (DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=range(3, 6)"), "every cell joins"),
        (DARTS_V2.replace("normal_concat", "concat"), "'normal_concat' is expected where 'concat' stands"),
        (DARTS_V2 + ")", "'its end' is expected where '\\)' stands"),
        (DARTS_V2.replace("[2, 3, 4, 5]", "__import__('os')"), "a value is expected where '__import__' stands"),
        (DARTS_V2.replace("[2, 3, 4, 5]", "range(0, 9999)"), "is too long"),
        (DARTS_V2.replace("[2, 3, 4, 5]", "[[[[[[2]]]]]]"), "brackets stand more than 4 deep"),
        (DARTS_V2.replace("[2, 3, 4, 5]", "{2: 3}"), "2 is no key"),
        (DARTS_V2.replace("'sep", "'sep;", 1), "cannot be read"),
        (NASNET, r"normal_concat is \[2, 3, 4, 5, 6\]: in darts every cell joins \[2, 3, 4, 5\]"),
        ("(" * 10_000_000, "A string of 10,000,000 characters is no Genotype of darts"),
        ("Genotype(", "'normal' is expected where 'its end' stands"),
        (7, "is written as a Genotype"),
        (None, "is written as a Genotype"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        SPACE.parse(text)


def test_damaged_genotypes_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(0)
    letters = "()[]{},='\"0129 abnorml_x\x00é"
    for _ in range(2_000):
        place = rng.randrange(len(DARTS_V2))
        text = DARTS_V2[:place] + rng.choice(letters) * rng.randrange(3) + DARTS_V2[place + rng.randrange(3) :]
        try:
            arch = SPACE.parse(text)
        except InvalidInput:
            continue
        assert SPACE.parse(str(arch)) == arch


def test_a_nasbench301_configuration_converts_both_ways() -> None:
    config = {PREFIX + key: op for key, op in CONFIG.items()}
    training = {PREFIX + "layers": 8, PREFIX + "init_channels": 32, "CreateImageDataLoader:batch_size": 96}
    arch = from_configspace(SPACE, config | training)
    assert to_configspace(arch) == config
    assert arch.decisions["normal.4.inputs"] == "2,3"
    assert (arch.decisions["normal.4.op1"], arch.decisions["normal.4.op2"]) == ("dil_conv_5x5", "sep_conv_3x3")
    assert from_configspace(SPACE, CONFIG) == arch
    for other in SPACE.sample(200, seed=4):
        assert from_configspace(SPACE, to_configspace(other)) == other


def test_the_official_converter_gives_the_second_order_cell_these_edges() -> None:
    # automl/nasbench301, representations.py: edges into node k are numbered from 0, 2, 5 and 9 on by their input.
    config = to_configspace(SPACE.parse(DARTS_V2))
    normal = {key.rpartition("_")[2]: op for key, op in config.items() if "edge_normal" in key}
    assert normal == {
        "0": "sep_conv_3x3",
        "1": "sep_conv_3x3",
        "2": "sep_conv_3x3",
        "3": "sep_conv_3x3",
        "5": "skip_connect",
        "6": "sep_conv_3x3",
        "9": "skip_connect",
        "11": "dil_conv_3x3",
    }
    assert config[PREFIX + "inputs_node_normal_5"] == "0_2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"edge_normal_3": None}, "There is no operation None in DARTS \\(edge_normal_3\\)"),
        ({"inputs_node_normal_3": "0_0"}, "'0_0' are no inputs for inputs_node_normal_3: 0,1, 0,2, 1,2 are"),
        ({"inputs_node_normal_3": "0_1"}, "does not say NetworkSelectorDatasetInfo:darts:edge_normal_2"),
        ({"edge_normal_13": "skip_connect"}, "edge_normal_13 is given, and no node"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        from_configspace(SPACE, CONFIG | change)
    with pytest.raises(InvalidInput, match="is a dictionary; got 3"):
        from_configspace(SPACE, 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no architecture of DARTS"):
        to_configspace(search_space("nasbench201").sample(1)[0])


def test_the_evaluation_network_has_the_published_parameters() -> None:
    # The official train.py logs 3.349342 M without the auxiliary head (3.3 in the paper's table 1).
    big = DARTS(n_cells=20, channels=36)
    assert big.name == "darts_20x36"
    arch = big.parse(DARTS_V2)
    assert big.counts(arch).params == 3_349_342
    assert SearchSpace.counts(big, arch) == big.counts(arch)
    # Table 3: 4.7 M on ImageNet, with 14 cells and 48 channels.
    imagenet = DARTS(n_cells=14, channels=48)
    assert imagenet.counts(imagenet.parse(DARTS_V2), "imagenet_noise").params == 4_718_752


def test_counts_equal_the_built_network_also_for_large_and_for_odd_images() -> None:
    for arch in SPACE.sample(1, seed=5):
        for task in ("imagenet_noise", "fashion_mnist"):
            assert SPACE.counts(arch, task) == SearchSpace.counts(SPACE, arch, task)


def test_networks_run_on_large_images_and_learn_from_a_batch_of_two() -> None:
    arch = SPACE.sample(1, seed=6)[0]
    model = DARTS(n_cells=3, channels=4).build(DARTS(n_cells=3, channels=4).parse(str(arch)), "imagenet_noise")
    logits = model(torch.randn(2, 3, 224, 224))
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert all(p.grad is not None for p in model.parameters())


def test_a_network_without_cells_is_refused() -> None:
    empty = DARTS(n_cells=0)
    with pytest.raises(InvalidInput, match="A network of 0 cells and 16 channels: 1 and 2 are the least"):
        empty.build(empty.parse(DARTS_V2))


def test_renumbered_nodes_make_isomorphs_and_other_cells_do_not() -> None:
    a = SPACE.parse(DARTS_V2)
    # Nodes 3 and 4 of the normal cell do not use each other: they may change places.
    swapped = dict(a.decisions)
    for part in ("inputs", "op1", "op2"):
        three, four = f"normal.3.{part}", f"normal.4.{part}"
        swapped[three], swapped[four] = swapped[four], swapped[three]
    b = SPACE.architecture(swapped)
    assert a != b
    assert SPACE.canonical(a) == SPACE.canonical(b)
    # Another operation anywhere, or the cells exchanged, is another network.
    for other in SPACE.neighbors(a):
        if any("op" in name and answer != a.decisions[name] for name, answer in other.decisions.items()):
            assert SPACE.canonical(other) != SPACE.canonical(a)
    exchange = {"normal": "reduce", "reduce": "normal"}
    exchanged = {exchange[name[:6]] + name[6:]: answer for name, answer in a.decisions.items()}
    assert SPACE.canonical(SPACE.architecture(exchanged)) != SPACE.canonical(a)


def test_canonical_numberings_agree_with_a_search_for_isomorphisms() -> None:
    import networkx as nx

    def same(d: dict[str, object], e: dict[str, object]) -> bool:
        return (d.get("role"), d.get("cell"), d.get("place")) == (e.get("role"), e.get("cell"), e.get("place"))

    def marked(graph: nx.DiGraph) -> nx.DiGraph:
        for node, data in graph.nodes(data=True):
            data["place"] = node if data["role"] == "input" else ""
        return graph

    # A crowded corner of the space: skips everywhere in the reduction cell, two operations in the other.
    few = {q.name: q.answers[:1] if "reduce" in q.name else q.answers[:3] for q in SPACE.questions()}
    corner = SPACE.restrict(few | {f"normal.{n}.op{k}": ["skip_connect"] for n in (2, 3, 4, 5) for k in (1, 2)})
    archs = list(islice(corner.enumerate(), 27))
    graphs = [marked(SPACE.graph(SPACE.parse(str(arch)))) for arch in archs]
    keys = [SPACE.canonical(SPACE.parse(str(arch))) for arch in archs]
    for i, one in enumerate(graphs):
        for j, other in enumerate(graphs[:i]):
            matcher = nx.algorithms.isomorphism.DiGraphMatcher(
                one, other, same, lambda d, e: d.get("op") == e.get("op")
            )
            assert matcher.is_isomorphic() == (keys[i] == keys[j])
    assert 1 < len(set(keys)) < 27


def test_a_hundred_thousand_samples_take_seconds() -> None:
    assert len(set(SPACE.sample(100_000, seed=1))) == 100_000


def test_operations_from_the_catalogue_can_be_added() -> None:
    more = SPACE.extend(["sep_conv_7x7"])
    assert more.size > SPACE.size
    arch = next(a for a in more.sample(50, seed=2) if "sep_conv_7x7" in a.decisions.values())
    assert more.counts(arch).params > 0
    with pytest.raises(UnknownName):
        SPACE.restrict({"normal.2.inputs": ["0,1"]})  # node 2 has no choice of inputs
    assert len(SPACE.questions()) == 2 * (8 + 3)
    assert {answer for q in SPACE.questions() if ".op" in q.name for answer in q.answers} == set(OPERATIONS)
