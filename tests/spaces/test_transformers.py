"""AutoFormer, FlexiBERT and the elastic decoder: published sizes, official strings, images and texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.autoformer import AutoFormer
from workbench.spaces.elastic_decoder import ElasticDecoder
from workbench.spaces.flexibert import FlexiBERT
from workbench.spaces.space import SearchSpace
from workbench.tasks import Task, task

SPACES = [AutoFormer(), FlexiBERT(), ElasticDecoder()]
TEXT_SPACES = SPACES[1:]

# The searched networks, from the files AutoFormer-T, -S and -B in the official folder experiments/subnet.
PUBLISHED = {
    "T": (
        AutoFormer("autoformer_published", mlp_ratios=(3.0, 3.5, 4.0)),
        192,
        [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3],
        [3.5, 3.5, 3.0, 3.5, 3.0, 3.0, 4.0, 4.0, 3.5, 4.0, 3.5, 4.0, 3.5],
    ),
    "S": (
        AutoFormer.small(),
        384,
        [6, 6, 5, 7, 5, 5, 5, 6, 6, 7, 7, 6, 7],
        [3.0, 3.5, 3.0, 3.5, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 3.5, 4.0],
    ),
    "B": (
        AutoFormer.base(),
        576,
        [9, 9, 9, 9, 9, 10, 9, 9, 10, 9, 10, 9, 9, 10],
        [3.5, 3.5, 4.0, 3.5, 4.0, 3.5, 3.5, 3.0, 4.0, 4.0, 3.0, 4.0, 3.0, 3.5],
    ),
}
# From the README of the official repository.
MINI = {
    "l": 4,
    "o": ["sa", "sa", "l", "l"],
    "h": [256, 256, 128, 128],
    "n": [2, 2, 4, 4],
    "f": [[512, 512, 512], [512, 512, 512], [1024], [1024]],
    "p": ["sdp", "sdp", "dct", "dct"],
}
CONVOLVING = {"l": 2, "o": ["c", "sa"], "h": [128, 128], "n": [2, 4], "f": [[512], [1024]], "p": [5, "wma"]}


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several threads in the way of one another take many times as long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def published(which: str) -> tuple[SearchSpace, str]:
    space, dim, heads, ratios = PUBLISHED[which]
    layers = len(heads)
    config = {"mlp_ratio": ratios, "num_heads": heads, "embed_dim": [dim] * layers, "layer_num": layers}
    return space, json.dumps(config)


# -- sizes -----------------------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_official_ranges() -> None:
    # supernet-T, -S, -B: (heads x ratios) ** depth over three depths, times three widths.
    assert AutoFormer().size == 3 * (4**12 + 4**13 + 4**14) == 1_056_964_608
    assert AutoFormer.small().size == 3 * (9**12 + 9**13 + 9**14)
    assert AutoFormer.base().size == 3 * (6**14 + 6**15 + 6**16)
    # Tuli et al. (2023) speak of 3.32 billion.
    assert FlexiBERT().size == 240**2 + 240**4 == 3_317_817_600
    assert ElasticDecoder().size == 3**6
    assert ElasticDecoder(layers=32).size == 3**32


@pytest.mark.parametrize(
    "space",
    [
        AutoFormer("a", embed_dims=(64, 128), depths=(1, 2), heads=(1, 2), mlp_ratios=(1, 2, 3)),
        FlexiBERT("f", depths=(1, 2), operations=("c_3", "sa_sdp"), hidden=(8,), heads=(2,), widths=(4, 8)),
        ElasticDecoder("e", layers=3, dim=8, heads=2, widths=(8, 16)),
    ],
    ids=lambda space: space.name,
)
def test_the_closed_form_of_the_size_counts_every_architecture(space: SearchSpace) -> None:
    every = list(space.enumerate())
    assert len(set(every)) == len(every) == space.size


# -- the numbers of the papers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "params", "reported", "gflops"),
    # Million parameters as the official README has them (5.8 is 5.87 cut off), multiply-adds as the paper.
    [("T", 5_867_944, 5.8, 1.3), ("S", 22_891_432, 22.9, 5.1), ("B", 53_691_688, 53.7, 11.0)],
)
def test_published_autoformers_have_their_published_size(
    which: str, params: int, reported: float, gflops: float
) -> None:
    space, text = published(which)
    counts = space.counts(space.parse(text), "imagenet_noise")
    assert counts.params == params
    assert counts.params / 1e6 == pytest.approx(reported, abs=0.1)
    assert counts.macs / 1e9 == pytest.approx(gflops, rel=0.05)


def test_flexibert_mini_has_three_percent_fewer_parameters_than_bert_mini() -> None:
    # With RoBERTa's vocabulary and longest text, as pretrained; the abstract rounds to 3 %.
    roberta = Task("roberta", (514,), 2, "", vocabulary=50_265)
    space = FlexiBERT()
    bert = {"l": 4, "o": ["sa"] * 4, "h": [256] * 4, "n": [4] * 4, "f": [[1024]] * 4, "p": ["sdp"] * 4}
    mini, bert_mini = (space.counts(space.parse(json.dumps(config)), roberta).params for config in (MINI, bert))
    assert 1 - mini / bert_mini == pytest.approx(0.03, abs=0.015)


def test_a_decoder_is_counted_as_the_definition_says() -> None:
    space = ElasticDecoder(layers=2)
    arch = space.architecture({"l1.skip": False, "l1.width": 344, "l2.skip": True})
    d, length, width, vocabulary = 128, 64, 344, 97
    weights = 4 * d * d + 3 * d * width
    params, macs = space.counts(arch, "python_topics")
    assert params == 2 * vocabulary * d + weights + 3 * d
    assert macs == length * weights + 2 * length**2 * d + d * vocabulary


# -- official strings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", PUBLISHED)
def test_published_configurations_are_read_and_written(which: str) -> None:
    space, text = published(which)
    assert str(space.parse(text)) == text
    assert space.parse(text.replace("4.0", "4")) == space.parse(text)


@pytest.mark.parametrize("config", [MINI, CONVOLVING], ids=["mini", "convolving"])
def test_official_model_dictionaries_are_read_and_written(config: dict[str, Any]) -> None:
    assert str(FlexiBERT().parse(json.dumps(config))) == json.dumps(config)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_strings_of_samples_are_read_back(space: SearchSpace) -> None:
    for arch in space.sample(500, seed=0):
        assert space.parse(str(arch)) == arch


def changed(config: dict[str, Any], **entries: Any) -> str:
    return json.dumps({key: value for key, value in (config | entries).items() if value is not None})


@pytest.mark.parametrize("space", [AutoFormer(), FlexiBERT()], ids=lambda space: space.name)
@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "7", "null", "\x00", "[" * 5_000, "{" * 10_000_000, 7, None, b"{}"],
    ids=lambda t: repr(t)[:9],
)
def test_what_is_no_configuration_is_refused_quickly_and_briefly(space: SearchSpace, text: Any) -> None:
    with pytest.raises(InvalidInput, match="a JSON object with") as refused:
        space.parse(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"layer_num": 11}, "lists as long under 'mlp_ratio'"),
        ({"layer_num": 0}, "a number of layers"),
        ({"layer_num": 13.5}, "a number of layers"),
        ({"num_heads": None}, "'num_heads'"),
        ({"num_heads": [3] * 12}, "lists as long"),
        ({"num_heads": [5] * 13}, "5 is no answer to question 'l1.heads'"),
        ({"num_heads": [[3]] * 13}, "is no answer to question 'l1.heads'"),
        ({"mlp_ratio": [2.5] * 13}, "2.5 is no answer to question 'l1.mlp_ratio'. Allowed: 3.0, 3.5, 4.0"),
        ({"embed_dim": [192] * 12 + [216]}, "one embed_dim is expected, repeated for all layers"),
        ({"embed_dim": [384] * 13}, "384 is no answer to question 'embed_dim'"),
    ],
)
def test_a_wrong_autoformer_configuration_is_refused_with_what_is_wrong(entries: dict[str, Any], words: str) -> None:
    space, text = published("T")
    with pytest.raises(InvalidInput, match=words):
        space.parse(changed(json.loads(text), **entries))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"o": ["c", "l"]}, "'l' with 'wma'\" is no answer to question 'l2.operation'"),
        ({"p": ["5", "wma"]}, "is no answer to question 'l1.operation'"),
        ({"f": [512, [1024]]}, "0 is no answer to question 'l1.stacks'. Allowed: 1, 3"),
        ({"f": [[512, 512], [1024]]}, "2 is no answer to question 'l1.stacks'"),
        ({"h": [128, 512]}, "512 is no answer to question 'l2.hidden'"),
        ({"l": True}, "lists as long"),
    ],
)
def test_a_wrong_model_dictionary_is_refused_with_what_is_wrong(entries: dict[str, Any], words: str) -> None:
    with pytest.raises((InvalidInput, UnknownName), match=words):
        FlexiBERT().parse(changed(CONVOLVING, **entries))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AutoFormer(heads=()), "lists of different numbers above 0"),
        (lambda: AutoFormer(depths=(2, 2)), "lists of different numbers above 0"),
        (lambda: FlexiBERT(heads=(3,)), "even numbers of heads that divide every hidden size"),
        (lambda: FlexiBERT(hidden=(130,), heads=(4,)), "even numbers of heads that divide every hidden size"),
        (lambda: FlexiBERT(operations=("c_4",)), "'c_4' is no operation of FlexiBERT"),
        (lambda: FlexiBERT(operations=()), "is no operation of FlexiBERT"),
        (lambda: FlexiBERT(widths=(0,)), "different whole numbers from 1"),
        (lambda: ElasticDecoder(dim=100, heads=8), "a dim that 2 \\* heads divides"),
        (lambda: ElasticDecoder(layers=0), "at least one layer"),
        (lambda: ElasticDecoder(widths=(64, 64)), "different widths from 1"),
    ],
)
def test_impossible_ranges_are_refused(make: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


# -- graphs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_graphs_are_chains_of_at_most_thirty_nodes_that_show_every_answer(space: SearchSpace) -> None:
    for arch in space.sample(20, seed=1):
        graph = space.graph(arch)
        assert nx.dag_longest_path_length(graph) == len(graph) - 1 < 30
        shown = {question for _, asked in graph.nodes(data="questions", default=()) for question in asked}
        assert shown == set(arch.decisions) - {"depth"}


@pytest.mark.parametrize("space", SPACES[:2], ids=lambda space: space.name)
def test_different_answers_are_different_networks(space: SearchSpace) -> None:
    arch = space.sample(1, seed=2)[0]
    near = space.neighbors(arch)
    assert len({space.canonical(other) for other in near}) == len(near)


def test_it_does_not_matter_to_the_function_which_layers_are_skipped() -> None:
    space = ElasticDecoder()
    # Sequences of up to six widths out of two.
    assert len(space.classes("functional")) == sum(2**kept for kept in range(7)) == 127
    assert len(space.classes()) == space.size
    first, last = (
        space.architecture({"l1.skip": first, "l2.skip": not first, f"l{1 + first}.width": 172} | rest)
        for first in (False, True)
        for rest in [{f"l{layer}.skip": True for layer in range(3, 7)}]
    )
    assert space.canonical(first, "functional") == space.canonical(last, "functional") == "172"
    assert space.counts(first, "digits") == space.counts(last, "digits")


# -- images and texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("name", ["digits", "imagenet_noise"])
def test_networks_read_images_of_any_size(space: SearchSpace, name: str, one_thread: None) -> None:
    given = task(name)
    model = space.build(space.sample(1, seed=3)[0], given)
    logits = model(torch.randn(2, *given.shape))
    assert logits.shape == (2, given.n_classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("space", TEXT_SPACES, ids=lambda space: space.name)
def test_networks_read_text_and_the_order_of_its_characters(space: SearchSpace) -> None:
    topics = task("python_topics")
    for arch in space.sample(5, seed=4):
        model = space.build(arch, topics)
        x = topics.batch(4).x
        logits = model(x)
        assert logits.shape == (4, 97)
        moved = model(torch.cat([x[:, :-2], x[:, [-1, -2]]], dim=1))
        assert not torch.allclose(logits, moved)


@pytest.mark.parametrize("space", TEXT_SPACES, ids=lambda space: space.name)
def test_cheap_proxies_score_text_networks(space: SearchSpace) -> None:
    archs = space.sample(2, seed=5)
    frame = wb.score(archs, ["params", "flops", "grad_norm"], "python_topics", batch_size=4, progress=False)
    assert frame.attrs["source"] == "text"
    assert np.isfinite(frame.to_numpy()).all()
    assert frame["params"].tolist() == [space.counts(arch, "python_topics").params for arch in archs]
    assert frame["flops"].tolist() == [space.counts(arch, "python_topics", live=True).macs for arch in archs]


@pytest.mark.parametrize("space", [AutoFormer(), wb.search_space("nasbench201")], ids=lambda space: space.name)
def test_a_network_of_images_refuses_a_text_task_in_words(space: SearchSpace) -> None:
    arch = space.sample(1)[0]
    for ask in (space.counts, space.build):
        with pytest.raises(InvalidInput, match="gives 64 tokens of a text where an image .* is needed"):
            ask(arch, "python_topics")


def test_a_decoder_learns_more_of_a_text_than_how_often_characters_come(one_thread: None) -> None:
    topics, space = task("python_topics"), ElasticDecoder()
    assert topics.reader is not None
    counts = np.bincount(topics.reader.read().y)
    shares = counts[counts > 0] / counts.sum()
    skipped = {f"l{layer}.skip": True for layer in range(2, 7)}
    model = space.build(space.architecture({"l1.skip": False, "l1.width": 172} | skipped), topics, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(60):
        x, y, _ = topics.batch(32, seed=step)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    x, y, _ = topics.batch(512, seed=1_000)
    with torch.no_grad():
        loss = float(torch.nn.functional.cross_entropy(model(x), y))
    assert loss < -float(shares @ np.log(shares)) < math.log(97)
