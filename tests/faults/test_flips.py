"""F11 in short: one byte flipped in a file of each kind, from a seed that a failure names."""

from __future__ import annotations

import pytest

from tests.faults.flips import run


@pytest.mark.sample
def test_a_flipped_byte_is_found_or_held_nothing(seed: int) -> None:
    """Six files of each kind, one of them cut off."""
    count = run(72, seed)
    assert count.misses == ()
    assert (count.row, count.rounds, count.silent, count.holds) == ("F11", 72, 0, True)
