"""A canary in real runs: a secret that a notebook shows in every way is in nothing that the run leaves or says."""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from papermill.iorw import papermill_io, write_ipynb

from workbench.cli import main
from workbench.errors import InvalidInput
from workbench.pipelines import stage
from workbench.pipelines.execution import run
from workbench.pipelines.planning import plan
from workbench.pipelines.saving import save_masked
from workbench.pipelines.secrets import masked

CANARY = "canary-\"7f3d'<9>&b/1+e\\5%é-c0ffee0ddba11"
SPELLINGS = {
    CANARY,
    CANARY[-13:],
    json.dumps(CANARY)[1:-1],
    json.dumps(CANARY, ensure_ascii=False)[1:-1],
    repr(CANARY)[1:-1],
    html.escape(CANARY),
    urllib.parse.quote(CANARY),
    urllib.parse.quote(CANARY, safe=""),
    CANARY.encode().hex(),
    *(base64.b64encode(b"?" * before + CANARY.encode())[4:-4].decode() for before in range(3)),
}
PARAMETERS = """
from workbench import Secret

token: Secret = "CANARY_KEY"  # what the service knows us by
output: str = "runs/scratch/show"
"""
SHOW = """
import html, json, logging, os, sys, urllib.parse, warnings
from IPython.display import HTML, JSON, Markdown, SVG, display
secret = os.environ[token]
print(secret, repr(secret), json.dumps(secret), urllib.parse.quote(secret))
print(secret[:9], end="", flush=True)
print(secret[9:], file=sys.stdout, flush=True)
print(secret, file=sys.stderr)
logging.warning("with %s", secret)
warnings.warn(secret)
display(HTML(f"<p title='{html.escape(secret)}'>{html.escape(secret)}</p>"), Markdown(secret), JSON({secret: [secret]}))
display(SVG(f"<svg xmlns='http://www.w3.org/2000/svg'><title>{html.escape(secret)}</title></svg>"))
os.system("printenv CANARY_KEY; printenv CANARY_KEY >&2")
os.write(2, secret.encode())
""", """
import ipywidgets, pandas, plotly.graph_objects as go
widget = ipywidgets.Text(value=secret, description="key")
still = f"<svg xmlns='http://www.w3.org/2000/svg'><title>{html.escape(secret)}</title></svg>"
display({**widget._repr_mimebundle_(), "image/svg+xml": still}, raw=True)
figure = go.Figure(go.Bar(x=[secret], y=[1], name=secret)).update_layout(title=secret)
display(figure)
pandas.DataFrame({"key": [secret], secret: [b"x"]})
""", "secret"  # fmt: skip
FAIL = "import os\nsecret = os.environ[token]\nprint(secret)", "def fail(key):\n    raise ValueError(key)\nfail(secret)"
CRASH = ("import os\nprint(os.environ[token], flush=True)\nos.write(2, os.environ[token].encode())\nos._exit(3)",)
WRITE = """
import gzip, os
from pathlib import Path
Path(output, "good.csv").write_text("a,b")
Path(output, "answer.json").write_text(os.environ[token])
Path(output, "answer.json.gz").write_bytes(gzip.compress(os.environ[token].encode()))
""",  # fmt: skip


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CANARY_KEY", CANARY)
    return CANARY


@pytest.fixture
def make(tmp_path: Path, write_notebook: Callable[..., Path]) -> Callable[..., Path]:
    """A pipeline of one stage, `show`, with these cells."""

    def write(*cells: str, parameters: str = PARAMETERS) -> Path:
        write_notebook("show", *cells, parameters=parameters)
        (tmp_path / "canary.toml").write_text('[stages.show]\nnotebook = "show.ipynb"\n')
        return tmp_path / "canary.toml"

    return write


def left_in(folder: Path, *texts: str) -> list[str]:
    """Where the canary is: in files, their names and texts; however it is written."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    all_texts = {**files, "names": "\n".join(files).encode(), **{f"text {n}": t.encode() for n, t in enumerate(texts)}}
    exactly = [name for name, content in all_texts.items() for one in SPELLINGS if one.encode() in content]
    widely = [
        name
        for name, content in all_texts.items()
        if masked(text := content.decode("utf-8", "replace"), {"A": CANARY}) != text
    ]
    return sorted({*exactly, *widely})


def command_line(path: Path, folder: Path, capfd: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    status = main(["run", str(path), "--folder", str(folder), *more])
    said = capfd.readouterr()
    return status, said.out + said.err


def test_the_canary_is_seen_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"key": CANARY}))
    (tmp_path / "b.txt").write_text("nothing")
    assert left_in(tmp_path, f"error: {CANARY!r}", "fine") == ["a.json", "text 0"]


def test_a_secret_shown_in_every_way_is_in_nothing_a_run_leaves(
    make: Callable[..., Path], tmp_path: Path, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, said = command_line(make(*SHOW), tmp_path / "run", capfd)
    assert status == 0, said
    assert left_in(tmp_path / "run", said) == []
    executed = (tmp_path / "run" / "show" / "notebook.ipynb").read_text()
    assert executed.count("***CANARY_KEY***") > 15
    page = (tmp_path / "run" / "report.html").read_text()
    assert "***CANARY_KEY***" in page
    assert json.loads((tmp_path / "run" / "run.json").read_text())["parameters"] == {"token": "CANARY_KEY"}
    assert command_line(tmp_path / "canary.toml", tmp_path / "run", capfd)[0] == 0, "and the run is kept"


@pytest.mark.parametrize("cells", [FAIL, CRASH])
def test_a_secret_in_an_error_is_in_nothing_a_run_leaves_or_says(
    cells: tuple[str, ...], make: Callable[..., Path], tmp_path: Path, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, said = command_line(make(*cells), tmp_path / "run", capfd)
    assert status == 1
    assert left_in(tmp_path / "run", said) == []
    error = json.loads((tmp_path / "run" / "run.json").read_text())["stages"][0]["error"]
    if cells is FAIL:
        assert "ValueError: ***CANARY_KEY***" in said
        assert "ValueError: ***CANARY_KEY***" in error
        assert "***CANARY_KEY***" in (tmp_path / "run" / "show.partial" / "notebook.ipynb").read_text()


def test_a_stage_that_writes_a_secret_fails_and_the_file_is_gone(
    make: Callable[..., Path], tmp_path: Path, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, said = command_line(make(*WRITE), tmp_path / "run", capfd)
    assert status == 1
    assert left_in(tmp_path / "run", said) == []
    assert (
        "failed in stage show: it wrote the secret CANARY_KEY into answer.json; answer.json.gz (uncompressed)" in said
    )
    assert not (tmp_path / "run" / "show").exists()
    assert sorted(path.name for path in (tmp_path / "run" / "show.partial").iterdir() if path.suffix != ".ipynb") == [
        "good.csv", "stage.log",
    ]  # fmt: skip


def test_a_variable_that_is_not_set_is_an_error_before_anything_starts(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(*SHOW)
    monkeypatch.delenv("CANARY_KEY", raising=False)
    with pytest.raises(InvalidInput, match="parameter token: the environment variable CANARY_KEY is not set or empty"):
        run(path, folder=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_secret_given_in_place_of_its_variable_is_refused_and_not_repeated(
    make: Callable[..., Path], tmp_path: Path, canary: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, said = command_line(make(*SHOW), tmp_path / "run", capfd, "-p", f"token={canary}")
    assert status == 2
    assert left_in(tmp_path, said) == []
    assert f"a text of {len(canary)} characters cannot name an environment variable" in said
    assert not (tmp_path / "run").exists()


def test_a_plan_knows_the_variable_and_not_its_value(make: Callable[..., Path], tmp_path: Path, canary: str) -> None:
    _, steps = plan(make(*SHOW), folder=tmp_path / "run")
    assert [str(step) for step in steps] == ["show: would run, because no result yet"]
    assert left_in(tmp_path) == []


def test_papermill_saves_what_is_masked_and_only_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papermill_io, "_handlers", [*papermill_io._handlers])
    (tmp_path / "a{b} c").mkdir()
    save_masked(tmp_path / "a{b} c", {"CANARY_KEY": CANARY})
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text=CANARY)])
    document = nbformat.v4.new_notebook(cells=[cell])
    write_ipynb(document, str(tmp_path / "a{b} c" / "notebook.ipynb"))
    write_ipynb(document, str(tmp_path / "notebook.ipynb"))
    assert left_in(tmp_path) == ["notebook.ipynb"]
    saved = nbformat.read(tmp_path / "a{b} c" / "notebook.ipynb", as_version=4)
    assert saved.cells[0].outputs[0].text == "***CANARY_KEY***"
    assert [path.name for path in (tmp_path / "a{b} c").iterdir()] == ["notebook.ipynb"]


@pytest.mark.skipif(
    "save_masked" not in Path(stage.__file__).read_text(encoding="utf-8"),
    reason="stages do not save through workbench.pipelines.saving yet",
)
def test_a_run_that_is_killed_leaves_no_secret_in_its_notebook(
    make: Callable[..., Path], tmp_path: Path, canary: str
) -> None:
    path = make("import os, time\nprint(os.environ[token])", "x = 1", "time.sleep(100)")
    driver = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "run", str(path), "--folder", str(tmp_path / "run")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    executed = tmp_path / "run" / "show.partial" / "notebook.ipynb"
    try:
        until = time.monotonic() + 120
        while "***CANARY_KEY***" not in (executed.read_text() if executed.is_file() else ""):
            assert time.monotonic() < until, "the second cell was never saved"
            assert left_in(tmp_path / "run") == []
            time.sleep(0.2)
    finally:
        driver.kill()
        driver.wait()
    assert left_in(tmp_path / "run") == []
