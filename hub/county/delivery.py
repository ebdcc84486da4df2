"""Delivery: carries the outbox to the hub until there is proof that everything is logged.

    POST <hub>/ledger/entries?wait=receipt    application/octet-stream, a bundle (ledger/transparency/tiles.py)
    [{"index":812,"leaf":"…","state":"witnessed","receipt":"…"},{"error":{"code":"…","message":"…"}},…]
    POST <hub>/journal/records                the same framing; [{"position":7},…]

Seals and status entries go first, journal records after their seal's receipt; an offering is a journal record without a
seal. An attempt that brings no proof is made again after 1, 2, 4 … 60 s, with jitter; an entry that the hub refuses for
good is kept as failed with its code. An entry that waited too long (`iat_too_old`) is signed anew, and so is one whose
key has ended meanwhile (`key_not_active`), by the key that the ledger lists now: both only when this node's own clock,
or its own checked keys, say the same (`CountyNode.renew`). An honest hub knows neither leaf nor statement then, since
it looks for both before it looks at the time; of another the county takes no word, and no claim of the first seal was
ever shown to anyone.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import httpx2
import structlog

from hub.answers import read_answer
from hub.county.outbox import OVERDUE_S, Item, Outbox, Settled, State
from hub.county.settlement import Renewal, Settlement
from ledger.errors import Malformed, Unavailable
from ledger.transparency.tiles import encode_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.county.evidence import EvidenceCheck
    from ledger.encoding import JsonValue
    from schema.context import Clock

__all__ = ["Delivery", "payload_of"]

BATCH: Final = 512
_POLL_S: Final = 0.25
_TIMEOUT_S: Final = 30.0
_MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_ALARM_EVERY_S: Final = 60
_ENTRIES: Final = "/ledger/entries?wait=receipt"
_RECORDS: Final = "/journal/records"

_log = structlog.get_logger(__name__)


class Delivery:
    """The outbox's worker. client: an HTTP client whose base URL is the hub's. random: fresh bytes, for the jitter."""

    def __init__(
        self, outbox: Outbox, client: httpx2.AsyncClient, *, check: EvidenceCheck, renew: Renewal, clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._client = client
        self._settlement = Settlement(check=check, renew=renew, clock=clock, random=random)
        self._clock = clock
        self._alarmed = 0
        self._reachable = True

    async def run(self) -> None:
        """Deliver for ever; ends when it is cancelled. Any other fault is logged and tried again."""
        while True:
            try:
                moved = await self.deliver()
                await asyncio.to_thread(self._alarm)
            except Exception as error:  # noqa: BLE001  # a worker that ends in silence would hide revocations
                _log.error("outbox_stopped", code=getattr(error, "code", "internal"), kind=type(error).__name__)
                moved = 0
            if not moved:
                await asyncio.sleep(_POLL_S)

    async def deliver(self) -> int:
        """Make one round: entries, then journal records. Gives how many items came one state further."""
        moved = await self._deliver("pending", _ENTRIES)
        return moved + await self._deliver("logged", _RECORDS)

    async def _deliver(self, state: State, path: str) -> int:
        items = await asyncio.to_thread(self._outbox.due, state, self._clock(), BATCH)
        if not items:
            return 0
        answers = await self._ask(path, items)
        outcomes = await asyncio.to_thread(self._judged, items, answers)
        await asyncio.to_thread(self._outbox.settle, outcomes)
        return sum(outcome.state != item.state for item, outcome in zip(items, outcomes, strict=True))

    async def _ask(self, path: str, items: Sequence[Item]) -> Sequence[JsonValue]:
        """Send a bundle and give one answer an item; a request that fails as a whole gives every item its error."""
        try:
            answers = await self._post(path, [payload_of(item) for item in items])
        except Unavailable as error:
            self._note_hub(error)
            return [{"error": {"code": error.code, "message": error.message}}] * len(items)
        self._note_hub(None)
        return answers

    def _note_hub(self, fault: Unavailable | None) -> None:
        """Log it once when the hub ceases to answer, and once when it answers again."""
        if fault is not None and self._reachable:
            _log.warning("hub_unreachable", url=str(self._client.base_url), reason=fault.message)
        if fault is None and not self._reachable:
            _log.info("hub_reachable", url=str(self._client.base_url))
        self._reachable = fault is None

    async def _post(self, path: str, payloads: Sequence[bytes]) -> Sequence[JsonValue]:
        content, headers = encode_bundle(payloads), {"Content-Type": "application/octet-stream"}
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self._client.stream("POST", path, content=content, headers=headers) as response,
            ):
                body = await read_answer(response, _MAX_ANSWER_BYTES)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable("no_log", "the hub does not answer") from error
        except Malformed as error:
            raise Unavailable("no_log", "the hub's answer is too large") from error
        if response.status_code not in {200, 202}:
            raise Unavailable("no_log", f"the hub answered with status {response.status_code}")
        return _answers(body, len(payloads))

    def _judged(self, items: Sequence[Item], answers: Sequence[JsonValue]) -> list[Settled]:
        return [self._settlement.judged(item, answer) for item, answer in zip(items, answers, strict=True)]

    def _alarm(self) -> None:
        """Raise the alarm, at most once a minute, when something has waited longer than 5 minutes."""
        now = self._clock()
        if now < self._alarmed + _ALARM_EVERY_S:
            return
        self._alarmed = now
        if overdue := self._outbox.counts(now - OVERDUE_S).overdue:
            _log.error("outbox_overdue", items=overdue, seconds=OVERDUE_S)


def payload_of(item: Item) -> bytes:
    """Give what is sent of an item now: its entry, or, when that is logged, its journal record."""
    return item.entry if item.state == "pending" or item.journal is None else item.journal


def _answers(body: bytes, count: int) -> Sequence[JsonValue]:
    """Read the array of results; our own hub, but never trusted: whatever is not that is tried again.

    Strictness comes with each result: refusing a whole answer for one bad text in it would hold all other items up.
    """
    try:
        answers = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unavailable("no_log", "the hub's answer is no JSON") from error
    if not isinstance(answers, list) or len(answers) != count:
        raise Unavailable("no_log", "the hub did not answer for every item")
    return answers
