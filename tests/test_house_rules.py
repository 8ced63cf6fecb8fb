"""The rules of the house that a script can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "workbench"

# From the ground up. A member imports itself and what stands before it, never what stands after it.
FLOORS = (
    ("errors", "progress", "catalogue", "rooms", "main_module"),  # words
    ("palette", "layouts", "layers", "folding", "collapsing", "drawing"),  # lines
    ("tasks", "networks"),  # what a network is given, and what it is made of
    ("architecture", "spaces", "measure", "ledger", "executors"),  # questions, answers, numbers
    ("benchmarks", "proxies", "predictors", "exports"),  # where numbers come from, and where architectures go
    ("plots",),  # pictures of them
    ("samplers", "studies", "supernets"),  # loops over them
    ("analysis",),  # what they say
    ("widgets", "pipelines"),
    ("views of runs",),
    ("testing", "doctor", "__init__", "cli"),  # the ways in
)
# Reports, which pipelines make, show widgets; these widgets show pipelines. They lie with the others, where a page
# finds the bundle of a widget, but stand a floor above both.
VIEWS_OF_RUNS = ("widgets/pipeline_view.py", "widgets/run_form.py", "widgets/stages/")
ORDER = {name: rank for rank, name in enumerate(name for floor in FLOORS for name in floor)}

OURS = ("", ".ci", "workbench", "widgets", "notebooks", "datasets", "reports", "benchmarks", "scripts", "docs")
NOT_OURS = {"node_modules", "runs", "__pycache__", ".ipynb_checkpoints"}
CODE = {"", ".css", ".html", ".j2", ".js", ".py", ".sh", ".toml", ".ts"}
PROSE = {".ipynb", ".json", ".md", ".txt", ".yml"}
MEMBERS = {"space", "arch", "task", "benchmark", "proxy", "measure", "sampler", "pipeline", "self"}

# Each is written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:wor[k]|roo[t]|tm[p]|hom[e]|User[s])/[\w.]")
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
UNWRITTEN = re.compile(r"NotImplemented[E]rror")
REFERENCE_DATA = re.compile(r"\.\./share[d]/(?:data|research|mockups|DESIGN)")


def texts(*folders: str) -> Iterator[tuple[Path, str]]:
    """Path in the repository and content of each text file of ours in `folders`; "" is the root alone."""
    for folder in folders:
        found = (REPOSITORY / folder).rglob("*") if folder else REPOSITORY.iterdir()
        for path in sorted(found):
            relative = path.relative_to(REPOSITORY)
            ours = not NOT_OURS.intersection(relative.parts)
            if ours and path.suffix in CODE | PROSE and path.is_file():
                yield relative, path.read_text(encoding="utf-8")


def lines_matching(pattern: re.Pattern[str], *folders: str) -> list[str]:
    """`file:line: text` of each match, so that the failure says where to look."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts(*folders)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_matching(MACHINE_PATH, *OURS, "tests") == []


def test_only_tests_refer_to_the_reference_data_beside_the_repository() -> None:
    assert lines_matching(REFERENCE_DATA, *OURS) == []


def test_nothing_is_marked_as_unfinished() -> None:
    assert lines_matching(UNFINISHED, *OURS, "tests") + lines_matching(UNWRITTEN, *OURS) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MACHINE_PATH, 'open("/{}/x.csv")'.format("tmp")),
        (MACHINE_PATH, "see /{}/alice".format("home")),
        (UNFINISHED, "# FIX{}: later".format("ME")),
        (REFERENCE_DATA, "np.load('../{}/data/nb201_core.npz')".format("shared")),
    ],
)
def test_a_forbidden_text_is_noticed(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["/usr/bin/env bash", "https://a.org/work/x", "a/root/b", "../shared/dom"])
def test_an_innocent_text_is_let_through(line: str) -> None:
    assert not any(pattern.search(line) for pattern in (MACHINE_PATH, UNFINISHED, REFERENCE_DATA))


def trees() -> list[tuple[str, ast.Module]]:
    """Path and syntax tree of each Python file of the package."""
    return [
        (path.relative_to(REPOSITORY).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def test_every_file_opens_with_a_sentence() -> None:
    without = [path for path, tree in trees() if not opens_with_a_sentence(ast.get_docstring(tree) or "")]
    assert without == []


def opens_with_a_sentence(docstring: str) -> bool:
    return docstring.partition("\n\n")[0].rstrip().endswith(".")


def test_no_except_catches_everything_unnamed() -> None:
    bare = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_no_code_branches_on_the_name_of_a_member() -> None:
    assert [f"{path}:{line}" for path, tree in trees() for line in name_branches(tree)] == []


def name_branches(tree: ast.AST) -> Iterator[int]:
    """Lines that compare a member's name with a written-out one, as `if space.name == "nasbench201"` does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(is_name_of_a_member, sides)) and any(map(is_written_out, sides)):
                yield node.lineno
        elif isinstance(node, ast.Match) and is_name_of_a_member(node.subject):
            yield node.lineno


def is_name_of_a_member(node: ast.AST) -> bool:
    """`space.name`, `self.space.name` or the like; the name of a path or of the operating system is none."""
    if not (isinstance(node, ast.Attribute) and node.attr == "name"):
        return False
    owner = node.value
    return getattr(owner, "attr", getattr(owner, "id", None)) in MEMBERS


def is_written_out(node: ast.AST) -> bool:
    """A text, or a collection of texts, that the programmer wrote into the comparison."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(is_written_out, node.elts))
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize(
    "branch",
    [
        'if arch.space.name == "nasbench201": ...',
        'dear = proxy.name in ("snip", "grasp")',
        "match task.name:\n case 'cifar10': ...",
    ],
)
def test_a_branch_on_a_name_is_noticed(branch: str) -> None:
    assert list(name_branches(ast.parse(branch))) == [1]


def test_imports_go_down_the_floors() -> None:
    upwards = [
        f"{path}:{line} imports {target}"
        for path, tree in trees()
        if (member := member_of(path)) in ORDER
        for line, target in workbench_imports(tree)
        if ORDER[target] > ORDER[member]
    ]
    assert upwards == []


def test_every_member_of_the_package_has_its_floor() -> None:
    assert {member_of(path) for path, _ in trees()} <= set(ORDER)


def member_of(path: str) -> str:
    """`spaces` for `workbench/spaces/space.py`, `ledger` for `workbench/ledger.py`."""
    if path.removeprefix("workbench/").startswith(VIEWS_OF_RUNS):
        return "views of runs"
    return path.split("/")[1].removesuffix(".py")


def workbench_imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and member of each import from the package, inside functions too.

    A plain `import workbench`, for its version or its place, loads nothing that was not there: it is let through.
    """
    for node in at_run_time(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "workbench":
            modules = [f"workbench.{alias.name}" for alias in node.names if alias.name != "__version__"]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        for package, *rest in (module.split(".") for module in modules):
            if package == "workbench" and rest:
                member = member_of("/".join([package, *rest]) + ".py")
                yield node.lineno, member if member in ORDER else "__init__"


def test_an_import_is_noticed_inside_a_function_but_not_for_type_checkers() -> None:
    source = """
if TYPE_CHECKING:
    from workbench.cli import main
from workbench import spaces
def late():
    import workbench.plots.map
    from workbench import __version__, search
"""
    assert list(workbench_imports(ast.parse(source))) == [(4, "spaces"), (6, "plots"), (7, "__init__")]


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`, which only a type checker reads."""
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from at_run_time(child)
