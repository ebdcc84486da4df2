"""All record sources behind one port: every county asked at once, within one deadline for the whole answer.

A county with a node of its own, or a legacy service, is asked there; when it does not answer, what the county deposited
in the vault stands in. A county with neither is asked in the vault. A slow, dead or lying county costs nobody else
anything: each county has its own circuit breaker and its own few calls at a time. A call that never got its turn says
nothing about the county.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from hub.sources.breaker import CircuitBreaker
from hub.turns import aside
from ledger.errors import TongbanError, Unavailable
from schema.context import FaceAnswer, FaceRequest

if TYPE_CHECKING:
    from hub.sources.breaker import State
    from hub.sources.port import RecordSource
    from schema.context import Clock

__all__ = ["COUNTY_CALLS", "Sources"]

COUNTY_CALLS: Final = 8
"""How many calls one county gets at one time; more wait for their turn."""
_SHARE: Final = 0.75  # of the deadline, for the county itself; the rest is for the vault to stand in

_log = structlog.get_logger(__name__)


class Sources:
    """Implements FaceSources. counties: their own sources. on_outcome: told each face's code, `absent` or `ok`."""

    def __init__(
        self, counties: Mapping[str, RecordSource], vault: RecordSource, *, clock: Clock, deadline_ms: int = 800,
        on_outcome: Callable[[str], None] = lambda _outcome: None,
    ) -> None:  # fmt: skip
        self._counties = counties
        self._vault = vault
        self._clock = clock
        self._deadline_s: Final = deadline_ms / 1000
        self._on_outcome = on_outcome
        self._breakers = {county: CircuitBreaker() for county in counties}
        self._turns = {county: asyncio.Semaphore(COUNTY_CALLS) for county in counties}

    def states(self) -> dict[str, State]:
        """Give the state of each county's breaker now."""
        now = self._clock()
        return {county: breaker.state(now) for county, breaker in self._breakers.items()}

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Ask all counties concurrently; answers in the order of the requests. Never raises."""
        end = asyncio.get_running_loop().time() + self._deadline_s
        answers: dict[int, FaceAnswer] = {}
        with aside():
            found = await asyncio.gather(*(self._call(requests, places, end) for places in self._cut(requests)))
        for part in found:
            answers |= part
        for answer in answers.values():
            self._on_outcome(answer.code or "ok")
        return [answers[place] for place in range(len(requests))]

    async def _call(self, requests: Sequence[FaceRequest], places: Sequence[int], end: float) -> dict[int, FaceAnswer]:
        asked = [requests[place] for place in places]
        return dict(zip(places, await self._county(asked, end), strict=True))

    def _cut(self, requests: Sequence[FaceRequest]) -> list[list[int]]:
        """Cut requests into calls: places of one county, caller and useCause, as many as its source takes at once."""
        groups: dict[tuple[str, str, str | None], list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            groups[request.county, request.use_cause, request.caller.client].append(place)
        sizes = {key: self._counties.get(key[0], self._vault).licenses_per_call for key in groups}
        return [
            places[start : start + sizes[key]]
            for key, places in groups.items()
            for start in range(0, len(places), sizes[key])
        ]

    async def _county(self, requests: Sequence[FaceRequest], end: float) -> Sequence[FaceAnswer]:
        county = requests[0].county
        if county not in self._counties:
            return await self._from_vault(requests, "source_unavailable", end)
        try:
            return await self._from_county(county, requests, end - self._deadline_s * (1 - _SHARE))
        except TongbanError as error:
            code = error.code if isinstance(error, Unavailable) else "source_unavailable"
            _log.warning("source_failed", county=county, code=code)
            stored = await self._from_vault(requests, code, end)
            missing = FaceAnswer(values=None, code=code)
            return [missing if answer.code == "absent" else answer for answer in stored]

    async def _from_county(self, county: str, requests: Sequence[FaceRequest], end: float) -> Sequence[FaceAnswer]:
        breaker, asked = self._breakers[county], False
        if not breaker.admits(self._clock()):
            raise Unavailable("source_unavailable", "the county's source has failed again and again")
        try:
            async with asyncio.timeout_at(end), self._turns[county]:
                asked = True
                answers = await self._counties[county].faces(requests)
        except (TongbanError, TimeoutError) as error:
            breaker.failed(self._clock()) if asked else breaker.given_up()
            if isinstance(error, TongbanError):
                raise
            raise Unavailable("deadline", "the county did not answer in time") from error
        except BaseException:
            breaker.given_up()
            raise
        breaker.succeeded()
        return answers

    async def _from_vault(self, requests: Sequence[FaceRequest], code: str, end: float) -> Sequence[FaceAnswer]:
        try:
            async with asyncio.timeout_at(end):
                return await self._vault.faces(requests)
        except (TongbanError, TimeoutError) as error:
            _log.error("vault_failed", code=error.code if isinstance(error, TongbanError) else "deadline")
            return [FaceAnswer(values=None, code=code)] * len(requests)
