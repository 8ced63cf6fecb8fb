"""The derived half of a search space, on spaces made for the purpose: flat, conditional and infeasible ones."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.spaces.graphs import graph_hash, is_connected, live_part
from workbench.spaces.space import SearchSpace


class Chain(SearchSpace):
    """One or two layers, each linear or skipped: the second is asked for only where the depth is two."""

    name = "chain"

    def suggest(self, choices):
        depth = choices.suggest_categorical("depth", [1, 2])
        graph = nx.DiGraph()
        graph.add_node(0, role="input", label="in")
        for layer in range(depth):
            op = choices.suggest_categorical(f"layer{layer}", ["linear", "skip", "none"])
            graph.add_edge(layer, layer + 1, op=op, question=f"layer{layer}", zero=op == "none")
            graph.nodes[layer + 1].update(role="state", label=str(layer + 1))
        graph.nodes[depth].update(role="output", label="out")
        if depth == 2 and {op for _, _, op in graph.edges(data="op")} == {"skip"}:
            raise Infeasible("two skips are one")
        return graph

    def network(self, graph, task):
        size = torch.Size(task.shape).numel()
        layers = [torch.nn.Linear(size, size) for _, _, op in graph.edges(data="op") if op == "linear"]
        return torch.nn.Sequential(torch.nn.Flatten(), *layers, torch.nn.Linear(size, task.n_classes))


@pytest.fixture
def chain() -> Chain:
    return Chain()


def test_a_conditional_space_is_enumerated_without_its_infeasible_points(chain: Chain) -> None:
    every = list(chain.enumerate())
    assert len(every) == len(set(every)) == chain.size == 3 + 9 - 1
    assert {"depth": 2, "layer0": "skip", "layer1": "skip"} not in [dict(a.decisions) for a in every]


def test_all_questions_of_a_conditional_space_are_found(chain: Chain) -> None:
    assert {q.name for q in chain.questions()} == {"depth", "layer0", "layer1"}
    assert set(chain.distributions()) == {"depth", "layer0", "layer1"}


def test_samples_of_a_conditional_space_stop_when_there_are_no_more(chain: Chain) -> None:
    assert len(chain.sample(11, seed=0)) == 11
    with pytest.raises(InvalidInput, match=r"gave only 11 different architectures; 12 were asked for"):
        chain.sample(12, seed=0)


def test_neighbors_answer_new_questions_with_their_first_answer(chain: Chain) -> None:
    near = [dict(a.decisions) for a in chain.neighbors(chain.architecture({"depth": 1, "layer0": "none"}))]
    assert {"depth": 2, "layer0": "none", "layer1": "linear"} in near
    assert {"depth": 1, "layer0": "skip"} in near
    assert len(near) == 3


def test_a_mutation_never_lands_on_an_infeasible_point(chain: Chain) -> None:
    parent = chain.architecture({"depth": 1, "layer0": "skip"})
    for seed in range(50):
        assert chain.mutate(parent, seed=seed) in set(chain.enumerate())


def test_crossover_of_different_depths_is_an_architecture(chain: Chain) -> None:
    a = chain.architecture({"depth": 1, "layer0": "linear"})
    b = chain.architecture({"depth": 2, "layer0": "none", "layer1": "skip"})
    children = {chain.crossover(a, b, seed=seed) for seed in range(40)}
    assert len(children) > 2
    assert children <= set(chain.enumerate())


def test_the_default_text_is_json_and_names_what_is_wrong(chain: Chain) -> None:
    arch = chain.architecture({"depth": 1, "layer0": "skip"})
    assert str(arch) == '{"depth": 1, "layer0": "skip"}'
    with pytest.raises(InvalidInput, match="'conv' is no answer to question 'layer0'. Allowed: 'linear', 'skip'"):
        chain.parse('{"depth": 1, "layer0": "conv"}')
    with pytest.raises(InvalidInput, match="Question 'layer0' of chain is not answered"):
        chain.parse('{"depth": 1}')
    with pytest.raises(UnknownName, match="no question of chain named 'layr0'. Did you mean 'layer0'"):
        chain.parse('{"depth": 1, "layer0": "skip", "layr0": "skip"}')


def test_an_answer_of_another_type_is_another_answer(chain: Chain) -> None:
    with pytest.raises(InvalidInput, match="True is no answer to question 'depth'"):
        chain.architecture({"depth": True, "layer0": "skip"})


def test_a_space_without_counts_counts_the_network_it_builds(chain: Chain) -> None:
    arch = chain.architecture({"depth": 1, "layer0": "linear"})
    assert chain.counts(arch, "digits").params == 64 * 64 + 64 + 64 * 10 + 10


def test_two_spaces_never_share_an_architecture(chain: Chain) -> None:
    from workbench.spaces import search_space

    arch = chain.sample(1)[0]
    with pytest.raises(InvalidInput, match="is an architecture of 'chain', not of 'nasbench201'"):
        search_space("nasbench201").graph(arch)


def test_twins_of_a_space_too_large_to_list_are_refused() -> None:
    class Wide(Chain):
        name = "wide"
        flat = True

        def suggest(self, choices):
            graph = nx.DiGraph([(0, 1)])
            for i in range(40):
                choices.suggest_categorical(f"q{i}", [0, 1])
            return graph

    with pytest.raises(InvalidInput, match="wide is too large to list: more than 100,000 architectures"):
        Wide().classes()
    assert Wide().size == 2**40
    assert len(set(Wide().sample(30, seed=0))) == 30


def test_a_hopeless_list_is_not_begun() -> None:
    class Endless(Chain):
        name = "endless"
        walks = 0

        def suggest(self, choices):
            type(self).walks += 1
            for i in range(40):
                choices.suggest_categorical(f"q{i}", [0, 1])
            return nx.DiGraph([(0, 1)])

    space = Endless()
    with pytest.raises(InvalidInput, match="endless is too large to list"):
        space.twins(space.sample(1, seed=0)[0])
    assert Endless.walks < 200


def test_relabelled_graphs_have_one_hash_and_other_graphs_another() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from([(0, {"role": "input"}), (1, {"role": "state"}), (2, {"role": "output"})])
    graph.add_edge(0, 1, op="a")
    graph.add_edge(1, 2, op="b")
    assert graph_hash(graph) == graph_hash(nx.relabel_nodes(graph, {0: "x", 1: "y", 2: "z"}))
    swapped = graph.copy()
    swapped.edges[0, 1]["op"], swapped.edges[1, 2]["op"] = "b", "a"
    assert graph_hash(graph) != graph_hash(swapped)


def test_the_live_part_has_no_zero_edge_and_no_dead_end() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from([(0, {"role": "input"}), (1, {}), (2, {}), (3, {"role": "output"})])
    graph.add_edges_from([(0, 1), (1, 3), (0, 2), (0, 3)])
    graph.edges[0, 3]["zero"] = True
    assert sorted(live_part(graph).edges) == [(0, 1), (1, 3)]
    graph.edges[1, 3]["zero"] = True
    assert list(live_part(graph).edges) == []
    assert not is_connected(graph)
