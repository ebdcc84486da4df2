"""Proof files of the small log, and every form that is refused."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed
from ledger.transparency.checkpoint import verify_checkpoint
from ledger.transparency.merkle import verify_inclusion
from ledger.transparency.note import Note, VerifierKey, keyring
from ledger.transparency.proof import MAX_PROOF_BYTES, TlogProof
from tests.trees import VECTORS, small_log

LOG: Final = small_log()
RING: Final = keyring(VerifierKey.parse(key["vkey"]) for key in LOG["keys"])
CHECKPOINT: Final = (VECTORS / "checkpoint-3.note").read_bytes()
HASH: Final = b64encode(bytes(range(32))).decode()
PROOF: Final = f"c2sp.org/tlog-proof@v1\nindex 1\n{HASH}\n{HASH}\n\n".encode() + CHECKPOINT


@pytest.mark.parametrize("case", LOG["inclusion"], ids=str)
def test_a_proof_of_the_small_log_is_written_read_and_leads_to_the_checkpoint(case: dict[str, Any]) -> None:
    note = (VECTORS / f"checkpoint-{case['size']}.note").read_bytes()
    proof = TlogProof(index=case["index"], path=tuple(b64decode(text) for text in case["path"]), checkpoint=note)
    lines = ["c2sp.org/tlog-proof@v1", f"index {case['index']}", *case["path"], "", ""]
    assert proof.format() == "\n".join(lines).encode() + note
    assert TlogProof.parse(proof.format()) == proof
    checkpoint = verify_checkpoint(Note.parse(proof.checkpoint), RING).checkpoint
    leaf = bytes.fromhex(LOG["leaves"][proof.index])
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)


@given(
    index=st.integers(0, MAX_INTEGER),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
)
@settings(max_examples=60)
def test_what_is_written_is_read_again(index: int, path: tuple[bytes, ...]) -> None:
    proof = TlogProof(index=index, path=path, checkpoint=CHECKPOINT)
    assert TlogProof.parse(proof.format()) == proof


@given(position=st.integers(0, len(PROOF) - 1), mask=st.integers(1, 255))
@settings(max_examples=200)
def test_bytes_that_are_read_are_written_the_same(position: int, mask: int) -> None:
    """So a changed byte is refused, or stands in a part of the proof: it never vanishes."""
    data = bytearray(PROOF)
    data[position] ^= mask
    try:
        proof = TlogProof.parse(bytes(data))
    except Malformed:
        return
    assert proof.format() == bytes(data)
    assert proof != TlogProof.parse(PROOF)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_proof_form"),
        (PROOF[1:], "bad_proof_form"),
        (PROOF.replace(b"@v1", b"@v2"), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"extra AA==\nindex 1"), "bad_proof_form"),
        (PROOF.replace(b"index 1\n", b""), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index 01"), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index -1"), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index  1"), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index 1 "), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index \xb2"), "bad_proof_form"),
        (PROOF.replace(b"index 1", b"index %d" % (MAX_INTEGER + 1)), "bad_proof_form"),
        (PROOF.replace(b"index 1\n", b"index 1\n\n"), "bad_checkpoint"),
        (PROOF.replace(b"=\n", b"\n", 1), "bad_proof_form"),
        (PROOF.replace(b"AAEC", b"AA\xc3C"), "bad_proof_form"),
        (PROOF.replace(b"AAEC", b" AEC"), "bad_proof_form"),
        (PROOF.replace(b"Hh8=", b"Hh9=", 1), "bad_proof_form"),
        (PROOF.replace(b"Hh8=", b"", 1), "bad_proof_form"),
        (PROOF.replace(b"index 1\n", b"index 1\n" + HASH.encode() + b"\r\n"), "bad_proof_form"),
        (PROOF.replace(b"index 1\n", b"index 1\n" + (HASH.encode() + b"\n") * 62), "bad_proof_form"),
        (PROOF + b"\n", "bad_note"),
        (PROOF + b"trailing", "bad_note"),
        (PROOF[:-1], "bad_note"),
        (PROOF.replace(b"\n3\n", b"\n3\nextension\n"), "bad_checkpoint"),
        (b"x" * (MAX_PROOF_BYTES + 1), "too_large"),
    ],
)
def test_a_proof_that_is_refused(data: bytes, code: str) -> None:
    """An `extra` line, hashes that are none, more than 63 of them, and whatever follows the note."""
    with pytest.raises(Malformed) as refused:
        TlogProof.parse(data)
    assert refused.value.code == code
