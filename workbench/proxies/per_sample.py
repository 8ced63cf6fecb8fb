"""Passes that look at inputs one at a time: gradients by sample, held in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.errors import InvalidInput
from workbench.networks.running import backward, run
from workbench.proxies.passes import shared_pass, undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.unscored import Unscored
from workbench.tasks import Batch

# A sample costs a backward pass of its own, so only the first of a batch are looked at: as many as TE-NAS takes.
FIRST = 16
# Values of gradients that are held at once; larger networks are differentiated group of tensors by group.
HELD = 2**26


def lone_sign_sums(probe: Probe, first: int = FIRST) -> dict[str, torch.Tensor] | Unscored:
    """Name of layer -> sum over the `first` inputs of the sign of the gradient of each input's loss ALONE.

    Every input is a batch of one, normalised by its own statistics, which is not the gradient by sample of the
    batch's forward. One forward and backward an input; one gradient and the sums are held at a time.
    """
    x, y, source = probe.batch
    sums = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in probe.weights.items()}
    for n in range(min(first, len(x))):
        one = Batch(x[n : n + 1], y[n : n + 1], source)
        try:
            found = shared_pass(probe.model, probe.weights, one, probe.seed, ("gradients",))["gradients"]
        except InvalidInput as error:
            return too_few_values(error)
        for name, gradient in found.items():
            if not gradient.isfinite().all():
                return Unscored(f"the gradient of layer {name!r} is not finite")
            sums[name] += gradient.sign()
    return sums


def logit_sum_kernel(probe: Probe, first: int = FIRST, held: int = HELD) -> torch.Tensor | Unscored:
    """(n, n) products of the gradients of each input's summed logits, in float64: the kernel of TE-NAS.

    With respect to every parameter called a weight, normalisations' included, through one training-mode forward of
    the `first` inputs: one forward, n backward passes for every `held` values of all gradients.
    """
    weights = [parameter for name, parameter in probe.model.named_parameters() if "weight" in name]
    if not weights:
        return Unscored("no parameter of the network is called a weight")
    return _summed(lambda rows: rows @ rows.t(), probe, weights, None, first, held)


def target_logit_norms(probe: Probe, first: int = FIRST, held: int = HELD) -> torch.Tensor | Unscored:
    """(n,) squared norms, in float64, of the gradients of each input's logit of its own label: the kernel's diagonal.

    With respect to all parameters, through one training-mode forward of the `first` inputs; cost as the kernel's.
    """
    parameters = list(probe.model.parameters())
    if not parameters:
        return Unscored("the network has no parameters")
    return _summed(lambda rows: rows.square().sum(1), probe, parameters, probe.batch.y, first, held)


def mean_output_gradients(probe: Probe) -> dict[str, torch.Tensor] | Unscored:
    """Name of layer -> gradient of the mean over the batch of the summed logits: one forward, one backward."""
    x = probe.batch.x
    weights = list(probe.weights.values())
    with undisturbed(probe.model, probe.seed, x.device, differentiable=True):
        for weight in weights:
            weight.requires_grad_(True)
        try:
            mean = _rows(run(probe.model, x), len(x)).sum() / len(x)
        except InvalidInput as error:
            return too_few_values(error)
        return dict(zip(probe.weights, _gradients(mean, weights, retain=False), strict=True))


def predictive_fisher(probe: Probe, first: int = FIRST, tensors: int = 128) -> torch.Tensor | Unscored:
    """(p, p) Fisher information, in float64, of the first value of each of the first `tensors` parameter tensors.

    Mean over the `first` inputs of J' (diag(s) - s s') J, for s the softmax of an input's logits and J their
    derivatives, in evaluation mode: no labels. Batch normalisation takes each input's own statistics, as it does in
    evaluation where none were tracked. Classes x inputs backward passes of one input.
    """
    parameters = [p for p in probe.model.parameters() if p.numel()][:tensors]
    if not parameters:
        return Unscored("the network has no parameters")
    x = probe.batch.x[:first]
    with undisturbed(probe.model, probe.seed, x.device, differentiable=True):
        fisher = torch.zeros(len(parameters), len(parameters), dtype=torch.float64)
        for module in probe.model.modules():
            module.training = isinstance(module, _BatchNorm)
        for parameter in parameters:
            parameter.requires_grad_(True)
        for n in range(len(x)):
            try:
                logits = _rows(run(probe.model, x[n : n + 1]), 1)[0]
            except InvalidInput as error:
                return too_few_values(error)
            firsts = [[g.flatten()[0] for g in _gradients(logit, parameters)] for logit in logits]
            jacobian = torch.stack([torch.stack(row) for row in firsts]).to("cpu", torch.float64)
            s = logits.detach().to("cpu", torch.float64).softmax(0)
            fisher += jacobian.t() @ (torch.diag(s) - torch.outer(s, s)) @ jacobian
    return fisher / len(x)


def too_few_values(error: InvalidInput) -> Unscored:
    """The reason that a network has no score where its normalisation cannot do with so few inputs, or the error."""
    if "more than 1 value per channel" not in str(error):
        raise error
    return Unscored("batch normalisation has one value per channel: it needs more inputs, or larger ones")


def _summed(
    each: Callable[[torch.Tensor], torch.Tensor],
    probe: Probe,
    parameters: list[nn.Parameter],
    labels: torch.Tensor | None,
    first: int,
    held: int,
) -> torch.Tensor | Unscored:
    """The sum over `parameters` of what `each` makes of a parameter's (n, values) gradients by input, in float64.

    Gradients of each input's summed logits, or of the logit of its label.
    """
    x = probe.batch.x[:first]
    total = torch.zeros((), dtype=torch.float64)
    with undisturbed(probe.model, probe.seed, x.device, differentiable=True):
        for parameter in parameters:
            parameter.requires_grad_(True)
        try:
            logits = _rows(run(probe.model, x), len(x))
        except InvalidInput as error:
            return too_few_values(error)
        scalars = logits.sum(1) if labels is None else _of_label(logits, labels[:first])
        for group in _groups(parameters, held // len(x)):
            found = [_gradients(scalar, group) for scalar in scalars]
            for rows in zip(*found, strict=True):
                total = total + each(torch.stack(rows).reshape(len(x), -1).to("cpu", torch.float64))
    return total


def _groups(parameters: list[nn.Parameter], size: int) -> Iterator[list[nn.Parameter]]:
    """The parameters in order, as many at a time as have `size` values together, and at least one."""
    group: list[nn.Parameter] = []
    for parameter in parameters:
        if group and sum(p.numel() for p in [*group, parameter]) > size:
            yield group
            group = []
        group.append(parameter)
    if group:
        yield group


def _gradients(scalar: torch.Tensor, parameters: list[nn.Parameter], retain: bool = True) -> list[torch.Tensor]:
    if not (parameters and scalar.requires_grad):  # nothing of the output depends on any of them
        return [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters]
    found = backward(scalar, parameters, retain_graph=retain)
    return [
        torch.zeros_like(parameter, requires_grad=False) if gradient is None else gradient
        for parameter, gradient in zip(parameters, found, strict=True)
    ]


def _rows(logits: torch.Tensor, n_inputs: int) -> torch.Tensor:
    if logits.ndim != 2 or len(logits) != n_inputs:
        raise InvalidInput(
            f"The network must return one row of logits for each of {n_inputs} inputs; "
            f"it returned the shape {tuple(logits.shape)}."
        )
    return logits


def _of_label(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= logits.shape[1]:
        raise InvalidInput(
            f"Labels must lie in 0..{logits.shape[1] - 1}, the network's {logits.shape[1]} outputs; "
            f"got labels from {low} to {high}."
        )
    return logits.gather(1, labels[:, None])[:, 0]
