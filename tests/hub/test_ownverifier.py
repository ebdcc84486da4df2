"""The hub verifies receipts and QR codes against its own newest checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from hub.ownverifier import OwnVerifier
from ledger.attestation import present
from ledger.errors import NotVerified, Unavailable
from ledger.qr import LandmarkPath, QrPayload, format_qr
from ledger.status import Status
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import LogReads, Snapshot
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from tests.sequenced import SequencedLog, seals, status_entry
from tests.small_log import GENESIS, POLICY, T0, issue_at
from tests.stores import MemoryStore

SHOWN = present(issue_at(T0 + 61), ("certificateTypeName",))
INDEX = 3  # of that seal


@dataclass
class Registry:
    """A registry's newest snapshot over a log in memory."""

    log: SequencedLog
    snapshot: Snapshot | None = None

    @property
    def file(self) -> Registry:
        return self

    @property
    def reads(self) -> LogReads:
        return self.log.reads

    def publish(self, *, time: int | None = None) -> None:
        when = time or self.log.now
        note, size = self.log.publish(time=when), self.log.sequencer.size
        root = self.log.reads.root(size)
        self.snapshot = Snapshot(size=size, root=root, note=note, quorum_note=note, time=when, cosigners=())


@pytest.fixture
def registry() -> Registry:
    registry = Registry(SequencedLog(MemoryStore()))
    registry.log.sequence(seals(3))
    registry.publish()
    return registry


def verifier(registry: Registry, *, now: int = T0 + 3610) -> OwnVerifier:
    own: Any = registry
    return OwnVerifier(Verifier(Policy.parse(POLICY), GENESIS), own, lambda: now)


def code(size: int | None, path: list[bytes], index: int = INDEX) -> bytes:
    landmark = None if size is None else LandmarkPath(size=size, path=tuple(path))
    return format_qr(QrPayload(presentation=SHOWN, index=index, landmark=landmark)).encode()


def test_a_code_under_any_published_tree_is_judged_by_the_newest_status(registry: Registry) -> None:
    assert registry.snapshot is not None
    size = registry.snapshot.size
    text = code(size, registry.reads.inclusion(INDEX, size))
    own = verifier(registry)
    assert own.verify(text, 60).outcome is Outcome.VALID
    registry.log.sequence([status_entry(registry.log, INDEX, Status.REVOKED, reason="04")])
    assert own.verify(text, 60).outcome is Outcome.VALID  # not yet published
    registry.publish()
    assert own.verify(text, 60).outcome is Outcome.REVOKED


def test_a_pointer_is_completed_from_the_hubs_own_tiles(registry: Registry) -> None:
    own = verifier(registry)
    verdict = own.verify(code(None, []), 60)
    assert (verdict.outcome, verdict.index) == (Outcome.VALID, INDEX)
    for index in (2, 99, 2**53 - 1):
        other = own.verify(code(None, [], index), 60)
        assert (other.outcome, other.code) == (Outcome.FORGED, "bad_inclusion")


def test_a_heartbeat_renews_the_age(registry: Registry) -> None:
    own, text = verifier(registry, now=T0 + 3700), code(None, [])
    assert own.verify(text, 60).outcome is Outcome.STALE
    registry.publish(time=T0 + 3690)
    assert own.verify(text, 60).outcome is Outcome.VALID


def test_a_tree_that_was_never_published_is_not_known(registry: Registry) -> None:
    verdict = verifier(registry).verify(code(10_000, []), 60)
    assert (verdict.outcome, verdict.code) == (Outcome.STALE, "unknown_landmark")
    assert verifier(registry).verify(code(0, []), 60).code == "unknown_landmark"


def test_bad_input_is_a_verdict(registry: Registry) -> None:
    for data in (b"LIC1:", b"LIC1:\xff", b"LIC2:", b"", b"{}"):
        assert verifier(registry).verify(data, 60).outcome is Outcome.FORGED


def receipt_of(registry: Registry) -> bytes:
    assert registry.snapshot is not None
    return registry.reads.receipt(INDEX, size=registry.snapshot.size, note=registry.snapshot.quorum_note)


def test_an_older_receipt_is_judged_by_the_newest_status(registry: Registry) -> None:
    """Whatever age the caller takes: the hub knows better than the receipt."""
    receipt, own = receipt_of(registry), verifier(registry)
    registry.log.sequence([status_entry(registry.log, INDEX, Status.REVOKED, reason="04")])
    assert own.verify(receipt, 86_400).outcome is Outcome.VALID  # not yet published
    registry.publish()
    assert own.verify(receipt, 86_400).outcome is Outcome.REVOKED


def test_a_receipt_that_is_newer_than_the_hub_keeps_its_own_status(registry: Registry) -> None:
    behind = replace(registry)
    registry.log.sequence([status_entry(registry.log, INDEX, Status.SUSPENDED, reason="02")])
    registry.publish()
    assert verifier(behind).verify(receipt_of(registry), 60).outcome is Outcome.SUSPENDED


def test_a_hub_without_a_quorum_of_its_own_judges_a_receipt_by_itself(registry: Registry) -> None:
    assert registry.snapshot is not None
    receipt, bare = receipt_of(registry), registry.snapshot.note.partition(b"\n\n")[0] + b"\n\n"
    bare += registry.snapshot.note.partition(b"\n\n")[2].splitlines(keepends=True)[0]
    unwitnessed = replace(registry, snapshot=replace(registry.snapshot, quorum_note=bare))
    assert verifier(unwitnessed).verify(receipt, 60).outcome is Outcome.VALID
    with pytest.raises(NotVerified, match="no_quorum"):
        verifier(unwitnessed).verify(code(None, []), 60)


def test_a_receipt_needs_nothing_of_the_hub(registry: Registry) -> None:
    receipt = receipt_of(registry)
    assert verifier(replace(registry, snapshot=None)).verify(receipt, 60).outcome is Outcome.VALID
    with pytest.raises(Unavailable, match=r"^no_log: "):
        verifier(replace(registry, snapshot=None)).verify(b"LIC1:", 60)
