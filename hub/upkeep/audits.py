"""An audit by anyone with access: every entry of a log mirrored, replayed, and compared with what it publishes.

    checkpoint      signed by a log of the policy, cosigned by a quorum                    anyone may read it
    entries         each one under the key state at its index, heads, statuses, journal    a member's token
    audit.sqlite    the mirror (hub/county/auditing.py): the next audit goes on from there
    fork-evidence.json    beside it, where the checkpoint audited last and the newest prove that the log forked

What an auditor does day and night (hub/county/auditor.py), without its cosignature and without deposits.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.county.mirroring import MirroredLog
from hub.sync.evidence import keep_evidence
from hub.sync.tree import LogTree
from ledger.encoding import JsonValue, b64_encode
from ledger.errors import NotVerified, TongbanError, Unavailable
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.note import MAX_NOTE_BYTES
from ledger.transparency.spans import one_by_one
from ledger.transparency.witness import AddCheckpoint, Latest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hub.logclient import HttpLog
    from ledger.anchor import TrustAnchor
    from ledger.transparency.auditstore import AuditStore
    from ledger.transparency.checkpoint import Checkpoint
    from ledger.transparency.note import Keyring
    from ledger.transparency.spans import InOrder
    from schema.context import Clock

__all__ = ["AuditReport", "audit_log"]

_MANY: Final = 16_384  # entries from which on worker processes save more time than their start costs

Pool = Callable[[], "AbstractContextManager[InOrder]"]
"""Opens what checks the signatures of many entries."""

Progress = Callable[[int, int], None]
"""(entries that hold, of how many)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What holds. replayed: entries that were new to this mirror. time: when the quorum stood, POSIX seconds.

    policy_named: SHA-256 (hex) of the policy file that the members have named, if it is not the caller's.
    """

    checkpoint: Checkpoint
    replayed: int
    journal: int
    time: int
    cosigners: tuple[str, ...]
    policy_named: str | None

    def to_json(self) -> dict[str, JsonValue]:
        """Write the report for machines."""
        return {
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": b64_encode(self.checkpoint.root),
            "replayed": self.replayed,
            "journal": self.journal,
            "time": self.time,
            "cosigners": list(self.cosigners),
            "policy_named": self.policy_named,
        }


def audit_log(
    log: HttpLog,
    store: AuditStore,
    anchor: TrustAnchor,
    folder: Path,
    *,
    clock: Clock,
    pool: Pool = lambda: nullcontext(one_by_one),
    progress: Progress = lambda _done, _of: None,
) -> AuditReport:
    """Mirror and replay a log up to its published checkpoint. pool: opens workers for very many entries.

    folder: where evidence is left. Raises what does not hold: Malformed, NotVerified (no_quorum, bad_consistency: the
    log forked, or has fewer entries than it had), Conflict, Refused, with the first index at fault where one is;
    Unavailable.
    """
    note = log.owed("checkpoint", MAX_NOTE_BYTES, member=False)
    signed, time = anchor.checkpoint(note), anchor.quorum_time(note, clock())
    claimed: Final = signed.checkpoint
    mirror = MirroredLog(store, log, genesis=anchor.genesis, log_key=signed.log, clock=clock)
    first = mirror.size
    offer = mirror.offer(AddCheckpoint.of(0, (), note))
    _check_fork(None if offer is None else offer.fork, folder, anchor.policy.keys)
    if claimed.size < first:
        raise NotVerified("bad_consistency", f"the log publishes {claimed.size} entries, and had {first} before")
    try:
        with pool() if claimed.size - first > _MANY else nullcontext(one_by_one) as in_order:
            _replay(mirror, claimed, in_order, progress)
    except TongbanError as error:
        mirror.doubt(error)
        if error.code == "bad_inclusion":
            _check_fork(_grown_apart(log, store.latest(), note, claimed.size), folder, anchor.policy.keys)
        raise
    store.keep(None, Latest(size=claimed.size, root=claimed.root, time=clock(), note=note))
    cosigners = tuple(sorted(key.name for key in signed.cosignatures))
    return AuditReport(
        checkpoint=claimed,
        replayed=claimed.size - first,
        journal=mirror.replay.journal[0],
        time=time,
        cosigners=cosigners,
        policy_named=anchor.policy_named(mirror.replay.keys),
    )


def _check_fork(evidence: ForkEvidence | None, folder: Path, logs: Keyring) -> None:
    """Write down what proves a fork of one of the logs. Raises NotVerified bad_consistency if it does."""
    if evidence is None:
        return
    try:
        evidence.prove(logs)
    except TongbanError:
        return
    place = keep_evidence(folder, evidence, logs)
    where = f"{folder} takes no evidence" if place is None else f"{place} proves it to anyone"
    raise NotVerified("bad_consistency", f"the log forked: {where}")


def _grown_apart(log: HttpLog, held: Latest | None, note: bytes, size: int) -> ForkEvidence | None:
    """Put the log's own tiles between the checkpoint audited last and a greater one; None: there are none."""
    if held is None:
        return None
    try:
        return ForkEvidence(a=held.note, b=note, path=LogTree(log.tiles(size)).evidence(held.size, size))
    except Unavailable:
        return None


def _replay(mirror: MirroredLog, claimed: Checkpoint, in_order: InOrder, progress: Progress) -> None:
    while mirror.size < claimed.size:
        progress(mirror.size, claimed.size)
        mirror.run_to(claimed, in_order)
    mirror.check_next(claimed)  # nothing is missing: the root alone is compared, also when nothing was
    progress(mirror.size, claimed.size)
