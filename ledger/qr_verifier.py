"""The verifier in the field: receipts and QR codes against one checked sync; no network, no clock.

A QR code brings the seal, the shown claims and the seal's place; the rest stands in the sync. So its verdict has the
same 14 steps, and five of them say that the sync answered instead:

     3  log           the synced checkpoint, whose log signature was checked when the sync was
     4  quorum        the synced checkpoint's T; the code has no cosignatures of its own
     5  inclusion     the path leads to a landmark of the sync, or a path that the verifier got leads to its checkpoint
     6  head          the synced head covers `index`
     7  keys          the synced key state, which the head binds
    11  status proof  the synced status array, whose root the head binds

A pointer without a path proves no place in the log: anyone may write another index into it, whose status is another
one's. It is UNWITNESSED `no_inclusion`. A landmark that the sync does not know is STALE `unknown_landmark`: sync again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.errors import NotVerified
from ledger.examination import Examination, HolderChallenge
from ledger.qr import LandmarkPath, QrPayload, parse_qr
from ledger.sync import SyncedLog
from ledger.transparency.merkle import verify_inclusion
from ledger.verdict import Verdict, utc
from ledger.verifier import Verifier

__all__ = ["FieldVerifier"]


class FieldVerifier:
    """Verifies against a checked sync: its statuses decide where they are newer. Safe to share between threads."""

    def __init__(self, verifier: Verifier, synced: SyncedLog) -> None:
        self.synced: Final = synced
        self._verifier: Final = verifier

    def verify(self, receipt: bytes, *, now: int, max_age: int, holder: HolderChallenge | None = None) -> Verdict:
        """Return the verdict on a receipt; arguments as for `Verifier.verify`."""
        return self._verifier.verify(
            receipt, now=now, max_age=max_age, known_keys=self.synced.key_entries, synced=self.synced, holder=holder
        )

    def verify_qr(
        self,
        text: str,
        *,
        now: int,
        max_age: int,
        path: Sequence[bytes] | None = None,
        holder: HolderChallenge | None = None,
    ) -> Verdict:
        """Return the verdict on the text of a code.

        path: inclusion path of the entry under the synced checkpoint, where the verifier got one for a pointer.
        """
        return _QrExamination(self._verifier, self.synced, text, path, now=now, max_age=max_age, holder=holder).run()


class _QrExamination(Examination):
    """A code: what it leaves out is taken from the sync."""

    payload: QrPayload

    def __init__(
        self,
        verifier: Verifier,
        synced: SyncedLog,
        text: str,
        path: Sequence[bytes] | None,
        *,
        now: int,
        max_age: int,
        holder: HolderChallenge | None,
    ) -> None:
        super().__init__(verifier.anchor, now=now, max_age=max_age, holder=holder)
        self.text, self.synced, self.path = text, synced, path

    def check_parse(self) -> str:  # 1
        self.payload = parse_qr(self.text)
        self.index, self.presentation = self.payload.index, self.payload.presentation
        return f"{len(self.text)} characters"

    def check_log(self) -> str:  # 3
        checkpoint = self.synced.checkpoint
        return f"by the sync: checkpoint of {checkpoint.origin}, size {checkpoint.size}"

    def check_quorum(self) -> str:  # 4
        self.time = self.synced.time
        return f"by the sync: witnessed at {utc(self.time)}; a code has no cosignatures"

    def check_inclusion(self) -> str:  # 5
        under = self._under()
        root = self.synced.roots.get(under.size)
        if root is None:
            raise NotVerified("unknown_landmark", f"the sync has no tree of size {under.size}: sync again")
        verify_inclusion(self.seal.leaf, self.index, under.size, under.path, root)
        return f"entry {self.index}, under the landmark of size {under.size}"

    def _under(self) -> LandmarkPath:
        if self.payload.landmark is not None:
            return self.payload.landmark
        if self.path is None:
            raise NotVerified("no_inclusion", "the code says an index and proves no place: ask for the receipt")
        return LandmarkPath(size=self.synced.checkpoint.size, path=tuple(self.path))

    def check_head(self) -> str:  # 6
        if self.index >= self.synced.size:
            raise NotVerified("bad_head", f"the head covers {self.synced.size} entries and not this one")
        return f"by the sync: covers {self.synced.size} entries"

    def check_keys(self) -> str:  # 7
        self.keys = self.synced.keys
        return "by the sync: key state follows from the pinned genesis"

    def check_status_proof(self) -> str:  # 11
        self.status = self.synced.status_of(self.index)
        return "by the sync: status array of the head's root"
