"""Elastic networks beside the networks that their spaces build, and what is particular to each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import workbench as wb
from workbench import supernets as sn
from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.elastic.attention import ElasticAttention
from workbench.networks.elastic.bottleneck import ElasticBottleneck, ElasticSqueezeExcite
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.optional import optional
from workbench.spaces.once_for_all import OnceForAll
from workbench.spaces.tdnn import TDNN, Stage
from workbench.spaces.text_encoder import TextEncoder
from workbench.tasks.task import Task
from workbench.testing import supernet_contract

LARGE_IMAGES = Task("large", (1, 72, 72), 3, "noise, so large that networks resize it")


def images(n: int = 6, side: int = 8) -> torch.Tensor:
    return torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(5))


def shaken(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return module


# -- the space's own network, by its weights ---------------------------------------------------------------------


def in_order(net: wb.Supernet, built: nn.Module) -> None:
    """Every tensor of the space's network is one of the elastic network's, in the same order."""
    mine, theirs = list(net.parameters()), list(built.parameters())
    assert [tensor.numel() for tensor in mine] == [tensor.numel() for tensor in theirs]
    with torch.no_grad():
        for tensor, value in zip(mine, theirs, strict=True):
            tensor.copy_(value.reshape(tensor.shape))


def thirds(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Queries, keys and values, which the transformers of the spaces project at once, under names of their own."""
    apart = dict(tensors)
    for name in [name for name in tensors if ".qkv." in name]:
        for part, third in zip(("queries", "keys", "values"), tensors[name].chunk(3), strict=True):
            apart[name.replace("qkv", part)] = third
    return apart


def autoformer(net: wb.Supernet, built: nn.Module) -> None:
    tensors = thirds(built.state_dict())
    tensors["patches.weight"] = tensors["patches.weight"].flatten(1)
    tensors["class_token.weight"] = tensors["class_token"][0]
    tensors["positions.weight"] = tensors.pop("positions.vectors")
    names = {name: name for name in ("patches", "class_token", "positions", "norm", "classifier")}
    for n in range(len(net.network.layers.blocks)):
        attention, feeding = f"layers.blocks.{n}.attention", f"layers.blocks.{n}.feeding"
        first, second = f"layers.{2 * n}", f"layers.{2 * n + 1}"
        names |= {f"{attention}.body.{part}": f"{first}.body.0.{part}" for part in ("queries", "keys", "values")}
        names |= {f"{attention}.body.out": f"{first}.body.1", f"{attention}.norm": f"{first}.before"}
        for along in ("rows", "columns"):
            names[f"{attention}.body.scores.relative.{along}"] = f"{first}.body.0.scores.relative.{along}"
            names[f"{attention}.body.relative.{along}"] = f"{first}.body.0.relative.{along}"
        names |= {f"{feeding}.body.widen": f"{second}.body.0", f"{feeding}.body.narrow": f"{second}.body.2"}
        names[f"{feeding}.norm"] = f"{second}.before"
    sn.from_module(net, tensors, names)


def decoder(net: wb.Supernet, built: nn.Module) -> None:
    names = {"embedding.project": "embedding.project", "norm": "norm", "classifier": "classifier"}
    kept = [n for n, layer in enumerate(net.network.layers) if layer.there.largest]
    for place, n in enumerate(kept):
        attention, feeding = f"layers.{n}.attention", f"layers.{n}.feeding"
        first, second = f"layers.{2 * place}", f"layers.{2 * place + 1}"
        names |= {f"{attention}.body.{part}": f"{first}.body.0.{part}" for part in ("queries", "keys", "values")}
        names |= {f"{attention}.body.out": f"{first}.body.1", f"{attention}.norm": f"{first}.before"}
        names |= {f"{feeding}.body.{part}": f"{second}.body.{part}" for part in ("gate", "up", "down")}
        names[f"{feeding}.norm"] = f"{second}.before"
    sn.from_module(net, thirds(built.state_dict()), names)


@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("autoformer_digits", autoformer),
        ("elastic_decoder", decoder),
        ("fbnet_small", in_order),
        ("fcnet", in_order),
        ("hpobench_mlp", in_order),
        ("mobilenetv4_uib_small", in_order),
        ("ofa_mobilenetv3", in_order),
    ],
)
def test_a_network_taken_out_is_the_one_that_its_space_builds(
    name: str, filled: Callable[[wb.Supernet, nn.Module], None]
) -> None:
    space = wb.search_space(name)
    net = wb.Supernet(space)
    for arch in space.sample(2, seed=8):
        alone, built = net.extract(arch), shaken(space.build(arch, "digits"))
        filled(alone, built)
        for module in (*alone.modules(), *built.modules()):
            module.training = not isinstance(module, nn.Dropout)
        wanted = built(images())
        scale = float(wanted.detach().abs().max())
        assert float((alone(images()) - wanted).detach().abs().max()) < 1e-4 * scale
        assert tuple(space.counts(arch, "digits")) == (alone.costs()["params"], alone.costs()["macs"])


# -- Once-for-All ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resized() -> tuple[wb.Supernet, Architecture]:
    space = OnceForAll(resolutions=(32, 48))
    decisions = {f"s{n}.depth": 2 for n in range(1, 6)}
    decisions |= {f"s{n}.b{b}.{short}": 3 for n in range(1, 6) for b in (1, 2) for short in ("kernel", "expand")}
    return wb.Supernet(space, LARGE_IMAGES), space.architecture({"resolution": 48, **decisions})


def test_large_images_are_resized_as_the_gate_says(resized: tuple[wb.Supernet, Architecture]) -> None:
    net, arch = resized
    x = images(2, 72)
    smaller = nn.functional.interpolate(x, (48, 48), mode="bilinear", align_corners=False)
    alone, space = net.extract(arch), net.space
    alone.network.resolution = None
    assert torch.equal(net(x, arch), alone(smaller))
    counts = space.counts(arch, LARGE_IMAGES)
    assert tuple(counts) == (net.costs(arch)["params"], net.costs(arch)["macs"])


def test_a_mixture_of_resolutions_is_the_mixture_of_the_logits(resized: tuple[wb.Supernet, Architecture]) -> None:
    net, arch = resized
    path, x = dict(net.gates(arch)), images(2, 72)
    weights = torch.tensor([0.25, 0.75])
    each = [net(x, path | {"resolution": number}) for number in (0, 1)]
    torch.testing.assert_close(net(x, path | {"resolution": weights}), 0.25 * each[0] + 0.75 * each[1])
    macs = [net.costs(path | {"resolution": number})["macs"] for number in (0, 1)]
    expected = float(net.costs(path | {"resolution": weights})["macs"])
    assert expected == pytest.approx(0.25 * macs[0] + 0.75 * macs[1])
    rows = torch.eye(2)
    torch.testing.assert_close(
        net.predict(x, path | {"resolution": rows}),
        torch.cat([net.predict(x[n : n + 1], path | {"resolution": n}) for n in (0, 1)]),
        rtol=1e-4,
        atol=1e-6,
    )


def test_sorting_the_channels_of_a_squeezed_block_leaves_its_output() -> None:
    block = ElasticBottleneck(
        6,
        6,
        Size([12, 24], "expand"),
        squeeze=lambda hidden: ElasticSqueezeExcite(hidden, hidden.map(lambda n: n // 4)),
    )
    shaken(block)
    gates, x = Gates({"expand": 1}), torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(7))
    before = block(x, gates)
    small = block(x, Gates({"expand": 0}))
    block.sort_channels()
    torch.testing.assert_close(block(x, gates), before, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(block(x, Gates({"expand": 0})), small, atol=1e-3)


# -- transformers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", supernet_contract, ids=lambda check: check.__name__)
def test_layers_may_do_without_attention_or_feeding(check: Callable[[wb.Supernet], None]) -> None:
    space = TextEncoder(dim=16, head_dim=8, depths=(1, 2), heads=(0, 1, 2), widths=(0, 16, 32))
    check(wb.Supernet(space, "digits", 2))


def test_a_layer_without_attention_and_feeding_gives_what_it_gets() -> None:
    space = TextEncoder(dim=16, head_dim=8, depths=(1, 2), heads=(0, 2), widths=(0, 16))
    net = wb.Supernet(space)
    nothing = {"depth": 2, "l1.heads": 2, "l1.width": 16, "l2.heads": 0, "l2.width": 0}
    shorter = {"depth": 1, "l1.heads": 2, "l1.width": 16}
    skipping, short = (space.architecture(decisions) for decisions in (nothing, shorter))
    assert torch.equal(net(images(), skipping), net(images(), short))
    assert net.costs(skipping) == net.costs(short)


def test_one_head_of_keys_and_values_serves_all_queries() -> None:
    attention = ElasticAttention(16, Size([2, 4], "heads"), 4, shared_keys=True)
    x = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(7))
    for number, heads in enumerate((2, 4)):
        gates = Gates({"heads": number}, count=True)
        queries = nn.functional.linear(x, attention.queries.weight[: 4 * heads], attention.queries.bias[: 4 * heads])
        keys, values = attention.keys(x, Gates({})), attention.values(x, Gates({}))
        gathered = [
            (queries[..., 4 * n : 4 * n + 4] @ keys.transpose(1, 2) / 2).softmax(-1) @ values for n in range(heads)
        ]
        wanted = nn.functional.linear(torch.cat(gathered, -1), attention.out.weight[:, : 4 * heads], attention.out.bias)
        torch.testing.assert_close(attention(x, gates), wanted)

        class Called(nn.Module):
            def forward(self, x: torch.Tensor, number: int = number) -> torch.Tensor:
                return attention(x, Gates({"heads": number}))

        assert gates.macs == count_module(Called(), (5, 16)).macs


def test_what_a_size_of_nothing_leaves_out_is_weighed_against_what_is_there() -> None:
    x, size = torch.ones(2, 3), Size([0, 1, 2], "n")
    seen: list[torch.Tensor] = []

    def there(gates: Gates) -> torch.Tensor:
        seen.append(gates["n"])
        return 10 * x

    out = optional(size, x, Gates({"n": torch.tensor([0.2, 0.2, 0.6])}), there)
    torch.testing.assert_close(out, 0.2 * x + 0.8 * 10 * x)
    torch.testing.assert_close(seen[0], torch.tensor([0.0, 0.25, 0.75]))
    assert optional(size, x, Gates({"n": 0}), there) is x
    assert torch.equal(optional(size, x, Gates({"n": torch.tensor([1.0, 0.0, 0.0])}), there), x)


# -- perceptrons and temporal convolutions -----------------------------------------------------------------------


def test_dropout_is_drawn_in_training_as_its_gate_says() -> None:
    net = wb.Supernet(wb.search_space("fcnet"))
    path = net.largest() | {"dropout_1": 0, "dropout_2": 0}
    half = path | {"dropout_1": 2}
    assert torch.equal(net(images(), path), net(images(), path))
    assert not torch.equal(net(images(), half), net(images(), half))
    assert torch.equal(net.predict(images(), path), net.predict(images(), half))


def test_temporal_convolutions_read_columns_in_their_order_and_pool_them_without_it() -> None:
    net = wb.Supernet(TDNN(stages=(Stage((8,), (1,), (1, 3)),)))
    x = images()
    pointwise, wide = {"s1.b1.kernel": 0}, {"s1.b1.kernel": 1}
    turned = x.flip(3).roll(3, dims=3)
    torch.testing.assert_close(net(turned, pointwise), net(x, pointwise), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(net(turned, wide), net(x, wide), atol=1e-3)
    assert not torch.allclose(net(x.flip(2), pointwise), net(x, pointwise), atol=1e-3)


def test_temporal_blocks_are_added_and_what_they_find_is_pooled_to_its_mean_and_deviation() -> None:
    net = wb.Supernet(TDNN(stages=(Stage((8,), (1, 2), (3,)),)))
    second = net.network.stages[0].blocks[1].body.conv
    assert not torch.allclose(net(images(), {"s1.depth": 0}), net(images(), {"s1.depth": 1}), atol=1e-3)
    with torch.no_grad():
        second.weight.zero_()
    assert torch.equal(net(images(), {"s1.depth": 0}), net(images(), {"s1.depth": 1}))
    gates = net.gates(net.largest())
    found = net.network.features(images(), gates)[-1]
    pooled = torch.cat([found.mean(2), (found.var(2, correction=0) + 1e-5).sqrt()], dim=1)
    wanted = nn.functional.linear(pooled, net.network.classifier.weight, net.network.classifier.bias)
    torch.testing.assert_close(net(images(), gates), wanted)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TDNN(stages=(Stage((8,), (1,), (2,)),)), "odd kernels"),
        (lambda: TDNN(stages=(Stage((8, 4), (1,)),)), r"rising lists of whole numbers from 1; got \(8, 4\)"),
        (lambda: TDNN(stages=()), "at least one stage"),
        (lambda: TextEncoder(heads=(4, 2)), r"rising lists of whole numbers from 0; got \(4, 2\)"),
        (lambda: TextEncoder(depths=(0, 1)), r"from 1; got \(0, 1\)"),
    ],
)
def test_spaces_refuse_sizes_that_make_no_network(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()
