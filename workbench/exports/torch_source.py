"""Python source of a network that needs torch alone: one class for each different block, its wiring written out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.architecture import Architecture

if TYPE_CHECKING:
    from workbench.tasks.task import Task

_HEADER = '''"""An architecture of a search space as a network that needs torch alone, written by NAS Workbench.

`Network()` has fresh weights; `load_state_dict` takes those of the network that it was made from.
"""

from __future__ import annotations

{imports}

SPACE = {space!r}
ARCHITECTURE = {architecture}
TASK = {task!r}
'''
_MAIN = """

if __name__ == "__main__":
    network = Network().eval()
    inputs = torch.zeros({shape}{dtype})
    print(network(inputs).shape, sum(parameter.numel() for parameter in network.parameters()), "parameters")
"""


def write_torch(arch: Architecture, task: Task) -> str:
    """The network of `arch` for `task` as a Python file.

    The forward pass of each block is recorded by `torch.fx` (Reed et al., MLSys 2022), in training and in evaluation
    mode. Raises `InvalidInput` where it cannot be: where it depends on the values or the shape of the data.
    """
    from workbench.exports.constants import UNPACKING
    from workbench.exports.torch_classes import Classes

    body = Classes(arch.space.build(arch, task), (2, *task.input_shape), task.dtype).source()
    body = (UNPACKING if "unpacked(" in body else "") + body
    header = _HEADER.format(imports=_imports(body), space=arch.space.name, architecture=repr(str(arch)), task=task.name)
    dtype = f", dtype={task.dtype}" if task.dtype is not None else ""
    return header + body + _MAIN.format(shape=", ".join(map(str, (1, *task.input_shape))), dtype=dtype)


def _imports(body: str) -> str:
    """The lines for the names that the classes use."""
    lines = ["import base64", "import zlib"] if "unpacked(" in body else []
    lines += ["from collections import OrderedDict"] if "OrderedDict(" in body else []
    constants = [name for name in ("inf", "nan") if re.search(rf"\b{name}\b", body)]
    lines += [f"from math import {', '.join(constants)}"] if constants else []
    lines += ["", "import torch"] if lines else ["import torch"]
    lines += ["import torch.nn.functional as F"] if re.search(r"\bF\.", body) else []
    names = [name for name in ("device", "nn") if re.search(rf"(?<![.\w]){name}[.(]", body)]
    return "\n".join([*lines, f"from torch import {', '.join(names)}"])
