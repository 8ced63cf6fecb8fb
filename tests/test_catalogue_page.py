"""The page of search spaces and tables says what the catalogues hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from workbench.benchmarks import benchmarks


def test_the_page_of_the_catalogues_is_what_they_describe(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("describe_catalogues", repository / "scripts/describe_catalogues.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (repository / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == script.described(), "run: python scripts/describe_catalogues.py"


def test_every_benchmark_table_has_its_card(repository: Path) -> None:
    overview = (repository / "datasets" / "README.md").read_text(encoding="utf-8")
    assert [name for name in benchmarks() if f"[{name}]" not in overview] == []
