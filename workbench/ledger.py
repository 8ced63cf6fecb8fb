"""The ledger: every number ever measured, kept once in an SQL database."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, Text, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from workbench.errors import LedgerError
from workbench.rooms import runs_folder

_SCORES = Table(
    "scores",
    MetaData(),
    Column("space", String, primary_key=True),
    Column("architecture", String, primary_key=True),
    Column("measure", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("seed", String, primary_key=True),
    Column("settings", String, primary_key=True),
    Column("value", Float),  # NULL where the number could not be had; the reason says why
    Column("reason", Text),
    Column("seconds", Float),
    Column("written", Float),
)
_CHUNK = 400  # rows per statement, well under SQLite's limit of variables
_PATIENCE_S = 20.0  # how long a writer waits for another one


def default_ledger() -> str:
    """Where the ledger is when nobody says otherwise: a path or a URL."""
    return os.environ.get("WORKBENCH_LEDGER") or str(runs_folder() / "ledger.sqlite3")


@dataclass(frozen=True, slots=True)
class Key:
    """What a number is about: everything that, changed, would change the number."""

    space: str
    architecture: str
    measure: str
    task: str = ""
    seed: int | None = None
    settings: str = ""

    @staticmethod
    def settings_of(settings: Mapping[str, Any]) -> str:
        """Settings as one string, equal for equal settings."""
        return json.dumps(dict(settings), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """A number and how it came: NaN carries its reason; `seconds` is what it cost."""

    value: float
    reason: str | None = None
    seconds: float = 0.0


class Ledger:
    """Scores by key, in SQLite (a path, write-ahead log) or any SQLAlchemy URL; safe for several processes.

    Without an argument it is the one named by the environment variable WORKBENCH_LEDGER, else `ledger.sqlite3` in the
    folder of runs (see `workbench.rooms.runs_folder`). Raises `LedgerError` where it cannot be opened for writing.
    """

    def __init__(self, where: str | Path | None = None) -> None:
        where = str(where or default_ledger())
        self.url = where if "://" in where else f"sqlite:///{Path(where).absolute()}"
        self._engine = self._opened()

    def read(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """The entries there are for `keys`."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Entry] = {}
        groups: dict[tuple[str, str, str, str, str], list[Key]] = {}
        for key in wanted:
            groups.setdefault((key.space, key.measure, key.task, _text(key.seed), key.settings), []).append(key)
        columns = _SCORES.c
        with self._guarded("read"), self._engine.connect() as connection:
            for (space, measure, task, seed, settings), members in groups.items():
                by_architecture = {key.architecture: key for key in members}
                for chunk in _chunks(list(by_architecture)):
                    rows = connection.execute(
                        select(columns.architecture, columns.value, columns.reason, columns.seconds).where(
                            columns.space == space,
                            columns.measure == measure,
                            columns.task == task,
                            columns.seed == seed,
                            columns.settings == settings,
                            columns.architecture.in_(chunk),
                        )
                    )
                    for architecture, value, reason, seconds in rows:
                        number = float("nan") if value is None else value
                        found[by_architecture[architecture]] = Entry(number, reason, seconds)
        return found

    def write(self, entries: Mapping[Key, Entry]) -> None:
        """Keep `entries`, all or none; a key written before keeps its first value."""
        rows = [_row(key, entry) for key, entry in entries.items()]
        dialect: Any = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        with self._guarded("written"), self._engine.begin() as connection:
            for chunk in _chunks(rows):
                connection.execute(dialect.insert(_SCORES).on_conflict_do_nothing(), chunk)

    @property
    def size(self) -> int:
        """How many entries there are."""
        from sqlalchemy import func

        with self._guarded("read"), self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(_SCORES)).scalar_one())

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _opened(self) -> Engine:
        if self.url.startswith("sqlite:///"):
            path = Path(self.url.removeprefix("sqlite:///"))
            self._check_writable(path)
            engine = create_engine(self.url, connect_args={"timeout": _PATIENCE_S})
            event.listen(engine, "connect", write_ahead)
        else:
            engine = create_engine(self.url)
        self._engine = engine
        with self._guarded("opened"):
            _SCORES.metadata.create_all(engine)
        return engine

    def _check_writable(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(f"its folder cannot be made ({error.strerror})") from None
        if path.exists() and not os.access(path, os.W_OK):
            raise self._error("the file is read-only")
        if not os.access(path.parent, os.W_OK):
            raise self._error("its folder is read-only")

    def _guarded(self, doing: str) -> _Guard:
        return _Guard(self, doing)

    def _error(self, why: str) -> LedgerError:
        return LedgerError(
            f"The ledger {self.url} cannot be used: {why}. "
            "Make it writable, or name another file in the environment variable WORKBENCH_LEDGER."
        )


class Unkept(UserWarning):
    """Numbers were computed but could not be written to the ledger."""


class Keeper:
    """Writes to a ledger, or to none; what a ledger that gives way cannot take is held and tried again."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._held: dict[Key, Entry] = {}
        self._why = ""

    def keep(self, entries: Mapping[Key, Entry]) -> None:
        """Write `entries` and whatever is held; never raises for a ledger that cannot be written now."""
        if self._ledger is None:
            return
        self._held |= entries
        if not self._held:
            return
        try:
            self._ledger.write(self._held)
        except LedgerError as error:
            self._why = str(error)
        else:
            self._held = {}

    def close(self) -> None:
        """Try once more, and warn with `Unkept` about what the ledger does not have."""
        self.keep({})
        if self._held:
            warnings.warn(f"{len(self._held)} numbers are not in the ledger. {self._why}", Unkept, stacklevel=3)


class _Guard:
    """Turns a database error inside a `with` block into a `LedgerError` that says what to do."""

    def __init__(self, ledger: Ledger, doing: str) -> None:
        self._ledger, self._doing = ledger, doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, SQLAlchemyError):
            return
        cause = error.orig if isinstance(error, DBAPIError) else error
        why = "another process keeps it locked" if "locked" in str(cause) else str(cause)
        raise self._ledger._error(f"it cannot be {self._doing}: {why}") from error


def write_ahead(connection: Any, _record: object) -> None:
    """Set a new SQLite connection to write ahead: readers and a writer then do not wait for each other."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _row(key: Key, entry: Entry) -> dict[str, Any]:
    return {
        "space": key.space,
        "architecture": key.architecture,
        "measure": key.measure,
        "task": key.task,
        "seed": _text(key.seed),
        "settings": key.settings,
        "value": None if entry.value != entry.value else entry.value,
        "reason": entry.reason,
        "seconds": entry.seconds,
        "written": time.time(),
    }


def _text(seed: int | None) -> str:
    return "" if seed is None else str(seed)


def _chunks(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
