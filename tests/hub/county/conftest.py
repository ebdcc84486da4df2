"""Fixtures of the county's tests: an alliance of two counties, a clock, and a hub to talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.county import CountyNode
from tests.alliance import NOW, Alliance, found_alliance
from tests.fake_hub import FakeHub
from tests.ports import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    """Give two county nodes that founded an alliance."""
    founded = found_alliance(tmp_path)
    yield founded
    founded.close()


@pytest.fixture
def node(alliance: Alliance) -> CountyNode:
    """Give the node of 370214."""
    return alliance.nodes["370214"]


@pytest.fixture
def fake_hub(alliance: Alliance, clock: FakeClock) -> FakeHub:
    return FakeHub(alliance, clock)
