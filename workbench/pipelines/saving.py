"""Saving an executed notebook while it runs: whole, and with the secrets masked, so that a kill leaves neither half."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from papermill.iorw import LocalHandler, papermill_io

from workbench.pipelines.records import write_whole
from workbench.pipelines.secrets import masked_notebook


class Saved(LocalHandler):  # type: ignore[misc]  # papermill is not annotated
    """Papermill's way to files, for one folder: what it writes is masked and put into place at once."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        super().__init__()
        self.secrets = secrets

    def write(self, buf: str, path: str) -> None:
        """Write a notebook; papermill does after every cell."""
        write_whole(Path(path), masked_notebook(buf, self.secrets))


def save_masked(folder: Path, secrets: Mapping[str, str]) -> None:
    """Have papermill, in this process, save what it writes into a folder masked; `secrets` by their variables."""
    papermill_io.register(str(folder), Saved(secrets))
