"""The torch format: a file that rebuilds the very network in a process that knows nothing of the workbench."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.exports import export
from workbench.exports.constants import UNPACKING
from workbench.exports.torch_classes import Classes
from workbench.spaces import catalogue as spaces
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace
from workbench.tasks import task

# Everything to compare with lies beside the source; the process must not load the workbench.
RUN = """
import importlib.util, sys
import torch
torch.set_num_threads(1)
torch.set_grad_enabled(False)
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("exported", f"{folder}/network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = torch.load(f"{folder}/known.pt", weights_only=True)
    network = module.Network()
    network.load_state_dict(known["weights"])
    for mode in ("eval", "train"):
        getattr(network, mode)()
        torch.manual_seed(0)
        assert torch.allclose(network(known["inputs"]), known[mode], atol=1e-6), (folder, mode)
assert not any(name.split(".")[0] == "workbench" for name in sys.modules)
print("all alike")
"""


def sampled(space: SearchSpace) -> Architecture:
    return space.sample(1, seed=21)[0]


def task_for(space: SearchSpace) -> str:
    """A small task whose inputs the space's networks read."""
    try:
        space.build(sampled(space), "digits")
    except InvalidInput:
        return "python_topics"
    return "digits"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks are quicker without threads that wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def laid_out(model: nn.Module, source: str, inputs: torch.Tensor, folder: Path) -> Path:
    """A folder with the source, and the weights, inputs and outputs of the network that it must equal."""
    folder.mkdir()
    (folder / "network.py").write_text(source, encoding="utf-8")
    known: dict[str, object] = {"weights": {k: v.clone() for k, v in model.state_dict().items()}, "inputs": inputs}
    for mode in ("eval", "train"):
        getattr(model, mode)()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            known[mode] = model(inputs)
    torch.save(known, folder / "known.pt")
    return folder


def assert_alike(*folders: Path) -> None:
    command = [sys.executable, "-I", "-c", RUN, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all alike", done.stderr


def of_module(model: nn.Module, width: int) -> str:
    """A whole file for a module that belongs to no space."""
    return (
        "import base64, zlib\nfrom collections import OrderedDict\nfrom math import inf, nan\n"
        "import torch\nimport torch.nn.functional as F\n"
        f"from torch import device, nn\n{UNPACKING}{Classes(model, (2, width)).source()}"
    )


def test_every_network_that_can_be_written_is_rebuilt_without_the_workbench(tmp_path: Path) -> None:
    folders, refused = [], []
    for space in spaces:
        arch, name = sampled(space), task_for(space)
        try:
            source = str(export(arch, "torch", task=name))
        except InvalidInput as error:
            refused.append(space.name)
            why = ("torch.fx cannot follow its forward pass", "cannot be written as source code")
            assert any(words in str(error) for words in why)  # noqa: PT017  # only some are refused
            continue
        x = task(name).batch(3, seed=0).x
        folders.append(laid_out(space.build(arch, name, seed=5), source, x, tmp_path / space.name))
    assert_alike(*folders)
    assert not {"nasbench201", "nasbench101", "darts", "nasbench_macro"} & set(refused)
    assert len(refused) <= len(folders) / 3


def test_the_source_runs_as_a_script_and_reads_well(tmp_path: Path) -> None:
    arch = search_space("nasbench201").sample(1, seed=50)[0]
    path = export(arch, "torch", tmp_path / "network.py", task="digits")
    done = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, check=True)
    params = search_space("nasbench201").counts(arch, "digits").params
    assert done.stdout.strip() == f"torch.Size([1, 10]) {params} parameters"
    text = path.read_text(encoding="utf-8")
    assert repr(str(arch)) in text
    assert "self.cells[0](stem)" in text
    assert text.count("class Cell") <= 3  # fifteen cells of three widths
    assert "workbench." not in text
    assert max(map(len, text.splitlines())) < 160


class Gate(nn.Module):
    """Tied weights, a parameter and a buffer of its own, odd names, and a pass that differs in training."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 6, bias=False)
        self.head = nn.Linear(6, 6, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.full((6,), 2.0))
        self.register_buffer("shift", torch.arange(6))
        self.register_buffer("few", torch.arange(6.0), persistent=False)
        self.register_buffer("many", torch.arange(600).reshape(100, 6) % 7, persistent=False)
        self.add_module("1st", nn.Sequential(OrderedDict(norm=nn.LayerNorm(6), act=nn.GELU(approximate="tanh"))))
        self.attention = nn.MultiheadAttention(6, 2, dropout=0.1, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = getattr(self, "1st")
        x = first(self.embed(x) * self.scale + self.shift) + self.few + self.many[3:6]
        x = x + self.attention(x[:, None], x[:, None], x[:, None], need_weights=False)[0][:, 0]
        x = nn.functional.dropout(x, 0.5, self.training)
        if self.training:
            x = x * 3
        return self.head(x.clamp(min=float("-inf")))


def test_ties_parameters_buffers_and_training_passes_are_kept(tmp_path: Path) -> None:
    model = Gate()
    source = of_module(model, 6)
    assert "self.head.weight = self.embed.weight" in source
    assert "if self.training:" in source
    assert_alike(laid_out(model, source, torch.randn(3, 6), tmp_path / "gate"))
    assert model.training


class Axes(nn.Module):
    """Sizes taken apart in every way: each stays that of the data."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, width = x.shape
        y = x.reshape(n, 1, width).expand(*x.shape[:1], 3, -1)
        y = y.reshape(-1, *y.shape[2:]).reshape(n, 3, width).sum(dim=1)
        return y.reshape(*x.shape) / x.size(1)


def test_sizes_of_the_data_are_not_written_down(tmp_path: Path) -> None:
    model = nn.Sequential(Axes(), nn.Linear(4, 4))
    assert_alike(laid_out(model, of_module(model, 4), torch.randn(7, 4), tmp_path / "axes"))


class Undecided(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class Forgetful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(3, dtype=torch.bfloat16).repeat(50), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask


class Numbers(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.tensor([1.0, 2.0])


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda module, inputs, output: output * 2)
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.ReLU(), Undecided()), r"The part '1' \(Undecided\) cannot be written .* 'onnx'"),
        (Forgetful(), "buffer 'mask', is in no state dictionary"),
        (Numbers(), "makes a tensor of numbers in its forward pass"),
        (hooked(), r"The part '0' \(Linear\) has hooks"),
        (nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2))), "has hooks or parametrisations"),
    ],
    ids=["values", "buffer", "constant", "hook", "parametrisation"],
)
def test_what_source_code_cannot_show_is_refused_with_its_place(model: nn.Module, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Classes(model, (2, 2)).source()


def test_hostile_names_stay_texts(tmp_path: Path) -> None:
    model = nn.Sequential()
    block = nn.ModuleDict({'"]; raise SystemExit("\\': nn.Linear(2, 2)})
    model.add_module("a b", nn.Linear(2, 2))
    model.add_module("blocks", nn.Sequential(nn.Linear(2, 2)))
    model.blocks.add_module("__import__('os')", block['"]; raise SystemExit("\\'])
    assert_alike(laid_out(model, of_module(model, 2), torch.randn(3, 2), tmp_path / "hostile"))
