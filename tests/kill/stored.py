"""What the hub has stored, as copies of its files at one moment: read at leisure while the hub goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hub.database import open_reader
from hub.journal.records import parse_record
from hub.journal.store import JournalReader
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteStore
from schema.context import Access

__all__ = ["Stored", "is_between_commits", "steps_in", "stored_in"]


@dataclass(frozen=True)
class Stored:
    """Copies of ledger and journal. entries: all that are sequenced. records: of both kinds, in order."""

    ledger: SqliteStore
    journal: sqlite3.Connection
    entries: list[bytes]
    records: list[bytes]

    @property
    def size(self) -> int:
        """Entries sequenced."""
        return len(self.entries)

    @property
    def published(self) -> int:
        """Entries published."""
        return self.ledger.state().published

    @cached_property
    def reads(self) -> LogReads:
        """The reads that the hub serves from, over the copy."""
        return LogReads(lambda: self.ledger.reader)

    @cached_property
    def index_of(self) -> dict[bytes, int]:
        """Index of each entry, by its bytes."""
        return {raw: index for index, raw in enumerate(self.entries)}

    @cached_property
    def accesses(self) -> list[Access]:
        """The access records, in order."""
        return [each for each in map(parse_record, self.records) if isinstance(each, Access)]


@contextmanager
def stored_in(data: Path, copies: Path) -> Iterator[Stored]:
    """Copy the stores of the hub's folder `data` into `copies`, each as of its last commit.

    The ledger comes first: the journal is durable before a head binds it, so its copy holds all that the heads bind.
    """
    copies.mkdir(exist_ok=True)
    with (
        closing(_copy(data / "ledger.sqlite", copies)) as log,
        closing(_copy(data / "journal.sqlite", copies)) as other,
    ):
        ledger, journal = SqliteStore(log), JournalReader(other)
        entries = list(ledger.reader.entries(0, ledger.state().size))
        yield Stored(ledger=ledger, journal=other, entries=entries, records=journal.records(0, journal.head().n))


def _copy(file: Path, folder: Path) -> sqlite3.Connection:
    target = folder / file.name
    for suffix in ("", "-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    copy = sqlite3.connect(target, isolation_level=None)
    with closing(open_reader(file)) as source:
        source.backup(copy)
    return copy


def is_between_commits(connection: sqlite3.Connection) -> bool:
    """Tell whether the ledger's file holds entries that are sequenced and not yet published."""
    ((size, published),) = connection.execute("SELECT size, published FROM head").fetchall()
    return bool(size > published)


def steps_in(connection: sqlite3.Connection) -> int:
    """Count the steps of cases that stand in the journal's file."""
    ((count,),) = connection.execute("SELECT count(*) FROM casestep").fetchall()
    return int(count)
