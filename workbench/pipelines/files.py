"""Reading the files that make a pipeline: regular, of a sensible size, UTF-8, each failure one clear error."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput

PIPELINE_BYTES = 256 * 1024
NOTEBOOK_BYTES = 64 * 1024**2  # a notebook kept with its outputs can hold many figures
MOST_POINTS = 500  # in one line; Python's reader takes the square of it for a dotted key
OTHERS = {
    ".yaml": "a pipeline is written in TOML, not in YAML",
    ".yml": "a pipeline is written in TOML, not in YAML",
    ".json": "a pipeline is written in TOML, not in JSON",
    ".ipynb": "a notebook is a stage of a pipeline, not a pipeline",
}


class Unreadable(InvalidInput):
    """A file that is missing, no regular file, too large or not UTF-8."""


def text_of(path: Path, noun: str, at_most: int) -> str:
    """Return the text of a regular file of at most `at_most` bytes in UTF-8, with or without a byte order mark.

    Raises:
        Unreadable: naming the file and what is wrong with it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(f"The {noun} {named(path)} is no file.")
        with path.open("rb") as file:
            content = file.read(at_most + 1)
    except FileNotFoundError:
        raise Unreadable(f"There is no {noun} {named(path)}.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"The {noun} {named(path)} cannot be read: {why}.") from None
    if len(content) > at_most:
        raise Unreadable(f"The {noun} {named(path)} is larger than {at_most:,} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The {noun} {named(path)} is not UTF-8: {error.reason} at byte {error.start}.") from None


def pipeline_file(name: object) -> Path | None:
    """Return the path of a pipeline file; None for a text that is the name of a pipeline.

    Raises:
        InvalidInput: for what is neither, and for a file of another format.
    """
    if not isinstance(name, str | Path):
        raise InvalidInput(
            f"A pipeline is given by its name or the path of its .toml file, not by a {type(name).__name__}."
        )
    text = str(name)
    if len(text) > 4096 or not text.isprintable():
        raise InvalidInput(f"{named(text)} cannot be the name or the file of a pipeline.")
    path = Path(text)
    if (why := OTHERS.get(path.suffix.lower())) is not None:
        raise InvalidInput(
            f"{named(path)}: {why}. Write {path.with_suffix('.toml').name}, for example: "
            "[stages.first] and below it notebook = 'first.ipynb'."
        )
    return path if isinstance(name, Path) or path.suffix == ".toml" else None


def notebook_file(folder: Path, file: object, where: str) -> Path:
    """Return the path of a stage's notebook, which the pipeline file in `folder` names.

    Raises:
        InvalidInput: beginning with `where`, for anything but the name of an ``.ipynb`` file that is there.
    """
    if not isinstance(file, str) or not file:
        raise InvalidInput(f"{where}: the notebook is missing; write notebook = '<file>.ipynb'.")
    if not file.endswith(".ipynb"):
        raise InvalidInput(f"{where}: {named(file)} is no notebook; its name ends in .ipynb.")
    return named_file(folder, file, "notebook", where)


def named_file(folder: Path, file: str, noun: str, where: str) -> Path:
    """Return the path of a regular file that the pipeline file in `folder` names.

    Raises:
        InvalidInput: beginning with `where`, for a name that no file has, and for what is no file.
    """
    if len(file) > 4096 or not file.isprintable():
        raise InvalidInput(f"{where}: {named(file)} cannot be the name of a file.")
    try:
        path = (folder / file).resolve()
        there = path.is_file()
    except (OSError, RuntimeError):  # a name too long, links that lead in a circle
        raise InvalidInput(f"{where}: the {noun} {named(file)} cannot be reached.") from None
    if not there:
        raise InvalidInput(f"{where}: there is no {noun} {named(path)}.")
    return path


def toml(path: Path) -> dict[str, Any]:
    """Return what a pipeline file says.

    Raises:
        InvalidInput: for a file that cannot be read, is larger than 256 KiB or not TOML.
    """
    try:
        text = text_of(path, "pipeline file", PIPELINE_BYTES)
    except Unreadable as error:
        hint = " Packaged pipelines run by their name." if "There is no" in str(error) else ""
        raise Unreadable(f"{error}{hint}") from None
    if any(line.count(".") > MOST_POINTS for line in text.splitlines()):
        raise InvalidInput(
            f"{path.name} is not TOML as a pipeline needs it: more than {MOST_POINTS} points in one line."
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidInput(f"{path.name} is not TOML as a pipeline needs it: it is nested too deeply.") from None
    except ValueError as error:
        twice = " (two stages of one name?)" if "twice" in str(error) or "overwrite" in str(error) else ""
        raise InvalidInput(f"{path.name} is not TOML: {str(error)[:300]}{twice}.") from None


def named(path: str | Path) -> str:
    """Return a path for an error message: shortened, and quoted where it holds what a terminal would obey."""
    text = str(path)
    text = text if text.isprintable() else repr(text[:200])
    return text if len(text) <= 300 else f"{text[:200]}... ({len(text)} characters)"
