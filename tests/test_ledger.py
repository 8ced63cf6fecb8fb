"""The ledger keeps every number once, for several processes, and says clearly why it cannot."""

from __future__ import annotations

import math
import multiprocessing
import os
import sqlite3
from pathlib import Path

import pytest

from workbench import ledger as module
from workbench.errors import LedgerError
from workbench.ledger import Entry, Key, Ledger

KEY = Key("nasbench201", "|none~0|", "synflow", "cifar10", 0, Key.settings_of({"batch_size": 64}))


def keys(n: int, measure: str = "synflow") -> list[Key]:
    return [Key("nasbench201", f"arch {i}", measure, "cifar10", 0) for i in range(n)]


def test_what_is_written_is_read_back_by_another_ledger(tmp_path: Path) -> None:
    Ledger(tmp_path / "l.sqlite3").write({KEY: Entry(66.25, None, 0.5)})
    assert Ledger(tmp_path / "l.sqlite3").read([KEY]) == {KEY: Entry(66.25, None, 0.5)}


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"seed": None}, {"task": "digits"}, {"settings": ""}, {"measure": "nwot"}]
)
def test_anything_that_changes_the_number_changes_the_key(tmp_path: Path, change: dict[str, object]) -> None:
    from dataclasses import replace

    ledger = Ledger(tmp_path / "l.sqlite3")
    ledger.write({KEY: Entry(1.0)})
    assert ledger.read([replace(KEY, **change)]) == {}


def test_a_number_that_could_not_be_had_keeps_its_reason(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite3")
    ledger.write({KEY: Entry(math.nan, "nothing reaches the output")})
    entry = ledger.read([KEY])[KEY]
    assert math.isnan(entry.value)
    assert entry.reason == "nothing reaches the output"


def test_a_key_keeps_its_first_value(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite3")
    ledger.write({KEY: Entry(1.0)})
    ledger.write({KEY: Entry(2.0)})
    assert ledger.read([KEY])[KEY].value == 1.0
    assert ledger.size == 1


def test_thousands_of_keys_are_read_in_one_call(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite3")
    ledger.write({key: Entry(float(i)) for i, key in enumerate(keys(2500))})
    found = ledger.read(keys(3000) + keys(10, "nwot"))
    assert len(found) == 2500
    assert found[keys(2500)[2499]].value == 2499.0


def test_it_writes_ahead(tmp_path: Path) -> None:
    Ledger(tmp_path / "l.sqlite3").write({KEY: Entry(1.0)})
    with sqlite3.connect(tmp_path / "l.sqlite3") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_four_processes_write_without_losing_anything(tmp_path: Path) -> None:
    where = tmp_path / "l.sqlite3"
    Ledger(where)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(where, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert Ledger(where).size == 4 * 50


def _write(where: Path, number: int) -> None:
    ledger = Ledger(where)
    for key in keys(50, f"measure{number}"):
        ledger.write({key: Entry(1.0)})


def test_the_default_place_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_LEDGER", str(tmp_path / "named.sqlite3"))
    Ledger()
    assert (tmp_path / "named.sqlite3").exists()
    monkeypatch.delenv("WORKBENCH_LEDGER")
    Ledger()
    assert (tmp_path / "runs" / "ledger.sqlite3").exists()


def test_a_locked_ledger_is_one_clear_error_and_keeps_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.1)
    ledger = Ledger(tmp_path / "l.sqlite3")
    ledger.write({KEY: Entry(1.0)})
    blocker = sqlite3.connect(tmp_path / "l.sqlite3", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="another process keeps it locked.*WORKBENCH_LEDGER"):
        ledger.write({keys(1)[0]: Entry(2.0)})
    blocker.execute("ROLLBACK")
    blocker.close()
    ledger.write({keys(1)[0]: Entry(2.0)})
    assert ledger.size == 2


def test_a_read_only_ledger_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, to whom every file is writable: the answer of the system is put in its mouth.
    Ledger(tmp_path / "l.sqlite3")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(LedgerError, match="the file is read-only. Make it writable, or name another file"):
        Ledger(tmp_path / "l.sqlite3")
    with pytest.raises(LedgerError, match="its folder is read-only"):
        Ledger(tmp_path / "other.sqlite3")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite3").write_bytes(b"this is a text, and long enough to be one" * 30)
    with pytest.raises(LedgerError, match="it cannot be opened: file is not a database"):
        Ledger(tmp_path / "l.sqlite3")
