"""An architecture's record: its space, its answers and its string, as plain data for JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, WorkbenchError

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

KIND = "nas-workbench.architecture"
VERSION = 1
LONGEST = 1_000_000  # characters of a text that is read


def record(arch: Architecture) -> dict[str, Any]:
    """What is written of an architecture; `architecture` reads it back."""
    return {
        "format": KIND,
        "version": VERSION,
        "space": arch.space.name,
        "string": str(arch),
        "decisions": dict(arch.decisions),
    }


def write_json(arch: Architecture) -> str:
    """The record as JSON, one line for each part."""
    return json.dumps(record(arch), indent=2, ensure_ascii=False) + "\n"


def is_record(data: object) -> bool:
    """Whether `data` calls itself a record."""
    return isinstance(data, dict) and data.get("format") == KIND


def architecture(data: dict[str, Any], space: SearchSpace | None = None) -> Architecture:
    """The architecture of a record.

    Without `space` it is the one in the catalogue that the record names. Raises `InvalidInput` for a record of a newer
    version, of another space, or whose answers and string are not the same architecture.
    """
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InvalidInput(f"The record's version is {version!r}; a whole number from 1 to {VERSION} is expected.")
    if version > VERSION:
        raise InvalidInput(
            f"The record is of version {version}, made by a newer NAS Workbench; this one reads up to version "
            f"{VERSION}. Install a newer nas-workbench, or read the architecture's own string."
        )
    space = space_of(data.get("space"), space)
    decisions = data.get("decisions")
    if not isinstance(decisions, dict):
        raise InvalidInput(f"The record's decisions must be an object, question by answer; got {_shown(decisions)}.")
    arch = space.architecture(_as_asked(space, decisions))
    written = data.get("string", str(arch))
    if written != str(arch):
        raise InvalidInput(
            f"The record contradicts itself: its decisions are {_shown(str(arch))}, its string is {_shown(written)}. "
            "Delete the part that is wrong."
        )
    return arch


def _as_asked(space: SearchSpace, decisions: dict[str, Any]) -> dict[str, Any]:
    """The answers as the space writes them: a browser's JSON does not tell 1.0 from 1."""
    answers = {question.name: question.answers for question in space.questions()}

    def asked(name: str, sent: Any) -> Any:
        alike = [a for a in answers.get(name, ()) if a == sent and isinstance(a, bool) == isinstance(sent, bool)]
        return alike[0] if len(alike) == 1 else sent

    return {name: asked(name, sent) for name, sent in decisions.items()}


def space_of(name: object, space: SearchSpace | None) -> SearchSpace:
    """The space that a file names; the given `space` must be that one."""
    from workbench.spaces import search_space

    if space is None:
        if not isinstance(name, str):
            raise InvalidInput(f"The file must name its search space; got {_shown(name)}. Or pass space=.")
        return search_space(name)
    if name is not None and name != space.name:
        raise InvalidInput(f"The file holds an architecture of {_shown(name)}, not of {space.name!r}.")
    return space


def parsed_json(text: str) -> Any:
    """The data of a JSON text; raises `InvalidInput` for one that is too long, too deep, or no JSON."""
    if len(text) > LONGEST:
        raise InvalidInput(f"A text of {len(text):,} characters is too long for an architecture: at most {LONGEST:,}.")
    try:
        return json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_no_number)
    except RecursionError:
        raise InvalidInput("The JSON is nested too deeply for an architecture.") from None
    except WorkbenchError:
        raise
    except ValueError as error:
        raise InvalidInput(f"{_shown(text)} is no JSON: {error}.") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"The JSON gives {_shown(twice)} twice in one object.")
    return found


def _no_number(name: str) -> float:
    raise InvalidInput(f"{name} is no number of JSON.")


def _shown(value: object) -> str:
    words = repr(value[:100] if isinstance(value, str) else value)
    return words if len(words) <= 100 else words[:100] + "…"
