"""Checkpoints and cosignatures: the small log byte for byte, then what must not verify."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import (
    Checkpoint,
    cosign,
    cut_to_log,
    sign_checkpoint,
    verify_checkpoint,
    verify_cosignature,
    with_cosignatures,
)
from ledger.transparency.merkle import EMPTY_ROOT
from ledger.transparency.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    NOTE_ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    keyring,
    sign_note,
)
from tests.trees import VECTORS, small_log, vector_signer

LOG: Final = small_log()
T0: Final = LOG["t0"]
ORIGIN: Final = LOG["origin"]
KEYS: Final = {key["label"]: VerifierKey.parse(key["vkey"]) for key in LOG["keys"]}
RING: Final = keyring(KEYS.values())
NOTES: Final = {size: (VECTORS / f"checkpoint-{size}.note").read_bytes() for size in (3, 5)}
ROOT: Final = bytes.fromhex(LOG["roots"][2])
TEXT: Final = f"{ORIGIN}\n3\nxuez9zi14s2qcuOkX4rnobKvrsZQ7+7pRdPGR4qTmog=\n".encode()


@pytest.mark.parametrize("size", [3, 5])
def test_a_checkpoint_of_the_small_log_verifies_with_both_cosignatures(size: int) -> None:
    signed = verify_checkpoint(Note.parse(NOTES[size]), RING)
    assert signed.checkpoint == Checkpoint(origin=ORIGIN, size=size, root=bytes.fromhex(LOG["roots"][size - 1]))
    assert signed.log == KEYS["log"]
    times = {key.name: time - T0 for key, time in signed.cosignatures.items()}
    assert times == LOG["cosigned"][str(size)]


@pytest.mark.parametrize("size", [3, 5])
def test_a_checkpoint_of_the_small_log_is_made_again_byte_for_byte(size: int) -> None:
    """Ed25519 is deterministic: same seeds, same times, same note."""
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=bytes.fromhex(LOG["roots"][size - 1]))
    note = Note.parse(sign_checkpoint(checkpoint, ORIGIN, vector_signer("log")))
    cosignatures = [
        cosign(note.text, name, vector_signer(f"auditor {name[:6]}"), T0 + after)
        for name, after in LOG["cosigned"][str(size)].items()
    ]
    assert with_cosignatures(note, cosignatures).format() == NOTES[size]


def test_the_message_under_a_cosignature() -> None:
    line = Note.parse(NOTES[3]).signatures[2]
    key = KEYS["auditor 370214"]
    message = b"cosignature/v1\ntime 1780300921\n" + TEXT
    key.verify(message, line.blob[8:])
    assert verify_cosignature(TEXT, line, key) == 1780300921


@pytest.mark.parametrize(
    "text",
    [
        b"",
        TEXT[:-1],
        TEXT + b"\n",
        TEXT + b"extension line\n",
        TEXT.replace(b"hub.example/ledger", b""),
        TEXT.replace(b"\n3\n", b"\n03\n"),
        TEXT.replace(b"\n3\n", b"\n+3\n"),
        TEXT.replace(b"\n3\n", b"\n-3\n"),
        TEXT.replace(b"\n3\n", b"\n 3\n"),
        TEXT.replace(b"\n3\n", b"\n\n"),
        TEXT.replace(b"\n3\n", b"\n3.0\n"),
        TEXT.replace(b"\n3\n", "\n\u0663\n".encode()),
        TEXT.replace(b"\n3\n", b"\n%d\n" % (MAX_INTEGER + 1)),
        TEXT.replace(b"=\n", b"\n"),
        TEXT.replace(b"mog=\n", b"moh=\n"),
        TEXT.replace(b"mog=\n", b"\n"),
        TEXT.replace(b"hub", b"h\xffb"),
        TEXT.replace(b"hub", b"hub" * 2000),
    ],
)
def test_a_text_that_is_no_checkpoint(text: bytes) -> None:
    """Extension lines too: they are C2SP, but nobody would audit them."""
    with pytest.raises(Malformed) as refused:
        Checkpoint.parse(text)
    assert refused.value.code == "bad_checkpoint"


@given(
    origin=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=80),
    size=st.integers(0, MAX_INTEGER),
    root=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=80)
def test_what_is_written_is_read_again(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@given(position=st.integers(0, len(NOTES[3]) - 1), mask=st.integers(1, 255))
@settings(max_examples=200)
def test_no_changed_byte_leaves_all_three_signatures_standing(position: int, mask: int) -> None:
    """A changed name or ID makes a line foreign, so it is passed over; nothing that still counts has changed."""
    data = bytearray(NOTES[3])
    data[position] ^= mask
    try:
        signed = verify_checkpoint(Note.parse(bytes(data)), RING)
    except (Malformed, NotVerified):
        return
    assert signed.checkpoint == Checkpoint(origin=ORIGIN, size=3, root=ROOT)
    assert len(signed.cosignatures) < 2


def test_a_wrong_cosignature_spoils_the_whole_checkpoint() -> None:
    note = Note.parse(NOTES[3])
    good = note.signatures[1]
    bad = NoteSignature(name=good.name, key_id=good.key_id, blob=good.blob[:-1] + bytes([good.blob[-1] ^ 1]))
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_checkpoint(Note(text=note.text, signatures=(note.signatures[0], bad, note.signatures[2])), RING)


def test_a_cosignature_of_another_checkpoint_does_not_verify() -> None:
    three, five = Note.parse(NOTES[3]), Note.parse(NOTES[5])
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_checkpoint(Note(text=five.text, signatures=(five.signatures[0], three.signatures[1])), RING)


def test_a_second_line_of_one_cosigner_is_passed_over() -> None:
    note = Note.parse(NOTES[3])
    later = cosign(note.text, "370214.example/auditor", vector_signer("auditor 370214"), T0 + 999)
    signed = verify_checkpoint(Note(text=note.text, signatures=(*note.signatures, later)), RING)
    assert signed.cosignatures[KEYS["auditor 370214"]] == T0 + 121


def test_the_signature_of_the_log_that_the_origin_names_is_needed() -> None:
    """Cosigners alone do not make a checkpoint, nor does another log that is trusted for its own origin."""
    note = Note.parse(NOTES[3])
    with pytest.raises(NotVerified, match="no signature of a known log"):
        verify_checkpoint(Note(text=note.text, signatures=note.signatures[1:]), RING)
    other = VerifierKey.of("other.example/log", NOTE_ED25519, vector_signer("other"))
    blob = vector_signer("other").sign(note.text)
    line = NoteSignature(name=other.name, key_id=other.id, blob=blob)
    with pytest.raises(NotVerified, match="no signature of a known log"):
        verify_checkpoint(Note(text=note.text, signatures=(line,)), keyring([*KEYS.values(), other]))


def test_a_note_is_cut_to_the_line_that_counts_as_its_logs() -> None:
    """Not one of another log, not a cosignature under the log's name, not a second line of the same key."""
    signer, own = vector_signer("log"), Note.parse(NOTES[3]).signatures[0]
    other = VerifierKey.of("other.example/log", NOTE_ED25519, signer)
    cosigner = VerifierKey.of(ORIGIN, COSIGNATURE_ED25519, signer)
    lines = (
        NoteSignature(name=ORIGIN, key_id=b"junk", blob=bytes(64)),
        sign_note(TEXT, other.name, signer).signatures[0],
        cosign(TEXT, ORIGIN, signer, T0),
        own,
        replace(own, blob=bytes(1000)),
    )
    note, keys = Note(text=TEXT, signatures=lines), keyring([KEYS["log"], other, cosigner])
    assert verify_checkpoint(note, keys).log == KEYS["log"]
    assert cut_to_log(note, keys) == Note(text=TEXT, signatures=(own,))
    with pytest.raises(NotVerified, match="bad_signature"):
        cut_to_log(note, keyring([other, cosigner]))


def test_a_known_ml_dsa_line_is_passed_over() -> None:
    key = VerifierKey(name="pq.example", kind=COSIGNATURE_ML_DSA_44, public_key=bytes(1312))
    note = Note.parse(NOTES[3])
    line = NoteSignature(name=key.name, key_id=key.id, blob=bytes(2428))
    signed = verify_checkpoint(
        Note(text=note.text, signatures=(*note.signatures, line)), keyring([*KEYS.values(), key])
    )
    assert [cosigner.name[:6] for cosigner in signed.cosignatures] == ["320583", "370214"]


@pytest.mark.parametrize("time", [0, 2**63])
def test_a_time_that_no_cosignature_has(time: int) -> None:
    """Signed all the same: refused for its time alone."""
    signer = vector_signer("auditor 370214")
    key = KEYS["auditor 370214"]
    with pytest.raises(Malformed, match="bad_number"):
        cosign(TEXT, key.name, signer, time)
    blob = time.to_bytes(8, "big") + signer.sign(b"cosignature/v1\ntime %d\n%b" % (time, TEXT))
    with pytest.raises(NotVerified, match="has no time"):
        verify_cosignature(TEXT, NoteSignature(name=key.name, key_id=key.id, blob=blob), key)


@pytest.mark.parametrize("blob", [b"", bytes(64), bytes(71), bytes(73)])
def test_a_cosignature_of_another_length_is_refused(blob: bytes) -> None:
    key = KEYS["auditor 370214"]
    with pytest.raises(NotVerified, match="72 bytes"):
        verify_cosignature(TEXT, NoteSignature(name=key.name, key_id=key.id, blob=blob), key)


def test_a_log_signature_is_no_cosignature_and_the_other_way_round() -> None:
    signer = vector_signer("log")
    as_witness = VerifierKey.of(ORIGIN, COSIGNATURE_ED25519, signer)
    line = Note.parse(sign_checkpoint(Checkpoint.parse(TEXT), ORIGIN, signer)).signatures[0]
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_cosignature(TEXT, line, as_witness)
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_cosignature(TEXT, line, KEYS["log"])


def test_a_log_signs_under_its_origin_only() -> None:
    with pytest.raises(Malformed, match="bad_checkpoint"):
        sign_checkpoint(Checkpoint.parse(TEXT), "other.example/log", vector_signer("log"))


def test_the_empty_log_has_a_checkpoint() -> None:
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT), ORIGIN, vector_signer("log"))
    assert verify_checkpoint(Note.parse(note), RING).checkpoint.size == 0
