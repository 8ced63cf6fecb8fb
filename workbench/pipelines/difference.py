"""What differs between runs: in what they were made from, and in the results that came of it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from workbench.pipelines.fingerprint import NOT_RESULTS
from workbench.pipelines.outcome import Run
from workbench.pipelines.pipeline import PLACES
from workbench.pipelines.recorded import folder_of, recorded
from workbench.pipelines.records import read_json
from workbench.pipelines.result_files import ValueChange, compared, shown

SHOWN_VALUES = 12  # of one file, in words


@dataclass(frozen=True)
class InputChange:
    """Something a run was made from that differs; `what` is parameter, software, notebook and the like."""

    what: str
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.what} {self.name}: {shown(self.before)} → {shown(self.after)}"


@dataclass(frozen=True)
class CellChange:
    """A cell of a stage's notebook that was changed, added or removed; `place` counts its cells from 1."""

    stage: str
    notebook: str
    place: int
    kind: str
    before: str
    after: str

    def __str__(self) -> str:
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=0)
        text = "".join(f"\n      {line}" for line in lines if not line.startswith(("---", "+++", "@@")))
        return f"notebook {self.notebook} of stage {self.stage}, cell {self.place} {self.kind}{text}"


@dataclass(frozen=True)
class FileChange:
    """A file of a stage's results that was changed, added or removed, and which of its values differ, by how much."""

    stage: str
    file: str
    kind: str
    values: tuple[ValueChange, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        more = len(self.values) - SHOWN_VALUES
        lines = [str(value) for value in self.values[:SHOWN_VALUES]] + ([f"{more} more"] if more > 0 else [])
        note = f" ({self.note})" if self.note else ""
        return f"stage {self.stage}, {self.file} {self.kind}{note}" + "".join(f"\n      {line}" for line in lines)


@dataclass(frozen=True)
class RunDifference:
    """How two runs differ: `inputs` and `cells` are what they were made from, `results` what came of it."""

    a: str
    b: str
    inputs: tuple[InputChange, ...]
    cells: tuple[CellChange, ...]
    results: tuple[FileChange, ...]

    def __bool__(self) -> bool:
        return bool(self.inputs or self.cells or self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain data, fit for JSON."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        parts = [f"{self.a} → {self.b}: {self._verdict}"]
        for title, changes in self._parts:
            parts += [title, *(f"    {change}" for change in changes)] if changes else []
        return "\n".join(parts)

    @property
    def _parts(self) -> tuple[tuple[str, Sequence[object]], ...]:
        return ("  Inputs", [*self.inputs, *self.cells]), ("  Results", self.results)

    @property
    def _verdict(self) -> str:
        made, results = len(self.inputs) + len(self.cells), len(self.results)
        if not self:
            return "no difference"
        if not results:
            return f"{_count(made, 'input')} {_verb(made)}, the results are the same"
        if not made:
            return f"the same inputs, but {_count(results, 'result file')} {_verb(results)}"
        return f"{_count(made, 'input')} and {_count(results, 'result file')} differ"

    def _repr_html_(self) -> str:
        rows = [f"<p><b>{escape(self.a)} → {escape(self.b)}</b>: {escape(self._verdict)}</p>"]
        if self.inputs:
            body = "".join(
                f'<tr><td>{escape(c.what)}</td><th scope="row">{escape(c.name)}</th>'
                f"<td>{escape(shown(c.before))}</td><td>{escape(shown(c.after))}</td></tr>"
                for c in self.inputs
            )
            head = f"<th>input</th><th>name</th><th>{escape(self.a)}</th><th>{escape(self.b)}</th>"
            rows.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        rows += [f"<pre>{escape(str(change))}</pre>" for change in self.cells]
        if self.results:
            body = "".join(map(_file_row, self.results))
            head = "<th>stage</th><th>result</th><th>how</th><th>which values, by how much</th>"
            rows.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return f"<div>{''.join(rows)}</div>"


def _file_row(change: FileChange) -> str:
    more = len(change.values) - SHOWN_VALUES
    lines = [escape(str(value)) for value in change.values[:SHOWN_VALUES]] + ([f"{more} more"] if more > 0 else [])
    lines = ([escape(change.note)] if change.note else []) + lines
    return (
        f'<tr><td class="word">{escape(change.stage)}</td><th scope="row">{escape(change.file)}</th>'
        f'<td class="word">{change.kind}</td><td>{"<br>".join(lines)}</td></tr>'
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _verb(number: int) -> str:
    return "differs" if number == 1 else "differ"


def diff_runs(a: Run | str | Path, b: Run | str | Path) -> RunDifference:
    """Return what differs between two runs, given by their folders or as what `wb.run` returned.

    Inputs are the parameters, software, machine, git commit, what each stage needed, and the cells of the notebooks.
    Results are the files that each stage left, by their hashes; of CSV and JSON files also which values differ and by
    how much. Rows of tables are compared by their first column where it names them, else in their order.

    Raises:
        InvalidInput: for a folder without a record, and for a record that is damaged or of a newer format.
    """
    folders = folder_of(a), folder_of(b)
    one, two = recorded(a), recorded(b)
    names = names_of(folders)
    sources = inputs_of(one), inputs_of(two)
    inputs = tuple(
        InputChange(*key, sources[0].get(key), sources[1].get(key))
        for key in {**sources[0], **sources[1]}
        if sources[0].get(key) != sources[1].get(key)
    )
    stages = {stage["name"]: (stage, None) for stage in one["stages"]}
    stages |= {stage["name"]: (stages.get(stage["name"], (None, None))[0], stage) for stage in two["stages"]}
    cells = [change for name, pair in stages.items() for change in _cells(name, pair, folders)]
    results = [change for name, pair in stages.items() for change in _files(name, pair, folders)]
    # What follows from something that is named anyway is left out: a changed cell, a changed result of another stage.
    told = {("notebook", change.stage) for change in cells}
    changed = {change.stage for change in results}
    told |= {("input", name) for what, name in {**sources[0], **sources[1]} if name.partition(" of ")[0] in changed}
    kept = tuple(change for change in inputs if (change.what, change.name) not in told)
    return RunDifference(names[0], names[1], kept, tuple(cells), tuple(results))


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return short names for run folders: their own, or with as much of the path as tells them apart."""
    for length in range(1, max((len(folder.parts) for folder in folders), default=1) + 1):
        names = [Path(*folder.resolve().parts[-length:]).as_posix() for folder in folders]
        if len(set(names)) == len(set(folders)):
            return names
    return [folder.as_posix() for folder in folders]


def inputs_of(record: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Return what a run was made from, each as (kind, name) with its value."""
    found: dict[tuple[str, str], Any] = {("pipeline", "name"): record["pipeline"]}
    found |= {("parameter", name): value for name, value in record["parameters"].items()}
    for stage in record["stages"]:
        own = {name: value for name, value in stage["parameters"].items() if name not in PLACES}
        for name, value in own.items():
            if name not in record["parameters"] or record["parameters"][name] != value:
                found["parameter", f"{name} of stage {stage['name']}"] = value
    found |= {("software", name): value for name, value in record["software"].items()}
    found["hardware", "platform"] = record["platform"]
    found |= {("hardware", name): _plain(value) for name, value in record["machine"].items()}
    found |= {("repository", name): value for name, value in record["git"].items()}
    for stage in record["stages"]:
        found["stage", stage["name"]] = "done" if stage["state"] == "kept" else stage["state"]
        found["notebook", stage["name"]] = stage["notebook"][:16]
        found |= {("input", f"{need} of stage {stage['name']}"): str(sha)[:16] for need, sha in stage["inputs"].items()}
    return {key: value for key, value in found.items() if value not in ("", None)}


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value


Pair = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]


def _cells(name: str, pair: Pair, folders: tuple[Path, Path]) -> Iterator[CellChange]:
    """The cells in which the notebooks of a stage differ, from the notebooks as they were executed."""
    a, b = pair
    if a is None or b is None or a["notebook"] == b["notebook"]:
        return
    before, after = (_sources(folder / name / "notebook.ipynb") for folder in folders)
    if not before or not after:
        return  # not executed: that the notebook differs is said by its hash
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        both = min(i_end - i, j_end - j)
        for k in range(both):
            yield CellChange(name, b["file"], j + k + 1, "changed", before[i + k][1], after[j + k][1])
        for k in range(i + both, i_end):
            yield CellChange(name, b["file"], k + 1, "removed", before[k][1], "")
        for k in range(j + both, j_end):
            yield CellChange(name, b["file"], k + 1, "added", "", after[k][1])


def _sources(notebook: Path) -> list[tuple[str, str]]:
    found = []
    cells = read_json(notebook).get("cells", [])
    for cell in cells if isinstance(cells, list) else []:
        metadata = cell.get("metadata", {})
        if "injected-parameters" not in metadata.get("tags", []):
            source = cell.get("source", "")
            found.append((str(cell.get("cell_type")), source if isinstance(source, str) else "".join(source)))
    return found


def _files(name: str, pair: Pair, folders: tuple[Path, Path]) -> Iterator[FileChange]:
    before, after = ({} if stage is None else _results(stage) for stage in pair)
    for file in sorted({*before, *after}):
        if file not in after:
            yield FileChange(name, file, "removed")
        elif file not in before:
            yield FileChange(name, file, "added")
        elif before[file] != after[file]:
            paths = [folder / name / file for folder in folders]
            inside = all(
                path.resolve().is_relative_to(folder.resolve()) for path, folder in zip(paths, folders, strict=True)
            )
            values, note = compared(*paths) if inside else ((), "outside the run's folder")
            yield FileChange(name, file, "changed", values, note)


def _results(stage: Mapping[str, Any]) -> dict[str, str]:
    return {file: sha for file, sha in stage["files"].items() if file not in NOT_RESULTS}
