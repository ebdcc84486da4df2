"""Shapes of the load test: which stage runs when, how many users an overload takes."""

from __future__ import annotations

import pytest

from loadtests.load.shapes import SHAPES, Stage, stage_at, users_for


def test_a_ramp_goes_up_in_quarters() -> None:
    stages = SHAPES["ramp"](10, 40, 1.0)
    assert [(stage.users, stage.seconds, stage.pace) for stage in stages] == [
        (3, 10, 1.0), (5, 10, 1.0), (8, 10, 1.0), (10, 10, 1.0),
    ]  # fmt: skip


def test_a_spike_has_all_users_at_four_times_the_pace() -> None:
    stages = SHAPES["spike"](8, 30, 0.5)
    assert [(stage.name, stage.users, stage.pace) for stage in stages] == [
        ("before", 2, 0.5), ("spike", 8, 2.0), ("after", 2, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("second", "name"),
    [(0.0, "calm"), (9.9, "calm"), (10.0, "full"), (20.0, "overload"), (74.9, "again"), (75.0, None)],
)
def test_the_stages_follow_each_other_and_end(second: float, name: str | None) -> None:
    found = stage_at(SHAPES["overload"](16, 40, 1.0), second)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("capacity", "users", "pace"), [(0.0, 800, 2.0), (100.0, 250, 2.0), (320.0, 800, 2.0), (3200.0, 800, 20.0)]
)
def test_an_overload_offers_five_times_what_was_answered(capacity: float, users: int, pace: float) -> None:
    stage = Stage(name="overload", seconds=10, users=800, pace=2.0, overloads=True)
    assert users_for(stage, capacity) == (users, pace)


def test_other_stages_are_what_they_are() -> None:
    assert users_for(Stage(name="full", seconds=1, users=32, pace=None), 100.0) == (32, None)
