"""What a search space costs in lines of code here, beside NASLib's.

Counted are lines that are not blank, comment or docstring, of the space's file in `workbench/spaces` and of what it
imports there and in `workbench/networks`; a file that several spaces use is shared between them. What every space
builds on (the class SearchSpace and its own imports) is the price paid once. NASLib's numbers are those of
`naslib/search_spaces/<space>/*.py` at commit 0b51bc1 (2023-11-17), counted in the same way.

    python benchmarks/space_cost.py
"""

from __future__ import annotations

import ast
import inspect
import statistics
from collections import Counter
from pathlib import Path

import workbench
from workbench.spaces import catalogue

PACKAGE = Path(workbench.__file__).parent
NASLIB = {
    "nasbench101": 483,
    "nasbench201": 499,
    "nasbench301": 953,
    "transbench101": 1639,
    "natsbenchsize": 100,
    "nasbenchasr": 402,
    "nasbenchnlp": 432,
    "hierarchical": 343,
    "simple_cell": 122,
}


def code_lines(path: Path) -> int:
    """Lines of a file that are not blank, comment or docstring."""
    source = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(1 for i, line in lines if line.strip() and not line.strip().startswith("#") and i not in documented)


def imported(path: Path) -> set[Path]:
    """The files of `spaces` and `networks` that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        home = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and home.startswith(("workbench.spaces", "workbench.networks")):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            files = (PACKAGE.parent / (str(name).replace(".", "/") + ".py") for name in names)
            found |= {file for file in files if file.is_file()}
    return found


def used(path: Path) -> set[Path]:
    """A file with everything it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += imported(file)
    return seen


def main() -> None:
    """Print the lines of each space and the medians."""
    core = used(PACKAGE / "spaces" / "space.py")
    files = {name: used(Path(inspect.getfile(type(catalogue.find(name))))) - core for name in catalogue.names()}
    users = Counter(file for needed in files.values() for file in needed)
    ours = {name: sum(code_lines(file) / users[file] for file in needed) for name, needed in files.items()}
    for name, lines in sorted(ours.items(), key=lambda pair: pair[1]):
        print(f"{name:28s} {lines:7.0f}")
    print(f"{'once for all spaces':28s} {sum(map(code_lines, core)):7d}")
    median, theirs = statistics.median(ours.values()), statistics.median(NASLIB.values())
    times = theirs / median
    print(f"median of {len(ours)} spaces: {median:.0f} lines; of NASLib's {len(NASLIB)}: {theirs:.0f} ({times:.1f} x)")


if __name__ == "__main__":
    main()
