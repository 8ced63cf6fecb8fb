"""A format: one way to write an architecture down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.architecture import Architecture
from workbench.tasks.task import Task


@dataclass(frozen=True)
class Format:
    """What `write(arch, task, seed)` makes of an architecture: text, or bytes.

    `suffix` is the usual end of a file's name. Formats of a built network use `task` and `seed`, others only the
    architecture. `needs` are the packages of the extra `export` without which `write` raises `MissingData`. A format
    `builds` where it is made of the network itself, which takes torch and seconds.
    """

    name: str
    suffix: str
    about: str
    write: Callable[[Architecture, Task, int], str | bytes] = field(repr=False)
    needs: tuple[str, ...] = ()
    builds: bool = False
