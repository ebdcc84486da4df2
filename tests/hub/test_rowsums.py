"""Sums beside rows and files: whatever changes by our own hand goes along, whatever changes otherwise is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.database import Database, open_reader
from hub.filesums import check_remembered, remember_files
from hub.rowsums import check_sums, install_sums
from ledger.errors import NotVerified
from tests.disk_faults import change_behind

SCHEMA = [
    "CREATE TABLE IF NOT EXISTS a (k TEXT PRIMARY KEY, v BLOB)",
    "CREATE TABLE IF NOT EXISTS b (n INTEGER, x REAL)",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(path, ";\n".join(SCHEMA), summed=True)
    with opened.transaction() as connection:
        connection.executemany("INSERT INTO a VALUES (?, ?)", [(f"k{n}", bytes([n])) for n in range(9)])
        connection.execute("INSERT INTO b VALUES (1, 0.5), (NULL, NULL)")
    yield opened
    opened.close()


def check(path: Path) -> int:
    with closing(open_reader(path)) as connection:
        return check_sums(connection, SCHEMA)


@pytest.mark.usefixtures("database")
def test_rows_that_were_only_written_hold(path: Path) -> None:
    assert check(path) == 11


def test_every_way_to_change_a_row_goes_along(database: Database, path: Path) -> None:
    """Also a row that REPLACE removes under another rowid, and what a transaction takes back."""
    with database.transaction() as connection:
        connection.execute("UPDATE a SET v = x'ff' WHERE k < 'k3'")
        connection.execute("DELETE FROM a WHERE k = 'k8'")
        connection.execute("INSERT OR REPLACE INTO a VALUES ('k7', x'07')")
        connection.execute("INSERT INTO a VALUES ('k0', NULL) ON CONFLICT (k) DO UPDATE SET v = excluded.v")
        connection.execute("INSERT OR IGNORE INTO a VALUES ('k1', NULL)")
        connection.execute("UPDATE b SET rowid = 9 WHERE n = 1")
    with pytest.raises(sqlite3.IntegrityError):
        take_back(database)
    assert check(path) == 10


def take_back(database: Database) -> None:
    """Change rows in a transaction that fails in the end."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM a WHERE k > 'k2'")
        connection.execute("INSERT INTO a SELECT k, v FROM a")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE a SET v = x'08' WHERE k = 'k7'", "row 8 of a"),
        ("UPDATE a SET v = '7' WHERE k = 'k7'", "row 8 of a"),
        ("UPDATE a SET k = 'k70' WHERE k = 'k7'", "row 8 of a"),
        ("UPDATE b SET n = 0 WHERE n IS NULL", "row 2 of b"),
        ("UPDATE b SET n = 1.5 WHERE n = 1", "row 1 of b"),
        ("DELETE FROM a WHERE k = 'k7'", "there are 10 rows, and sums of 11"),
        ("INSERT INTO a VALUES ('more', NULL)", "row 10 of a"),
        ("UPDATE row_sum SET sum = x'00' WHERE row = 3", "row 3 of a"),
        ("UPDATE row_sum SET row = 99 WHERE row = 3", "row 3 of a"),
        ("CREATE TABLE c (x)", "other tables"),
    ],
)
def test_a_change_behind_our_back_is_found(database: Database, path: Path, statement: str, message: str) -> None:
    database.close()
    change_behind(path, statement)
    with pytest.raises(NotVerified, match=message):
        check(path)


def test_a_lost_trigger_is_found(database: Database, path: Path) -> None:
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER a_changed")
    with pytest.raises(NotVerified, match="other tables, indexes or triggers"):
        check(path)


def test_a_changed_row_of_an_index_that_sqlite_made_itself_is_found(database: Database, path: Path) -> None:
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET type = 'indey' WHERE name = 'sqlite_autoindex_a_1'")
        assert connection.execute("SELECT changes()").fetchone() == (1,)
        connection.commit()
    with pytest.raises(NotVerified, match="other tables, indexes or triggers"):
        check(path)


def test_a_program_without_the_function_reads_and_does_not_write(database: Database, path: Path) -> None:
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (9,)
        with pytest.raises(sqlite3.OperationalError, match="no such function: row_sum"):
            connection.execute("UPDATE a SET v = NULL")


def test_a_file_from_before_there_were_sums_gets_them_when_it_is_opened(path: Path) -> None:
    old = Database(path, ";\n".join(SCHEMA))
    with old.transaction() as connection:
        connection.execute("INSERT INTO a VALUES ('k', x'00')")
    old.close()
    for _ in range(2):
        Database(path, ";\n".join(SCHEMA), summed=True).close()
        assert check(path) == 1


def test_only_the_named_tables_are_summed_and_the_others_are_written_by_anyone(path: Path) -> None:
    """Rows of a table that follow from others need no sums; a file without any gets those of the named ones."""
    with closing(Database(path, ";\n".join(SCHEMA))) as database, database.transaction() as connection:
        connection.execute("INSERT INTO a VALUES ('k', x'00')")
        connection.execute("INSERT INTO b VALUES (1, 0.5)")
        install_sums(connection, {"a"})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO b VALUES (2, 0.5)")
        connection.commit()
    with closing(open_reader(path)) as connection:
        assert check_sums(connection, SCHEMA, {"a"}) == 1
        with pytest.raises(NotVerified, match="other tables, indexes or triggers"):
            check_sums(connection, SCHEMA)
    change_behind(path, "UPDATE a SET v = x'01'")
    with closing(open_reader(path)) as connection, pytest.raises(NotVerified, match="row 1 of a"):
        check_sums(connection, SCHEMA, {"a"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with small files, keys, a store and a lock."""
    for name in ("policy", "keys/log.pem", "keys/witness#2.pem", "ledger.sqlite", "ledger.sqlite-wal", "serve.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_files_are_remembered_and_every_change_is_found(folder: Path) -> None:
    assert check_remembered(folder) == 0
    assert remember_files(folder) == 3
    text = (folder / "sums").read_text().splitlines()
    assert [line.split("  ")[1] for line in text] == ["keys/log.pem", "keys/witness#2.pem", "policy"]
    (folder / "ledger.sqlite").write_text("more")
    (folder / "new").write_text("x")
    assert check_remembered(folder) == 3
    (folder / "keys/log.pem").write_text("keys/log.pen")
    with pytest.raises(NotVerified, match=r"keys/log\.pem is not the file"):
        check_remembered(folder)
    (folder / "keys/log.pem").unlink()
    with pytest.raises(NotVerified, match=r"keys/log\.pem is not the file"):
        check_remembered(folder)
    assert remember_files(folder) == 3
    (folder / "sums").write_bytes((folder / "sums").read_bytes().replace(b"  policy", b"  pol\xffcy"))
    with pytest.raises(NotVerified, match="not a sum and a name"):
        check_remembered(folder)
