"""A catalogue: named members that are entered once and found by name, with the nearest names in its error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from workbench.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Catalogue(Generic[T]):
    """Members of one kind by name; third parties enter theirs through the entry-point group `workbench.<plural>`."""

    def __init__(self, noun: str, plural: str = "") -> None:
        self.noun = noun
        self.plural = plural or noun + "s"
        self._members: dict[str, T] = {}
        self._plugins_loaded = False

    def enter(self, name: str, member: T) -> T:
        """Enter `member` under `name`; a name is given once."""
        if not name.isidentifier():
            raise InvalidInput(f"{name!r} cannot name a {self.noun}: use letters, digits and underscores.")
        if name in self._members and not _is_redefined(self._members[name], member):
            raise InvalidInput(f"There is already a {self.noun} named {name!r}: choose another name.")
        self._members[name] = member
        return member

    def entering(self, name: str) -> Callable[[T], T]:
        """The same as a decorator: `@catalogue.entering("nasbench201")`."""
        return lambda member: self.enter(name, member)

    def find(self, name: str) -> T:
        """The member called `name`; raises `UnknownName` with the nearest names."""
        self._load_plugins()
        try:
            return self._members[name]
        except (KeyError, TypeError):
            raise UnknownName.of(self.noun, name, self._members) from None

    def names(self) -> list[str]:
        """Every name, in the order of entry."""
        self._load_plugins()
        return list(self._members)

    def __iter__(self) -> Iterator[T]:
        self._load_plugins()
        return iter(self._members.values())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __len__(self) -> int:
        return len(self.names())

    def table(self, card: Callable[[T], dict[str, Any]]) -> pd.DataFrame:
        """One row per member, indexed by name; `card` turns a member into its row."""
        import pandas as pd

        rows = {name: card(self.find(name)) for name in self.names()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=f"workbench.{self.plural}"):
            if point.name not in self._members:
                self.enter(point.name, point.load())


def _is_redefined(before: object, after: object) -> bool:
    """Whether both are the same definition of an interactive session, run again: a notebook cell that was edited."""
    return _origin(before) == _origin(after) != ""


def _origin(member: object) -> str:
    defined = getattr(member, "function", member)
    module = getattr(defined, "__module__", "")
    return f"{module}.{getattr(defined, '__qualname__', type(defined).__qualname__)}" if module == "__main__" else ""
