"""The comparison report: several runs on one page, what differs between them and their results side by side."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import ascii_uppercase
from typing import Any, NamedTuple
from urllib.parse import quote

import nbformat
from markupsafe import Markup

from workbench.errors import InvalidInput
from workbench.pipelines.difference import diff_runs, inputs_of, names_of
from workbench.pipelines.outcome import Run
from workbench.pipelines.outputs import SCROLLING, Outputs, fit_for_paper
from workbench.pipelines.recorded import folder_of, recorded
from workbench.pipelines.records import write_whole
from workbench.pipelines.report import PARAMETER_TAGS, Prose, Section, executed, render, when
from workbench.pipelines.result_files import shown
from workbench.widgets.page import Stock, slim

MOST_RUNS = 20
SIDE_BY_SIDE = 5  # with more runs, a table has one row for each instead of one column
_HEADING = re.compile(r"(#{2,3})\s+(.*)")


class _Compared(NamedTuple):
    """A run: its short name, what is its own, its folder and record, and its report's outputs by where they stand."""

    name: str
    label: str
    folder: Path
    record: dict[str, Any]
    outputs: dict[tuple[str, int], Mapping[str, Any]] | None


def compare_runs(runs: Sequence[Run | str | Path], path: str | Path) -> Path:
    """Write one HTML page that compares runs, and return its path; it opens offline like a report.

    It says what differs in parameters, software, machine and stages (what is equal is folded away), how long the runs
    took, and shows the figures and tables of their reports side by side, those that stand at the same place under the
    same heading. What is equal in all runs is shown once. Of two runs it has all that `diff_runs` finds. Widgets are
    stills; each run's own report, to which the page links, has them alive.

    Args:
        runs: from 1 to 20 runs, by their folders or as `wb.run` returned them.
        path: the file to write; links to the runs' reports are relative to it.

    Raises:
        InvalidInput: for no runs, too many, one given twice, a folder without a readable record, a bad path.
        Unshowable: when an output of a report cannot be shown without a kernel.
    """
    if isinstance(runs, str | Path | Run) or not 1 <= len(runs) <= MOST_RUNS:
        raise InvalidInput(f"compare_runs takes a list of 1 to {MOST_RUNS} runs or their folders; got {shown(runs)}.")
    folders = [folder_of(run) for run in runs]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InvalidInput(f"compare_runs was given a run twice: {', '.join(map(str, folders))}. Give each once.")
    records = [recorded(run) for run in runs]
    found = [
        _Compared(name, label, folder, record, _outputs(folder, record))
        for name, label, folder, record in zip(names_of(folders), _labels(records), folders, records, strict=True)
    ]
    path = Path(path)
    try:
        write_whole(path, _page(found, path))
    except OSError as error:
        raise InvalidInput(f"The page {path} cannot be written: {error.strerror}. Give another path.") from None
    return path


def _labels(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters in which the runs differ, where they are few enough to stand over a figure."""
    values = [record["parameters"] for record in records]
    apart = [name for name in values[0] if any(one.get(name) != values[0][name] for one in values)]
    if len(apart) > 3:
        return ["" for _ in values]
    return [", ".join(f"{name} = {shown(one.get(name))}" for name in apart) for one in values]


def _page(runs: Sequence[_Compared], path: Path) -> str:
    prose = Prose()
    outputs = Outputs(prose.html, Stock(slim({})))
    titles = dict.fromkeys(run.record["title"] or run.record["pipeline"] for run in runs)
    noun = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    sections = [
        Section([Markup(prose.heading(f"{noun} of {escape(', '.join(titles))}", 1)), *_table_of_runs(runs, path)]),
        Section([Markup(prose.heading("What differs", 2)), *_differences(runs)]),
    ]
    if len(runs) == 2:
        detail = diff_runs(runs[0].folder, runs[1].folder)._repr_html_()
        sections.append(Section([Markup(prose.heading("The two runs in detail", 2)), Markup(detail)]))
    sections += _side_by_side(runs, prose, outputs)
    return render(sections, prose, outputs, {}, noun, wide=True)


# -- tables ----------------------------------------------------------------------------------------------------------


def _table_of_runs(runs: Sequence[_Compared], path: Path) -> Iterator[Markup]:
    """The runs with a link to the report of each, and how long their stages took."""
    stages = dict.fromkeys(_base(stage) for run in runs for stage in run.record["stages"])
    head = ["run", "report", "state", "began", "seconds", *(f"{stage} (s)" for stage in stages)]
    rows = []
    for run in runs:
        taken: dict[str, float] = dict.fromkeys(stages, 0.0)
        for stage in run.record["stages"]:
            taken[_base(stage)] += stage["seconds"]
        facts = [escape(run.record["state"]), escape(when(run.record["started"])), f"{run.record['seconds']:.1f}"]
        rows.append([escape(run.name), _link(run, path), *facts, *(f"{seconds:.1f}" for seconds in taken.values())])
    yield _table(head, rows)
    yield Markup(
        '<p class="quiet">Seconds of a stage are those it took when it ran, also where its result was kept.</p>'
    )


def _base(stage: Mapping[str, Any]) -> str:
    return str(stage.get("base") or stage["name"])


def _link(run: _Compared, path: Path) -> str:
    report = run.folder / str(run.record["report"].get("file") or "report.html")
    if not report.is_file():
        return "not made"
    try:
        target = Path(os.path.relpath(report.resolve(), path.resolve().parent)).as_posix()
    except ValueError:  # on another drive
        return escape(str(report))
    return f'<a href="{escape(quote(target))}">{escape(report.name)}</a>'


def _differences(runs: Sequence[_Compared]) -> Iterator[Markup]:
    """Parameters, software and the like that differ, those that are equal folded away, and which results are equal."""
    sources = [inputs_of(run.record) for run in runs]
    keys = [key for key in dict.fromkeys(key for source in sources for key in source) if key[0] != "input"]
    equal = [key for key in keys if all(source.get(key) == sources[0].get(key) for source in sources)]
    differ = [key for key in keys if key not in set(equal)]
    if len(runs) == 1:
        yield Markup("<p>There is one run only, nothing to compare it with.</p>")
    elif differ:
        yield _across(runs, [[*key, *(source.get(key) for source in sources)] for key in differ])
    else:
        yield Markup("<p>Nothing of what the runs were made from.</p>")
    same = [[escape(what), escape(name), escape(_full(sources[0][what, name]))] for what, name in equal]
    summary = f"{len(same)} {'entries' if len(runs) == 1 else 'entries are equal in all runs'}"
    table = _table(["", "", "value"], same)
    yield Markup('<details class="same"><summary>{}</summary>{}</details>').format(summary, table)
    yield Markup("<h3>Results</h3>")
    stages = dict.fromkeys(stage["name"] for run in runs for stage in run.record["stages"])
    versions = [_versions([_result(run, name) for run in runs]) for name in stages]
    apart = [[name, "", *row] for name, row in zip(stages, versions, strict=True) if len(set(row)) > 1]
    if apart:
        yield _across(runs, apart)
        yield Markup('<p class="quiet">Equal letters are equal results, file by file; – is none.</p>')
    yield Markup("<p>{} of {} stages have the same result in all runs.</p>").format(
        len(stages) - len(apart), len(stages)
    )


def _result(run: _Compared, name: str) -> str:
    return next((str(stage["result"]) for stage in run.record["stages"] if stage["name"] == name), "")


def _versions(results: Sequence[str]) -> list[str]:
    letters = dict(zip(dict.fromkeys(filter(None, results)), ascii_uppercase, strict=False))
    return [letters.get(result, "–") for result in results]


def _across(runs: Sequence[_Compared], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table of rows (kind, name, a value of each run), turned on its side where there are many runs."""
    texts = [
        [escape(str(what)), escape(str(name)), *(escape(_full(value)) for value in row)] for what, name, *row in rows
    ]
    names = [escape(run.name) for run in runs]
    if len(runs) <= SIDE_BY_SIDE:
        return _table(["", "", *names], texts)
    head = ["run", *(f"{what} {name}".strip() for what, name, *_ in texts)]
    return _table(head, [[name, *column] for name, column in zip(names, [*zip(*texts, strict=True)][2:], strict=True)])


def _full(value: object) -> str:
    return "–" if value is None else str(value) if len(str(value)) <= 300 else f"{str(value)[:297]}..."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table from cells that are HTML already."""
    first = "".join(f'<th scope="col">{cell}</th>' if cell else "<td></td>" for cell in head)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for name, *cells in rows
    )
    table = f'<table class="dataframe facts"><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table>'
    return Markup(f"<div {SCROLLING}>{fit_for_paper(table)}</div>")


# -- side by side ----------------------------------------------------------------------------------------------------


def _outputs(folder: Path, record: Mapping[str, Any]) -> dict[tuple[str, int], Mapping[str, Any]] | None:
    """What a run's report shows but words, by heading and position under it; None where it is not executed."""
    notebook = folder / record["report_stage"] / "notebook.ipynb"
    if not notebook.is_file():
        return None
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    headings = ["", ""]
    for cell in executed(notebook).cells:
        if cell.cell_type == "markdown":
            headings = _last_headings(cell.source, headings)
        elif cell.cell_type == "code" and not set(cell.metadata.get("tags", ())) & {
            "hide-cell", "hide-output", *PARAMETER_TAGS,
        }:  # fmt: skip
            heading = " · ".join(filter(None, headings))
            for output in cell.get("outputs", ()):
                if output["output_type"] in ("display_data", "execute_result"):
                    place = sum(where == heading for where, _ in found)
                    found[heading, place] = output
    return found


def _last_headings(source: str, before: list[str]) -> list[str]:
    """The headings of the second and third level that hold after a Markdown cell."""
    for line in re.sub(r"(?ms)^(```|~~~).*?^\1", "", source).splitlines():
        if heading := _HEADING.match(line):
            before = [heading[2].strip(), ""] if len(heading[1]) == 2 else [before[0], heading[2].strip()]
    return before


def _side_by_side(runs: Sequence[_Compared], prose: Prose, outputs: Outputs) -> Iterator[Section]:
    """A section for each heading, with what the runs show there."""
    headings: dict[str, int] = {}
    for run in runs:
        for heading, place in run.outputs or {}:
            headings[heading] = max(headings.get(heading, 0), place + 1)
    for heading, count in headings.items():
        blocks = [Markup(prose.heading(escape(heading or "Before the first heading"), 2))]
        blocks += [_beside(runs, (heading, place), outputs) for place in range(count)]
        yield Section(blocks)


def _beside(runs: Sequence[_Compared], key: tuple[str, int], outputs: Outputs) -> Markup:
    """The outputs of all runs at one place, or one of them where they are equal."""
    shown_by = [run.outputs.get(key) if run.outputs is not None else None for run in runs]
    texts = {json.dumps(_content(output), sort_keys=True, default=str) for output in shown_by}
    if len(texts) == 1 and len(runs) > 1 and shown_by[0] is not None:
        note = Markup('<p class="quiet">the same in all {} runs</p>').format(len(runs))
        return note + Markup(_one(runs[0], key, shown_by[0], outputs))
    cells = []
    for run, output in zip(runs, shown_by, strict=True):
        if output is not None:
            body = _one(run, key, output, outputs)
        else:
            body = (
                f'<p class="quiet">{"not in this run" if run.outputs is not None else "this run has no report yet"}</p>'
            )
        cells.append(f'<div class="of-run"><p class="name">{_named(run)}</p>{body}</div>')
    return Markup(f'<div class="row">{"".join(cells)}</div>')


def _named(run: _Compared) -> str:
    own = f' <span class="quiet">{escape(run.label)}</span>' if run.label else ""
    return escape(run.name) + own


def _one(run: _Compared, key: tuple[str, int], output: Mapping[str, Any], outputs: Outputs) -> str:
    return outputs.html(output, f"Output {key[1] + 1} under '{key[0]}' in the report of {run.name}")


def _content(output: Mapping[str, Any] | None) -> object:
    """What an output shows, without what changes from run to run though it shows the same: a widget's name."""
    if output is None:
        return None
    data = dict(nbformat.from_dict(output)["data"])  # type: ignore[no-untyped-call]
    return {mime: value for mime, value in data.items() if "widget" not in mime}
