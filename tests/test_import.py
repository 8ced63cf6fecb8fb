"""`import workbench` is light: it is quick, and brings in nothing that is only needed later."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "optuna", "plotly", "papermill", "sklearn", "pandas", "scipy", "networkx"}

MEASURED_IMPORT = """
import json, sys, time
start = time.perf_counter()
import workbench
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def run_python(code: str) -> str:
    """What a fresh interpreter prints for `code`."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_heavy_library() -> None:
    modules = json.loads(run_python(MEASURED_IMPORT))["modules"]
    assert "workbench" in modules
    assert not HEAVY.intersection(name.partition(".")[0] for name in modules)


def test_import_takes_under_three_tenths_of_a_second() -> None:
    # The best of several: the machine may be busy, and the first run also compiles.
    seconds = min(json.loads(run_python(MEASURED_IMPORT))["seconds"] for _ in range(5))
    assert seconds < 0.3


def test_every_public_name_can_be_had() -> None:
    run_python("import workbench as wb\nfor name in wb.__all__: getattr(wb, name)")


def test_a_misspelt_public_name_is_an_attribute_error() -> None:
    import workbench

    with pytest.raises(AttributeError, match="serch_space"):
        workbench.serch_space  # noqa: B018 - the look-up itself is what is tested
