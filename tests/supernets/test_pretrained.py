"""Weights of plain networks in supernets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.text_encoder import TextEncoder

SPACE = TextEncoder(dim=24, head_dim=6, depths=(1, 2), heads=(2, 4), widths=(16, 48))
TASK = wb.task("python_topics")
LENGTH, VOCABULARY = TASK.input_shape[0], TASK.vocabulary


def supernet(**settings: float) -> wb.Supernet:
    return wb.Supernet(SPACE, TASK, 1, **settings)


def named(**parts: nn.Module) -> nn.Module:
    """A module that is only its parts, by name."""
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


class Bert(nn.Module):
    """BERT's encoder with the names of its released weights, its attention written out head by head."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = named(
            word_embeddings=nn.Embedding(VOCABULARY, 24),
            position_embeddings=nn.Embedding(LENGTH, 24),
            LayerNorm=nn.LayerNorm(24, eps=1e-12),
        )
        self.encoder = named(layer=nn.ModuleList(self.one_layer() for _ in range(2)))
        self.classifier = nn.Linear(24, TASK.n_classes)

    @staticmethod
    def one_layer() -> nn.Module:
        attention = {part: nn.Linear(24, 24) for part in ("query", "key", "value")}
        return named(
            attention=named(
                self=named(**attention), output=named(dense=nn.Linear(24, 24), LayerNorm=nn.LayerNorm(24, eps=1e-12))
            ),
            intermediate=named(dense=nn.Linear(24, 48)),
            output=named(dense=nn.Linear(48, 24), LayerNorm=nn.LayerNorm(24, eps=1e-12)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        of = self.embeddings
        x = of.LayerNorm(of.word_embeddings(x) + of.position_embeddings.weight)
        for layer in self.encoder.layer:
            own = layer.attention.self
            heads = []
            for head in range(4):
                query, key, value = (part(x)[..., 6 * head : 6 * head + 6] for part in (own.query, own.key, own.value))
                heads.append((query @ key.transpose(1, 2) / 6**0.5).softmax(-1) @ value)
            x = layer.attention.output.LayerNorm(x + layer.attention.output.dense(torch.cat(heads, -1)))
            x = layer.output.LayerNorm(x + layer.output.dense(nn.functional.gelu(layer.intermediate.dense(x))))
        return self.classifier(x.mean(1))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return TASK.batch(5, seed=0).x


def shaken(module: nn.Module) -> nn.Module:
    """With gains and offsets that are not ones and zeros."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module


def test_the_largest_path_is_the_bert_that_it_is_filled_from(x: torch.Tensor) -> None:
    bert, net = shaken(Bert()), supernet(eps=1e-12)
    assert not torch.allclose(net(x, net.largest()), bert(x), atol=1e-3)
    assert sn.from_module(net, bert, sn.bert_layers(2) | {"classifier": "classifier"}) is net
    torch.testing.assert_close(net(x, net.largest()), bert(x), rtol=1e-4, atol=1e-5)
    # Weights as a file holds them, under a prefix, are as good as a module.
    tensors = {f"bert.{name}": tensor.half() for name, tensor in bert.state_dict().items()}
    again = sn.from_module(supernet(), tensors, sn.bert_layers(2, "bert."))
    queries = again.network.get_submodule("layers.blocks.1.attention.body.queries").weight
    assert torch.equal(queries, bert.encoder.layer[1].attention.self.query.weight.half().float())


def test_the_largest_path_is_torchs_own_encoder_that_it_is_filled_from(x: torch.Tensor) -> None:
    def layer() -> nn.Module:
        return nn.TransformerEncoderLayer(24, 4, 48, dropout=0.0, activation="gelu", batch_first=True)

    torch_layers = shaken(nn.ModuleList([layer(), layer()]))
    own = {
        "attention.body": "self_attn",
        "attention.norm": "norm1",
        "feeding.body.widen": "linear1",
        "feeding.body.narrow": "linear2",
        "feeding.norm": "norm2",
    }
    names = {f"layers.blocks.{n}.{name}": f"{n}.{theirs}" for n in range(2) for name, theirs in own.items()}
    net = sn.from_module(supernet(), torch_layers, names)
    embedded, *outputs = net.network.features(x, net.gates(net.largest()))
    assert len(outputs) == 2
    for plain, out in zip(torch_layers, outputs, strict=True):
        embedded = plain(embedded)
        torch.testing.assert_close(out, embedded, rtol=1e-4, atol=1e-5)


def test_smaller_paths_use_its_leading_heads_and_features(x: torch.Tensor) -> None:
    bert = shaken(Bert())
    net = sn.from_module(supernet(eps=1e-12), bert, sn.bert_layers(2) | {"classifier": "classifier"})
    arch = SPACE.architecture({"depth": 1, "l1.heads": 2, "l1.width": 16})
    with torch.no_grad():  # what the small path does without is silenced in the whole network
        bert.encoder.layer = bert.encoder.layer[:1]
        bert.encoder.layer[0].attention.output.dense.weight[:, 12:] = 0
        bert.encoder.layer[0].output.dense.weight[:, 16:] = 0
    torch.testing.assert_close(net.extract(arch)(x), bert(x), rtol=1e-4, atol=1e-5)


def test_convolutions_and_normalisation_are_filled_with_their_statistics() -> None:
    net = wb.Supernet(wb.search_space("mbconv"))
    stem = shaken(nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)))
    images = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    stem(images)
    sn.from_module(net, stem, {"before.0.conv": "0", "before.0.norm": "1"})
    out = net.eval().network.features(images, net.gates(net.smallest()))[0]
    torch.testing.assert_close(out, torch.relu(stem.eval()(images)))


@pytest.mark.parametrize(
    ("layers", "error", "words"),
    [
        (
            {"classifier": "encoder.layer.0.intermediate.dense"},
            InvalidInput,
            r"weight of encoder.layer.0.intermediate.dense is \(48, 24\), and of classifier, at its largest, "
            rf"\({TASK.n_classes}, 24\): make the space as large as the network, or give its tensors cut to size",
        ),
        ({"classifier": "embeddings.word_embeddings"}, InvalidInput, "holds weight, and .* bias, weight: name layers"),
        ({"layers": "classifier"}, InvalidInput, "no tensor of its own"),
        ({"layers.blocks.0.attention.body": "classifier"}, InvalidInput, "no nn.MultiheadAttention of one width"),
        ({"clasifier": "classifier"}, UnknownName, "layer of the supernet named 'clasifier'. .*classifier"),
        ({"classifier": "clasifier"}, UnknownName, "layer of the given weights named 'clasifier'. .*classifier"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    layers: dict[str, str], error: type[Exception], words: str
) -> None:
    net = supernet()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(error, match=words):
        sn.from_module(net, Bert(), sn.bert_layers(2) | layers)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
