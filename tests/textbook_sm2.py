"""SM2 word for word from the standard, slow and plain: affine points, double and add, any ID, any nonce.

Source: GB/T 32918.2-2016, 5.5, 6.1, 7.1. Never to be used for a key of anyone's: nothing here is constant in time.
"""

from __future__ import annotations

from typing import Final

from gmssl_pyx import sm3_hash

__all__ = ["ID", "G", "N", "P", "Point", "add", "multiply", "on_curve", "sign_digest", "verify_digest", "z_of"]

Point = tuple[int, int] | None  # None: the point at infinity
P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
G: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
ID: Final = b"1234567812345678"


def on_curve(x: int, y: int) -> bool:
    return max(x, y) < P and (y * y - x**3 - A * x - B) % P == 0


def add(first: Point, second: Point) -> Point:
    if first is None or second is None:
        return first or second
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if first == second else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(k: int, point: Point) -> Point:
    result: Point = None
    while k:
        if k & 1:
            result = add(result, point)
        k, point = k >> 1, add(point, point)
    return result


def z_of(x: int, y: int, signer_id: bytes = ID) -> bytes:
    numbers = b"".join(number.to_bytes(32, "big") for number in (A, B, *G, x, y))
    return bytes(sm3_hash((8 * len(signer_id)).to_bytes(2, "big") + signer_id + numbers))


def sign_digest(d: int, k: int, digest: bytes) -> tuple[int, int]:
    nonce_point = multiply(k, G)
    assert nonce_point is not None
    r = (int.from_bytes(digest, "big") + nonce_point[0]) % N
    return r, pow(1 + d, -1, N) * (k - r * d) % N


def verify_digest(key: tuple[int, int], digest: bytes, r: int, s: int) -> bool:
    t = (r + s) % N
    if not (1 <= r < N and 1 <= s < N and t):
        return False
    point = add(multiply(s, G), multiply(t, key))
    return point is not None and (int.from_bytes(digest, "big") + point[0]) % N == r
