"""The ledger: its sequencer over its file, one batch that is published, and a second one that repeats a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from hub.database import WriterLock, create_database, open_writer
from ledger.entries import Head, parse_entry
from ledger.errors import Conflict
from ledger.signers import Signer
from ledger.status import Status
from ledger.transparency.candidate import Placed
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import verify_consistency
from ledger.transparency.note import Note
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteStore
from ledger.transparency.store import Store
from tests.faults.parts import Finding, Tell, Told
from tests.faults.points import FailingConnection, FailPoints, failing
from tests.logbook import LogBook
from tests.sequenced import SequencedLog, seals, status_entry
from tests.small_log import GENESIS, LOG

__all__ = ["LEDGER", "LedgerPart", "check_told", "replay"]

FILE: Final = "ledger.sqlite"
_SEALED: Final = 3


class LedgerPart:
    """`ledger`: T1 and T2 as the sequencer makes them; cosigned by two auditors."""

    name = "ledger"

    def prepare(self, folder: Path) -> None:
        """Make a published log of three seals."""
        with closing(create_database(folder / FILE)) as connection:
            log = SequencedLog(SqliteStore(connection))
            log.sequence(seals(_SEALED))
            log.publish()

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """Open; append and publish three seals and a revocation; again one of them and a new one; close."""
        lock = WriterLock(folder / FILE)
        connection = FailingConnection(open_writer(folder / FILE), "ledger", points)
        store = failing(SqliteStore(connection), Store, "store", points, OSError("store, as told"))  # type: ignore[arg-type]
        log = SequencedLog(
            store, create=False, signer=failing(LOG, Signer, "log key", points, OSError("log key, as told"))
        )
        first = seals(3, start=_SEALED)
        _append(log, [*first, status_entry(log, 2, Status.REVOKED, reason="04")], points, tell)
        _append(log, [first[0], *seals(1, start=2 * _SEALED)], points, tell)
        connection.close()
        lock.release()

    def check(self, folder: Path, told: Told) -> Finding:
        """Recover, check in whole, compare, repeat, compare."""
        with closing(open_writer(folder / FILE)) as connection:
            log = SequencedLog(SqliteStore(connection), create=False)
            finding = check_told(log, told)
            _repeat(log, told)
            assert check_told(log, told).lost == 0
            return finding


def _append(log: SequencedLog, raws: Sequence[bytes], points: FailPoints, tell: Tell) -> None:
    for raw in raws:
        tell("sent", raw.hex())
    batch = log.sequence(raws)
    for raw, result in zip(raws, batch.results, strict=True):
        assert isinstance(result, Placed), result
        points.around("answer: index", lambda raw=raw, result=result: tell("index", raw.hex(), result.index), OSError())
    note = log.publish()
    points.around("answer: checkpoint", lambda: tell("published", note.hex()), OSError())
    for raw, result in zip(raws, batch.results, strict=True):
        assert isinstance(result, Placed)
        evidence = _evidence(log.reads, result.index)
        points.around("answer: receipt", lambda raw=raw, it=evidence: tell("receipt", raw.hex(), it.hex()), OSError())


def _evidence(reads: LogReads, index: int) -> bytes:
    receipt, proof = reads.evidence(index)
    return receipt or proof or b""


def check_told(log: SequencedLog, told: Told) -> Finding:
    """I1 to I4 of a log as it stands: whole, grown from what was published, all that was acknowledged in its place."""
    entries = [log.sequencer.entry(index) for index in range(log.sequencer.size)]
    assert log.check() == log.sequencer.size == len(entries)
    replay(log, entries)
    for (note,) in told.of("published"):
        _check_grown(log, bytes.fromhex(note))
    indexes, sent = told.each("index"), {bytes.fromhex(raw) for (raw,) in told.of("sent")}
    lost = sum(entries[index : index + 1] != [raw] for raw, index in indexes.items())
    twice = len(entries) - len(set(entries))
    for raw, receipt in told.each("receipt").items():
        twice += _evidence(log.reads, indexes[raw]) != bytes.fromhex(receipt)
    return Finding(
        acknowledged=len(indexes),
        unknown=len(sent - indexes.keys()),
        stored=sum(raw in entries for raw in sent),
        lost=lost,
        twice=twice,
    )


def replay(log: SequencedLog, entries: Sequence[bytes]) -> None:
    """I4: what a second, slow implementation makes of the entries is what is stored: statuses, keys, root."""
    book = LogBook(GENESIS, LOG)
    for raw in entries[1:]:
        if isinstance(parse_entry(raw), Head):
            assert book.head(root=None, keys=None).split(b".")[0] == raw.split(b".")[0]
            book.close(raw)
        else:
            book.add(raw)
    assert book.root() == log.sequencer.current().checkpoint.root
    assert book.state.digest() == log.keys.digest()
    assert book.covered.root() == log.sequencer.statuses().root()


def _check_grown(log: SequencedLog, note: bytes) -> None:
    """I3: the log is that of a published checkpoint, grown; and it is published still."""
    old, new = Checkpoint.parse(Note.parse(note).text), log.sequencer.current().checkpoint
    assert old.size <= log.sequencer.published
    verify_consistency(old.size, new.size, old.root, new.root, log.reads.consistency(old.size, new.size))
    assert log.reads.first_checkpoint(old.size - 1)[0] <= old.size


def _repeat(log: SequencedLog, told: Told) -> None:
    """Send everything again, twice: one index each, the one that was told; one receipt each."""
    raws = [bytes.fromhex(raw) for (raw,) in told.of("sent")]
    known = told.each("index")
    answers = []
    for _ in range(2):
        if log.sequencer.pending() is not None:
            log.publish()  # as the hub does at its start
        results = log.sequence(raws).results
        assert all(isinstance(each, Placed) for each in results), results
        log.publish()
        found = {raw: each.index for raw, each in zip(raws, results, strict=True) if isinstance(each, Placed)}
        assert found | known == found
        answers.append({raw: (index, _evidence(log.reads, index)) for raw, index in found.items()})
    assert answers[0] == answers[1]
    for raw, index in known.items():
        assert log.sequencer.entry(index) == raw
    _check_unpublished(log)


def _check_unpublished(log: SequencedLog) -> None:
    """An entry beyond the log has no evidence."""
    try:
        log.reads.evidence(log.sequencer.size)
    except Conflict:
        return
    raise AssertionError("evidence of an entry that is not there")


LEDGER: Final = LedgerPart()
