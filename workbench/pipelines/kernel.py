"""The Jupyter kernel of a stage: this very Python, reached through private sockets, ended with its stage."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from weakref import WeakSet

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from workbench.pipelines.parent import die_with

LONGEST_SOCKET_PATH = 100  # bytes; systems allow 104 to 108


class StageKernel(AsyncKernelManager):
    """A kernel manager that needs no installed kernelspec: one named python3 may be another Python's."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The command that starts the kernel."""
        command = [sys.executable, "-P", "-m", "workbench.pipelines.kernel", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python", metadata={})


def settings(private: Path) -> dict[str, Any]:
    """Return the traits of a `StageKernel` that meets its kernel in the folder `private`.

    Sockets of the file system need no port to race for and cannot be reached from outside; where the path is
    too long for one, or the system has none, local TCP is used.
    """
    traits = {"connection_file": str(private / "k.json")}
    fits = len(os.fsencode(private / "k-ipc-5")) < LONGEST_SOCKET_PATH
    return {**traits, "transport": "ipc"} if os.name == "posix" and fits else traits


def main() -> None:
    """Serve as the kernel process."""
    die_with(int(os.environ.get("JPY_PARENT_PID", "0")))
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize()  # type: ignore[no-untyped-call]
    assert app.shell is not None
    app.shell.events.register("post_run_cell", Completing())
    app.start()  # type: ignore[no-untyped-call]


class Completing:
    """Has every new widget say all it knows when its cell has run: nobody will look at it while the kernel lives."""

    def __init__(self) -> None:
        self._done: WeakSet[Any] = WeakSet()

    def __call__(self, _result: object) -> None:
        """Complete the widgets that are new, if there are any."""
        if "workbench.widgets.linking" not in sys.modules:
            return
        from ipywidgets.widgets.widget import _instances as every  # ipywidgets 8 has no public list of its widgets

        from workbench.widgets.linking import Linked
        from workbench.widgets.page import complete

        new = [one for one in every.values() if isinstance(one, Linked) and one not in self._done]
        self._done.update(new)
        complete(new)


if __name__ == "__main__":
    main()
