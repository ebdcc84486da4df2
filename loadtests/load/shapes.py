"""How many users there are when, and how quickly each asks: four shapes, as data.

    ramp      a quarter, a half, three quarters, all of the users, for as long each
    spike     a quarter of the users, suddenly all of them and four times as quick, then a quarter again
    soak      all of the users, all the time
    overload  calm; flat out, which measures what the hub can do; five times that; calm again

A user asks `pace` times a second, and not before its last answer came. In the stage `full` nobody pauses, so that its
good answers a second are the hub's capacity; the stage behind it offers five times as many. The last stage is never
shorter than the 30 s in which the hub must be back to itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["OVERLOAD_FACTOR", "RECOVERY_S", "SHAPES", "Stage", "stage_at", "users_for"]

OVERLOAD_FACTOR: Final = 5
RECOVERY_S: Final = 30.0
_MOST_USERS: Final = 800  # each has a connection, and a hub takes 1,024
_FLAT_OUT_USERS: Final = 32
_OVERLOAD_PACE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a shape. seconds: its length. users: how many. pace: requests a second of each; None: no pause.

    overloads: users and pace follow from the good answers a second of the stage `full`.
    """

    name: str
    seconds: float
    users: int
    pace: float | None
    overloads: bool = False


def _ramp(users: int, seconds: float, pace: float) -> list[Stage]:
    quarters = [math.ceil(users * quarter / 4) for quarter in range(1, 5)]
    return [Stage(name=f"{count} users", seconds=seconds / 4, users=count, pace=pace) for count in quarters]


def _spike(users: int, seconds: float, pace: float) -> list[Stage]:
    calm = Stage(name="before", seconds=seconds / 3, users=math.ceil(users / 4), pace=pace)
    return [
        calm,
        Stage(name="spike", seconds=seconds / 3, users=users, pace=4 * pace),
        Stage(name="after", seconds=seconds / 3, users=calm.users, pace=pace),
    ]


def _soak(users: int, seconds: float, pace: float) -> list[Stage]:
    return [Stage(name="soak", seconds=seconds, users=users, pace=pace)]


def _overload(users: int, seconds: float, pace: float) -> list[Stage]:
    calm = Stage(name="calm", seconds=seconds / 4, users=users, pace=pace)
    return [
        calm,
        Stage(name="full", seconds=seconds / 4, users=_FLAT_OUT_USERS, pace=None),
        Stage(name="overload", seconds=seconds / 4, users=_MOST_USERS, pace=_OVERLOAD_PACE, overloads=True),
        Stage(name="again", seconds=max(seconds / 4, 1.5 * RECOVERY_S), users=users, pace=pace),
    ]


SHAPES: Final[Mapping[str, Callable[[int, float, float], list[Stage]]]] = MappingProxyType(
    {"ramp": _ramp, "spike": _spike, "soak": _soak, "overload": _overload}
)
"""Name -> its stages, of (most users, seconds, requests a second of each user)."""


def stage_at(stages: Sequence[Stage], second: float) -> Stage | None:
    """Give the stage that runs `second` seconds after the start, or None when all are over."""
    end = 0.0
    for stage in stages:
        end += stage.seconds
        if second < end:
            return stage
    return None


def users_for(stage: Stage, capacity: float) -> tuple[int, float | None]:
    """Give users and pace of a stage. capacity: good answers a second of the stage `full`, 0 while there was none."""
    if not stage.overloads or capacity <= 0:
        return stage.users, stage.pace
    offered = OVERLOAD_FACTOR * capacity
    users = min(math.ceil(offered / _OVERLOAD_PACE), stage.users)
    return users, offered / users
