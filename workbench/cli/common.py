"""What the commands share: their kind of parser, and printing for people or for scripts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput

Commands = argparse._SubParsersAction
Parser = argparse.ArgumentParser


def add(commands: Commands[Parser], name: str, help: str, *, scripts: bool = True, **settings: Any) -> Parser:
    """Add a command; one for `scripts` takes ``--json``."""
    command = commands.add_parser(name, help=help, allow_abbrev=False, **settings)
    if scripts:
        command.add_argument("--json", action="store_true", help="print JSON, for scripts")
    return command


def tell(value: object) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """Return the names and texts of ``NAME=VALUE`` arguments.

    Raises:
        InvalidInput: for an argument without ``=`` and a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            named = f"-p {name}" if name.isidentifier() else "a text after -p"  # it may be a secret
            raise InvalidInput(f"{named} is not NAME=VALUE; write for example -p n_trials=50.")
        if name in found:
            raise InvalidInput(f"-p {name} is given twice. Give it once.")
        found[name] = value
    return found


def lines(path: Path) -> list[str]:
    """Return the lines of a file, or of standard input for ``-``, without empty ones."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as architectures: {error}.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
