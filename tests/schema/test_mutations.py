"""Submission of entries: one result each, in order, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.encoding import b64u_encode
from ledger.errors import Unavailable
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.proof import TlogProof
from tests.answers import ask, data_of
from tests.ports import FakeRegistry, request_context

MUTATION = """mutation($entries: [String!]!, $wait: Boolean! = false) { submitEntries(entries: $entries, wait: $wait) {
  ... on Problem { code kind }
  ... on Submitted { index leaf state receipt { logIndex text } proof { index path checkpoint text } } } }"""


async def _submit(registry: FakeRegistry, entries: list[str], **variables: Any) -> Any:
    result = await ask(MUTATION, request_context(registry=registry), entries=entries, **variables)
    return data_of(result)["submitEntries"]


def taken(index: int, entry: bytes, **members: Any) -> dict[str, Any]:
    """What a taken entry looks like."""
    known = {
        "index": index,
        "leaf": b64u_encode(leaf_hash(entry)),
        "state": "SEQUENCED",
        "receipt": None,
        "proof": None,
    }
    return known | members


async def test_entries_get_their_indexes_in_order_and_the_same_one_again() -> None:
    registry = FakeRegistry()
    assert await _submit(registry, ["a", "b", "a"]) == [taken(0, b"a"), taken(1, b"b"), taken(0, b"a")]
    assert await _submit(registry, ["b"]) == [taken(1, b"b")]
    assert registry.entries == [b"a", b"b"]


async def test_a_refused_entry_is_a_problem_beside_the_others() -> None:
    registry = FakeRegistry(refuse={b"bad": "bad_signature"})
    assert await _submit(registry, ["bad", "good"]) == [
        {"code": "bad_signature", "kind": "NOT_VERIFIED"},
        taken(0, b"good"),
    ]


async def test_text_that_has_no_bytes_is_a_problem_and_the_others_keep_their_place() -> None:
    registry = FakeRegistry()
    assert await _submit(registry, ["a", "\ud800", "b"]) == [
        taken(0, b"a"),
        {"code": "bad_encoding", "kind": "MALFORMED"},
        taken(1, b"b"),
    ]
    assert registry.entries == [b"a", b"b"]
    assert await _submit(registry, ["\ud800"]) == [{"code": "bad_encoding", "kind": "MALFORMED"}]


async def test_with_wait_a_seal_has_its_receipt_and_another_entry_its_proof() -> None:
    note = b"hub.example/ledger\n1\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 hub.example/ledger " + b"A" * 92 + b"\n"
    proof = TlogProof(index=1, path=(bytes(32),), checkpoint=note)
    registry = FakeRegistry(receipts={0: b'{"v":1}'}, proofs={1: proof.format().decode()})
    assert await _submit(registry, ["seal", "status"], wait=True) == [
        taken(0, b"seal", state="WITNESSED", receipt={"logIndex": 0, "text": '{"v":1}'}),
        taken(
            1,
            b"status",
            state="WITNESSED",
            proof={
                "index": 1,
                "path": [b64u_encode(bytes(32))],
                "checkpoint": note.decode(),
                "text": proof.format().decode(),
            },
        ),
    ]


async def test_a_full_queue_is_a_problem_of_every_entry() -> None:
    registry = FakeRegistry(down=Unavailable("pushback", "the queue is full"))
    assert await _submit(registry, ["a", "b"]) == [{"code": "pushback", "kind": "UNAVAILABLE"}] * 2


@pytest.mark.parametrize("count", [0, 1001])
async def test_another_number_of_entries_than_1_to_1000_is_over_the_limit(count: int) -> None:
    registry = FakeRegistry()
    result = await ask(MUTATION, request_context(registry=registry), entries=["a"] * count)
    assert result.data is None
    assert [error.original_error.code for error in result.errors] == ["limit_exceeded"]
    assert registry.entries == []
