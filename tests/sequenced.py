"""A log under its sequencer: the small log's genesis and keys, any store, publications cosigned by its auditors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.entries import build_status
from ledger.heads import EMPTY_JOURNAL_ROOT
from ledger.members import KeyState
from ledger.signers import Signer
from ledger.status import Status
from ledger.transparency.candidate import examine
from ledger.transparency.checkpoint import cosign
from ledger.transparency.fsck import check_log
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import NOTE_ED25519, Note, VerifierKey
from ledger.transparency.sequencer import Batch, Cosigned, Sequencer
from ledger.transparency.snapshot import LogReads
from ledger.transparency.store import Store
from tests.small_log import AUDITORS, COUNTIES, GENESIS, LOG, ORIGIN, T0, issue_at

__all__ = ["EMPTY_JOURNAL", "LOG_KEY", "SequencedLog", "seals", "status_entry"]

LOG_KEY: Final = VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)
EMPTY_JOURNAL: Final = (0, EMPTY_JOURNAL_ROOT)


def seals(count: int, *, start: int = 0) -> list[bytes]:
    """Make seals that differ in their time, one second apart: numbers `start` to `start + count - 1`."""
    return [issue_at(T0 + 60 + start + number).partition("~")[0].encode() for number in range(count)]


class SequencedLog:
    """What the writer of a log does, step by step. now: the clock; seals of `seals` are in its window."""

    def __init__(self, store: Store, *, create: bool = True, now: int = T0 + 3600, signer: Signer = LOG) -> None:
        self.store = store
        self.now = now
        self.sequencer = Sequencer.create(store, GENESIS, signer=signer) if create else Sequencer.open(store, signer)
        self.reads = LogReads(lambda: store.reader)

    @property
    def keys(self) -> KeyState:
        return self.sequencer.keys

    def sequence(self, raws: Sequence[bytes], *, journal: tuple[int, bytes] = EMPTY_JOURNAL) -> Batch:
        """Examine and sequence."""
        candidates = [examine(raw, self.sequencer.keys, self.sequencer.size) for raw in raws]
        return self.sequencer.sequence(candidates, now=self.now, journal=journal)

    def publish(self, *, time: int | None = None, counties: Sequence[str] = ("320583", "370214")) -> bytes:
        """Publish the newest size, cosigned by the auditors of `counties`; give the note."""
        pending, when = self.sequencer.current(), self.now if time is None else time
        text = Note.parse(pending.note).text
        lines = [cosign(text, AUDITORS[county].name, AUDITORS[county].signer, when) for county in counties]
        return self.sequencer.publish(
            Cosigned(size=pending.size, quorum=lines, cosignatures=[(line, when) for line in lines], time=when)
        )

    def check(self) -> int:
        """Check the whole stored log."""
        return check_log(self.store, LOG_KEY)


def status_entry(
    log: SequencedLog, of: int, to: Status, *, reason: str, by: int | None = None, iat: int = T0 + 900
) -> bytes:
    """Sign a status entry of 370214 about a seal of the log."""
    leaf, signer = leaf_hash(log.sequencer.entry(of)), COUNTIES["370214"]
    return build_status(of=of, leaf=leaf, to=to, reason=reason, iat=iat, kid="370214#1", signer=signer, by=by)
