"""Database files with short transactions: one writer at a time, everything or nothing, damage noticed."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from hub.database import Database
from ledger.errors import NotVerified, Unavailable

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS a (x INTEGER PRIMARY KEY);\nCREATE TABLE IF NOT EXISTS b (y BLOB)"


class Stop(Exception):
    """Stands for whatever goes wrong in a transaction."""


def _count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM a").fetchone()[0])


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite", SCHEMA)

    def half() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO a VALUES (1)")
            raise Stop

    with pytest.raises(Stop):
        half()
    assert _count(database) == 0
    database.close()


def test_the_settings_that_durability_rests_on_are_in_force(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite", SCHEMA)
    with database.reading() as connection:
        names = ("journal_mode", "synchronous", "secure_delete")
        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert values == ["wal", 2, 1]
    assert stat.S_IMODE((tmp_path / "x.sqlite").stat().st_mode) == 0o600
    database.close()


def test_a_second_connection_sees_what_the_first_committed(tmp_path: Path) -> None:
    first, second = (Database(tmp_path / "x.sqlite", SCHEMA) for _ in range(2))
    with first.transaction() as connection:
        connection.execute("INSERT INTO a VALUES (1)")
        assert _count(second) == 0
    assert _count(second) == 1
    first.close()
    second.close()


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_bytes(b"not a database, and longer than its header" * 100)
    with pytest.raises(NotVerified) as caught:
        Database(tmp_path / "x.sqlite", SCHEMA)
    assert caught.value.code == "corrupt_store"


def test_a_store_without_its_table_is_unavailable(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite", SCHEMA)
    with pytest.raises(Unavailable) as caught, database.reading() as connection:
        connection.execute("SELECT * FROM missing")
    assert caught.value.code == "store_stopped"
    database.close()


def test_a_fault_of_ours_is_not_called_damage(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite", SCHEMA)

    def twice() -> None:
        with database.transaction() as connection:
            connection.executemany("INSERT INTO a VALUES (?)", [(1,), (1,)])

    with pytest.raises(sqlite3.IntegrityError):
        twice()
    assert _count(database) == 0
    database.close()


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_only_what_need_not_survive_a_power_cut_is_not_synced(tmp_path: Path, durable: bool, synchronous: int) -> None:
    database = Database(tmp_path / "x.sqlite", SCHEMA, durable=durable)
    with database.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    database.close()


def test_a_new_file_is_opened_by_many_at_once(tmp_path: Path) -> None:
    """Turning it to WAL is what only one of them can do at a time."""
    for number in range(10):
        path = tmp_path / f"{number}.sqlite"
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _, path=path: Database(path, SCHEMA), range(8)))
        assert [_count(each) for each in opened] == [0] * 8
        for each in opened:
            each.close()
