"""What the rounds of every kill test share: how many, a seed that a failure names, the random moment of the kill.

    TONGBAN_KILL_ROUNDS   rounds of each kind (default 20; `make faults` has more of the hub)
    TONGBAN_KILL_SEED     seed of the first round, each later one has the next (default: chosen anew)

A round that fails names its seed; with that seed and one round it runs again.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

__all__ = ["seeded", "seeds_of_rounds", "sleep_until_the_moment"]

_ROUNDS: Final = 20


def seeds_of_rounds() -> list[int]:
    """Read the environment, and give the seed of each round."""
    first = int(os.environ.get("TONGBAN_KILL_SEED") or secrets.randbelow(1_000_000))
    return list(range(first, first + int(os.environ.get("TONGBAN_KILL_ROUNDS") or _ROUNDS)))


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
