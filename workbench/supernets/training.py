"""Training a supernet: the one loop that every method is a configuration of."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench.errors import InvalidInput, WorkbenchError
from workbench.networks.elastic.gates import Gate
from workbench.progress import progress, say
from workbench.supernets.architecture import ArchitectureOptimiser
from workbench.supernets.objectives import CrossEntropy, Objective
from workbench.supernets.paths import PathSampler
from workbench.supernets.recipe import Recipe
from workbench.supernets.step import Outputs, Run, Step
from workbench.supernets.supernet import Supernet
from workbench.supernets.tally import Tally
from workbench.supernets.teachers import Teacher
from workbench.tasks.task import Batch, Splits

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
Watcher = Callable[["Training"], None]
_ORDER, _VALID, _STEP, _TORCH = range(4)  # streams of chance beside the seed


class Diverged(WorkbenchError, ArithmeticError):
    """The loss became infinite or no number; the message says where, and the net is as it last was good."""


@dataclass
class Training:
    """A training: one record an epoch, and why it ended.

    A record has `epoch`, `loss` (the mean of the runs' losses, nats), `accuracy` (0 to 1, of the first run on its
    training batches), `lr`, `seconds` (CPU), and where an architecture is learned `probabilities`, gate -> a number for
    each option, and the expected `macs` and `params`; elsewhere `shares`, gate -> how often each option ran.
    """

    net: Supernet
    recipe: Recipe
    history: list[Record] = field(default_factory=list)
    ended: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers of the records, one row an epoch."""
        import pandas as pd

        rows = [{key: value for key, value in record.items() if not isinstance(value, dict)} for record in self.history]
        return pd.DataFrame(rows).set_index("epoch") if rows else pd.DataFrame()


def train(
    net: Supernet,
    data: Splits,
    paths: PathSampler,
    *,
    objective: Objective | None = None,
    teacher: Teacher | None = None,
    architecture: ArchitectureOptimiser | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    watch: Watcher | Sequence[Watcher] = (),
    stop: Callable[[list[Record]], str | None] | None = None,
    show: bool = True,
) -> Training:
    """Train the weights of `net`, and with `architecture` what it learns, by one loop for all methods.

    Every step runs the sub-networks that `paths` plans on one batch of `data.train`; each has its loss by `objective`
    (the cross entropy) against labels and `teacher`; gradients are summed and the weights updated once. `architecture`
    acts before and after, on batches of `data.valid` where it wants them. `watch`, such as a `SupernetMonitor`, is
    called after every epoch, `stop` with the records and may give a reason to end early.

    With `checkpoint`, a file, the state is kept after every epoch; the same call takes it up and gives what an
    undisturbed one would have given. Interrupted (the notebook's stop button), it puts the net back to the end of the
    last whole epoch and returns what there is. Raises `Diverged` for a loss that is no number, the net being as it was
    after the last good epoch, and `InvalidInput` for a checkpoint of another training.
    """
    recipe = recipe or Recipe()
    if len(data.train.x) < recipe.batch_size:
        raise InvalidInput(
            f"A batch of {recipe.batch_size} exceeds the {len(data.train.x)} training examples: lower batch_size."
        )
    loop = _Loop(net, data, paths, objective or CrossEntropy(), teacher, architecture, recipe, seed)
    training = Training(net, recipe)
    file = None if checkpoint is None else Path(checkpoint)
    if file is not None and file.exists():
        loop.load(file, training)
    watchers = [watch] if callable(watch) else list(watch)
    first = len(training.history)
    good = loop.state(training)
    try:
        for epoch in progress(range(first, recipe.epochs), recipe.epochs, "training the supernet", first, show):
            training.history.append(loop.epoch(epoch))
            good = loop.state(training)
            if file is not None:
                _keep(good, file)
            for watcher in watchers:
                watcher(training)
            reason = stop(training.history) if stop is not None else None
            if reason:
                training.ended = reason
                break
        training.ended = training.ended or "done"
    except KeyboardInterrupt:
        loop.restore(good, training)
        training.ended = "interrupted"
        again = "the same call takes it up" if file is not None else "give checkpoint= to be able to take it up"
        say(f"Training stopped after {len(training.history)} of {recipe.epochs} epochs; {again}.")
    except Diverged as error:
        loop.restore(good, training)
        kept = "" if file is None else f" It is kept in {file}."
        raise Diverged(f"{error} The net is as it was after epoch {len(training.history)}.{kept}") from None
    net.forget()
    return training


class _Loop:
    """The state of a training and one epoch of it."""

    def __init__(
        self,
        net: Supernet,
        data: Splits,
        paths: PathSampler,
        objective: Objective,
        teacher: Teacher | None,
        architecture: ArchitectureOptimiser | None,
        recipe: Recipe,
        seed: int,
    ) -> None:
        self.net, self.data, self.paths, self.objective = net, data, paths, objective
        self.teacher, self.architecture, self.recipe, self.seed = teacher, architecture, recipe, seed
        self.optimiser = recipe.optimiser_of(list(net.parameters()))
        self.batches = len(data.train.x) // recipe.batch_size

    def epoch(self, epoch: int) -> Record:
        """Train for one epoch and say how it went."""
        self.net.train()
        start = time.process_time()
        n, size = len(self.data.train.x), self.recipe.batch_size
        order = self.paths.order(n, epoch, self.recipe.epochs, self._rng(_ORDER, epoch))
        losses, hits = [], []
        tally = Tally(self.net)
        for batch in range(self.batches):
            index = epoch * self.batches + batch
            numbers = order[batch * size : (batch + 1) * size]
            valid = self._rng(_VALID, index).integers(len(self.data.valid.x), size=min(size, len(self.data.valid.x)))
            step = Step(
                self.net,
                self.data,
                self.recipe,
                epoch,
                index,
                self.recipe.epochs * self.batches,
                self._rng(_STEP, index),
                _taken(self.data.train, numbers, self.net.device),
                _taken(self.data.valid, valid, self.net.device),
                numbers,
                self.optimiser,
                self._loss,
            )
            with _seeded(int(self._rng(_TORCH, index).integers(2**63)), self.net.device):
                self._one(step)
            losses.append(float(np.mean(step.losses)))
            if self.architecture is None:
                tally.add(run.gates for run in step.runs)
            hits.append(float((step.outputs[0].logits.argmax(1) == step.train.y).double().mean()))
        record: Record = {
            "epoch": epoch,
            "loss": float(np.mean(losses)),
            "accuracy": float(np.mean(hits)),
            "lr": self.optimiser.param_groups[0]["lr"],
            "seconds": time.process_time() - start,
        }
        if self.architecture is not None:
            relaxation = self.architecture.relaxation
            with torch.no_grad():
                record |= {name: float(cost) for name, cost in relaxation.expected_costs().items()}
            record["probabilities"] = {name: p.tolist() for name, p in relaxation.probabilities().items()}
        elif tally.counts:
            record["shares"] = tally.shares()
        return record

    def _one(self, step: Step) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(step.progress)
        if self.architecture is not None:
            self.architecture.before(step)
        step.runs = self.paths.plan(step)
        if self.architecture is None or not self.architecture.joint:
            step.runs = [Run(_detached(run.gates), run.weight) for run in step.runs]
        self.optimiser.zero_grad(set_to_none=True)
        for run in step.runs:
            outputs = self._outputs(step.train.x, run.gates)
            taught = None if self.teacher is None else self.teacher.teach(step, run, step.train.x)
            loss = self.objective(outputs, step.train.y, taught)
            step.outputs.append(outputs)
            step.losses.append(float(loss.detach()))
            if not math.isfinite(step.losses[-1]):
                raise Diverged(
                    f"The loss became {step.losses[-1]} in step {step.index} (epoch {step.epoch}, learning rate "
                    f"{self.recipe.rate(step.progress):.3g}). Lower lr, or clip gradients."
                )
            (run.weight * loss).backward()  # type: ignore[no-untyped-call]
        self.paths.learned(step)
        if self.recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        self.optimiser.step()
        if self.architecture is not None:
            self.architecture.after(step)
        if self.teacher is not None:
            self.teacher.after(step)

    def _loss(self, batch: Batch, gates: Mapping[str, Gate]) -> torch.Tensor:
        """The loss by labels, for architecture optimisers."""
        return CrossEntropy()(self._outputs(batch.x, gates), batch.y)

    def _outputs(self, x: torch.Tensor, gates: Mapping[str, Gate]) -> Outputs:
        resolved = self.net.gates(gates)
        if not self.objective.reads_features:
            return Outputs(self.net.network(x, resolved))
        features = self.net.network.features(x, resolved)
        return Outputs(self.net.network.classified(features[-1], resolved), tuple(features))

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, number])

    # -- keeping -------------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """What has a state, by name."""
        parts = {"paths": self.paths, "teacher": self.teacher, "architecture": self.architecture}
        return {name: part for name, part in parts.items() if part is not None}

    def fingerprint(self) -> str:
        """What must be the same for a checkpoint to be taken up."""
        kinds = {name: type(part).__name__ for name, part in self.parts().items()}
        options = {name: list(map(str, allowed)) for name, allowed in self.net.options.items()}
        said = {"recipe": asdict(self.recipe), "seed": self.seed, "parts": kinds, "options": options}
        return json.dumps(said | {"space": self.net.space.name, "examples": len(self.data.train.x)}, sort_keys=True)

    def state(self, training: Training) -> dict[str, Any]:
        """Everything that the next epoch depends on, copied."""
        return {
            "fingerprint": self.fingerprint(),
            "net": {name: tensor.detach().clone() for name, tensor in self.net.state_dict().items()},
            "optimiser": _cloned(self.optimiser.state_dict()),
            "parts": {name: _cloned(part.state_dict()) for name, part in self.parts().items()},
            "history": list(training.history),
        }

    def restore(self, state: Mapping[str, Any], training: Training) -> None:
        """Take it back."""
        self.net.load_state_dict(state["net"])
        self.net.forget()
        self.optimiser.load_state_dict(_cloned(state["optimiser"]))
        for name, part in self.parts().items():
            part.load_state_dict(_cloned(state["parts"][name]))
        training.history[:] = state["history"]

    def load(self, file: Path, training: Training) -> None:
        """Take up the training in a file; raises `InvalidInput` where it is another one or damaged."""
        try:
            state = torch.load(file, weights_only=True, map_location=self.net.device)
        except Exception as error:  # whatever a damaged file makes torch raise
            raise InvalidInput(f"{file} is no checkpoint of a training ({type(error).__name__}): remove it.") from error
        if not isinstance(state, dict) or "fingerprint" not in state:
            raise InvalidInput(f"{file} is no checkpoint of a training: remove it.")
        theirs, ours = json.loads(state["fingerprint"]), json.loads(self.fingerprint())
        differing = [name for name in ours if theirs.get(name) != ours[name]]
        if differing:
            raise InvalidInput(
                f"{file} is the checkpoint of another training: {', '.join(differing)} differ. Name another file, or "
                "remove it."
            )
        self.restore(state, training)


def _keep(state: Mapping[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    torch.save(dict(state), part)
    part.replace(file)


def _cloned(value: Any) -> Any:
    """A copy of tensors in dictionaries and lists."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _cloned(part) for key, part in value.items()}
    return [_cloned(part) for part in value] if isinstance(value, list | tuple) else value


def _detached(gates: Mapping[str, Gate]) -> Mapping[str, Gate]:
    """The gates without the way back to what made them."""
    if all(isinstance(gate, int) for gate in gates.values()):
        return gates
    return {name: gate if isinstance(gate, int) else gate.detach() for name, gate in gates.items()}


def _taken(batch: Batch, numbers: np.ndarray, device: torch.device) -> Batch:
    index = torch.from_numpy(np.asarray(numbers))
    return Batch(batch.x[index].to(device), batch.y[index].to(device), batch.source)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch draws from `seed`; outside, its generators go on as if nothing had happened."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
