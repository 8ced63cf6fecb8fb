"""Training in stages: one supernet, each stage with options, sampler and recipe of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.gates import Gate
from workbench.supernets.blocks import sort_channels
from workbench.supernets.objectives import Objective
from workbench.supernets.paths import PathSampler
from workbench.supernets.recipe import Recipe
from workbench.supernets.step import Run, Step
from workbench.supernets.supernet import Supernet
from workbench.supernets.teachers import Teacher
from workbench.supernets.training import Training, train

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.spaces.choices import Answer
    from workbench.spaces.space import Seed
    from workbench.tasks.task import Splits

Options = Mapping[str, Sequence["Answer"]]


class Among(PathSampler):
    """Another sampler, to which only these `options` are there; the net keeps its gates and its weights.

    Gates that are not named keep all their options. Raises `InvalidInput` where the sampler plans anything else.
    """

    def __init__(self, paths: PathSampler, options: Options) -> None:
        self.paths, self.options = paths, options

    def plan(self, step: Step) -> list[Run]:
        """What the sampler plans for the smaller supernet."""
        part = _Part(step.net, self.options)
        runs = self.paths.plan(replace(step, net=part))
        for run in runs:
            # A question that a path does not ask has a gate that nothing reads.
            for name in step.net.architecture(run.gates).decisions.keys() & run.gates.keys():
                gate = run.gates[name]
                used = [gate] if isinstance(gate, int) else gate.reshape(-1, gate.shape[-1]).nonzero()[:, 1].tolist()
                if not set(used) <= set(part.allowed[name]):
                    raise InvalidInput(
                        f"{type(self.paths).__name__} leaves the options of this stage at {name!r}: draw by the net's "
                        "sample, smallest and largest, or give it architectures of the stage."
                    )
        return runs

    def order(self, n: int, epoch: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
        """The sampler's."""
        return self.paths.order(n, epoch, epochs, rng)

    def learned(self, step: Step) -> None:
        """The sampler's."""
        self.paths.learned(step)

    def state_dict(self) -> dict[str, Any]:
        """The sampler's."""
        return self.paths.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The sampler's."""
        self.paths.load_state_dict(state)


@dataclass(frozen=True)
class Stage:
    """A stage of a training: the options that are drawn from, by what sampler, and the recipe.

    With `sort` the hidden channels of every block are sorted by what they weigh before it starts.
    """

    options: Options
    paths: PathSampler
    recipe: Recipe
    objective: Objective | None = None
    teacher: Teacher | None = None
    sort: bool = False


def train_in_stages(
    net: Supernet,
    data: Splits,
    stages: Sequence[Stage],
    *,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    show: bool = True,
) -> list[Training]:
    """Train the same weights stage after stage; one training for each that was begun.

    Stage i is trained from `seed` + 1000 i. With `checkpoint`, a folder, every stage keeps its state in a file of it,
    and the same call takes up what was interrupted.
    """
    trainings: list[Training] = []
    for number, stage in enumerate(stages):
        if stage.sort:
            sort_channels(net)
        training = train(
            net,
            data,
            Among(stage.paths, stage.options),
            objective=stage.objective,
            teacher=stage.teacher,
            recipe=stage.recipe,
            seed=seed + 1000 * number,
            checkpoint=None if checkpoint is None else Path(checkpoint) / f"stage_{number}.pt",
            show=show,
        )
        trainings.append(training)
        if training.ended == "interrupted":
            break
    return trainings


def shrinking(net: Supernet, *opened: Sequence[str]) -> list[dict[str, tuple[Answer, ...]]]:
    """The options of every stage of progressive shrinking (Cai et al., Once-for-All, ICLR 2020, section 3.3).

    At first every gate has its largest option alone; then those are opened, group after group, whose names end in one
    of the words given, as in `shrinking(net, ["kernel"], ["depth"], ["expand"])`: one more stage than groups. Raises
    `UnknownName` for a word that no gate ends in.
    """
    words = [word for group in opened for word in group]
    kinds = {name.rpartition(".")[2] for name in net.options}
    for word in words:
        if word not in kinds:
            raise UnknownName.of("kind of gate", word, kinds)
    return [
        {
            name: allowed if name.rpartition(".")[2] in [w for group in opened[:done] for w in group] else allowed[-1:]
            for name, allowed in net.options.items()
        }
        for done in range(len(opened) + 1)
    ]


class _Part(Supernet):
    """The same supernet, gates and weights, that draws these options only."""

    def __init__(self, net: Supernet, options: Options) -> None:
        # The very same parts, not copies of them.
        self.__dict__.update(net.__dict__)
        for name in options:
            if name not in net.options:
                raise UnknownName.of("gate", name, net.options)
        self.allowed = {
            name: sorted(net.network._number(name, answer) for answer in options.get(name, allowed))
            for name, allowed in net.options.items()
        }

    def sample(self, n: int = 1, seed: Seed = 0) -> list[Architecture]:
        """Drawn gate by gate."""
        rng = np.random.default_rng(seed)
        return [self.architecture(self.random_path(rng)) for _ in range(n)]

    def random_path(self, rng: np.random.Generator) -> dict[str, Gate]:
        """Every gate's option drawn uniformly."""
        return {name: allowed[int(rng.integers(len(allowed)))] for name, allowed in self.allowed.items()}

    def smallest(self) -> dict[str, Gate]:
        """The first option of every gate that there is."""
        return {name: allowed[0] for name, allowed in self.allowed.items()}

    def largest(self) -> dict[str, Gate]:
        """The last one."""
        return {name: allowed[-1] for name, allowed in self.allowed.items()}
