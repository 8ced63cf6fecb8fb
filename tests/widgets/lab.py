"""Real JupyterLab in headless Chromium: a server with folders of its own, a page, and notebooks to run cells in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, Error, Page, sync_playwright

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
REPOSITORY = Path(__file__).resolve().parents[2]
START, CELL, PATIENCE = 90.0, 90.0, 30.0  # seconds for the server, for one cell, for the page to follow

_SETTINGS = {
    # No news and no update check: both would ask a server on the internet.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells outside the window stay in the page, so that a test finds them.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


@contextmanager
def chromium_browser(executable: str) -> Iterator[Browser]:
    """A headless Chromium that keeps to itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


class Record:
    """What a page did that it should not: errors on its console, and requests beyond this machine."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        # JupyterLab itself makes no console error with these settings, so none has to be allowed.
        if kind == "error":
            self.errors.append(text)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {"127.0.0.1", "localhost"}:
            self.outside.append(url)


class Notebook:
    """An open notebook: its widgets are found through `page`, its kernel through the last cell."""

    def __init__(self, page: Page, cells: int) -> None:
        self.page = page
        self.record = Record(page)
        self._scratch = cells

    def run(self, number: int, timeout: float = CELL) -> str:
        """Run a cell and return its text output; a run that the kernel was not ready for is repeated."""
        deadline = time.monotonic() + timeout
        before = self._state(number)["count"]
        while True:
            self.page.evaluate(_RUN, number)
            if _soon(lambda: self._finished(number, before), min(15.0, timeout)):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"cell {number} did not finish in {timeout:.0f} s: {self._state(number)}")
        state = self._state(number)
        if state["error"]:
            raise RuntimeError(f"cell {number} failed: {state['error']}")
        return str(state["text"]).strip()

    def ask(self, code: str) -> str:
        """What `code` prints, run in the notebook's last cell: Python's side of the matter."""
        self.page.evaluate(_WRITE, [self._scratch, code])
        return self.run(self._scratch)

    def ask_until(self, code: str, expected: str) -> str:
        """Ask until the answer is the expected one or patience ends; the last answer."""
        answers = [self.ask(code)]
        _soon(lambda: answers[-1] == expected or answers.append(self.ask(code)), PATIENCE)
        return answers[-1]

    def cells(self) -> int:
        """How many cells the notebook has."""
        return int(self.page.evaluate("() => jupyterapp.shell.currentWidget.content.widgets.length"))

    def _state(self, number: int) -> dict[str, Any]:
        state: dict[str, Any] = self.page.evaluate(_STATE, number)
        return state

    def _finished(self, number: int, before: int | None) -> bool:
        state = self._state(number)
        return not state["running"] and state["count"] is not None and state["count"] != before


class Lab:
    """A running JupyterLab server."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.folder = folder
        self._url = url
        self._token = token

    @contextmanager
    def notebook(
        self, browser: Browser, cells: Sequence[str], size: tuple[int, int] = (1300, 1000), place: str = "lab/tree"
    ) -> Iterator[Notebook]:
        """A notebook of code cells, open in a page of its own; its kernel ends with it.

        `place` is where the server opens files: "lab/tree" in JupyterLab, "notebooks" in Notebook 7.
        """
        name = f"test-{time.monotonic_ns()}.ipynb"
        book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
        book.cells = [nbformat.v4.new_code_cell(source) for source in (*cells, "")]
        nbformat.write(book, self.folder / name)
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        notebook = Notebook(page, len(cells))
        try:
            page.goto(f"{self._url}/{place}/{name}?token={self._token}&reset", timeout=START * 1000)
            page.wait_for_function(_READY, timeout=START * 1000)
            yield notebook
        finally:
            context.close()
            self._end_kernels()

    def _end_kernels(self) -> None:
        """A kernel left running would go on serving the bundle that it has read."""
        for session in self._api("GET", "sessions") or []:
            self._api("DELETE", f"sessions/{session['id']}")

    def _api(self, method: str, path: str) -> Any:
        request = urllib.request.Request(f"{self._url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self._token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab on a free loopback port, with settings, data and notebooks in `folder` only."""
    token = f"token-{os.getpid()}"
    notebooks, settings = folder / "notebooks", folder / "settings"
    notebooks.mkdir(parents=True)
    for name, values in _SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    paths = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    port = _free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={notebooks}",
        "--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=notebooks,
            env={**os.environ, **{name: str(folder / place) for name, place in own.items()}, "PYTHONPATH": paths},
            stdout=log,
            stderr=log,
        )
        lab = Lab(notebooks, f"http://127.0.0.1:{port}", token)
        try:
            if not _soon(lambda: server.poll() is not None or _answers(lab), START) or server.poll() is not None:
                raise RuntimeError(f"JupyterLab did not start: {(folder / 'server.log').read_text()[-2000:]}")
            yield lab
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(lab: Lab) -> bool:
    try:
        lab._api("GET", "status")
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _soon(true: Callable[[], Any], patience: float) -> bool:
    """Whether something becomes true within some seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if true():
                return True
        except Error as error:  # the page may be between two documents
            if "Execution context was destroyed" not in str(error):
                raise
        time.sleep(0.05)
    return False


_READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === "idle" && panel.sessionContext.isReady;
}"""
_RUN = """(number) => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = number;
  notebook.deselectAll();
  return void jupyterapp.commands.execute("notebook:run-cell");
}"""
_WRITE = """([number, code]) => {
  jupyterapp.shell.currentWidget.content.widgets[number].model.sharedModel.setSource(code);
}"""
_STATE = """(number) => {
  const cell = jupyterapp.shell.currentWidget.content.widgets[number];
  const outputs = cell.model.outputs.toJSON();
  const failed = outputs.find((output) => output.output_type === "error");
  const text = (output) => output.text ?? output.data?.["text/plain"] ?? "";
  return {
    count: cell.model.executionCount,
    running: cell.model.executionState === "running" || cell.promptNode?.textContent.includes("*"),
    error: failed ? `${failed.ename}: ${failed.evalue}` : "",
    text: outputs.map(text).map((part) => (Array.isArray(part) ? part.join("") : part)).join(""),
  };
}"""
