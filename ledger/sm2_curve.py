"""The curve sm2p256v1: which points lie on it, and s*G + t*P for points that are public.

    y^2 = x^3 - 3x + b over the integers mod p; G generates a group of prime order n, cofactor 1     GB/T 32918.5-2017

Points and scalars here are public (keys, signatures): the time that a calculation takes depends on them. No private
scalar may enter this module; `ledger.sm2_keys` leaves those to GmSSL.

A key that has verified a few signatures gets a table of 29 rows of 256 points, row i holding j * 512**i * P: then t*P
is a sum of at most 29 points, one a digit of t to the base 512 with digits of either sign, without a doubling. A table
costs as much as some fifty verifications without one, and 1.4 MB; so it is made when a key is used often, and kept for
the 32 keys used last. G has one of 24 rows of 1,024 points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, reduce
from itertools import count
from typing import Final, TypeAlias

__all__ = [
    "COEFFICIENTS",
    "GENERATOR",
    "ORDER",
    "PRIME",
    "TABLE_AFTER",
    "PointMultiples",
    "affine",
    "is_on_curve",
    "points_at",
]

PRIME: Final = 2**256 - 2**224 - 2**96 + 2**64 - 1
ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
COEFFICIENTS: Final = (PRIME - 3, 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93)
"""a and b of the equation."""

_A, _B = COEFFICIENTS
GENERATOR: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
TABLE_AFTER: Final = 64
"""How many products a point takes part in before it gets its table."""

Point: TypeAlias = tuple[int, int]
Jacobian: TypeAlias = tuple[int, int, int]
"""(X, Y, Z) stands for the point (X / Z^2, Y / Z^3); Z = 0 for the point at infinity."""

_INFINITY: Final[Jacobian] = (1, 1, 0)
_SCALAR_BITS: Final = 257  # with the carry of signed digits
_BASE_WIDTH: Final = 11
_KEY_WIDTH: Final = 9
_UNUSED: Final[Point] = (0, 0)  # column 0 of a table: a digit 0 adds nothing


def is_on_curve(point: Point) -> bool:
    """Tell whether both coordinates are below the prime and fulfil the equation."""
    x, y = point
    return 0 <= x < PRIME and 0 <= y < PRIME and (y * y - x**3 - _A * x - _B) % PRIME == 0


def points_at(x: int) -> tuple[Point, ...]:
    """Give the points with that x: two, or none."""
    y = pow(x**3 + _A * x + _B, (PRIME + 1) // 4, PRIME)  # the square root, if there is one: the prime is 3 mod 4
    return ((x, y), (x, PRIME - y)) if is_on_curve((x, y)) else ()


def affine(point: Jacobian) -> Point | None:
    """Give x and y of a point, or None for the point at infinity."""
    big_x, big_y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, PRIME)
    square = inverse * inverse % PRIME
    return big_x * square % PRIME, big_y * square * inverse % PRIME


class PointMultiples:
    """Computes s*G + t*P for one point P of the curve, faster from the product number `after` on."""

    __slots__ = ("_after", "_point", "_table", "_uses")

    def __init__(self, point: Point, *, after: int = TABLE_AFTER) -> None:
        self._point = point
        self._after = after
        self._uses = count()
        self._table: _Table | None = None

    def plus_base(self, s: int, t: int) -> Jacobian:
        """Give s*G + t*P; 1 <= s, t < n."""
        if self._table is None and next(self._uses) == self._after:  # one thread gets that number, and makes the table
            self._table = _Table(self._point, _KEY_WIDTH)
        if self._table is None:
            return _shamir(s, t, self._point)
        try:
            return _sum([*_base_table().points(s), *self._table.points(t)])
        except ValueError:  # two points that met have one x: only made-up numbers do that
            return _shamir(s, t, self._point)


class _Table:
    """The multiples j * 2**(width * i) * P, 1 <= j <= 2**(width - 1), of one point, row i by row."""

    __slots__ = ("_half", "_offset", "_rows", "_width")

    def __init__(self, point: Point, width: int) -> None:
        self._width = width
        self._half = 1 << width - 1
        windows = range(0, _SCALAR_BITS, width)
        self._offset = sum(self._half << window for window in windows)
        firsts = list(_windows_of(point, width, len(windows)))
        columns = [[_UNUSED] * len(firsts), firsts, [_doubled(first) for first in firsts]]
        while len(columns) <= self._half:  # the order is prime and far greater: no two points of a sum have one x
            columns.append(_pairwise_sums(columns[-1], firsts))
        self._rows = tuple(zip(*columns, strict=True))

    def points(self, scalar: int) -> Iterator[Point]:
        """Give the points whose sum is scalar * P; a y may be negative."""
        width, half, mask = self._width, self._half, 2 * self._half - 1
        scalar += self._offset  # then every digit minus half is a signed digit of the scalar
        for row in self._rows:
            digit = (scalar & mask) - half
            scalar >>= width
            if digit > 0:
                yield row[digit]
            elif digit:
                x, y = row[-digit]
                yield x, -y


@cache
def _base_table() -> _Table:
    return _Table(GENERATOR, _BASE_WIDTH)


def _windows_of(point: Point, width: int, windows: int) -> Iterator[Point]:
    for _ in range(windows):
        yield point
        for _ in range(width):
            point = _doubled(point)


def _sum(points: list[Point]) -> Jacobian:
    """Add points up, first in pairs, then one by one. Raises ValueError when the two of a pair have one x."""
    half = len(points) // 2
    return reduce(_plus, [*_pairwise_sums(points[:half], points[half : 2 * half]), *points[2 * half :]], _INFINITY)


def _shamir(s: int, t: int, point: Point) -> Jacobian:
    """Compute s*G + t*P bit by bit, right for every s, t and P."""
    both = affine(_plus((*GENERATOR, 1), point))
    addends = (None, GENERATOR, point, both)
    total = _INFINITY
    for bit in range(max(s.bit_length(), t.bit_length()) - 1, -1, -1):
        total = _double(total)
        addend = addends[(s >> bit & 1) | (t >> bit & 1) << 1]
        if addend:
            total = _plus(total, addend)
    return total


def _double(point: Jacobian) -> Jacobian:
    # No point of a group of odd order has y = 0; Z = 0 stays 0.
    big_x, big_y, z = point
    zz = z * z % PRIME
    yy = big_y * big_y % PRIME
    slope = 3 * (big_x - zz) * (big_x + zz) % PRIME  # 3X^2 + aZ^4 with a = -3
    middle = 4 * big_x * yy % PRIME
    new_x = (slope * slope - 2 * middle) % PRIME
    return new_x, (slope * (middle - new_x) - 8 * yy * yy) % PRIME, 2 * big_y * z % PRIME


def _plus(total: Jacobian, point: Point) -> Jacobian:
    big_x, big_y, z = total
    if z == 0:
        return (*point, 1)
    zz = z * z % PRIME
    h, r = (point[0] * zz - big_x) % PRIME, (point[1] * zz * z - big_y) % PRIME
    if h == 0:
        return _INFINITY if r else _double(total)
    hh = h * h % PRIME
    hhh, v = hh * h % PRIME, big_x * hh % PRIME
    new_x = (r * r - hhh - 2 * v) % PRIME
    return new_x, (r * (v - new_x) - big_y * hhh) % PRIME, z * h % PRIME


def _doubled(point: Point) -> Point:
    x, y = point
    slope = (3 * x * x + _A) * pow(2 * y, -1, PRIME)
    third = (slope * slope - 2 * x) % PRIME
    return third, (slope * (x - third) - y) % PRIME


def _pairwise_sums(firsts: Sequence[Point], seconds: Sequence[Point]) -> list[Point]:
    """Add pairs of points with one inversion for all (Montgomery's trick). Raises ValueError when a pair has one x."""
    prime, product, products = PRIME, 1, []
    for (x1, _), (x2, _) in zip(firsts, seconds, strict=True):
        products.append(product)
        product = product * (x2 - x1) % prime
    inverse, sums = pow(product, -1, prime), []
    for (x1, y1), (x2, y2), before in zip(reversed(firsts), reversed(seconds), reversed(products), strict=True):
        slope = (y2 - y1) * inverse * before % prime
        inverse = inverse * (x2 - x1) % prime
        x = (slope * slope - x1 - x2) % prime
        sums.append((x, (slope * (x1 - x) - y1) % prime))
    sums.reverse()
    return sums
