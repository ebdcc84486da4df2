"""The journal in batches: signed statements of counties, and the hub's access records; durable when they are counted.

Statements (objections) go through the hub's whole intake, a thousand at a time: form, key, signature, time, what stands
before them, then the store's commit. Access records come from 512 callers at once, each of whom waits for its own.
Beside the former stands one bare Ed25519 verification a statement, beside the latter the same bytes in a plain table of
SQLite, synchronous=FULL, a thousand rows to a commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from hub.commands.progress import progress_bars
from hub.ingest.offerings import listed_codes
from hub.journal.access import AccessJournal
from hub.journal.intake import RecordIntake
from hub.journal.objections import build_objection
from hub.journal.records import parse_access, parse_statement
from hub.journal.writer import JournalWriter, create_journal
from hub.keyfiles import make_private_folder
from hub.workers import cores
from ledger.encoding import b64u_encode
from ledger.entries import MemberChange, parse_entry
from ledger.errors import TongbanError
from ledger.members import KeyState
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.bench.shelf import bare_checks
from loadtests.nineteen.cases import access_of
from loadtests.nineteen.logs import make_logs
from loadtests.nineteen.plan import START, World
from loadtests.nineteen.signing import JOURNAL, signer_of
from schema.context import Access

__all__ = ["NAMES", "measure"]

NAMES: Final = ("statements", "accesses")
_STATEMENTS: Final = 10_000
_ACCESSES: Final = 40_000
_BATCH: Final = 1000
_CALLERS: Final = 512
_COUNTY: Final = "370214"
_KID: Final = f"{_COUNTY}#{JOURNAL}"


class _Ledger:
    """A ledger with keys and no seals."""

    def __init__(self, keys: KeyState) -> None:
        self._keys: Final = keys

    @property
    def keys(self) -> KeyState:
        return self._keys

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        return dict.fromkeys(leaves, _COUNTY)


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figures of NAMES."""
    make_private_folder(folder)
    with progress_bars(shown=False) as bars:
        make_logs(folder / "hub", World(licenses=20), processes=1, bars=bars)
    genesis = parse_entry((folder / "hub" / "genesis").read_bytes())
    assert isinstance(genesis, MemberChange)  # noqa: S101  # it was founded a moment ago
    keys = KeyState.genesis(genesis)
    return asyncio.run(_measured(effort, folder, keys))


async def _measured(effort: Effort, folder: Path, keys: KeyState) -> list[Reading]:
    stated, accessed = effort.amount(_STATEMENTS, least=_BATCH), effort.amount(_ACCESSES, least=_BATCH)
    create_journal(folder / "journal.sqlite")
    writer = JournalWriter(folder / "journal.sqlite")
    await writer.start()
    try:
        with ThreadPoolExecutor(cores()) as pool:
            intake = RecordIntake(writer, _Ledger(keys), listed=listed_codes(), pool=pool, clock=lambda: START)
            statements = [await _statements(intake, stated, turn) for turn in range(effort.rounds)]
        accesses = [await _accesses(writer, folder, accessed, turn) for turn in range(effort.rounds)]
    finally:
        await writer.stop()
    return [
        Reading(
            name="statements",
            title="signed statements of counties into the journal, batches of 1,000, all checks and the commit",
            unit="statements/s",
            beside="bare Ed25519 verifications of them",
            pairs=tuple(statements),
            gate=Gate(of="ours", sign=">=", bound=2000),
            note=f"{stated:,} a round",
        ),
        Reading(
            name="accesses",
            title=f"access records from {_CALLERS} callers at once, each durable before its caller goes on",
            unit="records/s",
            beside="rows of the same bytes in a plain SQLite table, 1,000 to a commit",
            pairs=tuple(accesses),
            gate=Gate(of="ours", sign=">=", bound=10_000),
            note=f"{accessed:,} a round",
        ),
    ]


def _objection(number: int) -> bytes:
    claims = {
        "id": b64u_encode(sha256(f"objection {number}".encode()).digest()[:16]), "event": "RAISED",
        "kind": "LICENSE_MISSING", "certificateIdentifier": None, "certificateTypeCode": "11100000MB0143028R001",
        "holder": b64u_encode(sha256(b"holder").digest()), "answeredBy": "320583", "caseNumber": None,
    }  # fmt: skip
    return build_objection(claims, iat=START, kid=_KID, signer=signer_of(_KID))


async def _statements(intake: RecordIntake, count: int, turn: int) -> Pair:
    raws = [_objection(turn * count + n) for n in range(count)]
    start = time.perf_counter()
    for batch in _batches(raws):
        for result in await intake.submit(batch):
            if isinstance(result, TongbanError):
                raise result
    ours = count / (time.perf_counter() - start)
    check = bare_checks(signer_of(_KID).public_key, [parse_statement(raw).jws.signatures[0] for raw in raws])
    start = time.perf_counter()
    check()
    return Pair(ours, count / (time.perf_counter() - start))


async def _accesses(writer: JournalWriter, folder: Path, count: int, turn: int) -> Pair:
    world = World(licenses=20 * count)
    raws = [access_of(world, turn * count + n) for n in range(count)]
    waiting = iter([parse_access(raw) for raw in raws])
    journal = AccessJournal(writer)
    start = time.perf_counter()
    await asyncio.gather(*(_caller(journal, waiting) for _ in range(_CALLERS)))
    ours = count / (time.perf_counter() - start)
    return Pair(ours, count / _plain_rows(folder / f"plain-{turn}.sqlite", raws))


async def _caller(journal: AccessJournal, waiting: Iterator[Access]) -> None:
    for access in waiting:
        await journal.record_access(access)


def _plain_rows(path: Path, raws: Sequence[bytes]) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE record (i INTEGER PRIMARY KEY, d BLOB NOT NULL)")
        start = time.perf_counter()
        for batch in _batches(raws):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO record (d) VALUES (?)", [(raw,) for raw in batch])
            connection.execute("COMMIT")
        return time.perf_counter() - start


def _batches(raws: Sequence[bytes]) -> Iterator[list[bytes]]:
    waiting = iter(raws)
    while batch := list(islice(waiting, _BATCH)):
        yield batch
