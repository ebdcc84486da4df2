from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.status import Status
from ledger.transparency.fsck import check_log
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.sqlite import SqliteReader, SqliteStore, prepare, transaction
from tests.entropy import signer_of
from tests.sequenced import LOG_KEY, SequencedLog, seals, status_entry
from tests.small_log import LOG
from tests.stores import sqlite_store


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 303 entries: genesis, two batches, one publication."""
    file = tmp_path_factory.mktemp("template") / "log.sqlite"
    with closing(connect(file)) as connection:
        log = SequencedLog(SqliteStore(connection))
        log.sequence(seals(290))
        log.publish()
        log.sequence(seals(9, start=290))
        assert log.sequencer.size == 303
    return file


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return shutil.copy(template, tmp_path / "log.sqlite")


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def test_the_writer_is_durable_and_says_so(path: Path) -> None:
    with closing(connect(path)) as connection:
        prepare(connection)
        values = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert values == {"journal_mode": "wal", "synchronous": 2}


def test_a_pragma_that_does_not_take_stops_the_start() -> None:
    """A database in memory knows no WAL."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection), pytest.raises(Unavailable, match="journal_mode=WAL"):
        SqliteStore(connection)


def test_an_error_in_a_transaction_undoes_it_and_stops(path: Path) -> None:
    with closing(connect(path)) as connection:
        for statement, error in (("INSERT INTO entry VALUES (0, x'00')", Unavailable), ("SELECT 1", Conflict)):
            with pytest.raises(error):
                _delete_and(connection, statement)
            assert connection.execute("SELECT count(*) FROM landmark").fetchone() == (1,)


def _delete_and(connection: sqlite3.Connection, statement: str) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM landmark")
        connection.execute(statement)
        raise Conflict("store_moved", "an error of ours passes as it is")


def test_a_write_that_sqlite_refuses_stops_the_store(path: Path) -> None:
    """Another writer holds the file: the write cannot be made, and nobody asks whether it was."""
    with closing(connect(path)) as writer, closing(connect(path)) as other:
        log = SequencedLog(SqliteStore(writer), create=False)
        writer.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="store_stopped"):
            log.sequence(seals(1, start=400))
        other.execute("ROLLBACK")
        with pytest.raises(Unavailable, match="store_stopped"):
            log.sequence(seals(1, start=400))
    with closing(connect(path)) as connection:
        assert SequencedLog(SqliteStore(connection), create=False).check() == 303


def test_a_reader_sees_what_was_committed(path: Path) -> None:
    with closing(connect(path)) as writer, closing(connect(path)) as other:
        log, reader = SequencedLog(SqliteStore(writer), create=False), SqliteReader(other)
        log.sequence(seals(1, start=400))
        assert reader.entries(303, 304) == seals(1, start=400)
        assert reader.tile(0, 1) == log.store.reader.tile(0, 1)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "other.sqlite")) as connection:
        store = SqliteStore(connection)
        with pytest.raises(Unavailable, match="no_log"):
            Sequencer.open(store, LOG)
        connection.execute("INSERT INTO meta VALUES ('format', x'78')")
        with pytest.raises(NotVerified, match="corrupt_store"):
            Sequencer.open(store, LOG)


def test_a_file_that_sqlite_cannot_read_is_corruption(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("DROP TABLE entry")
        with pytest.raises(NotVerified, match="corrupt_store"):
            SqliteReader(connection).entries(0, 1)


IN_MEMORY = [
    ("tile", "h", 40, "l = 0 AND n = 1"),
    ("tile", "h", 4, "l = 1 AND n = 0"),
    ("tile", "h", 0, "l = 0 AND n = 0"),
    ("entry", "d", 200, "i = 302"),
    ("entry", "d", 200, "i = 300"),
    ("entry", "d", 200, "i = 0"),
    ("status", "t", 3, "n = 0"),
    ("status", "t", 3, "n = 1"),
    ("head", "body", 25, "id = 1"),
    ("head", "body", 90, "id = 1"),
    ("meta", "value", 3, "key = 'origin'"),
    ("meta", "value", 3, "key = 'genesis'"),
]
WHOLE = [
    ("entry", "d", 300, "i = 7"),
    ("leaf", "h", 0, "i = 7"),
    ("statement", "h", 0, "i = 7"),
    ("checkpoint", "note", 25, "size = 293"),
    ("landmark", "root", 3, "day = '2026-06-01'"),
]


def flip(path: Path, table: str, column: str, at: int, where: str) -> None:
    with closing(connect(path)) as connection:
        (row,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where} LIMIT 1")  # noqa: S608
        changed = bytearray(row[0])
        changed[at] ^= 1
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(changed),))  # noqa: S608


@pytest.mark.parametrize(("table", "column", "at", "where"), IN_MEMORY)
def test_a_flipped_byte_in_what_the_writer_stands_on_is_found_at_start(
    path: Path, table: str, column: str, at: int, where: str
) -> None:
    flip(path, table, column, at, where)
    with closing(connect(path)) as connection, pytest.raises(NotVerified, match="corrupt_store"):
        Sequencer.open(SqliteStore(connection), LOG)


@pytest.mark.parametrize(("table", "column", "at", "where"), [*WHOLE, *IN_MEMORY])
def test_a_flipped_byte_anywhere_is_found_by_the_whole_check(
    path: Path, table: str, column: str, at: int, where: str
) -> None:
    flip(path, table, column, at, where)
    with closing(connect(path)) as connection, pytest.raises(NotVerified, match="corrupt_store"):
        check_log(SqliteStore(connection), LOG_KEY)


def test_the_whole_check_names_the_first_bad_entry(path: Path) -> None:
    flip(path, "entry", "d", 300, "i = 7")
    with closing(connect(path)) as connection, pytest.raises(NotVerified) as caught:
        check_log(SqliteStore(connection), LOG_KEY)
    assert caught.value.index == 7


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE head SET published = 303",
        "INSERT INTO change VALUES (300, 5, 0, 1)",
        "UPDATE head SET published = 400",
        "DELETE FROM checkpoint",
        "UPDATE head SET size = 302",
    ],
)
def test_a_row_that_does_not_belong_is_found_by_the_whole_check(path: Path, change: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute(change)
        with pytest.raises(NotVerified, match="corrupt_store"):
            check_log(SqliteStore(connection), LOG_KEY)


def test_a_value_of_another_type_is_corruption(path: Path) -> None:
    """SQLite keeps what it is given: text where bytes belong is no crash."""
    with closing(connect(path)) as connection:
        connection.execute("UPDATE entry SET d = 'text' WHERE i = 301")
        store = SqliteStore(connection)
        with pytest.raises(NotVerified, match="corrupt_store"):
            Sequencer.open(store, LOG)
        with pytest.raises(NotVerified, match="corrupt_store"):
            check_log(store, LOG_KEY)


def test_a_log_of_another_key_does_not_open(path: Path) -> None:
    with closing(connect(path)) as connection, pytest.raises(NotVerified, match="corrupt_store"):
        Sequencer.open(SqliteStore(connection), signer_of("another log"))


def test_statuses_are_loaded_as_of_any_head(tmp_path: Path) -> None:
    """Later changes are undone, and what came later has no status yet."""
    log = SequencedLog(sqlite_store(tmp_path / "log.sqlite"))
    log.sequence(seals(5))
    before = log.sequencer.statuses()
    log.sequence([status_entry(log, 3, Status.SUSPENDED, reason="02")])
    log.sequence([status_entry(log, 3, Status.REVOKED, reason="04"), *seals(300, start=50)])
    assert log.reads.statuses(8).root() == before.root()
    assert log.reads.statuses(10).get(3) == Status.SUSPENDED
    assert log.reads.statuses(log.sequencer.size).root() == log.sequencer.statuses().root()
