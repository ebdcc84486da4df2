"""Late cosignatures: they join what has its quorum, and make nothing public that has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast
from unittest.mock import AsyncMock

import httpx2

from hub.log.cosigning import Cosigning
from hub.log.ledgerfile import LedgerFile
from hub.log.publication import Publisher
from ledger.transparency.checkpoint import Checkpoint, cosign
from ledger.transparency.note import COSIGNATURE_ED25519, Note, VerifierKey
from ledger.transparency.policy import AHEAD_S, Policy
from ledger.transparency.sequencer import Pending, Sequencer
from ledger.transparency.snapshot import LogReads, Snapshot
from ledger.transparency.witness import Cosignature
from tests.entropy import signer_of
from tests.sequenced import LOG_KEY, SequencedLog, seals
from tests.small_log import T0
from tests.stores import MemoryStore
from tests.witnesses import Witnesses

T = TypeVar("T")
NOW = T0 + 3600


class FileInMemory:
    """A ledger file over a log in memory."""

    fault = None

    def __init__(self, log: SequencedLog) -> None:
        self._log = log

    async def read(self, question: Callable[[LogReads], T]) -> T:
        return question(self._log.reads)

    async def write(self, change: Callable[[Sequencer], T]) -> T:
        return change(self._log.sequencer)


def publisher_of(log: SequencedLog) -> Publisher:
    """Give a publisher that asks nobody and shows what `log` has published last, if anything."""
    file, cosigning = cast("LedgerFile", FileInMemory(log)), cast("Cosigning", None)
    publisher = Publisher(file, cosigning, extend=AsyncMock(), on_published=lambda _: None)
    if size := log.sequencer.published:
        note = log.reads.first_checkpoint(size - 1)[1]
        root = Checkpoint.parse(Note.parse(note).text).root
        publisher.snapshot = Snapshot(size=size, root=root, note=note, quorum_note=note, time=NOW, cosigners=())
    return publisher


def cosigned(pending: Pending, *, time: int = NOW) -> Cosignature:
    """Cosign a checkpoint as `w0` of `Witnesses`."""
    name, signer = Witnesses.key_name("w0"), signer_of("witness w0")
    line = cosign(Note.parse(pending.note).text, name, signer, time)
    return Cosignature(key=VerifierKey.of(name, COSIGNATURE_ED25519, signer), time=time, signature=line)


async def come_late(publisher: Publisher, pending: Pending, time: int = NOW) -> None:
    """Hand a publisher a late cosignature, and wait until it is kept or not."""
    publisher._came_late(pending.size, cosigned(pending, time=time))
    assert publisher._flushing is not None
    await publisher._flushing


async def test_of_a_newer_size_it_publishes_nothing_by_itself() -> None:
    """Its checkpoint lost its quorum meanwhile, as a clock was set back: it would be kept without one, for ever."""
    log = SequencedLog(MemoryStore())
    publisher = publisher_of(log)
    await come_late(publisher, log.sequencer.current())
    assert publisher.snapshot is None
    assert log.sequencer.published == 0
    assert log.reads.cosignatures(2) == []


async def test_of_an_older_size_that_never_had_a_quorum_it_is_given_up() -> None:
    """Kept without a quorum, that checkpoint would be the first one of its entries: no receipt of them would hold."""
    log, (first, second) = SequencedLog(MemoryStore()), seals(2)
    older = log.sequence([first]).pending
    log.sequence([second])
    note = log.publish()
    await come_late(publisher_of(log), older)
    assert log.reads.first_checkpoint(2) == (6, note)
    assert log.reads.cosignatures(older.size) == []


async def test_of_an_older_size_that_is_published_it_is_kept() -> None:
    log, (first, second) = SequencedLog(MemoryStore()), seals(2)
    older = log.sequence([first]).pending
    note = log.publish()
    log.sequence([second])
    log.publish()
    await come_late(publisher_of(log), older)
    assert log.reads.first_checkpoint(2) == (4, note)
    assert [each.name for each in log.reads.cosignatures(4)] == [
        "320583.example/auditor", "370214.example/auditor", "w0.example/witness",
    ]  # fmt: skip


async def test_of_a_witness_whose_clock_is_behind_it_dates_no_receipt() -> None:
    """A receipt whose quorum is older than its seal is refused; what came in time is held to the same."""
    log = SequencedLog(MemoryStore())
    log.sequence(seals(1))
    pending, late = log.sequencer.current(), list[tuple[int, Cosignature]]()
    cosigning = Cosigning(
        Policy.parse(Witnesses(3, LOG_KEY, now=NOW).policy(2)),
        httpx2.AsyncClient(),
        prove=AsyncMock(),
        clock=lambda: NOW,
    )
    for time in (pending.newest_iat - AHEAD_S - 1, pending.newest_iat - AHEAD_S):
        task = asyncio.create_task(_answer(cosigned(pending, time=time)))
        await task
        cosigning._came_late(pending, task, lambda size, each: late.append((size, each)))
    assert [(size, each.time) for size, each in late] == [(4, pending.newest_iat - AHEAD_S)]


async def _answer(cosignature: Cosignature) -> Cosignature | None:
    return cosignature
