"""What readers get at a published size: proofs that hold, and the same receipt for the same entry."""

from __future__ import annotations

import pytest

from ledger.encoding import b64_decode
from ledger.errors import Conflict
from ledger.receipt import parse_receipt
from ledger.status import Status
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.proof import TlogProof
from ledger.transparency.tiles import TilePath, decode_bundle, tile_paths
from ledger.verdict import Outcome
from ledger.verifier import verify
from tests.sequenced import SequencedLog, seals, status_entry
from tests.small_log import GENESIS, POLICY
from tests.stores import MemoryStore

TRUST = Policy.parse(POLICY)


@pytest.fixture
def log() -> SequencedLog:
    return SequencedLog(MemoryStore())


def checkpoint(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)


def outcome(log: SequencedLog, receipt: bytes) -> Outcome:
    return verify(receipt, policy=TRUST, genesis=GENESIS, now=log.now + 30, max_age=60).outcome


def test_the_first_receipt_stays_the_same(log: SequencedLog) -> None:
    """After more entries, a later status, later publications, a restart: byte for byte, as of its own size."""
    log.sequence(seals(3))
    log.publish()
    first = log.reads.evidence(3)
    assert first[1] is None
    assert outcome(log, first[0] or b"") is Outcome.VALID
    log.sequence([status_entry(log, 3, Status.SUSPENDED, reason="02"), *seals(300, start=5)])
    log.publish()
    log.sequence([status_entry(log, 3, Status.REVOKED, reason="04", iat=log.now - 10)])
    log.publish()
    again = SequencedLog(log.store, create=False)
    assert log.reads.evidence(3) == first
    assert again.reads.evidence(3) == first


def test_a_fresh_receipt_says_what_holds_now(log: SequencedLog) -> None:
    log.sequence(seals(3))
    log.publish()
    log.sequence([status_entry(log, 3, Status.REVOKED, reason="04")])
    note = log.publish()
    size = log.sequencer.size
    assert outcome(log, log.reads.receipt(3, size=size, note=note)) is Outcome.REVOKED
    assert outcome(log, log.reads.receipt(4, size=size, note=note)) is Outcome.VALID


def test_an_entry_that_is_no_seal_gets_a_proof(log: SequencedLog) -> None:
    log.sequence(seals(1))
    log.sequence([status_entry(log, 2, Status.REVOKED, reason="04")])
    log.publish()
    receipt, text = log.reads.evidence(4)
    assert receipt is None
    proof = TlogProof.parse(text or b"")
    tree = checkpoint(proof.checkpoint)
    verify_inclusion(leaf_hash(log.sequencer.entry(4)), 4, tree.size, proof.path, tree.root)


def test_without_a_publication_there_is_no_evidence(log: SequencedLog) -> None:
    log.sequence(seals(1))
    with pytest.raises(Conflict, match="wrong_target"):
        log.reads.evidence(2)
    log.publish()
    log.sequence(seals(1, start=9))
    with pytest.raises(Conflict, match="wrong_target"):
        log.reads.evidence(4)


@pytest.mark.parametrize("index", [-1, 0, 1, 3, 4, 99])
def test_only_published_seals_have_receipts(log: SequencedLog, index: int) -> None:
    log.sequence(seals(1))
    note = log.publish()
    with pytest.raises(Conflict, match="wrong_target"):
        log.reads.receipt(index, size=4, note=note)


def test_tiles_are_cut_to_the_size_that_asks(log: SequencedLog) -> None:
    """Stored tiles are wider; what comes out is what stood there at each size."""
    sizes = [log.sequence(seals(count, start=start)).pending for start, count in ((0, 100), (100, 400), (500, 30))]
    leaves = [leaf_hash(log.sequencer.entry(index)) for index in range(log.sequencer.size)]
    for pending in sizes:
        for path in tile_paths(pending.size):
            tile = log.reads.tile(path)
            assert len(tile) == 32 * path.width
            if path.level == 0:
                start = path.number * 256
                assert tile == b"".join(leaves[start : start + path.width])
        assert log.reads.root(pending.size) == pending.checkpoint.root


def test_bundles_hold_the_entries(log: SequencedLog) -> None:
    log.sequence(seals(300))
    path = TilePath.parse("tile/entries/001.p/40")
    expected = [log.sequencer.entry(index) for index in range(256, 296)]
    assert decode_bundle(log.reads.tile(path)) == expected


def test_growth_is_proved_between_all_published_sizes(log: SequencedLog) -> None:
    trees = [log.sequencer.current().checkpoint]
    trees += [log.sequence(seals(7, start=10 * number)).pending.checkpoint for number in range(12)]
    for old in trees:
        for new in trees:
            if old.size <= new.size:
                path = log.reads.consistency(old.size, new.size)
                verify_consistency(old.size, new.size, old.root, new.root, path)


def test_a_head_is_the_last_leaf_of_its_size(log: SequencedLog) -> None:
    tree = log.sequence(seals(5)).pending.checkpoint
    log.sequence(seals(5, start=9))
    head = log.reads.head(tree.size)
    verify_inclusion(leaf_hash(head.jws), tree.size - 1, tree.size, head.path, tree.root)


def test_recent_sizes_are_told_from_old_and_unknown_ones(log: SequencedLog) -> None:
    for number in range(4):
        log.sequence(seals(1, start=number))
        log.publish()
    assert [log.reads.is_recent(size, 2) for size in (4, 6, 8, 10)] == [False, False, True, True]
    assert [log.reads.is_recent(size, 2) for size in (2, 5, 11)] == [None, None, None]


def test_cosignatures_and_landmarks_are_read_back(log: SequencedLog) -> None:
    note = log.publish(counties=("370214",))
    log.publish(counties=("320583",))
    (line,) = Note.parse(note).signatures[1:]
    stored = log.reads.cosignatures(2)
    assert [each.name for each in stored] == ["320583.example/auditor", "370214.example/auditor"]
    assert stored[1].line == line.line()
    (mark,) = log.reads.landmarks()
    assert (mark.day, mark.size, mark.root) == ("2026-06-01", 2, checkpoint(note).root)


def test_a_receipt_carries_the_member_entries_that_came_since(log: SequencedLog) -> None:
    log.sequence(seals(1))
    note = log.publish()
    receipt = parse_receipt(log.reads.receipt(2, size=4, note=note))
    assert receipt.keys == ()
    assert log.reads.governance(0, 4) == [(0, GENESIS)]
    assert log.reads.governance(0, 0) == []
    assert b64_decode(note.split(b"\n")[2].decode()) == log.reads.root(4)
