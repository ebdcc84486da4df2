"""Signed notes and their keys: notes of other systems first, then every form that is refused."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed, NotVerified
from ledger.signers import SoftwareSigner
from ledger.transparency.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    MAX_LINES,
    MAX_NOTE_BYTES,
    NOTE_ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    key_id,
    keyring,
    parse_signature_lines,
    sign_note,
    verify_note,
)
from tests.trees import VECTORS, small_log, vector_signer

FOO: Final = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SUMDB: Final = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
LOG: Final = vector_signer("log")
LOG_KEY: Final = VerifierKey.of("hub.example/ledger", NOTE_ED25519, LOG)
SIGNED: Final = sign_note(b"one\n\ntwo\n", LOG_KEY.name, LOG)
LINE: Final = SIGNED.signatures[0].line()

names: Final = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1
).filter(lambda name: "+" not in name)
signatures: Final = st.builds(
    NoteSignature, name=names, key_id=st.binary(min_size=4, max_size=4), blob=st.binary(min_size=1, max_size=90)
)
texts: Final = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))), min_size=1).map(
    lambda lines: "".join(f"{line}\n" for line in lines).encode()
)


@pytest.mark.parametrize(("file", "vkey"), [("c2sp-example.note", FOO), ("sumdb.note", SUMDB)])
def test_a_note_of_another_system_verifies(file: str, vkey: str) -> None:
    """The example of the C2SP text, and a checkpoint of Go's checksum database."""
    data = (VECTORS / file).read_bytes()
    key = VerifierKey.parse(vkey)
    assert verify_note(Note.parse(data), keyring([key])) == (key,)
    assert Note.parse(data).format() == data
    assert key.vkey() == vkey


def test_the_keys_of_the_small_log_have_their_ids() -> None:
    log = small_log()
    assert [key["label"] for key in log["keys"]] == ["log", "auditor 370214", "auditor 320583"]
    for key in log["keys"]:
        parsed = VerifierKey.parse(key["vkey"])
        assert parsed.public_key.hex() == key["public_key"]
        assert parsed.public_key == vector_signer(key["label"]).public_key.x
        assert parsed.id == key_id(parsed.name, parsed.kind, parsed.public_key)
        assert parsed == VerifierKey.of(parsed.name, parsed.kind, vector_signer(key["label"]))


@pytest.mark.parametrize(
    ("vkey", "code"),
    [
        ("", "bad_vkey"),
        ("example.com/foo", "bad_vkey"),
        ("example.com/foo+530d903a", "bad_vkey"),
        ("example.com/foo+530d903a+", "bad_vkey"),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "bad_vkey"),
        (FOO.replace("530d903a", "530d903b"), "bad_vkey"),
        (FOO.replace("530d903a", "530D903A"), "bad_vkey"),
        (FOO.replace("530d903a", "0530d903a"), "bad_vkey"),
        (FOO.replace("example.com/foo", "example.com/fop"), "bad_vkey"),
        (FOO.replace("example.com/foo", "example.com foo"), "bad_vkey"),
        (FOO.replace("example.com/foo", "example.com\u3000foo"), "bad_vkey"),
        (FOO.replace("example.com/foo", "example.com\nfoo"), "bad_vkey"),
        (FOO.replace("example.com/foo", "example.com\ud800"), "bad_vkey"),
        (FOO[:-1], "bad_vkey"),
        (FOO + " ", "bad_vkey"),
        (FOO + "=" * 5000, "bad_vkey"),
        ("a+00000000+" + b64encode(b"\x02" + bytes(91)).decode(), "bad_vkey"),
        ("a+00000000+" + b64encode(b"\x05" + bytes(32)).decode(), "bad_vkey"),
        ("a+00000000+" + b64encode(b"\xff" + bytes(32)).decode(), "bad_vkey"),
        ("a+00000000+" + b64encode(b"\x01" + bytes(31)).decode(), "bad_vkey"),
        ("a+00000000+" + b64encode(b"\x01" + bytes(32)).decode(), "weak_key"),
    ],
)
def test_a_vkey_that_is_refused(vkey: str, code: str) -> None:
    """Broken form, another ID, a name with a space, a type that nobody trusts, a key of small order."""
    with pytest.raises(Malformed) as refused:
        VerifierKey.parse(vkey)
    assert refused.value.code == code


def test_a_key_of_ml_dsa_is_read_and_written() -> None:
    key = VerifierKey(name="w", kind=COSIGNATURE_ML_DSA_44, public_key=bytes(1312))
    assert VerifierKey.parse(key.vkey()) == key


def test_only_an_ed25519_signer_signs_notes() -> None:
    signer = SoftwareSigner.generate("ES256", lambda size: b"\x05" * size)
    with pytest.raises(Malformed, match="unknown_alg"):
        sign_note(b"text\n", "name", signer)


def test_two_keys_under_one_name_and_id_make_no_keyring() -> None:
    """A signature line could not say which of them signed."""
    other = VerifierKey.of("hub.example/ledger", NOTE_ED25519, vector_signer("other"))
    object.__setattr__(other, "id", LOG_KEY.id)
    with pytest.raises(Malformed, match="bad_vkey"):
        keyring([LOG_KEY, other])
    assert list(keyring([LOG_KEY, LOG_KEY]).values()) == [LOG_KEY]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text" + LINE,
        b"text\n" + LINE,
        b"text\n\n" + LINE[:-1],
        b"text\n\n" + LINE + b"\n",
        b"text\n\n" + LINE + b"x\n",
        b"text\r\n\n" + LINE,
        b"te\x00xt\n\n" + LINE,
        b"te\txt\n\n" + LINE,
        b"te\xffxt\n\n" + LINE,
        b"text\n\n" + LINE.replace(b"hub", b"h\xffb"),
        b"text\n\n" + LINE.replace("\u2014".encode(), b"-"),
        b"text\n\n" + LINE.replace("\u2014 ".encode(), "\u2014".encode()),
        b"text\n\n" + LINE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        b"text\n\n" + LINE.replace(b"ledger ", b"ledger  "),
        b"text\n\n" + LINE.replace(b"hub.", b"hub+"),
        b"text\n\n" + LINE.replace(b"hub.", "hub\u00a0".encode()),
        b"text\n\n" + LINE.replace(b"hub.", b"hub\x0b"),
        b"text\n\n" + LINE.replace(b"=", b""),
        "text\n\n\u2014 name\n".encode(),
        "text\n\n\u2014 name \n".encode(),
        "text\n\n\u2014 name AAAAAA==\n".encode(),
        "text\n\n\u2014 name AAAAAAB=\n".encode(),
        b"text\n\n" + LINE * (MAX_LINES + 1),
    ],
)
def test_a_note_that_is_malformed(data: bytes) -> None:
    """No empty line, no final newline, control characters, another dash, a bad name, base64 that is not canonical."""
    with pytest.raises(Malformed) as refused:
        Note.parse(data)
    assert refused.value.code == "bad_note"


def test_a_note_above_its_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed) as refused:
        Note.parse(b"\xff" * (MAX_NOTE_BYTES + 1))
    assert refused.value.code == "too_large"


def test_as_many_lines_as_allowed_are_read() -> None:
    assert len(Note.parse(b"text\n\n" + LINE * MAX_LINES).signatures) == MAX_LINES


def test_the_text_ends_at_the_last_empty_line() -> None:
    """So an empty line inside the text is covered by the signature, and nothing can be moved below it."""
    note = Note.parse(SIGNED.format())
    assert note.text == b"one\n\ntwo\n"
    assert verify_note(note, keyring([LOG_KEY])) == (LOG_KEY,)


@given(text=texts, lines=st.lists(signatures, min_size=1, max_size=5))
@settings(max_examples=100)
def test_what_is_written_is_read_again(text: bytes, lines: list[NoteSignature]) -> None:
    note = Note(text=text, signatures=tuple(lines))
    assert Note.parse(note.format()) == note


@given(data=st.binary(max_size=200))
@settings(max_examples=100)
def test_bytes_that_are_read_are_written_the_same(data: bytes) -> None:
    """There is one form only: whatever parses is what format writes."""
    for candidate in (data, b"a\n\n" + data, b"a\n\n" + LINE[:30] + data + b"\n"):
        try:
            note = Note.parse(candidate)
        except Malformed:
            continue
        assert note.format() == candidate


@given(position=st.integers(0, len(SIGNED.format()) - 1), mask=st.integers(1, 255))
@settings(max_examples=150)
def test_no_changed_byte_of_a_note_verifies(position: int, mask: int) -> None:
    data = bytearray(SIGNED.format())
    data[position] ^= mask
    with pytest.raises((Malformed, NotVerified)):
        verify_note(Note.parse(bytes(data)), keyring([LOG_KEY]))


def test_lines_of_unknown_keys_are_passed_over_but_must_parse() -> None:
    stranger = sign_note(SIGNED.text, "stranger.example", vector_signer("stranger"))
    both = Note(text=SIGNED.text, signatures=stranger.signatures + SIGNED.signatures)
    assert verify_note(both, keyring([LOG_KEY])) == (LOG_KEY,)
    with pytest.raises(NotVerified, match="no signature by a known key"):
        verify_note(stranger, keyring([LOG_KEY]))
    with pytest.raises(NotVerified, match="no signature by a known key"):
        verify_note(SIGNED, keyring([]))


def test_a_known_key_that_fails_spoils_the_note() -> None:
    """Even beside a good signature: such a note was made by nobody who can be trusted."""
    foo = VerifierKey.of("foo", NOTE_ED25519, vector_signer("foo"))
    bad = NoteSignature(name="foo", key_id=foo.id, blob=bytes(64))
    note = Note(text=SIGNED.text, signatures=(*SIGNED.signatures, bad))
    assert verify_note(note, keyring([LOG_KEY])) == (LOG_KEY,)
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_note(note, keyring([LOG_KEY, foo]))


def test_a_second_line_of_one_key_is_passed_over_and_never_counts_twice() -> None:
    again = NoteSignature(name=LOG_KEY.name, key_id=LOG_KEY.id, blob=bytes(64))
    note = Note(text=SIGNED.text, signatures=(*SIGNED.signatures, *SIGNED.signatures, again))
    assert verify_note(note, keyring([LOG_KEY])) == (LOG_KEY,)
    first = Note(text=SIGNED.text, signatures=(again, *SIGNED.signatures))
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_note(first, keyring([LOG_KEY]))


def test_a_cosignature_key_verifies_no_plain_note() -> None:
    """The same Ed25519 key under type 0x04 has another ID, and signs another message."""
    key = VerifierKey.of("hub.example/ledger", COSIGNATURE_ED25519, LOG)
    assert key.id != LOG_KEY.id
    line = NoteSignature(name=key.name, key_id=key.id, blob=SIGNED.signatures[0].blob)
    with pytest.raises(NotVerified, match="bad_signature"):
        verify_note(Note(text=SIGNED.text, signatures=(line,)), keyring([key]))


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\there\n", b"\xff\n", b"cr\r\n"])
def test_a_text_that_is_no_note_is_not_signed(text: bytes) -> None:
    with pytest.raises(Malformed, match="bad_note"):
        sign_note(text, "name", LOG)


def test_signature_lines_alone_are_read_as_a_witness_sends_them() -> None:
    assert parse_signature_lines(LINE) == SIGNED.signatures
    with pytest.raises(Malformed, match="bad_note"):
        parse_signature_lines(b"")
