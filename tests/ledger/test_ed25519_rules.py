"""Ed25519 where libraries differ (RFC 8032, 5.1.7): keys and points with a part of small order, by a textbook curve.

A check that multiplies by the cofactor takes them all, one that does not takes some: hub, auditors and verifiers in
other languages must agree on every one. So the verdict here is that of OpenSSL and Go, without the cofactor.
"""

from __future__ import annotations

from hashlib import sha512
from typing import Final, TypeAlias

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.errors import NotVerified
from ledger.suites import load_public_key, verify

Point: TypeAlias = tuple[int, int]

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
BASE: Final = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
EIGHTH: Final = (  # a point of order 8
    14399317868200118260347934320527232580618823971194345261214217575416788799818,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
)
SECRET: Final = 1234567890123456789012345678901234567890


def add(one: Point, other: Point) -> Point:
    (a, b), (c, d) = one, other
    t = D * a * b * c * d
    return (a * d + b * c) * pow(1 + t, -1, P) % P, (b * d + a * c) * pow(1 - t, -1, P) % P


def times(number: int, point: Point) -> Point:
    result = (0, 1)
    for bit in f"{number:b}":
        result = add(result, result)
        result = add(result, point) if bit == "1" else result
    return result


def encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def signed(message: bytes, key: bytes, r: Point) -> bytes:
    """Sign with r = 7 * BASE, plus a part of small order that the signer adds."""
    challenge = int.from_bytes(sha512(encoded(r) + key + message).digest(), "little")
    return encoded(r) + ((7 + challenge * SECRET) % ORDER).to_bytes(32, "little")


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        verify(load_public_key("Ed25519", key), message, signature)
    except NotVerified:
        return False
    return True


def openssl_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_the_textbook_curve_is_the_curve() -> None:
    assert times(ORDER, BASE) == times(8, EIGHTH) == (0, 1) != times(4, EIGHTH)
    key = encoded(times(SECRET, BASE))
    assert holds(key, b"x", signed(b"x", key, times(7, BASE)))


@pytest.mark.parametrize("part", [1, 2, 4])
def test_a_point_r_with_a_part_of_small_order_is_refused(part: int) -> None:
    key, r = encoded(times(SECRET, BASE)), add(times(7, BASE), times(part, EIGHTH))
    assert not any(holds(key, message, signed(message, key, r)) for message in (b"1", b"2", b"3", b"4"))


@pytest.mark.parametrize("part", [1, 2, 4])
def test_under_a_key_with_a_part_of_small_order_the_verdict_is_that_of_openssl(part: int) -> None:
    key = encoded(add(times(SECRET, BASE), times(part, EIGHTH)))
    messages = [bytes([number]) for number in range(32)]
    signatures = [signed(message, key, times(7, BASE)) for message in messages]
    found = [holds(key, *each) for each in zip(messages, signatures, strict=True)]
    assert found == [openssl_holds(key, *each) for each in zip(messages, signatures, strict=True)]
    assert set(found) == {True, False}
