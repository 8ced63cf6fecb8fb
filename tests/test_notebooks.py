"""Every notebook asks one question, has one parameters cell, stores no output; the numbered ones run small."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

from workbench.rooms import room

NOTEBOOKS = sorted(room("notebooks").rglob("*.ipynb"))
NUMBERED = [path for path in NOTEBOOKS if path.parent == room("notebooks")]
SMALLEST = {
    "00_tour": {"n_architectures": 12, "n_trials": 30, "n_seeds": 2},
    "10_space": {"share": 0.05, "depth": 1},
    "11_spaces": {"n_architectures": 40, "n_trials": 12},
    "30_search": {"n_trials": 25, "n_seeds": 3},
    "40_predictors": {
        "predictors": ["ridge", "gp_nas"],
        "n_labels": [10, 40],
        "n_held_out": 100,
        "n_seeds": 3,
        "n_trials": 20,
    },
    "50_hardware": {"n_trials": 20, "n_seeds": 2, "n_timed": 5},
    "60_statistics": {
        "n_trials": 15,
        "n_seeds": 6,
        "elsewhere": ["nasbench201 cifar10", "nasbench_graph cora"],
        "n_seeds_elsewhere": 3,
        "n_draws": 200,
    },
    "70_supernets": {"epochs": 2, "epochs_one_shot": 2, "n_architectures": 3, "epochs_alone": 1, "n_trials": 6},
    "20_proxies": {"n_architectures": 20, "n_labels": 10, "n_candidates": 60, "batch_size": 4},
}


def name_of(path: Path) -> str:
    return str(path.relative_to(room("notebooks")))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_has_a_title_one_parameters_cell_and_no_output(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", NUMBERED, ids=name_of)
def test_a_numbered_notebook_runs_at_its_smallest(path: Path, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    parameters.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in SMALLEST[path.stem].items())
    kernel = tmp_path / "jupyter" / "kernels" / "here"
    _write_kernel(kernel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        NotebookClient(notebook, timeout=300, kernel_name="here", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    shown = {mime for o in outputs for mime in o.get("data", {})}
    assert {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "application/vnd.plotly.v1+json"} <= shown
    warned = [o.text for o in outputs if o.output_type == "stream" and "Warning" in o.text]
    assert not warned


def _write_kernel(folder: Path) -> None:
    """A kernel of this very interpreter, whatever `python3` is registered as on the machine."""
    import json

    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "here", "language": "python"}))
