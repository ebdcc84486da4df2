"""The feed of events as the schema sees it: one order for all, a cursor at every event, and nothing lost between two.

Nothing here does I/O; the hub implements the port (`hub/events/`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Events", "FeedEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """Something that happened to a case. number: its place in the feed, from 1. id: the same in every copy of the feed.

    kind: STEP, LAMP or LICENSE. time: when it happened, POSIX seconds. counties: the parties of the case, each once.
    told: what happened, JSON values by the names of the API's fields.
    """

    number: int
    cursor: str
    id: str
    kind: str
    case: str
    time: int
    counties: tuple[str, ...]
    told: Mapping[str, Any]


class Events(Protocol):
    """The feed, as it is followed."""

    def follow(self, county: str, *, after: str | None) -> AsyncGenerator[FeedEvent, None]:
        """Give the events of all cases of which a county is a party, in order: those after a cursor, then as they come.

        after None: those to come. Never ends by itself. Raises Malformed bad_cursor, Unavailable pushback (too many
        follow already), store_stopped.
        """
        ...

    async def newest(self) -> str:
        """Give the cursor of the newest event: who follows after it misses nothing.

        Raises Unavailable store_stopped.
        """
        ...
