"""Witnesses that crash and come back, each with a disk that survives and a clock of its own.

They decide by the real rules (`ledger.transparency.witness`). A crash comes before a decision is stored, or after it is
stored and before it is answered. Auditors are hosts of the same kind (tests/faults/auditor_host.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from ledger.signers import Signer
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey, keyring
from ledger.transparency.store import Reader
from ledger.transparency.witness import AddCheckpoint, Decision, Latest, decide
from tests.entropy import signer_of
from tests.faults.points import Moment
from tests.sequenced import LOG_KEY

__all__ = ["LOGS", "CosignerHost", "DiedError"]

LOGS: Final = keyring([LOG_KEY])


class DiedError(Exception):
    """The process ended in the middle of its work."""


@dataclass(slots=True)
class CosignerHost:
    """A witness. clock: POSIX seconds. crash: how the next decision ends. reached: no partition is between.

    latest: what its disk holds. seen: (size, time) of all that it made durable, in order. roots: the same, by size.
    """

    role: ClassVar[str] = "witness"

    name: str
    clock: Callable[[], int]
    crash: Moment | None = None
    reached: bool = True
    latest: Latest | None = None
    seen: list[tuple[int, int]] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)

    @property
    def signer(self) -> Signer:
        """Its key."""
        return signer_of(f"cosigner {self.name}")

    @property
    def key(self) -> VerifierKey:
        """Its public key, with its name."""
        return VerifierKey.of(f"{self.name}.example/{self.role}", COSIGNATURE_ED25519, self.signer)

    def answer(self, body: bytes, view: Reader, served: Reader | None = None) -> Decision:
        """Answer one request. view: the log that the request is about. served: where entries come from, if elsewhere.

        Raises DiedError when it crashes; afterwards it has been started again.
        """
        crash, self.crash = self.crash, None
        if crash == "not done":
            raise DiedError
        request, now = AddCheckpoint.parse(body), self.clock()
        decision = decide(request, self.latest, logs=LOGS, name=self.key.name, signer=self.signer, now=now)
        if decision.latest is not None:
            self.note(decision.latest)
        if crash is not None:
            raise DiedError
        return decision

    def note(self, latest: Latest) -> None:
        """Take down what it made durable: no size ever has two roots."""
        assert self.roots.setdefault(latest.size, latest.root) == latest.root, "two roots of one size"
        if self.latest != latest:
            self.latest = latest
            self.seen.append((latest.size, latest.time))

    def restart(self) -> None:
        """End the process and start it again: a witness has nothing in memory."""

    def disarm(self) -> None:
        """No crash is planned any more."""
        self.crash = None

    def close(self) -> None:
        """End it for good."""
