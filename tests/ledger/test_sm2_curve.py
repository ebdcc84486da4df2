"""The curve sm2p256v1 and its products against a textbook."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.sm2_curve import (
    COEFFICIENTS,
    GENERATOR,
    ORDER,
    PRIME,
    TABLE_AFTER,
    PointMultiples,
    _Table,
    affine,
    is_on_curve,
    points_at,
)
from tests import textbook_sm2 as textbook
from tests.vector_files import read_vectors

CURVE: Final = {name: int(value, 16) for name, value in read_vectors("sm2.json")["curve"].items()}
SCALARS: Final = st.integers(1, ORDER - 1) | st.sampled_from([1, 2, 255, 256, 257, 1 << 248, ORDER - 1, ORDER - 256])


def point_of(scalar: int) -> tuple[int, int]:
    point = textbook.multiply(scalar, GENERATOR)
    assert point is not None
    return point


KEY: Final = point_of(0xC0FFEE << 200)
QUICK: Final = PointMultiples(KEY, after=0)
SLOW: Final = PointMultiples(KEY, after=-1)


def product(s: int, t: int, point: tuple[int, int]) -> textbook.Point:
    return textbook.add(textbook.multiply(s, GENERATOR), textbook.multiply(t, point))


def test_the_constants_are_those_of_the_standard() -> None:
    """Source: GB/T 32918.5-2017."""
    assert (PRIME, *COEFFICIENTS, ORDER, *GENERATOR) == tuple(CURVE[name] for name in ("p", "a", "b", "n", "gx", "gy"))
    assert is_on_curve(GENERATOR)
    assert textbook.multiply(ORDER, GENERATOR) is None


@settings(max_examples=15, deadline=None)
@given(s=SCALARS, t=SCALARS)
def test_products_with_and_without_a_table_are_the_textbook_s(s: int, t: int) -> None:
    expected = product(s, t, KEY)
    assert affine(SLOW.plus_base(s, t)) == expected
    assert affine(QUICK.plus_base(s, t)) == expected


@pytest.mark.parametrize("after", [0, -1])
@pytest.mark.parametrize("scalar", [1, 2, ORDER - 1, ORDER - 2, 256, 1 << 255])
@pytest.mark.parametrize(
    ("s", "t"), [(1, 1), (1, ORDER - 1), (2, 1), (1, 2), (256, 1), (5, 5), (0x0101, 0x0101), (ORDER - 1, ORDER - 1)]
)
def test_points_that_meet_themselves_or_their_opposite_are_added_rightly(
    scalar: int, s: int, t: int, after: int
) -> None:
    """For a key whose scalar is known, s and t can be chosen so that equal points meet in the middle of the sum."""
    point = point_of(scalar)
    assert affine(PointMultiples(point, after=after).plus_base(s, t)) == product(s, t, point)


def test_the_sum_of_opposite_products_is_the_point_at_infinity() -> None:
    for after in (0, -1):
        assert affine(PointMultiples(point_of(7), after=after).plus_base(ORDER - 7, 1)) is None


def test_a_point_gets_its_table_when_it_is_used_often() -> None:
    multiples: Any = PointMultiples(KEY, after=2)
    expected = product(3, 4, KEY)
    made = []
    for _ in range(4):
        assert affine(multiples.plus_base(3, 4)) == expected
        made.append(multiples._table is not None)
    assert made == [False, False, True, True]
    assert TABLE_AFTER == 64


@pytest.mark.parametrize(("width", "rows"), [(9, 29), (11, 24)])
def test_a_table_holds_every_multiple_of_a_digit(width: int, rows: int) -> None:
    table: Any = _Table(KEY, width)
    half = 1 << width - 1
    assert [len(row) for row in table._rows] == [half + 1] * rows
    for row, column in [(0, 1), (0, half), (1, 1), (rows // 2, half - 1), (rows - 1, 2), (rows - 1, half)]:
        assert table._rows[row][column] == textbook.multiply(column << width * row, KEY)


SHORT: Final = _Table(KEY, 5)


@settings(max_examples=20, deadline=None)
@given(scalar=SCALARS | st.sampled_from([2**256 - 1, int("10" * 128, 2), int("01" * 128, 2), 16, 15, 17, 31]))
def test_the_points_of_a_table_sum_up_to_the_product(scalar: int) -> None:
    total: textbook.Point = None
    for x, y in SHORT.points(scalar):
        total = textbook.add(total, (x, y % PRIME))
    assert total == textbook.multiply(scalar, KEY)


@settings(max_examples=30, deadline=None)
@given(x=st.integers(0, PRIME - 1))
def test_a_number_is_the_x_of_two_points_or_of_none(x: int) -> None:
    square = (x**3 + COEFFICIENTS[0] * x + COEFFICIENTS[1]) % PRIME
    points = points_at(x)
    assert len(points) == (2 if pow(square, (PRIME - 1) // 2, PRIME) == 1 else 0)
    assert all(is_on_curve(point) and point[0] == x for point in points)
    assert len(set(points)) == len(points)


@pytest.mark.parametrize(
    "point",
    [(0, 0), (GENERATOR[0], GENERATOR[1] + 1), (GENERATOR[0] + PRIME, GENERATOR[1]), (GENERATOR[0], -GENERATOR[1])],
)
def test_other_numbers_are_no_point(point: tuple[int, int]) -> None:
    assert not is_on_curve(point)
