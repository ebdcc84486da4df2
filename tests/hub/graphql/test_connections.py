"""Places of open streams: of all, and of each county."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from hub.graphql.connections import Connections
from ledger.errors import Unavailable


@pytest.mark.parametrize("caller", ["370214", None])
def test_nobody_takes_the_places_of_all(caller: str | None) -> None:
    """None: callers without a token, who read a large answer slowly, are as one county."""
    places = Connections(5, county=2)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(places.one())
            held.enter_context(places.of(caller))
        with pytest.raises(Unavailable, match="pushback"):
            held.enter_context(places.of(caller))
        held.enter_context(places.of("220103"))
    with places.one(), places.of(caller):
        assert places.open == 1


def test_places_of_all_are_bounded() -> None:
    places = Connections(1, county=2)
    with places.one():
        with pytest.raises(Unavailable, match="pushback"), places.one():
            pass
        assert places.open == 1
    assert places.open == 0
