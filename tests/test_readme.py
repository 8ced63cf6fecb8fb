"""What the README shows works as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_the_code_of_the_readme_runs_as_written(repository: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 5
    (tmp_path / "readme.py").write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, "readme.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^live_params +0\.\d+", done.stdout, flags=re.MULTILINE), done.stdout


def test_the_readme_fits_the_commands_there_are(repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    makefile = (repository / "Makefile").read_text()
    for target in re.findall(r"`?make (\w[\w-]*)", readme):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), f"make {target}"
    for path in re.findall(r"\]\(([\w./-]+)\)", readme):
        assert (repository / path).exists(), path


def test_every_runtime_dependency_has_its_reason(repository: Path) -> None:
    import tomllib

    readme = (repository / "README.md").read_text().lower()
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=\[ ]", requirement)[0].lower()
        assert re.search(rf"\|[^|]*\b{re.escape(name)}\b[^|]*\|", readme), f"{name} is not in the README's table"
