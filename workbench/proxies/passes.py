"""The passes over a network that proxies read: each runs once and leaves the network as it was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.errors import InvalidInput
from workbench.networks.preserved import preserved, seeded
from workbench.networks.running import backward, run
from workbench.proxies.curvature import curvature
from workbench.proxies.kernels import Sweep, faster
from workbench.tasks import Batch

# What the shared pass can hand out, and the parts that each is made of; a new by-product is one more name here.
SHARED = {
    "gradients": ("forward", "loss"),
    "relu_kernel": ("forward",),
    "fisher": ("forward", "loss"),
    "input_jacobian": ("forward", "input"),
    "curvature": ("forward", "loss", "curvature"),
}
# What looks on while a part of the pass runs: makes a context of the part's name.
During = Callable[[str], AbstractContextManager[object]]
_OF_THE_LOSS = {"gradients", "fisher", "curvature"}
# Columns of a sign matrix multiplied at once: counts below 2^24 are exact in float32.
_EXACT = 2**22


def shared_pass(
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    batch: Batch,
    seed: int,
    wanted: Collection[str],
    during: During = nullcontext,
) -> dict[str, Any]:
    """One training-mode forward, and only the backward passes that what is `wanted` needs.

    "gradients": name -> gradient of the mean cross-entropy for each of the `weights` (zero where the loss does
    not depend on it). "relu_kernel": `ReluKernel` over the same forward. "input_jacobian": `InputJacobian`, by
    one more backward. "fisher": name -> Fisher information of a layer's outputs, a by-product of the loss's
    backward. "curvature": name -> -w.(H g), or `Unscored`, by differentiating that backward once more. Each part of
    the pass runs in a context of `during`.
    """
    try:
        return _shared_pass(model, weights, batch, seed, wanted, during, copies=False)
    except _OverwrittenOutput:
        return _shared_pass(model, weights, batch, seed, wanted, during, copies=True)


def _shared_pass(
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    batch: Batch,
    seed: int,
    wanted: Collection[str],
    during: During,
    *,
    copies: bool,
) -> dict[str, Any]:
    of_the_loss = bool(_OF_THE_LOSS & set(wanted))
    of_the_input = "input_jacobian" in wanted and batch.x.is_floating_point()
    found: dict[str, Any] = {"input_jacobian": None} if "input_jacobian" in wanted else {}
    with ExitStack() as stack:
        stack.enter_context(undisturbed(model, seed, batch.x.device, of_the_loss or of_the_input))
        for weight in weights.values():
            weight.requires_grad_(True)
        sweep = Sweep()
        stack.enter_context(faster(model, sweep if "curvature" in wanted else None))
        if "relu_kernel" in wanted:
            found["relu_kernel"] = stack.enter_context(_relu_kernel(model, len(batch.x)))
        outputs = stack.enter_context(_layer_outputs(model, weights, copies)) if "fisher" in wanted else None
        x = batch.x.clone().requires_grad_() if of_the_input else batch.x
        with during("forward"):
            logits = run(model, x)
        if outputs is not None:
            outputs.check()
        if of_the_input:
            sweep.weights = False
            with during("input"):
                found["input_jacobian"] = _input_jacobian(logits, x, keep=of_the_loss)
        if of_the_loss:
            sweep.weights = True
            with during("loss"):
                loss = _loss(logits, batch.y)
                if outputs is not None:
                    outputs.listen()
                gradients = _gradients(loss, weights, twice="curvature" in wanted)
                if outputs is not None:
                    found["fisher"] = outputs.found()
            if "curvature" in wanted:
                with during("curvature"):
                    found["curvature"] = curvature(weights, gradients)
            if "gradients" in wanted:
                found["gradients"] = {name: gradient.detach() for name, gradient in gradients.items()}
    return found


class InputJacobian(NamedTuple):
    """The gradient of the sum of all logits with respect to each input, (B, values of an input), and the logits."""

    matrix: torch.Tensor
    n_logits: int


class ReluKernel:
    """How alike the ReLUs see each two inputs: (B, B) counts of units on for both or off for both.

    Mellor et al. (ICML 2021), section 3: K = sum over ReLUs of x x' + (1 - x)(1 - x)' for x = 1[output > 0];
    with s the units on per input and n the units, that is 2 x x' - s - s' + n, one product instead of two.
    """

    def __init__(self, n_inputs: int) -> None:
        self.matrix = torch.zeros(n_inputs, n_inputs, dtype=torch.float64)
        self.n_units = 0

    def add(self, _layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        """Add one ReLU's output; the activations themselves are not kept."""
        # Written as numbers at once: turning truth values into numbers takes ten times as long as comparing.
        on = torch.gt(output.detach(), 0, out=torch.empty(output.shape, dtype=torch.float32, device=output.device))
        on = on.flatten(1)
        for x in torch.split(on, _EXACT, dim=1):
            together = (x @ x.t()).to("cpu", torch.float64)
            each = together.diagonal()
            self.matrix += 2 * together - each[:, None] - each[None, :] + x.shape[1]
        self.n_units += on.shape[1]


def synaptic_flow(
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    shape: tuple[int, ...],
    seed: int,
    *,
    normalised: bool = False,
) -> dict[str, float]:
    """By layer, the sum of |w dR/dw| for R = sum of outputs on one input of ones, all weights made positive.

    In float64 and with every batch normalisation bypassed (Tanaka et al., NeurIPS 2020, equation 2, as NASLib
    runs it), or `normalised`: with batch normalisation in training mode. The model computes on absolute
    copies: its own tensors are not touched.
    """
    if not weights:
        return {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    device = next(iter(weights.values())).device
    ones = torch.ones((1, *shape), dtype=torch.float64, device=device)
    with ExitStack() as stack:
        stack.enter_context(undisturbed(model, seed, device, differentiable=True))
        if not normalised:
            stack.enter_context(_bypassed(model, _BatchNorm))
        tensors = [*model.named_parameters(), *model.named_buffers()]
        state = {name: _magnitude(tensor) for name, tensor in tensors}
        along = {layer: state[names[id(weight)]].requires_grad_() for layer, weight in weights.items()}
        flow = run(lambda x: torch.func.functional_call(model, state, (x,)), ones).sum()
        gradients = backward(flow, list(along.values()))
    return {
        layer: 0.0 if gradient is None else float((weight.detach() * gradient).abs().sum())
        for (layer, weight), gradient in zip(along.items(), gradients, strict=True)
    }


class _OverwrittenOutput(Exception):
    """A layer's output was overwritten in place before the backward could look at it."""


class _LayerOutputs:
    """The outputs of layers, each dropped as soon as its gradient has come by."""

    def __init__(self, layers: Mapping[str, nn.Parameter], copies: bool) -> None:
        self._weights = layers
        self._copies = copies
        self._outputs: list[tuple[str, bool, torch.Tensor, int]] = []
        self._handles: list[Any] = []
        self._terms: dict[str, list[torch.Tensor]] = {name: [] for name in layers}

    def see(self, name: str, layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
        """Forward hook: note one output; where networks write over them, hand a copy on."""
        if not output.requires_grad:
            return None
        self._outputs.append((name, isinstance(layer, nn.Linear), output, output._version))
        return output.clone() if self._copies else None

    def check(self) -> None:
        """Raises `_OverwrittenOutput` where an output is no longer what its layer computed."""
        if any(output._version != version for _, _, output, version in self._outputs):
            raise _OverwrittenOutput

    def listen(self) -> None:
        """Look at the gradients that come by from now on."""
        while self._outputs:
            name, last, output, _ = self._outputs.pop()
            holder = [output.detach()]
            hook = partial(self._add, name, last, holder)
            self._handles.append(output.register_hook(hook))  # type: ignore[no-untyped-call]

    def found(self) -> dict[str, float]:
        """By layer, the sum over channels c of (weights of c) x mean over inputs of (sum of a dL/da)^2 / 2."""
        for handle in self._handles:
            handle.remove()
        return {name: float(sum(float(term) for term in terms)) for name, terms in self._terms.items()}

    def _add(self, name: str, last: bool, holder: list[torch.Tensor], gradient: torch.Tensor) -> None:
        if not holder:
            return
        product = holder.pop() * gradient.detach()
        axis = product.ndim - 1 if last else 1
        places = [place for place in range(1, product.ndim) if place != axis]
        channels = (product.sum(places) if places else product).to(torch.float64)
        each = self._weights[name].numel() / product.shape[axis]
        self._terms[name].append(each * 0.5 * channels.square().mean(0).sum())


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.ndim != 2 or len(logits) != len(labels):
        raise InvalidInput(
            f"The network must return one row of logits for each of {len(labels)} labels; "
            f"it returned the shape {tuple(logits.shape)}."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= logits.shape[1]:
        raise InvalidInput(
            f"Labels must lie in 0..{logits.shape[1] - 1}, the network's {logits.shape[1]} outputs; "
            f"got labels from {low} to {high}."
        )
    return nn.functional.cross_entropy(logits, labels)


def _gradients(loss: torch.Tensor, weights: Mapping[str, nn.Parameter], *, twice: bool) -> dict[str, torch.Tensor]:
    if not (weights and loss.requires_grad):  # nothing of the output depends on any weight
        return {name: torch.zeros_like(weight) for name, weight in weights.items()}
    gradients = backward(loss, list(weights.values()), create_graph=twice)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def _input_jacobian(logits: torch.Tensor, x: torch.Tensor, *, keep: bool) -> InputJacobian:
    gradient = None
    if logits.requires_grad:
        (gradient,) = backward(logits.sum(), [x], retain_graph=keep)
    found = torch.zeros_like(x) if gradient is None else gradient
    return InputJacobian(found.detach().flatten(1), logits.shape[-1])


def _magnitude(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.float64).abs() if tensor.is_floating_point() else tensor.detach().clone()


@contextmanager
def undisturbed(model: nn.Module, seed: int, device: torch.device, differentiable: bool) -> Iterator[None]:
    """Inside, the model is in training mode and chance comes from `seed`; outside, nothing has happened."""
    # A caller may be in inference mode, where no gradient can be had.
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(differentiable),
        preserved(model),
        seeded(seed, device),
    ):
        model.train()
        yield


@contextmanager
def _relu_kernel(model: nn.Module, n_inputs: int) -> Iterator[ReluKernel]:
    kernel = ReluKernel(n_inputs)
    handles = [m.register_forward_hook(kernel.add) for m in model.modules() if isinstance(m, nn.ReLU)]
    try:
        yield kernel
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _layer_outputs(model: nn.Module, weights: Mapping[str, nn.Parameter], copies: bool) -> Iterator[_LayerOutputs]:
    outputs = _LayerOutputs(weights, copies)
    layers = dict(model.named_modules())
    handles = [layers[name].register_forward_hook(partial(outputs.see, name)) for name in weights]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _bypassed(model: nn.Module, kind: type[nn.Module]) -> Iterator[None]:
    """Inside, every module of a `kind` hands its input on."""
    before = [(m, m.__dict__.get("forward")) for m in model.modules() if isinstance(m, kind)]
    for module, _ in before:
        module.__dict__["forward"] = lambda x: x
    try:
        yield
    finally:
        for module, own in before:
            del module.__dict__["forward"]
            if own is not None:
                module.__dict__["forward"] = own
