"""Envelope encryption: opens with the right key for the right license, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.envelope import Envelope, FaceCipher
from ledger.errors import Malformed, NotVerified
from tests.entropy import seeded

CIPHER: Final = FaceCipher(bytes(range(32)), seeded("cipher"))


@given(face=st.binary(max_size=2000), identifier=st.text(max_size=40, alphabet=st.characters(codec="utf-8")))
@settings(max_examples=50, deadline=None)
def test_what_was_encrypted_opens(face: bytes, identifier: str) -> None:
    assert CIPHER.decrypt(identifier, CIPHER.encrypt(identifier, face)) == face


def test_the_data_key_is_another_one_each_time() -> None:
    first, second = CIPHER.encrypt("a", b"face"), CIPHER.encrypt("a", b"face")
    assert first.wrapped != second.wrapped
    assert first.body != second.body
    assert (len(first.wrapped), len(first.body)) == (60, 12 + 4 + 16)


def _changed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("part", ["wrapped", "body"])
def test_one_changed_byte_anywhere_is_noticed(part: str) -> None:
    envelope = CIPHER.encrypt("a", b"face")
    whole: bytes = getattr(envelope, part)
    for place in range(len(whole)):
        with pytest.raises(NotVerified) as caught:
            CIPHER.decrypt("a", replace(envelope, **{part: _changed(whole, place)}))
        assert caught.value.code == "corrupt_store"


@pytest.mark.parametrize(
    "envelope",
    [Envelope(wrapped=b"", body=b""), replace(CIPHER.encrypt("a", b"face"), body=b"")],
    ids=["nothing", "no body"],
)
def test_a_row_cut_short_is_noticed(envelope: Envelope) -> None:
    with pytest.raises(NotVerified):
        CIPHER.decrypt("a", envelope)


def test_the_row_of_one_license_does_not_open_as_another() -> None:
    first, second = CIPHER.encrypt("a", b"face"), CIPHER.encrypt("b", b"other")
    with pytest.raises(NotVerified):
        CIPHER.decrypt("b", first)
    with pytest.raises(NotVerified):
        CIPHER.decrypt("b", replace(second, body=first.body))


def test_another_key_opens_nothing() -> None:
    with pytest.raises(NotVerified):
        FaceCipher(bytes(32), seeded("x")).decrypt("a", CIPHER.encrypt("a", b"face"))


def test_the_content_digest_is_keyed() -> None:
    other = FaceCipher(bytes(32), seeded("x"))
    assert CIPHER.digest(b"content") == CIPHER.digest(b"content")
    assert len({CIPHER.digest(b"content"), CIPHER.digest(b"content2"), other.digest(b"content")}) == 3


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(Malformed):
        FaceCipher(bytes(16), seeded("x"))
