"""Appeals: the county deposits with the auditors what the hub does not log.

A status entry that has seen no proof for a minute goes to every auditor of the policy, until one has taken it: the
others hear of it from that one. From then on the hub has `deposit_s` (five minutes) to log it, or loses the
cosignatures of every auditor (ledger/deposits.py). So does an entry that the hub refused for good: whether that was
right, the auditors judge by their own replay, and say 409 if it was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpx2
import structlog

from hub.answers import read_answer, stated_error
from hub.county.outbox import Appeal, Item
from ledger.encoding import JsonValue, parse_json
from ledger.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.county.outbox import Outbox
    from ledger.transparency.policy import PolicyWitness
    from schema.context import Clock

__all__ = ["APPEAL_AFTER_S", "Appeals"]

APPEAL_AFTER_S: Final = 60
"""A revocation is promised to be witnessed within 60 s; what takes longer is worth an auditor's eye."""

_AT_A_TIME: Final = 100  # as many as an auditor watches for one county
_ALL: Final = 1_000_000
_AGAIN_S: Final = 300  # an answer stands for so long: the mirror that an auditor spoke of may turn out to be none
_POLL_S: Final = 5.0
_TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 65_536
_LATER: Final = frozenset({404, 429})  # not replayed so far, or too much at a time
_JOSE: Final = {"Content-Type": "application/jose"}

_log = structlog.get_logger(__name__)


class Appeals:
    """Deposits status entries of one outbox. client: reaches any URL."""

    def __init__(
        self, outbox: Outbox, auditors: Sequence[PolicyWitness], client: httpx2.AsyncClient, *, clock: Clock
    ) -> None:
        self._outbox: Final = outbox
        self._auditors: Final = auditors
        self._client: Final = client
        self._clock: Final = clock

    async def run(self) -> None:
        """Deposit for ever; ends when it is cancelled. Any other fault is logged and tried again."""
        while self._auditors:
            try:
                for made in await self.appeal():
                    _log.warning("status_deposited", auditor=made.auditor, deadline=made.deadline, code=made.code)
            except Exception as error:  # noqa: BLE001  # a worker that ends in silence would hide revocations
                _log.error("appeals_stopped", code=getattr(error, "code", "internal"), kind=type(error).__name__)
            await asyncio.sleep(_POLL_S)

    async def appeal(self, *, after_s: int = APPEAL_AFTER_S, identifier: str | None = None) -> list[Appeal]:
        """Deposit what has waited for `after_s` seconds, of one license or of all; give what the auditors answered.

        What no auditor could answer for is tried again the next time.
        """
        limit = _AT_A_TIME if identifier is None else _ALL
        now = self._clock()
        answered_before = now - _AGAIN_S if identifier is None else now
        waiting = await asyncio.to_thread(self._outbox.to_appeal, now - after_s, limit, answered_before=answered_before)
        items = [item for item in waiting if identifier in {None, item.identifier}]
        answered = await asyncio.gather(*(self._deposit(item) for item in items))
        appeals = [each for each in answered if each is not None]
        for each in appeals:
            await asyncio.to_thread(self._outbox.appealed, each)
        return appeals

    async def _deposit(self, item: Item) -> Appeal | None:
        """Ask every auditor; one that took it stands for all, else one that refused it, if all did."""
        answers = await asyncio.gather(*(self._ask(auditor, item) for auditor in self._auditors))
        given = [each for each in answers if each is not None]
        taken = next((each for each in given if each.code is None), None)
        if taken is not None:
            return taken
        return given[0] if given and len(given) == len(answers) else None

    async def _ask(self, auditor: PolicyWitness, item: Item) -> Appeal | None:
        try:
            async with self._client.stream(
                "POST", f"{auditor.url}/deposit", content=item.entry, headers=_JOSE, timeout=_TIMEOUT_S
            ) as answer:
                body = parse_json(await read_answer(answer, _MAX_ANSWER_BYTES), max_bytes=_MAX_ANSWER_BYTES)
        except (httpx2.HTTPError, Malformed, Unavailable):
            return None
        if answer.status_code >= 500 or answer.status_code in _LATER:
            return None
        read = _read(answer.status_code, body)
        if read is None:
            return None
        return Appeal(item.leaf, item.identifier, auditor.key.name, self._clock(), *read)


def _read(status: int, body: JsonValue) -> tuple[int | None, str | None] | None:
    """Give deadline and code of an answer; None: it says neither that the entry was taken nor why not."""
    match body:
        case {"deadline": int(deadline)} if status == 202:
            return deadline, None
        case {"index": int()} if status == 200:
            return None, None
        case {"error": dict(stated)} if (error := stated_error(stated)) is not None:
            return None, error.code
        case _:
            return None
