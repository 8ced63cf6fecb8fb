"""The probe: what proxies look at, each pass over the network run once, when first asked for, and shared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module, weighted_layers
from workbench.networks.counts import Counts
from workbench.proxies import passes
from workbench.proxies.stopwatch import Lap, Stopwatch
from workbench.proxies.unscored import Unscored
from workbench.tasks import Batch
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.tasks import Task


T = TypeVar("T")


class _Pass(Generic[T]):
    """A property of a probe that is found once, when first asked for, and timed."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, probe: None, owner: type) -> Self: ...

    @overload
    def __get__(self, probe: Probe, owner: type) -> T: ...

    def __get__(self, probe: Probe | None, owner: type) -> Self | T:
        return self if probe is None else probe.once(self.function)


class Probe:
    """One network, one batch and one seed, seen through passes; the network is left exactly as it was.

    Each property that stands for a pass runs it once. Give `model` and `batch`, or an `architecture` with a
    `task` and a `batch_size`: the network and the batch are then made from `seed` (the batch from `batch_seed`
    where one is given), and only if a pass needs them; the network goes to `device`, and batches follow their
    network. `reads` names properties that will be asked for: those that come of one forward are collected in one.
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        batch: Batch | None = None,
        seed: int = 0,
        architecture: Architecture | None = None,
        *,
        task: str | Task = "cifar10",
        batch_size: int = 64,
        reads: Collection[str] = (),
        device: str | None = None,
        batch_seed: int | None = None,
    ) -> None:
        if architecture is None and (model is None or batch is None):
            raise InvalidInput("A probe looks at a model and a batch, or at an architecture; give either.")
        self.seed = seed
        self.architecture = architecture
        self._model, self._batch = model, batch
        self._task, self._batch_size = task, batch_size
        self._reads = frozenset(reads)
        self._device = device
        self.batch_seed = seed if batch_seed is None else batch_seed
        self._shared: dict[str, Any] = {}
        self._found: dict[Callable[[Probe], Any], Any] = {}
        self._bills: dict[str, list[Hashable]] = {}  # what of a shared pass a property is made of
        self._watch = Stopwatch()

    def once(self, a_pass: Callable[[Probe], T]) -> T:
        """What `a_pass` finds out about this probe: run when first asked for, and shared by all who ask."""
        if a_pass not in self._found:
            with self._watch.lap(a_pass):
                found = a_pass(self)
            self._found[a_pass] = found
        self._watch.look(a_pass)
        known: T = self._found[a_pass]
        return known

    def timed(self) -> AbstractContextManager[Lap]:
        """Inside, the time of what is found out is taken: with every pass looked at, also those that had been run."""
        return self._watch.lap()

    @_Pass
    def task(self) -> Task:
        """The task of an architecture's network."""
        return find_task(self._task)

    @_Pass
    def model(self) -> nn.Module:
        """The network looked at."""
        if self._model is not None:
            return _with_values(self._model)
        assert self.architecture is not None
        model = self.architecture.space.build(self.architecture, self.task, self.seed)
        return model if self._device is None else model.to(self._device)

    @_Pass
    def batch(self) -> Batch:
        """Inputs and labels, on the network's device and, for real numbers, in its precision."""
        x, y, source = self._batch if self._batch is not None else self.task.batch(self._batch_size, self.batch_seed)
        like = next(self.model.parameters(), torch.zeros(()))
        x = x.to(like.device, like.dtype if x.is_floating_point() else None)
        return Batch(x, y.to(like.device), source)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.task.input_shape if self._batch is None else tuple(self._batch.x.shape[1:])

    @_Pass
    def weights(self) -> dict[str, nn.Parameter]:
        """Name of layer -> weight, for convolutions and linear layers: the weights that proxies speak of."""
        layers = weighted_layers(self.model)
        for name, layer in layers.items():
            if not isinstance(layer.weight, nn.Parameter):
                raise InvalidInput(
                    f"The weight of layer {name!r} is computed from other tensors (a parametrization); "
                    "make it permanent before scoring."
                )
        return {name: layer.weight for name, layer in layers.items()}  # type: ignore[misc]

    @_Pass
    def counts(self) -> Counts:
        """Parameters and multiply-adds: by the space's formula, or by one run of a bare module."""
        if self.architecture is not None and self._model is None:
            return self.architecture.space.counts(self.architecture, self.task)
        return count_module(self.model, self.shape, self.batch.x.dtype)

    @_Pass
    def live_counts(self) -> Counts | None:
        """The counts without dead edges; none for a bare module, whose graph is not known."""
        if self.architecture is None:
            return None
        return self.architecture.space.counts(self.architecture, self.task, live=True)

    @_Pass
    def gradients(self) -> dict[str, torch.Tensor]:
        """Name of layer -> gradient of the mean cross-entropy, batch normalisation in training mode."""
        found: dict[str, torch.Tensor] = self._from_shared_pass("gradients")
        return found

    @_Pass
    def relu_kernel(self) -> passes.ReluKernel:
        """How alike the network's ReLUs see each two inputs of the batch."""
        found: passes.ReluKernel = self._from_shared_pass("relu_kernel")
        return found

    @_Pass
    def fisher(self) -> dict[str, float]:
        """Name of layer -> Fisher information of its outputs, each channel counted once for each of its weights."""
        found: dict[str, float] = self._from_shared_pass("fisher")
        return found

    @_Pass
    def input_jacobian(self) -> passes.InputJacobian | None:
        """The gradient of the sum of logits with respect to the inputs; none for inputs that are no real numbers."""
        found: passes.InputJacobian | None = self._from_shared_pass("input_jacobian")
        return found

    @_Pass
    def curvature(self) -> dict[str, float] | Unscored:
        """Name of layer -> -w.(H g), with the gradient g and the Hessian H of the mean cross-entropy."""
        found: dict[str, float] | Unscored = self._from_shared_pass("curvature")
        return found

    @_Pass
    def synaptic_flow(self) -> dict[str, float]:
        """Name of layer -> sum of |w dR/dw| in the network of absolute weights on one input of ones."""
        return passes.synaptic_flow(self.model, self.weights, self.shape, self.seed)

    def _from_shared_pass(self, name: str) -> Any:
        model, weights, batch = self.model, self.weights, self.batch
        if name not in self._shared:
            wanted = {name} | (self._reads & set(passes.SHARED)) - self._shared.keys()
            run = len(self._bills)  # a number that no run before had

            def during(part: str) -> AbstractContextManager[Lap]:
                return self._watch.lap((run, part))

            with during(""):
                found = passes.shared_pass(model, weights, batch, self.seed, wanted, during)
            self._shared |= found
            self._bills |= {each: [(run, part) for part in ("", *passes.SHARED[each])] for each in found}
        self._watch.look(*self._bills[name])
        return self._shared[name]


def _with_values(model: nn.Module) -> nn.Module:
    if any(tensor.is_meta for tensor in model.parameters()):
        raise InvalidInput(
            "The network's weights are on the meta device, where tensors have shapes and no values; "
            "build it on a device, or use model.to_empty(device=...) and initialise it."
        )
    return model
