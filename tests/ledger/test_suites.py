from __future__ import annotations

import hashlib
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed, NotVerified
from ledger.suites import (
    P256_ORDER,
    SIGNATURE_BYTES,
    SUITES,
    PublicKey,
    check_low_s,
    load_public_key,
    low_s_from_der,
    verify,
)
from tests.entropy import signer_of
from tests.vector_files import read_vectors

VECTORS: Final = read_vectors("signatures.json")
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
ED25519_PRIME: Final = 2**255 - 19
SMALL_ORDER: Final = (
    "01" + "00" * 31,
    "01" + "00" * 30 + "80",
    "ec" + "ff" * 30 + "7f",
    "ec" + "ff" * 31,
    "00" * 32,
    "00" * 31 + "80",
    "ed" + "ff" * 30 + "7f",
    "ed" + "ff" * 31,
    "ee" + "ff" * 30 + "7f",
    "ee" + "ff" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)


def key_of(alg: str, vector: dict[str, Any]) -> PublicKey:
    return load_public_key(alg, bytes.fromhex(vector["x"]), bytes.fromhex(vector["y"]) if "y" in vector else None)


def refused(key: PublicKey, message: bytes, signature: bytes) -> bool:
    with pytest.raises(NotVerified) as caught:
        verify(key, message, signature)
    return caught.value.code == "bad_signature"


def with_s(signature: bytes, s: int) -> bytes:
    return signature[:32] + s.to_bytes(32, "big")


def test_the_table_holds_three_suites() -> None:
    assert list(SUITES) == ["Ed25519", "ES256", "SM2"]
    assert [suite.alg for suite in SUITES.values()] == list(SUITES)


@pytest.mark.parametrize("vector", VECTORS["ed25519"], ids=lambda vector: vector["source"])
def test_ed25519_vectors_verify(vector: dict[str, Any]) -> None:
    verify(key_of("Ed25519", vector), bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"]))


@pytest.mark.parametrize("vector", VECTORS["es256"], ids=lambda vector: vector["source"])
def test_es256_vectors_verify(vector: dict[str, Any]) -> None:
    verify(key_of("ES256", vector), bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"]))


@pytest.mark.parametrize("alg", ["none", "EdDSA", "HS256", "RS256", "ES384", "ed25519", "sm2", "SM3", ""])
def test_a_suite_that_is_not_in_the_table_is_refused(alg: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_public_key(alg, b"\x07" * 32)
    assert caught.value.code == "unknown_alg"


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_a_small_order_ed25519_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_public_key("Ed25519", bytes.fromhex(text))
    assert caught.value.code == "weak_key"


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", range(ED25519_PRIME, 2**255))
def test_an_ed25519_key_that_is_not_canonical_is_refused(y: int, sign: int) -> None:
    """All 19 values of y at or above the prime would be second names of other keys."""
    with pytest.raises(Malformed) as caught:
        load_public_key("Ed25519", (y | sign << 255).to_bytes(32, "little"))
    assert caught.value.code == "weak_key"


@pytest.mark.parametrize(
    ("alg", "x", "y"),
    [
        ("Ed25519", b"\x07" * 31, None),
        ("Ed25519", b"\x07" * 33, None),
        ("Ed25519", b"", None),
        ("Ed25519", b"\x07" * 32, b"\x07" * 32),
        ("Ed25519", b"\x07" * 32, b""),
        ("ES256", b"\x07" * 32, None),
        ("ES256", b"\x07" * 32, b""),
        ("ES256", b"\x07" * 32, b"\x07" * 32),
        ("ES256", b"\x00" * 32, b"\x00" * 32),
        ("ES256", b"\xff" * 32, b"\xff" * 32),
        ("SM2", b"\x07" * 32, None),
        ("SM2", b"\x07" * 32, b""),
        ("SM2", b"\x07" * 32, b"\x07" * 32),
        ("SM2", b"\x00" * 32, b"\x00" * 32),
        ("SM2", b"\xff" * 32, b"\xff" * 32),
    ],
)
def test_a_key_of_another_size_or_off_the_curve_is_refused(alg: str, x: bytes, y: bytes | None) -> None:
    with pytest.raises(Malformed) as caught:
        load_public_key(alg, x, y)
    assert caught.value.code == "weak_key"


def test_an_es256_key_with_a_coordinate_above_the_prime_is_refused() -> None:
    """With p added, a small x still fits into 32 bytes: one point would have two names."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    y_of_5 = 0x459243B9AA581806FE913BCE99817ADE11CA503C64D9A3C533415C083248FBCC
    sound = load_public_key("ES256", (5).to_bytes(32, "big"), y_of_5.to_bytes(32, "big"))
    assert sound.x[-1] == 5
    with pytest.raises(Malformed) as caught:
        load_public_key("ES256", (5 + prime).to_bytes(32, "big"), y_of_5.to_bytes(32, "big"))
    assert caught.value.code == "weak_key"


def test_a_public_key_cannot_be_made_around_the_checks() -> None:
    with pytest.raises(Malformed):
        PublicKey("Ed25519", bytes.fromhex(SMALL_ORDER[0]))


def test_an_ed25519_signature_with_s_above_the_order_is_refused() -> None:
    signer = signer_of("county")
    signature = signer.sign(b"statement")
    s = int.from_bytes(signature[32:], "little")
    for multiple in range(1, 8):
        moved = signature[:32] + (s + multiple * ED25519_ORDER).to_bytes(32, "little")
        assert refused(signer.public_key, b"statement", moved)


def test_an_ed25519_signature_whose_r_is_of_small_order_is_refused_whatever_a_library_says() -> None:
    """With nonce 0, R is the neutral point and S = k * a gives the key away; OpenSSL takes it all the same."""
    seed, message, neutral = bytes(range(32)), b"statement", bytes.fromhex(SMALL_ORDER[0])
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little") & (2**254 - 8) | 2**254
    challenge = hashlib.sha512(neutral + public.public_bytes_raw() + message).digest()
    s = int.from_bytes(challenge, "little") * scalar % ED25519_ORDER
    signature = neutral + s.to_bytes(32, "little")
    public.verify(signature, message)
    assert refused(load_public_key("Ed25519", public.public_bytes_raw()), message, signature)


def test_es256_numbers_out_of_range_are_refused() -> None:
    signer = signer_of("county", "ES256")
    signature = signer.sign(b"statement")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    for bad_r, bad_s in [(0, s), (r, 0), (0, 0), (P256_ORDER, s), (r, P256_ORDER), (2**256 - 1, 2**256 - 1), (1, 1)]:
        assert refused(signer.public_key, b"statement", bad_r.to_bytes(32, "big") + bad_s.to_bytes(32, "big"))


@pytest.mark.parametrize("alg", list(SUITES))
@pytest.mark.parametrize("size", [0, 1, 63, 65, 70, 72, 128])
def test_a_signature_of_another_size_is_refused(alg: str, size: int) -> None:
    signer = signer_of("county", alg)
    assert refused(signer.public_key, b"statement", (signer.sign(b"statement") * 2)[:size])


def test_a_der_signature_is_refused() -> None:
    der = bytes.fromhex("3044022001") + bytes(66)
    assert refused(signer_of("county", "ES256").public_key, b"statement", der)


@settings(max_examples=60, deadline=None)
@given(alg=st.sampled_from(list(SUITES)), message=st.binary(max_size=300), place=st.integers(0, 511))
def test_no_changed_bit_of_a_signature_verifies(alg: str, message: bytes, place: int) -> None:
    signer = signer_of("county", alg)
    signature = bytearray(signer.sign(message))
    verify(signer.public_key, message, bytes(signature))
    signature[place // 8] ^= 1 << place % 8
    assert refused(signer.public_key, message, bytes(signature))


@settings(max_examples=40, deadline=None)
@given(alg=st.sampled_from(list(SUITES)), message=st.binary(max_size=100), other=st.binary(max_size=100))
def test_a_signature_fits_one_message_and_one_key(alg: str, message: bytes, other: bytes) -> None:
    signature = signer_of("county", alg).sign(message)
    assert refused(signer_of("another", alg).public_key, message, signature)
    if other != message:
        assert refused(signer_of("county", alg).public_key, other, signature)


@settings(max_examples=40, deadline=None)
@given(message=st.binary(max_size=100))
def test_a_malleated_es256_signature_is_no_log_entry_s(message: bytes) -> None:
    """(r, n - s) verifies too, so only the rule of low s keeps it out of the log."""
    signer = signer_of("county", "ES256")
    signature = signer.sign(message)
    malleated = with_s(signature, P256_ORDER - int.from_bytes(signature[32:], "big"))
    verify(signer.public_key, message, malleated)
    check_low_s("ES256", signature)
    with pytest.raises(Malformed) as caught:
        check_low_s("ES256", malleated)
    assert caught.value.code == "es256_high_s"


def test_the_bound_of_low_s_is_half_the_order() -> None:
    check_low_s("ES256", with_s(bytes(64), P256_ORDER // 2))
    with pytest.raises(Malformed):
        check_low_s("ES256", with_s(bytes(64), P256_ORDER // 2 + 1))


@pytest.mark.parametrize("alg", ["Ed25519", "SM2"])
def test_low_s_asks_nothing_of_other_suites(alg: str) -> None:
    check_low_s(alg, b"\xff" * SIGNATURE_BYTES)


@pytest.mark.parametrize(("made", "read"), [("ES256", "SM2"), ("SM2", "ES256")])
def test_a_key_of_one_curve_is_none_of_the_other(made: str, read: str) -> None:
    key = signer_of("county", made).public_key
    with pytest.raises(Malformed) as caught:
        load_public_key(read, key.x, key.y)
    assert caught.value.code == "weak_key"


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x06\x02\x01\x01\x02\x01\x81", b"\x30" * 72])
def test_what_is_no_der_signature_is_refused_at_the_border(der: bytes) -> None:
    with pytest.raises(NotVerified) as caught:
        low_s_from_der(der)
    assert caught.value.code == "bad_signature"


def test_der_becomes_raw_with_low_s() -> None:
    der = bytes.fromhex("3026020103022100") + (P256_ORDER - 7).to_bytes(32, "big")
    assert low_s_from_der(der) == (3).to_bytes(32, "big") + (7).to_bytes(32, "big")
