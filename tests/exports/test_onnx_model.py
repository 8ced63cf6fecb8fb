"""ONNX: the built network in another runtime, for any number of examples."""

from __future__ import annotations

import pytest
import torch

from workbench.exports import export
from workbench.spaces import search_space
from workbench.tasks import task

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")


def test_the_model_has_the_networks_weights_and_outputs() -> None:
    runtime = pytest.importorskip("onnxruntime")
    space = search_space("nasbench201")
    arch = space.sample(1, seed=60)[0]
    content = export(arch, "onnx", task="digits", seed=7)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["inputs", "logits"]
    x = task("digits").batch(5, seed=1).x
    with torch.no_grad():
        wanted = space.build(arch, "digits", seed=7).eval()(x)
    (logits,) = runtime.InferenceSession(content).run(None, {"inputs": x.numpy()})
    assert torch.allclose(torch.from_numpy(logits), wanted, atol=1e-4)
