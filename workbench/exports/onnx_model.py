"""ONNX: the built network with its weights, for other runtimes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.exports.extra import package

if TYPE_CHECKING:
    from workbench.tasks.task import Task


def write_onnx(arch: Architecture, task: Task, seed: int) -> bytes:
    """The network of `arch` for `task` in evaluation mode, weights drawn from `seed`, as an ONNX model.

    Its input "inputs" takes any number of examples of the task's shape, its output "logits" is (n, classes). Raises
    `MissingData` where the packages onnx and onnxscript are not installed, `InvalidInput` where torch cannot export
    the network.
    """
    onnx = package("onnx", "onnx", "Writing ONNX")
    package("onnxscript", "onnxscript", "Writing ONNX")
    import torch

    model = arch.space.build(arch, task, seed).eval()
    x = torch.zeros((2, *task.input_shape), dtype=task.dtype)
    try:
        with _quietly():
            exported = torch.onnx.export(
                model,
                (x,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("n")},),
                input_names=["inputs"],
                output_names=["logits"],
                external_data=False,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(f"torch cannot write {arch} for {task.name} as ONNX: {reason}") from error
    assert exported is not None
    content: bytes = exported.model_proto.SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content))
    return content


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the words of torch's exporter on torchvision's operators and its own deprecations: no caller can help."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
