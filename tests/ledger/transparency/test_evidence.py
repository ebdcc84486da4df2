"""Fork evidence: what proves a fork, what is kept for inquiry, and what is no evidence at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from ledger.encoding import canonical_json
from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import MAX_EVIDENCE_BYTES, SAME_SIZE, UNPROVEN, ForkEvidence, Offer, find_forks
from ledger.transparency.merkle import consistency_path, past_root
from ledger.transparency.note import MAX_NOTE_BYTES, NOTE_ED25519, NoteSignature, VerifierKey, keyring
from ledger.transparency.witness import AddCheckpoint
from tests.trees import RecursiveTree, made_leaves, vector_signer

ORIGIN: Final = "hub.example/ledger"
LOGS: Final = keyring([VerifierKey.of(ORIGIN, NOTE_ED25519, vector_signer("log"))])
TREE: Final = RecursiveTree(made_leaves(8))
OTHER: Final = RecursiveTree(made_leaves(8)[::-1])
PATH: Final = tuple(consistency_path(3, 5, TREE.node))


def signed(size: int, tree: RecursiveTree = TREE, *, by: str = "log") -> bytes:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=tree.root(0, size))
    return sign_checkpoint(checkpoint, ORIGIN, vector_signer(by))


FORK: Final = ForkEvidence(a=signed(5), b=signed(5, OTHER))


def test_two_roots_of_one_size_prove_a_fork() -> None:
    assert FORK.check(LOGS) == SAME_SIZE
    a, b = (note.decode() for note in (FORK.a, FORK.b))
    assert json.loads(FORK.format()) == {"v": 1, "kind": "same_size", "a": a, "b": b, "proof": []}
    assert ForkEvidence.parse(FORK.format()) == FORK


def test_growth_that_was_not_proven_is_kept_for_inquiry() -> None:
    evidence = ForkEvidence(a=signed(3), b=signed(5, OTHER), path=PATH)
    assert evidence.check(LOGS) == UNPROVEN
    assert ForkEvidence.parse(evidence.format()) == evidence


def test_a_proof_that_leads_to_the_newer_root_proves_that_the_log_forked() -> None:
    """The other tree's own path from 3 to 5 shows which root it had at 3: another one than the log signed."""
    own = tuple(consistency_path(3, 5, OTHER.node))
    evidence = ForkEvidence(a=signed(3), b=signed(5, OTHER), path=own)
    assert evidence.check(LOGS) == UNPROVEN
    assert evidence.prove(LOGS) == f"the tree of 5 entries that one key signed for {ORIGIN} is not that of 3, grown"
    assert FORK.prove(LOGS) == f"one key signed two roots for 5 entries of {ORIGIN}"


@pytest.mark.parametrize("old", range(1, 8))
def test_from_any_size_to_any_size_a_fork_can_be_proven(old: int) -> None:
    """Where the old size is a power of two, the path has the other tree's old root in front."""
    for size in range(old + 1, 9):
        front = (OTHER.root(0, old),) if old & (old - 1) == 0 else ()
        path = (*front, *consistency_path(old, size, OTHER.node))
        evidence = ForkEvidence(a=signed(old), b=signed(size, OTHER), path=path)
        assert evidence.prove(LOGS)
        assert ForkEvidence.parse(evidence.format()) == evidence


@pytest.mark.parametrize(("old", "size"), [(0, 5), (5, 5), (6, 5)])
def test_a_past_is_asked_for_of_a_tree_that_has_grown(old: int, size: int) -> None:
    with pytest.raises(NotVerified, match="has not grown from one of"):
        past_root(old, size, TREE.root(0, size), ())


@pytest.mark.parametrize("old", range(1, 8))
def test_no_path_makes_honest_growth_a_fork(old: int) -> None:
    """Neither the right one, nor one with the old root in front, nor any changed, shorter or longer one."""
    for size in range(old + 1, 9):
        right = tuple(consistency_path(old, size, TREE.node))
        front = (TREE.root(0, old), *right)
        changed = [(*right[:at], bytes(32), *right[at + 1 :]) for at in range(len(right))]
        for path in (
            (),
            right,
            front,
            right[1:],
            (*right, bytes(32)),
            tuple(consistency_path(old, size, OTHER.node)),
            *changed,
        ):
            with pytest.raises(NotVerified, match="bad_consistency"):
                ForkEvidence(a=signed(old), b=signed(size), path=path).prove(LOGS)


def test_refused_requests_that_prove_nothing_are_passed_over() -> None:
    """Honest growth offered at the wrong moment, another log's, and a proof that leads nowhere."""
    offers = [
        Offer(request=AddCheckpoint.of(3, PATH, signed(5)), held=signed(6)),
        Offer(request=AddCheckpoint.of(3, PATH, signed(5, OTHER, by="stranger")), held=signed(3)),
        Offer(request=AddCheckpoint.of(3, PATH, signed(7, OTHER)), held=None),
    ]
    assert find_forks(offers, [signed(6)], LOGS) == []
    forked = Offer(
        request=AddCheckpoint.of(3, tuple(consistency_path(3, 5, OTHER.node)), signed(5, OTHER)), held=signed(3)
    )
    (found,) = find_forks([*offers[1:], forked], [signed(6)], LOGS)
    assert (found.a, found.b) == (signed(3), signed(5, OTHER))


def under_junk(note: bytes) -> bytes:
    """Fill a note up with a line that anyone can write; its key name is twice as long in JSON."""
    line = NoteSignature(name='"' * (MAX_NOTE_BYTES - 600), key_id=b"junk", blob=bytes(64)).line()
    return note + line


JUNK: Final = ForkEvidence(a=under_junk(signed(5)), b=under_junk(signed(5, OTHER)))


def test_evidence_is_cut_to_the_lines_of_the_log() -> None:
    """With what others put under two notes it would be more than is read."""
    assert JUNK.prove(LOGS)
    assert len(JUNK.format()) > MAX_EVIDENCE_BYTES
    assert JUNK.cut(LOGS) == FORK
    assert FORK.cut(LOGS) == FORK
    with pytest.raises(NotVerified, match="bad_signature"):
        ForkEvidence(a=signed(5), b=signed(5, OTHER, by="stranger")).cut(LOGS)


def test_what_is_found_among_refused_requests_is_cut() -> None:
    path = tuple(consistency_path(3, 5, OTHER.node))
    b = under_junk(signed(5, OTHER))
    offers = [Offer(request=AddCheckpoint.of(3, path, b), held=under_junk(signed(3)))]
    assert find_forks(offers, [under_junk(signed(5))], LOGS) == [FORK]
    assert find_forks(offers, [], LOGS) == [ForkEvidence(a=signed(3), b=signed(5, OTHER), path=path)]


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (ForkEvidence(a=signed(5), b=signed(5)), "bad_consistency"),
        (ForkEvidence(a=signed(3), b=signed(5), path=PATH), "bad_consistency"),
        (ForkEvidence(a=signed(5), b=signed(3, OTHER), path=PATH), "bad_consistency"),
        (ForkEvidence(a=signed(5), b=signed(5, OTHER, by="stranger")), "bad_signature"),
    ],
)
def test_what_is_no_evidence(evidence: ForkEvidence, code: str) -> None:
    """The same tree, growth that was proven, the wrong order, and a second key that the log never had."""
    with pytest.raises(NotVerified) as refused:
        evidence.check(LOGS)
    assert refused.value.code == code


def test_two_keys_under_one_origin_do_not_accuse_each_other() -> None:
    second = VerifierKey.of(ORIGIN, NOTE_ED25519, vector_signer("stranger"))
    evidence = ForkEvidence(a=signed(5), b=signed(5, OTHER, by="stranger"))
    with pytest.raises(NotVerified, match="not signed by one log key"):
        evidence.check(keyring([*LOGS.values(), second]))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda value: value | {"v": 2}, "bad_file"),
        (lambda value: value | {"v": True}, "bad_file"),
        (lambda value: value | {"kind": "unproven"}, "bad_file"),
        (lambda value: value | {"a": 1}, "bad_file"),
        (lambda value: value | {"proof": {}}, "bad_file"),
        (lambda value: value | {"proof": [1]}, "bad_proof_form"),
        (lambda value: value | {"proof": ["AAAA"]}, "bad_proof_form"),
        (lambda value: value | {"a": "no note"}, "bad_note"),
        (lambda value: value | {"more": 1}, "unknown_member"),
        (lambda value: dict(reversed(value.items())), "unknown_member"),
        (list, "unknown_member"),
    ],
)
def test_a_file_that_is_refused(change: Callable[[dict[str, Any]], object], code: str) -> None:
    with pytest.raises(Malformed) as refused:
        ForkEvidence.parse(canonical_json(change(json.loads(FORK.format()))))
    assert refused.value.code == code


def test_a_file_that_is_not_canonical_or_too_large_is_refused() -> None:
    with pytest.raises(Malformed, match="bad_file"):
        ForkEvidence.parse(FORK.format() + b"\n")
    with pytest.raises(Malformed, match="too_large"):
        ForkEvidence.parse(b" " * (MAX_EVIDENCE_BYTES + 1))
