"""What a mirror puts beside a refused request: of one moment, and of what is mirrored at all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.mirroring import MirroredLog
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import find_forks
from ledger.transparency.note import keyring
from ledger.transparency.spans import one_by_one
from ledger.transparency.witness import AddCheckpoint, Latest
from tests.audits import GENESIS_STATE, LOG_KEY, BookSource, MemoryAuditStore, claimed_of
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.small_log import GENESIS, LOG, ORIGIN, T0

NOW: Final = T0 + 3600


def signed(checkpoint: Checkpoint) -> bytes:
    return sign_checkpoint(checkpoint, ORIGIN, LOG)


FORGED: Final = AddCheckpoint.of(0, (), signed(Checkpoint(origin=ORIGIN, size=3, root=bytes(32))))


def latest_of(book: LogBook) -> Latest:
    claimed = claimed_of(book)
    return Latest(size=claimed.size, root=claimed.root, time=NOW, note=signed(claimed))


def mirror_of(store: MemoryAuditStore | SqliteAuditStore, book: LogBook) -> MirroredLog:
    source = BookSource(book)
    return MirroredLog(store, source, genesis=GENESIS_STATE, log_key=LOG_KEY, clock=lambda: NOW)


class Moving(MemoryAuditStore):
    """A store in which the next checkpoint is cosigned as soon as the one cosigned last was read."""

    following: Latest | None = None

    def latest(self) -> Latest | None:
        found, self.cosigned = self.cosigned, self.following or self.cosigned
        return found


def test_a_checkpoint_that_is_cosigned_meanwhile_spoils_no_proof() -> None:
    """Path and note are of the same checkpoint, whichever it is."""
    book, store = LogBook(GENESIS, LOG), Moving()
    mirror = mirror_of(store, book)
    for number in range(2):
        for raw in seals(3, start=9 * number):
            book.append(raw)
        book.close()
        mirror.run_to(claimed_of(book), one_by_one)
        store.cosigned, store.following = store.following, latest_of(book)
    offer = mirror.offer(FORGED)
    assert offer is not None
    (fork,) = find_forks([offer], [], keyring([LOG_KEY]))
    assert fork.a == FORGED.note.format()


@pytest.mark.parametrize("root", [bytes(32), None], ids=["forged", "own"])
def test_what_is_not_mirrored_again_yet_has_no_path_and_no_own_root(tmp_path: Path, root: bytes | None) -> None:
    """After the mirror was forgotten: neither a fork nor an own checkpoint can be told from it."""
    book, store = LogBook(GENESIS, LOG), SqliteAuditStore(tmp_path / "auditor.sqlite")
    for raw in seals(2):
        book.append(raw)
    early = claimed_of(book)
    book.close()
    mirror_of(store, book).run_to(claimed_of(book), one_by_one)
    store.keep(None, latest_of(book))
    store.forget()
    request = AddCheckpoint.of(0, (), signed(Checkpoint(origin=ORIGIN, size=3, root=root or early.root)))
    offer = mirror_of(store, book).offer(request)
    assert offer is not None
    assert (offer.held, offer.path) == (latest_of(book).note, ())
    store.close()
