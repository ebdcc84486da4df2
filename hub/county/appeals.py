"""Appeals: the county deposits with the auditors what the hub does not log.

A status entry that has seen no proof for a minute goes to every auditor of the policy, to each until it has answered
itself: one that says 202 and tells nobody silences nothing. From an auditor's answer on the hub has `deposit_s` (five
minutes) to log the entry, or loses the cosignatures of that one (ledger/deposits.py). So does an entry that the hub
refused for good: whether that was right, the auditors judge by their own replay, and say 409 if it was.

Each auditor has a worker of its own, so that a slow one keeps no other waiting.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import httpx2
import structlog

from hub.answers import read_answer, stated_error
from hub.county.outbox import Appeal
from ledger.encoding import parse_json
from ledger.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.county.outbox import Item, Outbox
    from ledger.errors import TongbanError
    from ledger.transparency.policy import PolicyWitness
    from schema.context import Clock

__all__ = ["APPEAL_AFTER_S", "Appeals"]

APPEAL_AFTER_S: Final = 60
"""A revocation is promised to be witnessed within 60 s; what takes longer is worth an auditor's eye."""

_AT_A_TIME: Final = 100  # as many as an auditor watches for one county
_AT_ONCE: Final = 8  # requests to one auditor: it shall not hold all the connections that carry entries to the hub
_AGAIN_S: Final = 300  # an answer stands for so long: the mirror that an auditor spoke of may turn out to be none
_POLL_S: Final = 5.0
_TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 65_536
_LATER: Final = frozenset({404, 429})  # not replayed so far, or too much at a time
_PASSING: Final = "iat_in_future"  # its clock lags: it says so until its clock has come so far
_JOSE: Final = {"Content-Type": "application/jose"}

_log = structlog.get_logger(__name__)


class Appeals:
    """Deposits status entries of one outbox. client: reaches any URL; poll_s: from one round of `run` to the next."""

    def __init__(
        self, outbox: Outbox, auditors: Sequence[PolicyWitness], client: httpx2.AsyncClient, *, clock: Clock,
        poll_s: float = _POLL_S,
    ) -> None:  # fmt: skip
        self._outbox: Final = outbox
        self._auditors: Final = auditors
        self._client: Final = client
        self._clock: Final = clock
        self._poll_s: Final = poll_s

    async def run(self) -> None:
        """Deposit for ever; ends when it is cancelled. Any other fault is logged and tried again."""
        await asyncio.gather(*(self._run(auditor) for auditor in self._auditors))

    async def _run(self, auditor: PolicyWitness) -> None:
        while True:
            try:
                for made in await self._appeal_to(auditor):
                    if made.at is not None:
                        _log.warning("status_deposited", auditor=made.auditor, deadline=made.deadline, code=made.code)
            except Exception as error:  # noqa: BLE001  # a worker that ends in silence would hide revocations
                _log.error("appeals_stopped", code=getattr(error, "code", "internal"), kind=type(error).__name__)
            await asyncio.sleep(self._poll_s)

    async def appeal(self) -> list[Appeal]:
        """Ask every auditor once about what has waited for a minute; give what each answered, or did not.

        At most 100 entries an auditor, the longest not asked first. What an auditor could not answer for is tried again
        the next time.
        """
        made = await asyncio.gather(*(self._appeal_to(auditor) for auditor in self._auditors))
        return [each for part in made for each in part]

    async def appeal_for(self, identifier: str) -> list[Appeal]:
        """Ask every auditor about one license's changes without proof, whenever they were signed or asked about."""
        items = [item for item in await asyncio.to_thread(self._outbox.of, identifier) if _waits(item)]
        made = await asyncio.gather(*(self._ask_all(auditor, items) for auditor in self._auditors))
        return [each for part in made for each in part]

    async def _appeal_to(self, auditor: PolicyWitness) -> list[Appeal]:
        now = self._clock()
        items = await asyncio.to_thread(
            self._outbox.to_appeal, auditor.key.name, _AT_A_TIME, created_before=now - APPEAL_AFTER_S,
            answered_before=now - _AGAIN_S, now=now,
        )  # fmt: skip
        return await self._ask_all(auditor, items)

    async def _ask_all(self, auditor: PolicyWitness, items: Sequence[Item]) -> list[Appeal]:
        """Ask some at a time, and write down what came; who cannot be reached is left alone until the next time."""
        made: list[Appeal] = []
        for start in range(0, len(items), _AT_ONCE):
            asked = items[start : start + _AT_ONCE]
            answers = await asyncio.gather(*(self._ask(auditor, item) for item in asked))
            appeals = [self._read(auditor, item, answer) for item, answer in zip(asked, answers, strict=True)]
            await asyncio.to_thread(self._outbox.appealed, appeals)
            made += appeals
            if all(answer is None for answer in answers):
                break
        return made

    async def _ask(self, auditor: PolicyWitness, item: Item) -> tuple[int, bytes] | None:
        """Give status and body of an auditor's answer; None: there was none."""
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self._client.stream("POST", f"{auditor.url}/deposit", content=item.entry, headers=_JOSE) as answer,
            ):
                return answer.status_code, await read_answer(answer, _MAX_ANSWER_BYTES)
        except (httpx2.HTTPError, TimeoutError, Malformed):
            return None

    def _read(self, auditor: PolicyWitness, item: Item, answer: tuple[int, bytes] | None) -> Appeal:
        now, said = self._clock(), None if answer is None else _said(*answer)
        appeal = Appeal(item.leaf, item.identifier, auditor.key.name, now)
        return appeal if said is None else replace(appeal, at=now, deadline=said[0], code=said[1])


def _waits(item: Item) -> bool:
    return item.kind == "status" and item.state in {"pending", "failed"}


def _said(status: int, body: bytes) -> tuple[int | None, str | None] | None:
    """Give deadline and code of an answer; None: it says neither that the entry was taken nor why not."""
    if status >= 500 or status in _LATER:
        return None
    try:
        document = parse_json(body, max_bytes=_MAX_ANSWER_BYTES)
    except Malformed:
        return None
    match document:
        case {"deadline": int(deadline)} if status == 202:
            return deadline, None
        case {"index": int()} if status == 200:
            return None, None
        case {"error": dict(stated)}:
            return _refusal(stated_error(stated))
        case _:
            return None


def _refusal(error: TongbanError | None) -> tuple[None, str] | None:
    """Give the code of a refusal; None: the auditor may say otherwise the next time."""
    if error is None or isinstance(error, Unavailable) or error.code == _PASSING:
        return None
    return None, error.code
