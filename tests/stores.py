"""Stores of a log for tests: one in memory, and a wrapper that fails when and how it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.transparency.sqlite import SqliteStore
from ledger.transparency.store import (
    Appended,
    Change,
    Landmark,
    Publication,
    Reader,
    Store,
    StoredCheckpoint,
    StoredCosignature,
    StoreState,
)

__all__ = ["FaultyStore", "MemoryStore", "Moment", "sqlite_store"]

Moment: TypeAlias = Literal["not done", "done, but an error came back"]


class MemoryStore:
    """The store contract over dictionaries; it is its own reader. `reopen` is a no-op: what is written stays."""

    def __init__(self) -> None:
        self.entry: list[bytes] = []
        self.leaf: dict[bytes, int] = {}
        self.statement: dict[bytes, int] = {}
        self.tile_of: dict[tuple[int, int], bytes] = {}
        self.status: dict[int, bytes] = {}
        self.change: list[Change] = []
        self.note_of: dict[int, bytes] = {}
        self.cosig: dict[tuple[int, str], StoredCosignature] = {}
        self.mark: dict[str, Landmark] = {}
        self.head: StoreState | None = None

    @property
    def reader(self) -> Reader:
        return self

    def state(self) -> StoreState:
        if self.head is None:
            raise Unavailable("no_log", "no log")
        return self.head

    def find(self, leaves: Sequence[bytes], statements: Sequence[bytes]) -> tuple[dict[bytes, int], dict[bytes, int]]:
        return (
            {each: self.leaf[each] for each in leaves if each in self.leaf},
            {each: self.statement[each] for each in statements if each in self.statement},
        )

    def create(self, origin: str, batch: Appended) -> None:
        if self.head is not None:
            raise Conflict("already_exists", "a log is there")
        self.head = StoreState(
            origin=origin, genesis_leaf=batch.leaves[0], size=batch.size, note=batch.note, published=0
        )
        self._append(batch)

    def commit(self, batch: Appended) -> None:
        if self.state().note != batch.old_note:
            raise Conflict("store_moved", "another note")
        self.head = replace(self.state(), size=batch.size, note=batch.note)
        self._append(batch)

    def _append(self, batch: Appended) -> None:
        assert batch.first == len(self.entry)
        self.entry.extend(batch.entries)
        for table, hashes in ((self.leaf, batch.leaves), (self.statement, batch.statements)):
            for index, each in enumerate(hashes, start=batch.first):
                assert each not in table
                table[each] = index
        self.tile_of.update(batch.tiles)
        self.status.update(batch.status)
        self.change.extend(batch.changes)

    def publish(self, publication: Publication) -> None:
        state, size = self.state(), publication.size
        if size > state.size:
            raise Conflict("store_moved", "fewer entries")
        self.head = replace(state, published=max(state.published, size))
        self.note_of.setdefault(size, publication.note)
        for each in publication.cosignatures:
            known = self.cosig.setdefault((size, each.name), each)
            if each.time > known.time:
                self.cosig[size, each.name] = each
        mark = self.mark.setdefault(publication.landmark.day, publication.landmark)
        if publication.landmark.size > mark.size:
            self.mark[publication.landmark.day] = publication.landmark

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        if stop > len(self.entry):
            raise NotVerified("corrupt_store", "entry is missing")
        return self.entry[start:stop]

    def governance(self, start: int) -> Sequence[tuple[int, bytes]]:
        return [(index, raw) for index, raw in enumerate(self.entry) if index >= start and raw.startswith(b"{")]

    def tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self.tile_of:
            raise NotVerified("corrupt_store", "tile is missing")
        return self.tile_of[level, number]

    def statuses(self, n: int) -> tuple[Sequence[bytes], Sequence[Change]]:
        count = -(-n // 256)
        if not {*range(count)} <= self.status.keys():
            raise NotVerified("corrupt_store", "status tile is missing")
        rows = [each for each in self.change if each.index >= n]
        rows.sort(key=lambda each: (each.index, each.target), reverse=True)
        return [self.status[number] for number in range(count)], rows

    def checkpoints(self, start: int, limit: int) -> Sequence[StoredCheckpoint]:
        sizes = sorted(size for size in self.note_of if size >= start)
        return [StoredCheckpoint(size=size, note=self.note_of[size]) for size in sizes[:limit]]

    def publications(self, first: int, limit: int) -> Sequence[StoredCheckpoint]:
        return self.checkpoints(0, first + limit)[first:]

    def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        return [each for key, each in sorted(self.cosig.items()) if key[0] == size]

    def landmarks(self) -> Sequence[Landmark]:
        return [self.mark[day] for day in sorted(self.mark)]


class FaultyStore:
    """A store whose named write fails once, before or after it took place; nothing else is changed."""

    def __init__(self, inner: Store, step: str, moment: Moment) -> None:
        self._inner = inner
        self._step = step
        self._moment = moment

    @property
    def reader(self) -> Reader:
        return self._inner.reader

    def state(self) -> StoreState:
        return self._inner.state()

    def create(self, origin: str, batch: Appended) -> None:
        self._run("create", lambda: self._inner.create(origin, batch))

    def commit(self, batch: Appended) -> None:
        self._run("commit", lambda: self._inner.commit(batch))

    def publish(self, publication: Publication) -> None:
        self._run("publish", lambda: self._inner.publish(publication))

    def _run(self, step: str, write: Callable[[], None]) -> None:
        fails, self._step = step == self._step, "" if step == self._step else self._step
        if not fails or self._moment == "done, but an error came back":
            write()
        if fails:
            raise Unavailable("store_stopped", f"{step} failed as told")


def sqlite_store(path: Path) -> SqliteStore:
    """Open (or make) a store in a file."""
    return SqliteStore(sqlite3.connect(path, isolation_level=None))
