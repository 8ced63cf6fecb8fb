"""Source text of tensors: zeros where a state dictionary brings the values, the values themselves where none does."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator

import torch
from torch import nn

from workbench.errors import InvalidInput

_SPELT = 64  # numbers up to which they are written out
_MOST = 4_000_000

UNPACKING = '''

def unpacked(text, dtype, shape):
    """A constant tensor from its compressed bytes."""
    content = bytearray(zlib.decompress(base64.b64decode(text)))
    return torch.frombuffer(content, dtype=dtype).reshape(shape)

'''


def own_tensors(module: nn.Module, place: str) -> Iterator[str]:
    """The lines that make the block's own parameters and buffers, those of its parts left out."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            frozen = "" if parameter.requires_grad else ", requires_grad=False"
            yield f"self.{name} = nn.Parameter({_zeros(parameter)}{frozen})"
    for name, buffer in module._buffers.items():
        if buffer is not None and name in module._non_persistent_buffers_set:
            yield f"self.register_buffer({name!r}, {_values(buffer, f'{place}, buffer {name!r},')}, persistent=False)"
        elif buffer is not None:
            yield f"self.register_buffer({name!r}, {_zeros(buffer)})"


def _zeros(tensor: torch.Tensor) -> str:
    kind = "" if tensor.dtype == torch.float32 else f", dtype={tensor.dtype}"
    return f"torch.zeros({tuple(tensor.shape)}{kind})"


def _values(tensor: torch.Tensor, place: str) -> str:
    shape = tuple(tensor.shape)
    if 0 < tensor.numel() <= _SPELT and bool(torch.isfinite(tensor).all()):
        return f"torch.tensor({tensor.tolist()}, dtype={tensor.dtype})"
    if tensor.numel() > _MOST or tensor.dtype == torch.bfloat16 or tensor.numel() == 0:
        raise InvalidInput(
            f"{place} is in no state dictionary, and {shape} values of {tensor.dtype} cannot stand in a source file: "
            "make the buffer persistent, or write 'onnx'."
        )
    content = zlib.compress(tensor.detach().cpu().contiguous().numpy().tobytes(), 9)
    return f'unpacked("{base64.b64encode(content).decode()}", {tensor.dtype}, {shape})'
