"""Webhooks as they are kept: where a county wants its events sent, how far each has come, and what could not be sent.

    hook   id, county, url, kinds, the cursor of the newest event that is done with, attempts at the next one
    dead   what was given up, until the county has it sent again

`webhooks.sqlite` is administered by the counties, and no part of what they state: it is not in the journal. The cursor
moves in one transaction with whatever an event came to, so a crash between a delivery and its record sends the event
again, under the same id, and never loses one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.database import Database
from hub.events.facts import parse_cursor
from hub.events.targets import check_target
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed, Unavailable

__all__ = ["KINDS", "DeadLetter", "Hook", "HookStore"]

KINDS: Final = ("LAMP", "LICENSE", "STEP")
MAX_OF_COUNTY: Final = 8
MAX_HOOKS: Final = 128
MAX_DEAD: Final = 1000
_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS hook (
  id TEXT PRIMARY KEY, county TEXT NOT NULL, url TEXT NOT NULL, kinds TEXT NOT NULL, cursor TEXT NOT NULL,
  made INTEGER NOT NULL, attempts INTEGER NOT NULL, retry_at INTEGER NOT NULL, fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dead (
  hook TEXT, event TEXT, body BLOB NOT NULL, since INTEGER NOT NULL, fault TEXT NOT NULL, again INTEGER NOT NULL,
  PRIMARY KEY (hook, event)) WITHOUT ROWID"""
_OF_HOOK: Final = "SELECT id, county, url, kinds, cursor, made, attempts, retry_at, fault FROM hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook. kinds: of the events that it gets. attempts: at the event behind the cursor; fault: of the last.

    made, retry_at: POSIX seconds.
    """

    id: str
    county: str
    url: str
    kinds: tuple[str, ...]
    cursor: str
    made: int
    attempts: int = 0
    retry_at: int = 0
    fault: str = ""

    def to_json(self, dead: int) -> dict[str, JsonValue]:
        """Write it for its county. dead: how many letters were given up."""
        return {
            "id": self.id, "url": self.url, "kinds": list(self.kinds), "cursor": self.cursor, "made": self.made,
            "attempts": self.attempts, "fault": self.fault or None, "dead": dead,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A delivery that was given up. since: POSIX seconds. again: the county wants it sent again."""

    hook: str
    event: str
    body: bytes
    since: int
    fault: str
    again: bool

    def to_json(self) -> dict[str, JsonValue]:
        """Write it for its county."""
        return {"id": self.event, "since": self.since, "fault": self.fault, "again": self.again}


class HookStore:
    """All webhooks of one hub; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._database: Final = Database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, hook: Hook, *, private: bool) -> None:
        """Keep a new webhook. private: hosts that are none of the public network are allowed.

        Raises Malformed bad_request (kinds, url), bad_cursor, Conflict already_exists (the county has this URL),
        Unavailable pushback (no place left).
        """
        check_target(hook.url, private=private)
        parse_cursor(hook.cursor)
        if not hook.kinds or not set(hook.kinds) <= set(KINDS) or len(set(hook.kinds)) != len(hook.kinds):
            raise Malformed("bad_request", f"kinds are some of {', '.join(KINDS)}")
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT county, url FROM hook").fetchall()
            if (hook.county, hook.url) in rows:
                raise Conflict("already_exists", "the county has a webhook with this URL")
            if len(rows) >= MAX_HOOKS or sum(county == hook.county for county, _ in rows) >= MAX_OF_COUNTY:
                raise Unavailable("pushback", f"a county has at most {MAX_OF_COUNTY} webhooks: remove one")
            row = (hook.id, hook.county, hook.url, ",".join(hook.kinds), hook.cursor, hook.made)
            connection.execute("INSERT INTO hook VALUES (?, ?, ?, ?, ?, ?, 0, 0, '')", row)

    def hooks(self, county: str | None = None) -> list[Hook]:
        """Give the webhooks of a county, or all of them, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(f"{_OF_HOOK} ORDER BY made, id").fetchall()
        return [_hook(row) for row in rows if county in {None, row[1]}]

    def remove(self, county: str, name: str) -> None:
        """Forget a webhook and its dead letters. Raises Conflict wrong_target: no such one of this county."""
        with self._database.transaction() as connection:
            _owned(connection, county, name)
            connection.execute("DELETE FROM hook WHERE id = ?", (name,))
            connection.execute("DELETE FROM dead WHERE hook = ?", (name,))

    def done(self, name: str, cursor: str) -> None:
        """Note that an event is delivered: the next one begins anew."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE hook SET cursor = ?, attempts = 0, retry_at = 0, fault = '' WHERE id = ?", (cursor, name)
            )

    def failed(self, name: str, *, attempts: int, retry_at: int, fault: str) -> None:
        """Note a failed attempt."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE hook SET attempts = ?, retry_at = ?, fault = ? WHERE id = ?", (attempts, retry_at, fault, name)
            )

    def give_up(self, letter: DeadLetter, cursor: str) -> bool:
        """Put an event among the dead letters and go on behind it; False: that list is full, and nothing is done."""
        with self._database.transaction() as connection:
            count = connection.execute("SELECT count(*) FROM dead WHERE hook = ?", (letter.hook,)).fetchone()[0]
            if count >= MAX_DEAD:
                return False
            known = connection.execute("SELECT 1 FROM hook WHERE id = ?", (letter.hook,)).fetchone()
            if known is not None:
                row = (letter.hook, letter.event, letter.body, letter.since, letter.fault)
                connection.execute("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, 0)", row)
                connection.execute(
                    "UPDATE hook SET cursor = ?, attempts = 0, retry_at = 0 WHERE id = ?", (cursor, letter.hook)
                )
        return True

    def dead(self, county: str, name: str) -> list[DeadLetter]:
        """Give the dead letters of a webhook, oldest first. Raises Conflict wrong_target."""
        with self._database.reading() as connection:
            _owned(connection, county, name)
            rows = connection.execute("SELECT * FROM dead WHERE hook = ? ORDER BY since, event", (name,)).fetchall()
        return [_letter(row) for row in rows]

    def redeliver(self, county: str, name: str) -> int:
        """Have all dead letters of a webhook sent again; gives how many. Raises Conflict wrong_target."""
        with self._database.transaction() as connection:
            _owned(connection, county, name)
            return connection.execute("UPDATE dead SET again = 1 WHERE hook = ?", (name,)).rowcount

    def wanting(self) -> set[str]:
        """Give the ids of the webhooks that have dead letters to be sent again."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT DISTINCT hook FROM dead WHERE again = 1").fetchall()
        return {row[0] for row in rows}

    def wanted_again(self, name: str) -> list[DeadLetter]:
        """Give a webhook's dead letters that are to be sent again, oldest first; at most 100."""
        query = "SELECT * FROM dead WHERE hook = ? AND again = 1 ORDER BY since, event LIMIT 100"
        with self._database.reading() as connection:
            rows = connection.execute(query, (name,)).fetchall()
        return [_letter(row) for row in rows]

    def settled(self, letter: DeadLetter, fault: str | None) -> None:
        """Note what came of sending a dead letter again; fault None: it is delivered, and gone."""
        key = (letter.hook, letter.event)
        with self._database.transaction() as connection:
            if fault is None:
                connection.execute("DELETE FROM dead WHERE hook = ? AND event = ?", key)
            else:
                connection.execute("UPDATE dead SET again = 0, fault = ? WHERE hook = ? AND event = ?", (fault, *key))

    def count_dead(self, names: Sequence[str]) -> dict[str, int]:
        """Count the dead letters of some webhooks."""
        with self._database.reading() as connection:
            found = dict(connection.execute("SELECT hook, count(*) FROM dead GROUP BY hook").fetchall())
        return {name: found.get(name, 0) for name in names}


def _owned(connection: sqlite3.Connection, county: str, name: str) -> None:
    if connection.execute("SELECT 1 FROM hook WHERE id = ? AND county = ?", (name, county)).fetchone() is None:
        raise Conflict("wrong_target", "there is no such webhook of this county")


def _hook(row: tuple[str, str, str, str, str, int, int, int, str]) -> Hook:
    name, county, url, kinds, cursor, made, attempts, retry_at, fault = row
    return Hook(
        id=name, county=county, url=url, kinds=tuple(kinds.split(",")), cursor=cursor, made=made, attempts=attempts,
        retry_at=retry_at, fault=fault,
    )  # fmt: skip


def _letter(row: tuple[str, str, bytes, int, str, int]) -> DeadLetter:
    hook, event, body, since, fault, again = row
    return DeadLetter(hook=hook, event=event, body=body, since=since, fault=fault, again=bool(again))
