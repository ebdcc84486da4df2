"""SM2 with SM3: the standard's values, two other implementations, and signatures that a stranger makes up."""

from __future__ import annotations

import os
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from gmssl_pyx import sm2_sign, sm2_verify
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import b64u_decode, b64u_encode, canonical_json
from ledger.errors import Malformed, NotVerified
from ledger.sm2 import SM2_ID, Sm2PublicKey, _has_x, _multiples, der_from_raw, raw_from_der, signer_digest, sm3
from ledger.sm2_curve import ORDER, PRIME, TABLE_AFTER, PointMultiples
from ledger.sm2_keys import Sm2PrivateKey
from ledger.suites import load_public_key, verify
from tests import libcrypto
from tests import textbook_sm2 as textbook
from tests.vector_files import read_vectors

VECTORS: Final = read_vectors("sm2.json")
KEY: Final[dict[str, Any]] = VECTORS["key"]
D, X, Y, Z = (bytes.fromhex(KEY[name]) for name in ("d", "x", "y", "z"))
POINT: Final = (int(KEY["x"], 16), int(KEY["y"], 16))
PUBLIC: Final = load_public_key("SM2", X, Y)
SIGNED: Final = VECTORS["signatures"][0]
MESSAGE: Final = SIGNED["message"].encode()
R, S = int(SIGNED["r"], 16), int(SIGNED["s"], 16)
needs_libcrypto: Final = pytest.mark.skipif(
    not (libcrypto.AVAILABLE or os.environ.get("TONGBAN_REQUIRE_OPENSSL") == "1"),  # required, what is missing fails
    reason="needs OpenSSL 3 of the system",
)


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def numbers(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def refused(message: bytes, signature: bytes) -> bool:
    with pytest.raises(NotVerified) as caught:
        verify(PUBLIC, message, signature)
    return caught.value.code == "bad_signature"


@pytest.mark.parametrize("vector", VECTORS["sm3"], ids=lambda vector: vector["source"])
def test_sm3_vectors(vector: dict[str, str]) -> None:
    assert sm3(bytes.fromhex(vector["message"])).hex() == vector["digest"]


def test_z_of_the_standard_s_key() -> None:
    assert signer_digest(X, Y) == Z == textbook.z_of(*POINT)


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["source"])
def test_the_standard_s_values(vector: dict[str, str]) -> None:
    message, signature = vector["message"].encode(), bytes.fromhex(vector["r"] + vector["s"])
    digest = Sm2PublicKey(X, Y).message_digest(message)
    assert digest.hex() == vector["e"]
    assert raw(*textbook.sign_digest(int(KEY["d"], 16), int(KEY["k"], 16), digest)) == signature
    assert textbook.verify_digest(POINT, digest, *numbers(signature))
    verify(PUBLIC, message, signature)


def test_the_jws_vector() -> None:
    jws = VECTORS["jws"]
    signing_input = ".".join(b64u_encode(canonical_json(jws[part])) for part in ("header", "payload"))
    assert signing_input == VECTORS["signatures"][1]["message"]
    key = load_public_key("SM2", b64u_decode(KEY["x_b64u"]), b64u_decode(KEY["y_b64u"]))
    assert key == PUBLIC
    verify(key, signing_input.encode(), b64u_decode(jws["signature"], size=64))


@settings(max_examples=10, deadline=None)
@given(message=st.binary(max_size=400), d=st.integers(1, ORDER - 2))
def test_gmssl_and_the_textbook_agree_with_ours(message: bytes, d: int) -> None:
    key = Sm2PrivateKey(d.to_bytes(32, "big"))
    signature = key.sign(message)
    verify(load_public_key("SM2", key.x, key.y), message, signature)
    assert sm2_verify(key.x + key.y, message, der_from_raw(signature), SM2_ID)
    point = (int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big"))
    assert textbook.verify_digest(point, sm3(textbook.z_of(*point) + message), *numbers(signature))


@needs_libcrypto
@settings(max_examples=40, deadline=None)
@given(message=st.binary(max_size=400))
def test_libcrypto_takes_our_signatures_and_we_take_its(message: bytes) -> None:
    key = Sm2PrivateKey(D)
    assert libcrypto.verify(X, Y, message, der_from_raw(key.sign(message)), SM2_ID)
    verify(PUBLIC, message, raw_from_der(libcrypto.sign(D, X, Y, message, SM2_ID)))


@needs_libcrypto
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_libcrypto_and_ours_judge_changed_signatures_alike(data: st.DataObject) -> None:
    signature = bytearray(Sm2PrivateKey(D).sign(MESSAGE))
    for place in data.draw(st.sets(st.integers(0, 511), max_size=2)):
        signature[place // 8] ^= 1 << place % 8
    r, s = numbers(bytes(signature))
    theirs = libcrypto.verify(X, Y, MESSAGE, encode_dss_signature(r, s), SM2_ID)
    try:
        verify(PUBLIC, MESSAGE, bytes(signature))
    except NotVerified:
        assert not theirs
    else:
        assert theirs


EXTREMES: Final = (0, 1, 2, ORDER - 1, ORDER, ORDER + 1, PRIME, PRIME - ORDER, 2**256 - 1)


@pytest.mark.parametrize("r", [*EXTREMES, R, ORDER - R, ORDER - S])
@pytest.mark.parametrize("s", [*EXTREMES, S, ORDER - S, ORDER - R])
def test_numbers_that_a_stranger_chooses_are_refused(r: int, s: int) -> None:
    if (r, s) != (R, S):
        assert refused(MESSAGE, raw(r, s))


@pytest.mark.parametrize("moved", [(R + ORDER, S), (R, S + ORDER)])
def test_a_number_plus_the_order_is_refused(moved: tuple[int, int]) -> None:
    if max(moved) < 2**256:
        assert refused(MESSAGE, raw(*moved))


def test_a_signature_has_no_twin() -> None:
    """What makes a second ECDSA signature out of a first one makes nothing of SM2."""
    for twin in [(R, ORDER - S), (ORDER - R, S), (ORDER - R, ORDER - S), (S, R), ((R + S) % ORDER, S)]:
        assert refused(MESSAGE, raw(*twin))


@settings(max_examples=200, deadline=None)
@given(signature=st.binary(max_size=130))
def test_random_bytes_are_refused(signature: bytes) -> None:
    assert refused(MESSAGE, signature)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 511), cut=st.integers(0, 63), tail=st.binary(min_size=1, max_size=80))
def test_mutated_truncated_and_extended_signatures_are_refused(place: int, cut: int, tail: bytes) -> None:
    signature = raw(R, S)
    mutated = (int.from_bytes(signature, "big") ^ 1 << place).to_bytes(64, "big")
    for other in (mutated, signature[:cut], signature + tail, tail + signature, b"\x00" + signature[:-1]):
        assert refused(MESSAGE, other)


@pytest.mark.parametrize("times", [1, TABLE_AFTER + 2])
def test_a_forged_digest_is_never_taken(times: int) -> None:
    """Choose s and t, and compute e: a signature for any key, over a digest that is nobody's message."""
    s, t = 0x1234, 0x5678
    point = textbook.add(textbook.multiply(s, textbook.G), textbook.multiply(t, POINT))
    assert point is not None
    r = (t - s) % ORDER
    digest = ((r - point[0]) % ORDER).to_bytes(32, "big")
    assert textbook.verify_digest(POINT, digest, r, s)
    for message in (digest, Z + digest, b"") * times:
        assert refused(message, raw(r, s))


@pytest.mark.parametrize("signer_id", [b"", b"ALICE123@YAHOO.COM", SM2_ID[:-1], SM2_ID + b"\x00", SM2_ID[::-1]])
def test_a_signature_under_another_id_is_refused(signer_id: bytes) -> None:
    d, k = int(KEY["d"], 16), int(KEY["k"], 16)
    digest = sm3(textbook.z_of(*POINT, signer_id) + MESSAGE)
    assert refused(MESSAGE, raw(*textbook.sign_digest(d, k, digest)))


def test_a_signature_without_z_is_refused() -> None:
    der = sm2_sign(D, X + Y, MESSAGE, None)
    assert sm2_verify(X + Y, MESSAGE, der, None)
    assert refused(MESSAGE, raw_from_der(der))


def test_a_signature_over_another_hash_of_the_message_is_refused() -> None:
    d, k = int(KEY["d"], 16), int(KEY["k"], 16)
    for digest in (sm3(MESSAGE), sm3(sm3(Z + MESSAGE)), sm3(MESSAGE + Z)):
        assert refused(MESSAGE, raw(*textbook.sign_digest(d, k, digest)))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (bytes(32), bytes(32)),
        (X, bytes(32)),
        (bytes(32), Y),
        (X, Y[:-1] + bytes([Y[-1] ^ 1])),
        (Y, X),
        (X[1:], Y),
        (X + b"\x00", Y),
        (X, Y + b"\x00"),
        (b"", b""),
        (PRIME.to_bytes(32, "big"), Y),
        (b"\xff" * 32, b"\xff" * 32),
        # The base point of P-256: a curve of the same size, another group.
        (
            bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
            bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
        ),
    ],
)
def test_a_key_that_is_no_point_is_refused(x: bytes, y: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load_public_key("SM2", x, y)
    assert caught.value.code == "weak_key"
    with pytest.raises(Malformed):
        Sm2PublicKey(x, y)


def test_a_coordinate_above_the_prime_is_no_second_name() -> None:
    """With p added, a small x still fits into 32 bytes."""
    x, y = next((x, point[1]) for x in range(1, 100) for point in _lifted(x))
    load_public_key("SM2", x.to_bytes(32, "big"), y.to_bytes(32, "big"))
    with pytest.raises(Malformed):
        load_public_key("SM2", (x + PRIME).to_bytes(32, "big"), y.to_bytes(32, "big"))


def _lifted(x: int) -> list[tuple[int, int]]:
    y = pow(x**3 + textbook.A * x + textbook.B, (PRIME + 1) // 4, PRIME)
    return [(x, y)] if textbook.on_curve(x, y) else []


def test_x1_above_the_order_is_compared_mod_the_order() -> None:
    """Signatures whose nonce point has n <= x1 < p do not occur by chance; the comparison must still be right."""
    x, y = next(point for x in range(ORDER, ORDER + 100) for point in _lifted(x))
    zz = 9
    assert _has_x((x * zz % PRIME, y * 27 % PRIME, 3), x - ORDER)
    assert not _has_x((x * zz % PRIME, y * 27 % PRIME, 3), x - ORDER + 1)
    # x1 + n is above p here, and stands for no point: mod p it would be another number.
    high = PRIME - ORDER + 5
    assert not _has_x((5 * zz, 1, 3), high)
    assert not _has_x((0, 1, 0), 0)


DER: Final = encode_dss_signature(R, S)


def test_der_and_raw_are_two_forms_of_one_signature() -> None:
    assert raw_from_der(DER) == raw(R, S)
    assert der_from_raw(raw(R, S)) == DER
    assert raw_from_der(bytes.fromhex("3006020101020102")) == raw(1, 2)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        DER[:-1],
        DER + b"\x00",
        b"\x30\x81" + DER[1:],
        b"\x31" + DER[1:],
        b"\x30\x80" + DER[2:] + b"\x00\x00",
        encode_dss_signature(0, S),
        encode_dss_signature(R, 0),
        encode_dss_signature(ORDER, S),
        encode_dss_signature(R, ORDER),
        encode_dss_signature(R + ORDER, S),
        bytes.fromhex("300702010102020002"),  # a leading zero that is not needed
        bytes.fromhex("3006020101020181"),  # a negative number
        bytes.fromhex("30060201010201"),
        bytes.fromhex("3009020101020101020101"),  # a third number
        bytes(72),
        b"\x30" * 100_000,
    ],
)
def test_other_spellings_in_der_are_refused(der: bytes) -> None:
    with pytest.raises(NotVerified) as caught:
        raw_from_der(der)
    assert caught.value.code == "bad_signature"


@settings(max_examples=200, deadline=None)
@given(places=st.lists(st.integers(0, 8 * len(DER) - 1), min_size=1, max_size=3, unique=True), cut=st.integers(0, 72))
def test_der_is_refused_or_canonical(places: list[int], cut: int) -> None:
    der = bytearray(DER)
    for place in places:
        der[place // 8] ^= 1 << place % 8
    for other in (bytes(der), bytes(der)[:cut], DER[:cut] + bytes(der)):
        try:
            signature = raw_from_der(other)
        except NotVerified:
            continue
        assert der_from_raw(signature) == other


@pytest.mark.parametrize("signature", [b"", bytes(64), raw(R, S)[:-1], raw(R, S) + b"\x00", raw(ORDER, S), raw(R, 0)])
def test_no_der_is_made_of_what_is_no_signature(signature: bytes) -> None:
    with pytest.raises(NotVerified) as caught:
        der_from_raw(signature)
    assert caught.value.code == "bad_signature"


def test_a_key_verifies_the_same_before_and_after_its_table_is_made() -> None:
    key = Sm2PrivateKey(bytes(31) + b"\x2a")
    public = Sm2PublicKey(key.x, key.y)
    signature = key.sign(MESSAGE)
    for _ in range(TABLE_AFTER + 2):
        public.verify(MESSAGE, signature)
        with pytest.raises(InvalidSignature):
            public.verify(b"another", signature)


def test_a_bounded_number_of_keys_holds_tables() -> None:
    assert _multiples.cache_parameters()["maxsize"] == 32
    assert isinstance(_multiples(POINT), PointMultiples)
