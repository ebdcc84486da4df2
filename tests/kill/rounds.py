"""What the rounds of every kind share: a seed that a failure names, and the random moment of the kill."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

__all__ = ["seeded", "sleep_until_the_moment"]


@contextmanager
def seeded(seed: int) -> Iterator[Random]:
    """Give the chance of one round; whatever fails in it says how to run it again."""
    try:
        yield Random(seed)
    except BaseException as error:
        error.add_note(f"to run this round again: TONGBAN_KILL_SEED={seed} TONGBAN_KILL_ROUNDS=1")
        raise


def sleep_until_the_moment(chance: Random) -> None:
    """Let the load run for 0.05 to 2 s, rather short than long: most of what can be half done is done at first."""
    time.sleep(chance.triangular(0.05, 2.0, 0.3))
