"""A live alliance of three counties, each of another province: licenses sealed through a county's node, the log read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.commands.ingest import sample_normaliser
from hub.demo.alliance import Alliance
from hub.ingest import ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import FeedPlan, feed_lines
from hub.partner import access_token, ask
from ledger.transparency.note import Note

__all__ = ["LIVE_COUNTIES", "LiveAlliance", "wait_for"]

LIVE_COUNTIES: Final = ("130283", "320583", "370214")
_SEALING: Final = "370214"
_PATIENCE_S: Final = 180.0
_POLL_S: Final = 0.1


@dataclass(slots=True)
class LiveAlliance:
    """Running processes: a hub, and three county nodes; two provinces are a quorum. sealed: licenses so far."""

    alliance: Alliance
    sealed: int = 0

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[LiveAlliance]:
        """Found an alliance and run it; the hub's graph may come later."""
        alliance = Alliance.found(folder / "alliance", LIVE_COUNTIES, provinces=2)
        with alliance.running(graph=False):
            yield cls(alliance)

    @property
    def url(self) -> str:
        """Prefix of the log."""
        return f"{self.alliance.url('hub')}/ledger"

    @property
    def data(self) -> Path:
        """The hub's folder."""
        return self.alliance.data("hub")

    def token(self) -> str:
        """Get a member's access token for entries."""
        with self.alliance.node(_SEALING) as node:
            return access_token(node, "ledger.entries")

    def seal(self, count: int) -> None:
        """Seal licenses, and wait until each is witnessed, its receipt checked, and stated in the journal."""
        feed = self.alliance.folder / f"feed-{self.sealed}.csv"
        plan = FeedPlan(county=_SEALING, count=count, as_of=datetime.now(UTC).date(), seed=self.sealed + 1)
        feed.write_text("".join(feed_lines(plan)), encoding="utf-8")
        with self.alliance.node(_SEALING) as node:
            normaliser, rejects = sample_normaliser(_SEALING, _now()), feed.with_suffix(".rejects")
            ingest_feed(Feed.open(feed), node, normaliser, rejects=rejects, clock=_now)
            self.sealed += count
            wait_for(lambda: node.status(_now()).stated == self.sealed)

    def note(self) -> bytes:
        """Give the checkpoint as it is served."""
        return ask("GET", f"{self.url}/checkpoint").content

    def whole_note(self) -> bytes:
        """Wait for a checkpoint that every witness has cosigned, and give it."""
        while True:
            note = self.note()
            if len(Note.parse(note).signatures) == 1 + len(LIVE_COUNTIES):
                return note
            time.sleep(_POLL_S)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, three minutes at most."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the alliance did not get there in time"
        time.sleep(_POLL_S)


def _now() -> int:
    return int(time.time())
