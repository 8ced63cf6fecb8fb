"""The supernet: one set of weights for all architectures of a space, from which any of them is taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.networks.elastic.gates import Gate, Gates
from workbench.networks.elastic.layers import ElasticBatchNorm
from workbench.networks.elastic.module import ElasticModule, overlap
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    from workbench.measure import Better, Measure
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.spaces.choices import Answer
    from workbench.spaces.space import SearchSpace, Seed
    from workbench.tasks.task import Batch, Splits, Task

Adapt = Callable[["ElasticNetwork", "Mapping[str, Sequence[Answer]]"], None]

_BATCH = 256  # examples in an evaluation's batch


class Supernet(nn.Module):
    """All networks of `space` for `task` in one module, weights drawn from `seed`.

    Called with images and an architecture, or gates, it gives the logits of that sub-network; where every gate has one
    option it needs none, and is a stand-alone network. `options` narrows the gates, `settings` are the elastic form's
    (such as `n_cells` and `channels` of cells); `adapt(network, gates of the space)` may change what is built, here and
    in every part that is taken out (see `with_experts`). With `affine=False` batch normalisation has no gains and
    offsets, as in the search of DARTS. Raises `InvalidInput` for a space without an elastic form.
    """

    def __init__(
        self,
        space: SearchSpace,
        task: str | Task = "digits",
        seed: int = 0,
        *,
        options: Mapping[str, Sequence[Answer]] | None = None,
        affine: bool = True,
        adapt: Adapt | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.adapt = adapt
        self.space, self.task, self.seed, self.affine, self.settings = space, find_task(task), seed, affine, settings
        narrowed = _narrowed(space, options or {})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = space.elastic(narrowed, self.task, **settings)
            if not affine:
                _remove_affine(self.network)
            if adapt is not None:
                adapt(self.network, space.gates())
        gates = space.gates()
        # Whether every network of the space is in it: then the space draws.
        self._whole = all(allowed == gates.get(name, allowed) for name, allowed in self.options.items())
        self._extremes: dict[str, tuple[int, int]] | None = None
        self._costs: dict[tuple[Any, ...], dict[str, Any]] = {}  # of paths: weights change nothing about them
        self._calibrated: dict[tuple[Any, ...], list[torch.Tensor]] = {}

    # -- gates ---------------------------------------------------------------------------------------------------

    @property
    def options(self) -> Mapping[str, tuple[Answer, ...]]:
        """The gates, and what each number of them stands for."""
        return self.network.options

    def gates(self, given: Architecture | Mapping[str, Gate] | None = None, *, count: bool = False) -> Gates:
        """The gates of an architecture, or of a mapping from gates to numbers or weights.

        Gates that a mapping leaves out are those of the first option. Raises `InvalidInput` for an architecture that is
        not in this supernet and `UnknownName` for a gate that it has not.
        """
        if isinstance(given, Gates) and not count:
            return given
        if isinstance(given, Architecture):
            if given.space.name != self.space.name:
                raise InvalidInput(f"{given} is an architecture of {given.space.name!r}, not of {self.space.name!r}.")
            return Gates(self.network.numbers(given.decisions), count=count)
        chosen: dict[str, Gate] = dict.fromkeys(self.options, 0)
        for name, gate in (given or {}).items():
            if name not in self.options:
                raise UnknownName.of("gate", name, self.options)
            chosen[name] = gate
        if given is None and any(len(allowed) > 1 for allowed in self.options.values()):
            raise InvalidInput("This supernet holds many networks: say which, by an architecture or by gates.")
        return Gates(chosen, count=count)

    def architecture(self, gates: Mapping[str, Gate]) -> Architecture:
        """The architecture of a path; weights stand for their largest option."""
        numbers = {name: gate if isinstance(gate, int) else int(gate.argmax()) for name, gate in gates.items()}
        answers = self.network.answers(numbers)
        asked: dict[str, Answer] = {}

        class Given:
            def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
                asked[name] = answers.get(name, choices[0])
                return asked[name]

        return self.space.answered_by(Given())

    def holds(self, arch: Architecture) -> bool:
        """Whether `arch` is one of this supernet's networks."""
        try:
            self.gates(arch)
        except InvalidInput:
            return False
        return True

    def sample(self, n: int = 1, seed: Seed = 0) -> list[Architecture]:
        """`n` architectures of this supernet, drawn as its space draws them; they may repeat."""
        rng = np.random.default_rng(seed)
        if self._whole:
            return [self.space.sample(1, rng)[0] for _ in range(n)]
        return [self.architecture(self.random_path(rng)) for _ in range(n)]

    def random_path(self, rng: np.random.Generator) -> dict[str, Gate]:
        """Every gate's option drawn uniformly."""
        return {name: int(rng.integers(len(allowed))) for name, allowed in self.options.items()}

    def smallest(self) -> dict[str, Gate]:
        """The option of every gate that costs fewest multiply-adds; of several the first."""
        return {name: numbers[0] for name, numbers in self._by_cost.items()}

    def largest(self) -> dict[str, Gate]:
        """The option of every gate that costs most multiply-adds; of several the last."""
        return {name: numbers[-1] for name, numbers in self._by_cost.items()}

    @property
    def _by_cost(self) -> dict[str, tuple[int, int]]:
        """For each gate the numbers of its cheapest and its dearest option, the others being mixed in equal parts."""
        if self._extremes is None:
            self._extremes = {name: (0, len(allowed) - 1) for name, allowed in self.options.items()}
            free = [name for name, allowed in self.options.items() if len(allowed) > 1]
            equal = {n: torch.full((len(self.options[n]),), 1 / len(self.options[n]), device=self.device) for n in free}
            with torch.enable_grad():
                macs = self.costs({name: weights.requires_grad_() for name, weights in equal.items()})["macs"]
                # What an option adds is the derivative by its weight.
                reached = isinstance(macs, torch.Tensor) and macs.requires_grad
                added = torch.autograd.grad(macs, list(equal.values()), allow_unused=True) if reached else ()
            for name, gradient in zip(free, added, strict=False):
                if gradient is not None:
                    close = 1e-4 * float(gradient.abs().max())
                    low = torch.nonzero(gradient <= gradient.min() + close)[0]
                    high = torch.nonzero(gradient >= gradient.max() - close)[-1]
                    self._extremes[name] = int(low), int(high)
        return self._extremes

    # -- running -------------------------------------------------------------------------------------------------

    def forward(self, x: torch.Tensor, gates: Architecture | Mapping[str, Gate] | None = None) -> torch.Tensor:
        """Logits (n, n_classes) of images `x`, under an architecture or gates."""
        out: torch.Tensor = self.network(x, self.gates(gates))
        return out

    def costs(self, given: Architecture | Mapping[str, Gate] | None = None) -> dict[str, Any]:
        """The "macs" and "params" of a sub-network: numbers, or tensors in expectation over gates that are weights.

        Multiply-adds of one example in the elastic and the mixed parts; what no gate decides is the same everywhere and
        counted as well.
        """
        gates = self.gates(given, count=True)
        key = _key(gates, 0)
        if key is not None and key in self._costs:
            return dict(self._costs[key])
        x = torch.zeros((1, *self.task.input_shape), dtype=self.task.dtype, device=self.device)
        with _evaluating(self), _counting_rest(self.network, gates):
            self.network(x, gates)
        costs = {"macs": gates.macs, "params": gates.params}
        if key is not None:
            self._costs[key] = dict(costs)
        return costs

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def __repr__(self) -> str:
        gates = sum(len(allowed) > 1 for allowed in self.options.values())
        weights = sum(parameter.numel() for parameter in self.parameters())
        return f"<Supernet of {self.space.name} for {self.task.name}: {gates} gates, {weights:,} weights>"

    # -- weights -------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def inherit(self, other: Supernet) -> Supernet:
        """Take over the weights of another supernet of the same space as far as both have them; returns itself.

        Shared parts are copied, larger ones sliced, into larger ones written (what is new there keeps its values).
        """
        theirs = dict(other.network.named_modules())
        for name, module in self.network.named_modules():
            if name in theirs:
                take = getattr(module, "inherit", None)
                (take or (lambda source, module=module: overlap(module, source)))(theirs[name])
        self._calibrated.clear()
        return self

    def narrowed(self, options: Mapping[str, Sequence[Answer]]) -> Supernet:
        """The supernet of these options of the named gates only, with the weights of this one: restrict and inherit."""
        kept = {name: tuple(options.get(name, allowed)) for name, allowed in self.options.items()}
        for name in options:
            if name not in self.options:
                raise UnknownName.of("gate", name, self.options)
            for option in options[name]:
                self.network._number(name, option)
        child = Supernet(
            self.space, self.task, self.seed, options=kept, affine=self.affine, adapt=self.adapt, **self.settings
        )
        return child.to(self.device).inherit(self)

    def extract(self, arch: Architecture) -> Supernet:
        """The stand-alone network of `arch`, with its weights: a supernet whose every gate has one option."""
        numbers = self.network.numbers(arch.decisions)
        self.gates(arch)
        return self.narrowed({name: (allowed[numbers[name]],) for name, allowed in self.options.items()})

    def split(self, gate: str, groups: Iterable[Sequence[Answer]]) -> list[Supernet]:
        """One supernet for each group of the options of `gate`, which together hold every architecture once."""
        groups = [tuple(group) for group in groups]
        if gate not in self.options:
            raise UnknownName.of("gate", gate, self.options)
        flat = [option for group in groups for option in group]
        if sorted(map(repr, flat)) != sorted(map(repr, self.options[gate])) or not all(groups):
            raise InvalidInput(
                f"The groups must hold each option of {gate!r} once, {', '.join(map(repr, self.options[gate]))}; "
                f"got {groups!r}."
            )
        return [self.narrowed({gate: group}) for group in groups]

    # -- judging -------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def calibrate(self, batch: Batch, gates: Architecture | Mapping[str, Gate] | None = None) -> None:
        """Measure the statistics of batch normalisation for one sub-network, over the batches of 256 of `batch`.

        In a supernet they are nobody's otherwise (Guo et al., SPOS, ECCV 2020, section 3.4). They hold until the next
        call; those of a path are remembered until weights are inherited or trained.
        """
        resolved = self.gates(gates)
        norms = [module for module in self.network.modules() if isinstance(module, _BatchNorm | ElasticBatchNorm)]
        key = _key(resolved, len(batch.x))
        if key is not None and key in self._calibrated:
            for norm, kept in zip(_statistics(norms), self._calibrated[key], strict=True):
                norm.copy_(kept)
            return
        with _measuring(norms):
            for start in range(0, len(batch.x), _BATCH):
                part = batch.x[start : start + _BATCH]
                if start == 0 or len(part) > 1:  # one example alone has no variance
                    self.network(part.to(self.device), resolved)
        if key is not None:
            self._calibrated[key] = [tensor.clone() for tensor in _statistics(norms)]

    def forget(self) -> None:
        """Forget the statistics measured so far: the weights have changed."""
        self._calibrated.clear()

    @torch.no_grad()
    def predict(self, x: torch.Tensor, gates: Architecture | Mapping[str, Gate] | None = None) -> torch.Tensor:
        """Logits in evaluation mode, batch by batch."""
        resolved = self.gates(gates)
        with _evaluating(self):
            parts = [self.network(x[i : i + _BATCH].to(self.device), resolved) for i in range(0, len(x), _BATCH)]
        return torch.cat(parts)

    def evaluate(
        self, data: Splits, gates: Architecture | Mapping[str, Gate] | None = None, part: str = "valid"
    ) -> dict[str, float]:
        """Accuracy (0 to 1) and loss (nats) on a part of the data, calibrated on at most 1,024 training examples."""
        judged: Batch = getattr(data, part)
        self.calibrate(type(data.train)(data.train.x[:1024], data.train.y[:1024], data.train.source), gates)
        logits = self.predict(judged.x, gates).cpu()
        loss = float(nn.functional.cross_entropy(logits, judged.y))
        return {"accuracy": float((logits.argmax(1) == judged.y).double().mean()), "loss": loss}

    def measure(self, data: Splits, name: str = "accuracy", part: str = "valid") -> Measure:
        """The inherited "accuracy" (or "loss") of architectures, or their "macs" or "params", for a search."""
        from workbench.measure import Measure

        if name in ("macs", "params"):
            return Measure(name, "lower", lambda arch: float(self.costs(arch)[name]))
        if name not in ("accuracy", "loss"):
            raise UnknownName.of("measure of a supernet", name, ("accuracy", "loss", "macs", "params"))
        better: Better = "higher" if name == "accuracy" else "lower"
        return Measure(name, better, lambda arch: self.evaluate(data, arch, part)[name], space=self.space)


def _narrowed(space: SearchSpace, options: Mapping[str, Sequence[Answer]]) -> dict[str, tuple[Answer, ...]]:
    gates = space.gates()
    for name in options:
        if name not in gates:
            raise UnknownName.of(f"gate of {space.name}", name, gates)
    kept = {name: tuple(options.get(name, allowed)) for name, allowed in gates.items()}
    if any(not allowed for allowed in kept.values()):
        raise InvalidInput("Every gate keeps at least one option.")
    asked = {question.name for question in space.questions()}
    if space.flat or not options or asked != set(gates):
        return kept
    # A question that no longer arises, because the answer that asks it is gone, is left out with its options.
    left = {question.name for question in space.restrict(kept).questions()}
    return {name: allowed for name, allowed in kept.items() if name in left}


def _remove_affine(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, _BatchNorm | ElasticBatchNorm):
            module.register_parameter("weight", None)
            module.register_parameter("bias", None)


def _key(gates: Gates, n: int) -> tuple[Any, ...] | None:
    """What a path is remembered by; a mixture is not remembered."""
    return (n, *gates.items()) if all(isinstance(gate, int) for gate in gates.values()) else None


def _statistics(norms: Iterable[_BatchNorm | ElasticBatchNorm]) -> list[torch.Tensor]:
    return [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var) if tensor is not None]


@contextmanager
def _measuring(norms: Sequence[_BatchNorm | ElasticBatchNorm]) -> Iterator[None]:
    """Inside, the norms measure the mean over the batches that they see; outside, they use what they measured."""
    before = [(norm, norm.training, None if isinstance(norm, ElasticBatchNorm) else norm.momentum) for norm in norms]
    for norm in norms:
        if isinstance(norm, ElasticBatchNorm):
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
            norm.measured = 0
        else:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
    try:
        yield
    finally:
        for norm, training, momentum in before:
            if isinstance(norm, ElasticBatchNorm):
                norm.measured = None
            else:
                norm.momentum = momentum
                norm.train(training)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, evaluation mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _counting_rest(network: nn.Module, gates: Gates) -> Iterator[None]:
    """Inside, the plain layers outside every mixed operation add their multiply-adds and parameters to the gates.

    Transforms of weights count nothing: for one architecture they collapse into the weight.
    """
    from workbench.networks.elastic.mixed import MixedOp
    from workbench.networks.elastic.transforms import WeightTransform

    handles = []
    apart = [module for module in network.modules() if isinstance(module, MixedOp | WeightTransform)]
    inside = {id(part) for module in apart for part in module.modules()}

    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        weight = getattr(module, "weight", None)
        macs = 0.0
        if isinstance(module, nn.Conv1d | nn.Conv2d) and weight is not None:
            macs = float(weight.numel() * output[0, 0].numel())
        elif isinstance(module, nn.Linear) and weight is not None:
            macs = float(weight.numel() * (output[0].numel() // output.shape[-1]))
        gates.count(macs, float(own))

    for module in network.modules():
        plain = not isinstance(module, ElasticModule) and id(module) not in inside
        if plain and any(True for _ in module.parameters(recurse=False)):
            handles.append(module.register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
