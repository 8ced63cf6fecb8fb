"""What differs between two runs: what they were made from, cell by cell, and their results, value by value."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import InvalidInput
from workbench.pipelines.execution import run
from workbench.pipelines.provenance import FORMAT
from workbench.pipelines.result_files import ValueChange, compared


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, make_small_pipeline: Callable[[Path], Path]) -> Path:
    """A folder with the small pipeline and its runs: a, again, b with other numbers, c from a changed notebook."""
    folder = tmp_path_factory.mktemp("runs")
    path = make_small_pipeline(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # not the checkout, where a commit may come between two runs
        run(path, {"n": 2}, folder / "a", progress=False)
        run(path, {"n": 2, "seed": 5}, folder / "b", progress=False)  # what it shares with a is copied from there
        run(path, {"n": 2}, folder / "again", share=False, progress=False)
        notebook = nbformat.read(folder / "sum.ipynb", as_version=4)
        notebook.cells[1].source = notebook.cells[1].source.replace('"sum.txt"', '"sum.txt" if factor else "none"')
        notebook.cells.append(nbformat.v4.new_code_cell("Path(output, 'more.txt').write_text('x')"))
        nbformat.write(notebook, folder / "sum.ipynb")
        shutil.copytree(folder / "a", folder / "c")
        run(path, {"n": 2}, folder / "c", progress=False)
    return folder


def test_equal_runs_do_not_differ(small: Path) -> None:
    found = wb.diff_runs(small / "a", small / "a")
    assert not found
    assert "no difference" in str(found)


def test_the_same_run_twice_gives_the_same_results_and_report(small: Path) -> None:
    assert not wb.diff_runs(small / "a", small / "again")
    first, second = ((small / name / "report.html").read_text(encoding="utf-8") for name in ("a", "again"))
    assert first != second, "they say when they were made"
    assert normalised(first) == normalised(second)


def normalised(report: str) -> str:
    """A report without times and what is counted in seconds."""
    times = r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC|\d{4}-\d\d-\d\d \d\d:\d\d"
    seconds = r'(?<=<td class="number">)\d+\.\d(?=</td>)|in \d+\.\d s'
    return re.sub(f"{times}|{seconds}", "*", report)


def test_a_parameter_and_what_came_of_it_are_named(small: Path) -> None:
    found = wb.diff_runs(small / "a", small / "b")
    assert [str(change) for change in found.inputs] == ["parameter seed: 0 → 5"]
    assert found.cells == ()
    assert [(c.stage, c.file, c.kind) for c in found.results] == [
        ("numbers", "numbers.txt", "changed"), ("sum", "sum.txt", "changed"),
    ]  # fmt: skip
    assert str(found).splitlines() == [
        "a → b: 1 input and 2 result files differ",
        "  Inputs",
        "    parameter seed: 0 → 5",
        "  Results",
        "    stage numbers, numbers.txt changed",
        "    stage sum, sum.txt changed",
    ]


def test_a_changed_notebook_is_named_by_its_cells(small: Path) -> None:
    found = wb.diff_runs(small / "a", small / "c")
    assert [(c.stage, c.notebook, c.place, c.kind) for c in found.cells] == [
        ("sum", "sum.ipynb", 2, "changed"), ("sum", "sum.ipynb", 3, "added"),
    ]  # fmt: skip
    assert found.inputs == (), "the hash of the notebook says nothing more"
    assert [(c.stage, c.file, c.kind) for c in found.results] == [("sum", "more.txt", "added")]
    assert [(c.kind) for c in wb.diff_runs(small / "c", small / "a").results] == ["removed"]
    assert 'cell 2 changed\n      -Path(output, "sum.txt")' in str(found)


def test_a_difference_is_plain_data_and_html(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small)
    done = run(small / "small.toml", {"n": 2}, small / "c", progress=False)
    found = wb.diff_runs(small / "a", done)
    again = json.loads(json.dumps(found.to_dict()))
    assert again["a"] == "a"
    assert again["cells"][0]["place"] == 2
    html = found._repr_html_()
    assert html.count("<tr>") == 2
    assert "<b>a → c</b>" in html


def test_hostile_names_are_written_as_text(small: Path) -> None:
    hostile = small / "hostile"
    shutil.copytree(small / "b", hostile)
    record = json.loads((hostile / "run.json").read_text())
    record["parameters"]["<img src=x>"] = "</td><script>fired=1</script>"
    record["stages"][0]["files"]["<b>.csv"] = "0"
    record["stages"][0]["files"]["../../secret.csv"] = "0"
    (hostile / "run.json").write_text(json.dumps(record))
    other = json.loads((small / "b" / "run.json").read_text())
    other["stages"][0]["files"]["../../secret.csv"] = "1"
    (small / "b" / "run.json").write_text(json.dumps(other))
    found = wb.diff_runs(small / "b", hostile)
    assert "<script" not in found._repr_html_()
    assert "<img" not in found._repr_html_()
    assert "<b>.csv" not in found._repr_html_()
    assert [c.note for c in found.results if "secret" in c.file] == ["outside the run's folder"]


def test_a_folder_that_cannot_be_read_is_one_clear_error(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not the folder of a run: it has no run.json"):
        wb.diff_runs(small / "a", tmp_path)
    shutil.copytree(small / "a", tmp_path / "new")
    text = (small / "a" / "run.json").read_text()
    (tmp_path / "new" / "run.json").write_text(text.replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(InvalidInput, match="has the format 99; this workbench .* Update nas-workbench"):
        wb.diff_runs(tmp_path / "new", small / "a")
    (tmp_path / "new" / "run.json").write_text(text[: len(text) // 2])
    with pytest.raises(InvalidInput, match=r"run.json is damaged: it is no JSON. Run its pipeline"):
        wb.diff_runs(tmp_path / "new", small / "a")


# -- values in files -------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., tuple[list[str], str]]:
    """Compare two texts as files of a kind; what differs, in words."""

    def compare(before: str, after: str, kind: str = "csv") -> tuple[list[str], str]:
        paths = [tmp_path / f"before.{kind}", tmp_path / f"after.{kind}"]
        for path, text in zip(paths, (before, after), strict=True):
            path.write_text(text)
        found, note = compared(*paths)
        return [str(change) for change in found], note

    return compare


@pytest.mark.parametrize(
    ("before", "after", "changes", "note"),
    [
        ("x,y\n1,2\n", "x,y\n1,2\n", [], ""),
        ("x,y\n1,2\n4,2\n", "x,y\n1,2\n5,2\n", ["x differs in 1 of 2, by at most 1, 20 %"], ""),
        ("x,y\n1,a\n", "x,z\n1,b\n", ["y removed", "z added"], ""),
        ("x,y\n1,a\n2,b\n", "x,y\n1,a\n2,c\n", ["y differs in 1 of 2: b → c"], ""),
        ("n,v\na,1\nb,2\n", "n,v\nb,2\na,1\n", [], "rows in another order"),
        ("n,v\na,1\nb,2\n", "n,v\nb,4\nc,1\n", ["v: 2 → 4 (by 2, 50 %)"], "1 row removed, 1 row added"),
        ("x\n1\n2\n", "x\n1\n", [], "2 rows became 1"),
        ("x\n1\n", "x\n\n", [], "1 rows became 0"),
        ("x,y\n,1\n", "x,y\n,1\n", [], ""),
        ("x,y\n,1\n2,1\n", "x,y\n3,1\n2,1\n", ["x differs in 1 of 2: nan → 3"], ""),
        ("x\n0.1\n", "x\n0.10000000000000002\n", ["x: 0.1 → 0.1 (by 1.388e-17, 1.39e-14 %)"], ""),
        ("", "x\n1\n", [], "not readable as CSV: No columns to parse from file"),
    ],
)
def test_tables_are_compared_column_by_column(
    files: Any, before: str, after: str, changes: list[str], note: str
) -> None:
    assert files(before, after) == (changes, note)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1.5}}, ["a.b: 1 → 1.5 (by 0.5, 33.3 %)"]),
        ({"a": [1, 2, 3]}, {"a": [1, 2, 5, 6]}, ["a[] differs in 1 of 3, by at most 2, 40 %", "a[] added"]),
        ({"a": "x", "b": 1}, {"a": "y"}, ["a differs: x → y", "b removed"]),
        ({"a": True}, {"a": 1}, ["a differs: True → 1"]),
        ({"a": []}, {"a": [1]}, ["a removed", "a[] added"]),
        ([{"v": 1}, {"v": 2}], [{"v": 1}, {"v": 4}], ["[].v differs in 1 of 2, by at most 2, 50 %"]),
        (1, 2, ["the value: 1 → 2 (by 1, 50 %)"]),
        ({"a": float("nan")}, {"a": float("nan")}, []),
    ],
)
def test_documents_are_compared_value_by_value(files: Any, before: Any, after: Any, changes: list[str]) -> None:
    assert files(json.dumps(before), json.dumps(after), "json") == (changes, "")


def test_a_damaged_file_is_said_and_no_error(files: Any) -> None:
    assert files("{", "{}", "json")[1].startswith("not readable as JSON: ")
    assert files("1" + "0" * 400, "2", "json")[1].startswith("not readable as JSON: ")
    assert files("[" * 100_000, "2", "json")[1].startswith("not readable as JSON: ")
    assert files("a", "b", "txt") == ([], "")


def test_a_change_knows_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n-4\n")
    (tmp_path / "b.csv").write_text("x\n1\n3\n4\n")
    ((change,), _) = compared(tmp_path / "a.csv", tmp_path / "b.csv")
    assert change == ValueChange("x", "changed", 2, 3, 8.0, 2.0, 2, 3)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(values, values)
def test_any_two_documents_can_be_compared(tmp_path_factory: pytest.TempPathFactory, a: Any, b: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.json").write_text(json.dumps(a))
    (folder / "b.json").write_text(json.dumps(b))
    found, note = compared(folder / "a.json", folder / "b.json")
    assert note == ""
    assert compared(folder / "a.json", folder / "a.json") == ((), "")
    json.dumps([(change.before, change.after, change.largest) for change in found], allow_nan=False)
