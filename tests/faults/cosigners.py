"""Cosigners that crash and come back: witnesses and auditors, each with a disk that survives and a clock of its own.

They decide by the real rules (`ledger.transparency.witness`, `ledger.transparency.audit`). A crash comes before a
decision is stored, or after it is stored and before it is answered; what is in memory is lost, the disk is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2

from ledger.entries import MemberChange, parse_entry
from ledger.members import KeyState
from ledger.signers import Signer
from ledger.transparency.audit import Audit
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey, keyring
from ledger.transparency.store import Reader
from ledger.transparency.witness import AddCheckpoint, Decision, Latest, decide
from tests.entropy import signer_of
from tests.faults.points import Moment
from tests.sequenced import LOG_KEY
from tests.small_log import GENESIS, ORIGIN
from tests.stores import MemoryStore

__all__ = ["AuditorHost", "CosignerHost", "genesis_state"]

_LOGS: Final = keyring([LOG_KEY])


def genesis_state() -> KeyState:
    """Give the pinned genesis's key state."""
    entry = parse_entry(GENESIS)
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


@dataclass(slots=True)
class CosignerHost:
    """A witness. clock: POSIX seconds. crash: how the next decision ends. reached: no partition is between."""

    name: str
    clock: Callable[[], int]
    crash: Moment | None = None
    reached: bool = True
    latest: Latest | None = None
    seen: list[tuple[int, int]] = field(default_factory=list)

    @property
    def signer(self) -> Signer:
        """Its key."""
        return signer_of(f"cosigner {self.name}")

    @property
    def key(self) -> VerifierKey:
        """Its public key, with its name."""
        return VerifierKey.of(f"{self.name}.example/witness", COSIGNATURE_ED25519, self.signer)

    def answer(self, request: AddCheckpoint, view: Reader, raised: httpx2.HTTPError) -> Decision:
        """Answer one request. view: the log as it is served to this cosigner. Raises `raised` when it crashes."""
        crash, self.crash = self.crash, None
        if crash == "not done":
            self.restart()
            raise raised
        decision = self.decided(request, view)
        if decision.latest is not None:
            self.latest = decision.latest
            self.seen.append((decision.latest.size, decision.latest.time))
        if crash is not None:
            self.restart()
            raise raised
        return decision

    def decided(self, request: AddCheckpoint, _view: Reader) -> Decision:
        """Judge as a witness does."""
        name, now = self.key.name, self.clock()
        return decide(request, self.latest, logs=_LOGS, name=name, signer=self.signer, now=now)

    def restart(self) -> None:
        """Lose what is in memory."""


class AuditorHost(CosignerHost):
    """An auditor: it mirrors and replays what it cosigns. refused: what it said of a log that does not hold."""

    def __init__(self, name: str, clock: Callable[[], int]) -> None:
        super().__init__(name, clock)
        self.disk: Final = MemoryStore()
        self.refused: list[str] = []
        self.restart()

    def restart(self) -> None:
        """Start again from the mirror on its disk."""
        state = self.disk.head
        self._audit = Audit.open(lambda: self.disk, state, genesis=genesis_state(), log_key=LOG_KEY)

    def decided(self, request: AddCheckpoint, view: Reader) -> Decision:
        """Judge as a witness does, then replay what is new; both must hold."""
        decision = super().decided(request, view)
        if decision.latest is None:
            return decision
        raws: Sequence[bytes] = view.entries(self._audit.size, request.checkpoint.size)
        audited = self._audit.check(raws, claimed=request.checkpoint, window=None, prove=lambda _old, _new: ())
        if audited.batch is not None:
            if self.disk.head is None:
                self.disk.create(ORIGIN, audited.batch)
            else:
                self.disk.commit(audited.batch)
        self._audit.advance(audited)
        return decision
