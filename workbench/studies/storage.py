"""Where a study is kept: in memory, in an SQLite file with a write-ahead log, or behind any SQLAlchemy URL."""

from __future__ import annotations

import os
from pathlib import Path

from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from sqlalchemy import event

from workbench.errors import InvalidInput
from workbench.ledger import write_ahead


def open_storage(where: str | Path | BaseStorage | None) -> BaseStorage:
    """The storage behind a path, a URL or an Optuna storage; `None` keeps the study in memory."""
    if where is None:
        return InMemoryStorage()
    if isinstance(where, BaseStorage):
        return where
    text = str(where)
    if "://" in text and not text.startswith("sqlite:///"):
        return RDBStorage(text)
    path = Path(text.removeprefix("sqlite:///")).absolute()
    _check_writable(path)
    storage = RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 20}})
    event.listen(storage.engine, "connect", write_ahead)
    storage.engine.dispose()  # connections opened before the listener was there would lack the setting
    return storage


def _check_writable(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK):
        raise InvalidInput(f"The study file {path} is read-only. Make it writable or give another storage=.")
