"""Reading architectures back: from JSON, from a networkx graph, and from the strings of the literature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, WorkbenchError
from workbench.exports.node_link import is_node_link, read_node_link
from workbench.exports.records import LONGEST, architecture, is_record, parsed_json

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace


def read_architecture(text: str, space: str | SearchSpace | None = None) -> Architecture:
    """The architecture in `text`: the JSON or the node-link graph that `export` writes, or a space's own string.

    `space`, by name or as it is, says what the text must be an architecture of; without it a file names its space, and
    a string must be one of a single space in the catalogue. Raises `InvalidInput` for anything else.
    """
    from workbench.spaces import search_space

    if not isinstance(text, str):
        raise InvalidInput(f"An architecture is read from text; got a {type(text).__name__}.")
    if len(text) > LONGEST:
        raise InvalidInput(f"A text of {len(text):,} characters is too long for an architecture: at most {LONGEST:,}.")
    known = search_space(space) if isinstance(space, str) else space
    if text.lstrip().startswith("{"):
        data = parsed_json(text)
        if is_record(data):
            return architecture(data, known)
        if is_node_link(data):
            return read_node_link(data, known)
    return _of_any_space(text) if known is None else known.parse(text.strip())


def _of_any_space(text: str) -> Architecture:
    from workbench.spaces import catalogue

    found = [arch for arch in (_attempt(space, text.strip()) for space in catalogue) if arch is not None]
    if len(found) == 1:
        return found[0]
    shown = repr(text[:100])
    if not found:
        raise InvalidInput(
            f"{shown} is no architecture of any space in the catalogue ({', '.join(catalogue.names())}). "
            "With space= the error says what is wrong."
        )
    names = ", ".join(repr(arch.space.name) for arch in found)
    raise InvalidInput(f"{shown} is an architecture of {names}. Say which with space=.")


def _attempt(space: SearchSpace, text: str) -> Architecture | None:
    try:
        return space.parse(text)
    except WorkbenchError:
        return None
