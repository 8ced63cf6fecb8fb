"""The training loop: chance, checkpoints, interruption, divergence, stopping, and what it refuses."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.training import Diverged
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=3, batch_size=32)
SMALL = {f"{edge}": ("skip_connect", "nor_conv_1x1") for edge in ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")}


def few(n: int = 96) -> Splits:
    """The first images of each part of digits."""
    parts = wb.task("digits").split(0)
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in parts))


def paths_of(name: str) -> tuple[wb.Supernet, dict]:
    """A net and how it is trained: by uniform paths, or a mixture whose architecture is learned."""
    if name == "paths":
        return wb.Supernet(wb.search_space("mbconv"), "digits", 0), {"paths": sn.Uniform()}
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, options=SMALL, n_cells=1, channels=4)
    relaxation = sn.GumbelSoftmax(net)
    return net, {"paths": sn.Mixture(relaxation), "architecture": sn.FirstOrder(relaxation)}


def same_weights(a: wb.Supernet, b: wb.Supernet) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def timeless(training: sn.Training) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in training.history]


KILLED = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("training", sys.argv[1])
training = importlib.util.module_from_spec(spec)
sys.modules["training"] = training
spec.loader.exec_module(training)
net, given = training.paths_of(sys.argv[2])
plan, last = given["paths"].plan, int(sys.argv[4])

def dying(step):
    if step.index == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return plan(step)

given["paths"].plan = dying
training.sn.train(net, training.few(), seed=3, recipe=training.RECIPE, checkpoint=sys.argv[3], show=False, **given)
"""


@pytest.mark.parametrize("how", ["paths", "architecture"])
def test_a_training_killed_in_the_middle_goes_on_as_an_undisturbed_one(how: str, tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"
    # Step 4 is the second of the second epoch.
    died = subprocess.run([sys.executable, "-c", KILLED, __file__, how, str(file), "4"], check=False)
    assert died.returncode == -signal.SIGKILL
    net, given = paths_of(how)
    resumed = sn.train(net, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)
    other, given_again = paths_of(how)
    undisturbed = sn.train(other, few(), seed=3, recipe=RECIPE, show=False, **given_again)
    assert len(torch.load(file, weights_only=True)["history"]) == 3
    assert timeless(resumed) == timeless(undisturbed)
    assert same_weights(net, other)
    if "architecture" in given:
        alphas = given["architecture"].relaxation.alphas, given_again["architecture"].relaxation.alphas
        assert all(torch.equal(alpha, alphas[1][name]) for name, alpha in alphas[0].items())
        assert undisturbed.history[-1]["probabilities"].keys() == alphas[0].keys()


def test_another_seed_is_another_training() -> None:
    nets = []
    for seed in (0, 0, 1):
        net, given = paths_of("paths")
        sn.train(net, few(), seed=seed, recipe=sn.Recipe(epochs=1, batch_size=32), show=False, **given)
        nets.append(net)
    assert same_weights(nets[0], nets[1])
    assert not same_weights(nets[0], nets[2])


def test_the_global_generators_are_left_as_they_were() -> None:
    net, given = paths_of("architecture")
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    sn.train(net, few(), recipe=sn.Recipe(epochs=1, batch_size=32), show=False, **given)
    net.evaluate(few(), net.sample(1)[0])
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002


class Interrupted(sn.Uniform):
    """The stop button is pressed at a step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at: int | None = at

    def plan(self, step):
        if step.index == self.at:
            raise KeyboardInterrupt
        return super().plan(step)


def test_interrupted_it_returns_the_last_whole_epoch_and_can_be_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.pt"
    net, _ = paths_of("paths")
    paths = Interrupted(at=5)
    training = sn.train(net, few(), paths, seed=3, recipe=RECIPE, checkpoint=file, show=False)
    assert (training.ended, len(training.history)) == ("interrupted", 1)
    assert "stopped after 1 of 3 epochs; the same call takes it up" in capsys.readouterr().err
    one, _ = paths_of("paths")
    sn.train(one, few(), sn.Uniform(), seed=3, recipe=RECIPE, show=False, stop=lambda history: "one is enough")
    assert same_weights(net, one)
    paths.at = None
    fresh, given = paths_of("paths")
    resumed = sn.train(fresh, few(), paths, seed=3, recipe=RECIPE, checkpoint=file, show=False)
    other, _ = paths_of("paths")
    undisturbed = sn.train(other, few(), seed=3, recipe=RECIPE, show=False, **given)
    assert timeless(resumed) == timeless(undisturbed)
    assert same_weights(fresh, other)


class Breaking(sn.CrossEntropy):
    """No number from a call on."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.calls, self.at = 0, at

    def __call__(self, outputs, labels, taught=None):
        self.calls += 1
        return super().__call__(outputs, labels, taught) * (float("nan") if self.calls > self.at else 1.0)


def test_a_loss_that_is_no_number_stops_says_where_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"
    net, given = paths_of("paths")
    with pytest.raises(Diverged, match=r"became nan in step 4 \(epoch 1, .*as it was after epoch 1\. It is kept in"):
        sn.train(net, few(), objective=Breaking(4), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)
    one, given = paths_of("paths")
    sn.train(one, few(), seed=3, recipe=RECIPE, show=False, stop=lambda history: "one is enough", **given)
    assert same_weights(net, one)
    kept = torch.load(file, weights_only=True)
    assert len(kept["history"]) == 1
    assert all(torch.equal(tensor, kept["net"][name]) for name, tensor in net.state_dict().items())


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"
    net, given = paths_of("paths")
    sn.train(net, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)
    for changed, word in (({"seed": 4}, "seed"), ({"recipe": sn.Recipe(epochs=4, batch_size=32)}, "recipe")):
        with pytest.raises(InvalidInput, match=f"checkpoint of another training: {word} differ"):
            sn.train(net, few(), **({"seed": 3, "recipe": RECIPE} | changed | given), checkpoint=file, show=False)
    with pytest.raises(InvalidInput, match="another training: parts differ"):
        sn.train(net, few(), sn.Fair(), seed=3, recipe=RECIPE, checkpoint=file, show=False)
    other, given = paths_of("architecture")
    with pytest.raises(InvalidInput, match="another training: options, parts, space differ"):
        sn.train(other, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"
    net, given = paths_of("paths")
    if content is None:
        sn.train(net, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)
        content = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(content)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(InvalidInput, match="is no checkpoint of a training .*: remove it"):
        sn.train(net, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_checkpoint_without_a_training_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"
    torch.save({"weights": torch.zeros(3)}, file)
    net, given = paths_of("paths")
    with pytest.raises(InvalidInput, match="no checkpoint of a training: remove it"):
        sn.train(net, few(), seed=3, recipe=RECIPE, checkpoint=file, show=False, **given)


def test_a_teacher_of_other_classes_is_refused() -> None:
    net, given = paths_of("paths")
    teacher = sn.External(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 7)))
    with pytest.raises(InvalidInput, match=r"outputs of shape \(32, 7\) where the sub-network gives \(32, 10\)"):
        sn.train(net, few(), teacher=teacher, objective=sn.Distillation(), recipe=RECIPE, show=False, **given)


def test_a_batch_larger_than_the_data_is_refused() -> None:
    net, given = paths_of("paths")
    with pytest.raises(InvalidInput, match="A batch of 128 exceeds the 96 training examples: lower batch_size"):
        sn.train(net, few(), recipe=sn.Recipe(batch_size=128), show=False, **given)


def test_watchers_see_every_epoch_and_a_reason_ends_it() -> None:
    net, given = paths_of("paths")
    seen: list[int] = []
    training = sn.train(
        net,
        few(),
        recipe=RECIPE,
        show=False,
        watch=[lambda training: seen.append(len(training.history)), lambda training: seen.append(-1)],
        stop=lambda history: "two are enough" if len(history) == 2 else None,
        **given,
    )
    assert seen == [1, -1, 2, -1]
    assert training.ended == "two are enough"
    assert training.frame.index.tolist() == [0, 1]
    assert {"loss", "accuracy", "lr", "seconds"} <= set(training.frame.columns)
    assert sn.train(paths_of("paths")[0], few(), sn.Uniform(), recipe=RECIPE, show=False).ended == "done"


def test_what_an_architecture_learns_is_in_every_record() -> None:
    net, given = paths_of("architecture")
    training = sn.train(net, few(), recipe=RECIPE, show=False, **given)
    for record in training.history:
        assert all(np.isclose(sum(p), 1) for p in record["probabilities"].values())
        assert record["macs"] > 0
    assert "probabilities" not in training.frame.columns
