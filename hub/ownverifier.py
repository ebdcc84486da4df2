"""Verification at the hub: receipts and QR codes against the hub's own newest published state.

What a verifier in the field has in its sync folder the hub has at hand, and checks in the same way (`ledger.sync`): its
own checkpoint must have a quorum under its own policy. So a receipt of this morning whose license was revoked at noon
is REVOKED here, whatever age the caller takes. Where nothing is published, a receipt is judged by what it brings.

A code leaves out what a receipt has. Every tree that the hub published is a landmark to it, and for a pointer it reads
the inclusion path out of its tiles.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ledger.errors import Malformed, TongbanError, Unavailable
from ledger.qr import QR_PREFIX, QrPayload, parse_qr
from ledger.qr_verifier import FieldVerifier
from ledger.sync import SyncedLog, check_sync

if TYPE_CHECKING:
    from hub.log.shownlog import ShownLog
    from ledger.transparency.snapshot import Snapshot
    from ledger.verdict import Verdict
    from ledger.verifier import Verifier
    from schema.context import Clock

__all__ = ["OwnVerifier"]

_PREFIX: Final = QR_PREFIX.encode("ascii")


class OwnVerifier:
    """Verifies what clients send; called in worker threads."""

    def __init__(self, verifier: Verifier, shown: ShownLog, clock: Clock) -> None:
        self._verifier: Final = verifier
        self._log: Final = shown
        self._clock: Final = clock
        self._synced: tuple[Snapshot, SyncedLog] | None = None
        self._lock: Final = threading.Lock()

    def verify(self, data: bytes, max_age: int) -> Verdict:
        """Return the verdict on a receipt, or on the text of a QR code. Raises Unavailable no_log for a code."""
        now = self._clock()
        if data.startswith(_PREFIX):
            return self._code(data.decode("utf-8", "replace"), now, max_age)
        try:
            synced = self._published(now)
        except TongbanError:  # nothing of the hub's own holds under its policy: the receipt may still
            return self._verifier.verify(data, now=now, max_age=max_age)
        return FieldVerifier(self._verifier, synced).verify(data, now=now, max_age=max_age)

    def _code(self, text: str, now: int, max_age: int) -> Verdict:
        synced, path = self._published(now), None
        try:
            payload = parse_qr(text)
        except Malformed:
            pass  # the verdict says so
        else:
            synced, path = self._known(synced, payload), self._path(synced, payload)
        return FieldVerifier(self._verifier, synced).verify_qr(text, now=now, max_age=max_age, path=path)

    def _published(self, now: int) -> SyncedLog:
        shown = self._log.snapshot
        if shown is None:
            raise Unavailable("no_log", "nothing is published yet")
        with self._lock:  # once a checkpoint, however many ask at that moment
            if self._synced is None or self._synced[0] != shown:
                self._synced = shown, self._checked(shown, now)
            return self._synced[1]

    def _checked(self, shown: Snapshot, now: int) -> SyncedLog:
        reads = self._log.reads
        head, statuses = reads.head(shown.size), reads.statuses(shown.size).to_bytes()
        keys = reads.governance(1, shown.size)
        anchor, note = self._verifier.anchor, shown.quorum_note
        return check_sync(anchor, note, head.jws, head.path, statuses, keys=keys, now=now)

    def _known(self, synced: SyncedLog, payload: QrPayload) -> SyncedLog:
        if payload.landmark is None or not 0 < payload.landmark.size <= synced.checkpoint.size:
            return synced
        size = payload.landmark.size
        return synced.with_roots({size: self._log.reads.root(size)})

    def _path(self, synced: SyncedLog, payload: QrPayload) -> Sequence[bytes]:
        size = synced.checkpoint.size
        return self._log.reads.inclusion(payload.index, size) if payload.index < size else ()
