"""The file of a comparison: every finished search at once on disk, so that a killed comparison loses none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench import __version__
from workbench.errors import InvalidInput
from workbench.studies.one_search import Job, Question, curve

_KIND = "workbench comparison"


class KeptSearches:
    """A text file of JSON lines: the question in the first, then a line for each finished search.

    A line that was cut off when its writer was killed is dropped, and that search is run again. Raises `InvalidInput`
    for a file that is something else, or answers another question.
    """

    def __init__(self, path: str | Path, question: Question) -> None:
        self.path = Path(path)
        self._question = question
        self._asked = {"file": _KIND, "workbench": __version__, **question.words}
        self._found: dict[tuple[str, int], dict[str, Any]] = {}
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._write(self._asked)
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.split("\n")
        self._check(_read(lines[0]))
        for line in lines[1:-1]:
            record = _read(line)
            if record is not None and "strategy" in record:
                self._found[str(record["strategy"]), int(record["seed"])] = record
        if lines[-1]:  # cut off: the next line must not be glued to it
            self.path.write_text(text[: len(text) - len(lines[-1])], encoding="utf-8")

    def of(self, jobs: Sequence[Job]) -> dict[Job, pd.DataFrame]:
        """The searches of `jobs` that are there already, as `workbench.compare` has them."""
        kept = {}
        for job in jobs:
            record = self._found.get((job.strategy, job.seed))
            if record is None:
                continue
            if record["how"] != job.how:
                raise InvalidInput(
                    f"In {self.path}, {job.strategy!r} is {record['how']}, and now it is {job.how}. Give the strategy "
                    "another name, or another path=."
                )
            kept[job] = curve(job, self._question, record["architectures"], np.array(record["values"], dtype=float))
        return kept

    def add(self, job: Job, frame: pd.DataFrame) -> None:
        """Write a finished search."""
        record = {"strategy": job.strategy, "how": job.how, "seed": job.seed}
        self._write({**record, "architectures": frame["architecture"].tolist(), "values": frame["value"].tolist()})

    def _check(self, before: dict[str, Any] | None) -> None:
        if before is None or before.get("file") != _KIND:
            raise InvalidInput(f"{self.path} is not the file of a comparison; give path= a new file.")
        for key, value in self._asked.items():
            if before.get(key) != value:
                raise InvalidInput(
                    f"The comparison in {self.path} was made with another {key} ({before.get(key)}) than asked for now "
                    f"({value}). Give another path=, or ask the same question."
                )

    def _write(self, record: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _read(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
